/*
 * json_compare.c - equality and the canonical form: values independent of how they were spelled.
 *
 * Both go down by recursion, which TASKER_JSON_DEPTH_MAX bounds. Each level skips over what the
 * levels below look at, so the work is at most the size times the depth.
 */
#include <stdlib.h>

#include "json_inner.h"

/* Objects of up to so many members are compared by looking each name up; larger ones are sorted. */
enum { LOOKUP_MEMBERS_MAX = 16 };

typedef struct member {
    tk_json name;
    tk_json value;
    size_t index;
} member;

static int member_compare(const void *left, const void *right) {
    const member *a = left;
    const member *b = right;
    int order = tk_json_string_compare(a->name, b->name);
    /* A large object may hold a name twice: then the text's order decides. */
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* The members sorted by name, to be released with tk_free; NULL when out of memory. */
static member *members_sorted(tk_json object, size_t count) {
    member *members = tk_alloc_array(count, sizeof(member));
    if (members == NULL) {
        return NULL;
    }
    tk_json_iterator it = tk_json_each(object);
    while (tk_json_next(&it)) {
        assert(it.index < count);
        members[it.index] = (member){it.name, it.value, it.index};
    }
    qsort(members, count, sizeof(member), member_compare);
    return members;
}

static bool arrays_equal(tk_json a, tk_json b) {
    tk_json_iterator left = tk_json_each(a);
    tk_json_iterator right = tk_json_each(b);
    while (tk_json_next(&left)) {
        if (!tk_json_next(&right) || !tk_json_equal(left.value, right.value)) {
            return false;
        }
    }
    return !tk_json_next(&right);
}

static tk_json member_find(tk_json object, tk_json name) {
    tk_json_iterator it = tk_json_each(object);
    while (tk_json_next(&it)) {
        if (tk_json_string_compare(it.name, name) == 0) {
            return it.value;
        }
    }
    return (tk_json){TK_JSON_NONE, {NULL, 0}};
}

static bool objects_equal_by_lookup(tk_json a, tk_json b) {
    tk_json_iterator it = tk_json_each(a);
    while (tk_json_next(&it)) {
        tk_json other = member_find(b, it.name);
        if (other.kind == TK_JSON_NONE || !tk_json_equal(it.value, other)) {
            return false;
        }
    }
    return true;
}

static bool members_equal(const member *left, const member *right, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (tk_json_string_compare(left[i].name, right[i].name) != 0 ||
            !tk_json_equal(left[i].value, right[i].value)) {
            return false;
        }
    }
    return true;
}

static bool objects_equal(tk_json a, tk_json b) {
    size_t count = tk_json_count(a);
    if (count != tk_json_count(b)) {
        return false;
    }
    if (count <= LOOKUP_MEMBERS_MAX) {
        return objects_equal_by_lookup(a, b);
    }
    member *left = members_sorted(a, count);
    member *right = members_sorted(b, count);
    bool equal = false;
    if (left == NULL || right == NULL) {
        equal = objects_equal_by_lookup(a, b); /* out of memory: slower, but as right */
    } else {
        equal = members_equal(left, right, count);
    }
    tk_free(left);
    tk_free(right);
    return equal;
}

bool tk_json_equal(tk_json a, tk_json b) {
    if (a.kind != b.kind) {
        return false;
    }
    switch (a.kind) {
    case TK_JSON_NUMBER:
        return tk_json_number_compare(a, b) == 0;
    case TK_JSON_STRING:
        return tk_json_string_compare(a, b) == 0;
    case TK_JSON_ARRAY:
        return arrays_equal(a, b);
    case TK_JSON_OBJECT:
        return objects_equal(a, b);
    case TK_JSON_NONE:
    case TK_JSON_NULL:
    case TK_JSON_FALSE:
    case TK_JSON_TRUE:
        break;
    }
    return true;
}

/* Decodes and writes anew, character by character, so that no memory is needed. */
static void string_canonical(tk_buf *buf, tk_json string) {
    tk_str inside = tk_json_inside(string);
    if (inside.size == 0 || memchr(inside.data, '\\', inside.size) == NULL) {
        tk_buf_str(buf, string.text);
        return;
    }
    const char *at = inside.data;
    const char *end = at + inside.size;
    tk_buf_char(buf, '"');
    while (at < end) {
        tk_json_char one = tk_json_char_next(&at, end);
        tk_json_write_inside(buf, (tk_str){one.bytes, one.size});
    }
    tk_buf_char(buf, '"');
}

static void object_canonical(tk_buf *buf, tk_json object) {
    size_t count = tk_json_count(object);
    member *members = members_sorted(object, count);
    if (members == NULL) {
        buf->failed = true;
        return;
    }
    tk_buf_char(buf, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            tk_buf_char(buf, ',');
        }
        string_canonical(buf, members[i].name);
        tk_buf_char(buf, ':');
        tk_json_canonical(buf, members[i].value);
    }
    tk_buf_char(buf, '}');
    tk_free(members);
}

static void array_canonical(tk_buf *buf, tk_json array) {
    tk_buf_char(buf, '[');
    tk_json_iterator it = tk_json_each(array);
    while (tk_json_next(&it)) {
        if (it.index > 0) {
            tk_buf_char(buf, ',');
        }
        tk_json_canonical(buf, it.value);
    }
    tk_buf_char(buf, ']');
}

void tk_json_canonical(tk_buf *buf, tk_json value) {
    switch (value.kind) {
    case TK_JSON_STRING:
        string_canonical(buf, value);
        break;
    case TK_JSON_ARRAY:
        array_canonical(buf, value);
        break;
    case TK_JSON_OBJECT:
        object_canonical(buf, value);
        break;
    case TK_JSON_NONE:
    case TK_JSON_NULL:
    case TK_JSON_FALSE:
    case TK_JSON_TRUE:
    case TK_JSON_NUMBER:
        tk_buf_str(buf, value.text);
        break;
    }
}
