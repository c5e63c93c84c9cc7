/*
 * route.c - which line of the table a request means.
 *
 * A path is compared segment by segment, each decoded by itself: a "%2F" is part of a name, not a
 * separator. A {…} takes one segment that is not empty; a {…*} at the end takes all that is left.
 */
#include "request.h"

#include <stdio.h>

#define SEGMENT_BYTES_MAX 1024 /* of a capture, decoded */

serve_method serve_method_of(tk_str name) {
    static const struct {
        const char *name;
        serve_method method;
    } known[] = {
        {"GET", SERVE_GET}, {"HEAD", SERVE_GET},    {"POST", SERVE_POST},
        {"PUT", SERVE_PUT}, {"PATCH", SERVE_PATCH}, {"DELETE", SERVE_DELETE},
    };
    for (size_t i = 0; i < TK_COUNT_OF(known); i++) {
        if (tk_str_is(name, known[i].name)) {
            return known[i].method;
        }
    }
    return 0;
}

static const char *method_word(serve_method method) {
    switch (method) {
    case SERVE_GET:
        return "GET, HEAD";
    case SERVE_POST:
        return "POST";
    case SERVE_PUT:
        return "PUT";
    case SERVE_PATCH:
        return "PATCH";
    case SERVE_DELETE:
        return "DELETE";
    }
    return "";
}

/* Takes "/segment" off a path that is not empty. */
static tk_str take_segment(tk_str *path) {
    const char *begin = path->data + 1;
    size_t left = path->size - 1;
    const char *slash = left == 0 ? NULL : memchr(begin, '/', left);
    tk_str segment = {begin, slash == NULL ? left : (size_t)(slash - begin)};
    *path = (tk_str){begin + segment.size, left - segment.size};
    return segment;
}

static bool is_capture(tk_str segment) {
    return segment.size > 2 && segment.data[0] == '{';
}

static bool is_rest(tk_str segment) {
    return is_capture(segment) && segment.data[segment.size - 2] == '*';
}

/* The raw captures of a match go into `captures`. */
static bool matches(const char *pattern, tk_str path, tk_str captures[SERVE_CAPTURES_MAX]) {
    tk_str wanted = tk_str_of(pattern);
    size_t count = 0;
    while (wanted.size > 0 && path.size > 0) {
        tk_str segment = take_segment(&wanted);
        if (is_rest(segment)) {
            captures[count] = (tk_str){path.data + 1, path.size - 1};
            return path.size > 1;
        }
        tk_str given = take_segment(&path);
        if (is_capture(segment) ? given.size == 0 : !tk_str_equal(segment, given)) {
            return false;
        }
        if (is_capture(segment)) {
            assert(count < SERVE_CAPTURES_MAX);
            captures[count++] = given;
        }
    }
    return wanted.size == 0 && path.size == 0;
}

static bool decode_captures(serve_request *r) {
    for (size_t i = 0; i < SERVE_CAPTURES_MAX && r->captures[i].data != NULL; i++) {
        const char *wrong = serve_decode(&r->arena, r->captures[i], false, &r->captures[i]);
        if (wrong == NULL && r->captures[i].size > SEGMENT_BYTES_MAX) {
            wrong = "it is too long";
        }
        if (wrong != NULL) {
            serve_fail(r, 400, NULL, "the name %zu of the path: %s", i + 1, wrong);
            return false;
        }
    }
    return true;
}

bool serve_route_find(serve_request *r, tk_str method, char *allow, size_t allow_size) {
    serve_method wanted = serve_method_of(method);
    allow[0] = '\0';
    for (const serve_route *route = serve_routes; route->path != NULL; route++) {
        tk_str captures[SERVE_CAPTURES_MAX] = {{NULL, 0}};
        if (!matches(route->path, r->path, captures)) {
            continue;
        }
        if (route->method == wanted) {
            r->route = route;
            r->method = wanted;
            memcpy(r->captures, captures, sizeof(captures));
            return decode_captures(r);
        }
        size_t used = strlen(allow);
        snprintf(allow + used, allow_size - used, "%s%s", used > 0 ? ", " : "",
                 method_word(route->method));
    }
    if (allow[0] == '\0') {
        serve_fail(r, 404, NULL, "there is nothing here: see /api-docs/openapi.json");
    } else {
        serve_fail(r, 405, NULL, "the path takes %s", allow);
    }
    return false;
}
