/*
 * mhd.c - finds libmicrohttpd and its functions at run time.
 */
#include "mhd.h"

#include <dlfcn.h>
#include <pthread.h>

mhd_table mhd;

static const char *const names[] = {
#define X(name) #name,
    MHD_TABLE_MAP(X)
#undef X
};
_Static_assert(sizeof(mhd) == TK_COUNT_OF(names) * sizeof(void *),
               "the table has its functions and nothing else");

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define FILE_NAME "libmicrohttpd.so.12"

static tasker_status load(tasker_error *error) {
    mhd_table found = {0};
    void *library = dlopen(FILE_NAME, RTLD_NOW | RTLD_LOCAL); /* never closed: it ends with us */
    if (library == NULL) {
        return tk_fail(error, TASKER_UNSUPPORTED,
                       "HTTP is served by libmicrohttpd, where %s was not found; install it "
                       "(Debian: libmicrohttpd12)",
                       FILE_NAME);
    }
    for (size_t i = 0; i < TK_COUNT_OF(names); i++) {
        void *function = dlsym(library, names[i]);
        if (function == NULL) {
            return tk_fail(error, TASKER_UNSUPPORTED,
                           "the libmicrohttpd of this machine is too old: it has no %s", names[i]);
        }
        memcpy((char *)&found + i * sizeof(function), &function, sizeof(function));
    }
    mhd = found;
    return TASKER_OK;
}

tasker_status mhd_load(tasker_error *error) {
    pthread_mutex_lock(&mutex);
    tasker_status status = mhd.MHD_start_daemon != NULL ? TASKER_OK : load(error);
    pthread_mutex_unlock(&mutex);
    return status;
}
