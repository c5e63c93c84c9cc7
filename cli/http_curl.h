/*
 * http_curl.h - libcurl, loaded when the first request is sent: a command on a store pays nothing for
 * it and needs none of it. A build without its header knows no server.
 */
#ifndef CLI_HTTP_CURL_H
#define CLI_HTTP_CURL_H

#include "base.h"

#if __has_include(<curl/curl.h>)
#define HTTP_WITH_CURL 1
#define CURL_DISABLE_TYPECHECK 1 /* its checks are macros under the functions' names */
#include <curl/curl.h>
#undef curl_easy_setopt
#undef curl_easy_getinfo

/* clang-format off */
#define HTTP_CURL_MAP(X) \
    X(curl_easy_cleanup) X(curl_easy_getinfo) X(curl_easy_init) X(curl_easy_perform) \
    X(curl_easy_reset) X(curl_easy_setopt) X(curl_easy_strerror) X(curl_global_init) \
    X(curl_slist_append) X(curl_slist_free_all)

typedef struct {
#define X(name) __typeof__(name) *name;
    HTTP_CURL_MAP(X)
#undef X
} http_curl_table;

extern http_curl_table http_curl;
/* clang-format on */

/* Loads libcurl unless it is there. UNSUPPORTED: it is not installed. One thread. */
tasker_status http_curl_load(tasker_error *error);
#endif

#endif
