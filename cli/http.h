/*
 * http.h - requests to a server: its address and key, what is sent, and what went wrong.
 */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include "cli.h"

/* Limits. An answer may be as large as a document that is given (CLI_DOCUMENT_BYTES_MAX). */
#define HTTP_CONNECT_S 10
#define HTTP_ANSWER_S 120 /* a request from its first byte to the last of its answer */
#define HTTP_SILENCE_S 45 /* of an event stream: the server sends a line every 15 s */
#define HTTP_KEY_BYTES_MAX 512

typedef struct http http;

typedef struct http_request {
    const char *method;
    const char *path; /* begins with a slash; encoded, with its query */
    const char *type; /* of the body; NULL: none is sent */
    tk_str body;
} http_request;

/* http_open checks the server's URL and reads the key; nothing is sent. */
cli_exit http_open(cli *c, const char *url);

/* http_close releases c->http. */
void http_close(cli *c);

/* http_call sends a request and collects the answer. OK: it is a 2xx, and its text is *answer, the
 * caller's. Else the error is the server's, or tells what went wrong on the way; c->remedy says what
 * to do about the latter. Blocks. */
tasker_status http_call(cli *c, const http_request *request, tasker_text *answer,
                        tasker_error *error);

/* http_status_call does so for any answer, and tells its status. */
tasker_status http_call_status(cli *c, const http_request *request, long *http_status,
                               tasker_text *answer, tasker_error *error);

/* Takes bytes of a stream; false ends it. */
typedef bool (*http_sink)(void *user, tk_str bytes);

/* http_stream reads a stream of events until it ends: OK then, or when `take` ended it or it was
 * silent for too long. `last_id` NULL: from its beginning. Errors as of http_call; *http_status 0: no
 * server answered. */
tasker_status http_stream(cli *c, const char *path, const char *last_id, http_sink take, void *user,
                          long *http_status, tasker_error *error);

/* http_scratch is memory that the next request forgets. */
tk_arena *http_scratch(cli *c);

/* http_query adds "?name=value" or "&name=value", encoded. */
void http_query(tk_buf *path, const char *name, tk_str value);

/* http_segment adds "/value", encoded. */
void http_segment(tk_buf *path, tk_str value);

#endif
