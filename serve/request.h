/*
 * request.h - a request's target, taken apart: path, captures, query. Pure.
 */
#ifndef SERVE_REQUEST_H
#define SERVE_REQUEST_H

#include "serve.h"

/* serve_decode percent-decodes into the arena ('+' is a blank with `form`). The answer is UTF-8 without
 * NUL and control characters. Returns NULL, else what is wrong with it: a text for people. */
const char *serve_decode(tk_arena *arena, tk_str text, bool form, tk_str *decoded);

#define SERVE_DECODE_NOMEM "out of memory"

/* serve_target_read splits "/path?query": sets r->path (as it was sent) and r->query. False: the answer
 * is the error. */
bool serve_target_read(serve_request *r, tk_str target);

/* serve_route_find sets r->route and r->captures. False: the answer is 404, 405 or 400; *allow is then
 * the methods of the path ("GET, HEAD"), or "". */
bool serve_route_find(serve_request *r, tk_str method, char *allow, size_t allow_size);

/* serve_method_of: 0 for one that is not ours; HEAD is GET. */
serve_method serve_method_of(tk_str name);

#endif
