/*
 * store_postgres_libpq.c - finds libpq and its functions at run time.
 */
#include "base.h"

#ifdef TK_WITH_POSTGRES

#include "store_postgres_libpq.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#define LIBPQ_FILE "libpq.so.5"

tk_libpq_table tk_libpq;

/* In the table's order. */
static const char *const names[] = {
#define X(name) #name,
    TK_LIBPQ_MAP(X)
#undef X
};
_Static_assert(sizeof(tk_libpq) == TK_COUNT_OF(names) * sizeof(void *),
               "the table has its functions and nothing else");

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *missing; /* what was not found; NULL: all is there */

static void table_fill(void) {
    /* Names are bound at once and stay bound: the library is never closed, as its users' threads
     * may outlive whoever opened it. */
    void *library = dlopen(LIBPQ_FILE, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        missing = LIBPQ_FILE;
        return;
    }
    for (size_t i = 0; i < TK_COUNT_OF(names) && missing == NULL; i++) {
        void *function = dlsym(library, names[i]);
        if (function == NULL) {
            missing = names[i];
        }
        memcpy((char *)&tk_libpq + i * sizeof(function), &function, sizeof(function));
    }
}

tasker_status tk_libpq_load(tasker_error *error) {
    pthread_once(&once, table_fill);
    if (missing != NULL) {
        return tk_fail(error, TASKER_UNSUPPORTED,
                       "a PostgreSQL store needs libpq of PostgreSQL 14 or newer, where %s was not "
                       "found; install it (Debian: libpq5)",
                       missing);
    }
    return TASKER_OK;
}

#endif
