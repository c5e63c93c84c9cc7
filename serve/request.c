/*
 * request.c - what came: the target's path and query, decoded and checked; what routes read of them.
 *
 *   "/v1/tasks/a%20b?tag=x&limit=5" ─► path (raw) ─► route.c decodes each segment
 *                                    └► query: names and values
 */
#include "request.h"

#include <errno.h>
#include <stdlib.h>

static int hex_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that begins at *i, which moves to its last character; -1: no two digits behind the %. */
static int byte_at(tk_str text, size_t *i, bool form) {
    char c = text.data[*i];
    if (c != '%') {
        return c == '+' && form ? ' ' : (unsigned char)c;
    }
    int high = text.size - *i > 2 ? hex_of(text.data[*i + 1]) : -1;
    int low = text.size - *i > 2 ? hex_of(text.data[*i + 2]) : -1;
    *i += 2;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

const char *serve_decode(tk_arena *arena, tk_str text, bool form, tk_str *decoded) {
    *decoded = (tk_str){NULL, 0};
    char *to = tk_arena_alloc(arena, text.size + 1);
    if (to == NULL) {
        return SERVE_DECODE_NOMEM;
    }
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        int byte = byte_at(text, &i, form);
        if (byte < 0) {
            return "a % is followed by two hexadecimal digits";
        }
        if (byte < 0x20 || byte == 0x7f) {
            return "control characters are not allowed";
        }
        to[size++] = (char)byte;
    }
    *decoded = (tk_str){to, size};
    return tk_utf8_check(*decoded) == SIZE_MAX ? NULL : "UTF-8 is expected";
}

/* One "name=value". */
static bool read_pair(serve_request *r, tk_str text) {
    const char *equals = memchr(text.data, '=', text.size);
    size_t name_size = equals == NULL ? text.size : (size_t)(equals - text.data);
    size_t value_at = equals == NULL ? text.size : name_size + 1;
    tk_str name = {NULL, 0};
    tk_str value = {NULL, 0};
    const char *wrong = serve_decode(&r->arena, (tk_str){text.data, name_size}, true, &name);
    if (wrong == NULL) {
        tk_str raw = {text.data + value_at, text.size - value_at};
        wrong = serve_decode(&r->arena, raw, true, &value);
    }
    if (wrong != NULL) {
        serve_fail(r, 400, NULL, "the query's parameter %u: %s", r->query_count + 1, wrong);
        return false;
    }
    if (serve_parameter_of(r, name.data).data != NULL) {
        serve_fail(r, 400, name.data, "the parameter is given twice");
        return false;
    }
    if (r->query_count == SERVE_QUERY_MAX) {
        serve_fail(r, 400, NULL, "at most %d parameters are taken", SERVE_QUERY_MAX);
        return false;
    }
    r->query[r->query_count++] = (serve_pair){name.data, value};
    return true;
}

/* Up to a blank or a control character, which could look like the rest of a line in a log. */
static size_t plain_size(tk_str text) {
    size_t size = 0;
    while (size < text.size && (unsigned char)text.data[size] > ' ' && text.data[size] != 0x7f) {
        size++;
    }
    return size;
}

bool serve_target_read(serve_request *r, tk_str target) {
    const char *mark = target.size == 0 ? NULL : memchr(target.data, '?', target.size);
    size_t path_size = mark == NULL ? target.size : (size_t)(mark - target.data);
    r->path = (tk_str){target.data, plain_size((tk_str){target.data, path_size})};
    if (r->path.size < path_size) {
        serve_fail(r, 400, NULL, "blanks and control characters are written as %%20 in a target");
        return false;
    }
    if (path_size == 0 || target.data[0] != '/') {
        serve_fail(r, 400, NULL, "the target begins with a /");
        return false;
    }
    size_t at = mark == NULL ? target.size : path_size + 1;
    while (at < target.size) {
        const char *begin = target.data + at;
        const char *end = memchr(begin, '&', target.size - at);
        size_t size = end == NULL ? target.size - at : (size_t)(end - begin);
        if (size > 0 && !read_pair(r, (tk_str){begin, size})) {
            return false;
        }
        at += size + 1;
    }
    return true;
}

/* --- what routes read ------------------------------------------------------------------------- */

tk_str serve_parameter_of(const serve_request *r, const char *name) {
    for (uint32_t i = 0; i < r->query_count; i++) {
        if (strcmp(r->query[i].name, name) == 0) {
            return r->query[i].value;
        }
    }
    return (tk_str){NULL, 0};
}

bool serve_parameter_int(serve_request *r, const char *name, int64_t least, int64_t most,
                         int64_t *number) {
    tk_str text = serve_parameter_of(r, name);
    if (text.data == NULL) {
        return true;
    }
    char *end = NULL;
    errno = 0;
    long long read = strtoll(text.data, &end, 10); /* decoded texts end with a NUL */
    bool digits =
        text.size > 0 && (text.data[0] == '-' || (text.data[0] >= '0' && text.data[0] <= '9'));
    if (!digits || errno != 0 || *end != '\0' || read < least || read > most) {
        serve_fail(r, 400, name, "expected a whole number from %" PRId64 " to %" PRId64, least,
                   most);
        return false;
    }
    *number = read;
    return true;
}

bool serve_body_object(serve_request *r, tk_json *object) {
    tk_str text = r->body.size == 0 ? TK_STR("{}") : r->body;
    tasker_error error = {0};
    if (tk_json_parse(text, SERVE_BATCH_BYTES_MAX, object, &error) != TASKER_OK) {
        serve_fail_error(r, &error);
        return false;
    }
    if (object->kind != TK_JSON_OBJECT) {
        serve_fail(r, 400, "$", "the body is a JSON object");
        return false;
    }
    return true;
}
