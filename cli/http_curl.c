/*
 * http_curl.c - finds libcurl and its functions at run time.
 */
#include "http_curl.h"

#ifdef HTTP_WITH_CURL

#include <dlfcn.h>

http_curl_table http_curl;

static const char *const names[] = {
#define X(name) #name,
    HTTP_CURL_MAP(X)
#undef X
};
_Static_assert(sizeof(http_curl) == TK_COUNT_OF(names) * sizeof(void *),
               "the table has its functions and nothing else");

/* The same library under the names that distributions give its builds. */
static const char *const files[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

tasker_status http_curl_load(tasker_error *error) {
    if (http_curl.curl_easy_init != NULL) {
        return TASKER_OK;
    }
    void *library = NULL;
    for (size_t i = 0; i < TK_COUNT_OF(files) && library == NULL; i++) {
        library = dlopen(files[i], RTLD_NOW | RTLD_LOCAL); /* never closed: it ends with us */
    }
    if (library == NULL) {
        return tk_fail(error, TASKER_UNSUPPORTED,
                       "a server is reached through libcurl, where %s was not found; install it "
                       "(Debian: libcurl4)",
                       files[0]);
    }
    http_curl_table found = {0};
    for (size_t i = 0; i < TK_COUNT_OF(names); i++) {
        void *function = dlsym(library, names[i]);
        if (function == NULL) {
            return tk_fail(error, TASKER_UNSUPPORTED, "the libcurl of this machine has no %s",
                           names[i]);
        }
        memcpy((char *)&found + i * sizeof(function), &function, sizeof(function));
    }
    if (found.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return tk_fail(error, TASKER_UNSUPPORTED, "libcurl could not be started");
    }
    http_curl = found;
    return TASKER_OK;
}

#endif
