/*
 * json.c - walks over checked values and reads their strings.
 *
 *   json_parse.c --checked--> [json.c] --names, values, texts--> everybody
 *
 * What was checked once is not checked again: a nested value is skipped by looking for brackets and
 * quotes only. Every step is still bounded by the value's end.
 */
#include "json_inner.h"

/* --- skipping --- */

const char *tk_json_string_skip(const char *at, const char *end) {
    at++;
    while (true) {
        at = tk_json_plain_end(at, end, false);
        if (at >= end || *at == '"') {
            return at >= end ? end : at + 1;
        }
        at += end - at >= 2 ? 2 : 1; /* a backslash and what it escapes */
    }
}

static const char *container_skip(const char *at, const char *end) {
    enum { OTHER = 0, QUOTE, OPEN, CLOSE };
    static const uint8_t classes[256] = {
        ['"'] = QUOTE, ['['] = OPEN, ['{'] = OPEN, [']'] = CLOSE, ['}'] = CLOSE};
    size_t depth = 0;
    while (at < end) {
        uint8_t class = classes[(unsigned char)*at];
        if (class == QUOTE) {
            at = tk_json_string_skip(at, end);
            continue;
        }
        at++;
        if (class == OPEN) {
            depth++;
        } else if (class == CLOSE && --depth == 0) {
            return at;
        }
    }
    return end;
}

/* The byte behind the value at `at`, which is below `end`. */
static const char *value_skip(const char *at, const char *end) {
    if (*at == '"') {
        return tk_json_string_skip(at, end);
    }
    if (*at == '[' || *at == '{') {
        return container_skip(at, end);
    }
    while (at < end && *at != ',' && !tk_json_is_space(*at)) {
        at++;
    }
    return at;
}

static tk_json value_at(const char **at, const char *end) {
    const char *start = *at;
    *at = value_skip(start, end);
    return (tk_json){tk_json_kind_of(*start), {start, (size_t)(*at - start)}};
}

/* --- arrays and objects --- */

tk_json_iterator tk_json_each(tk_json container) {
    tk_json_iterator it = {.object = container.kind == TK_JSON_OBJECT};
    if (container.kind == TK_JSON_ARRAY || container.kind == TK_JSON_OBJECT) {
        it.at = container.text.data + 1;
        it.end = container.text.data + container.text.size - 1;
    }
    return it;
}

bool tk_json_next(tk_json_iterator *it) {
    const char *at = tk_json_space_skip(it->at, it->end);
    if (at == it->end) {
        return false;
    }
    if (it->begun) {
        it->index++;
        at = tk_json_space_skip(at + 1, it->end); /* the comma */
    }
    it->begun = true;
    if (it->object) {
        it->name = value_at(&at, it->end);
        at = tk_json_space_skip(at, it->end);
        at = tk_json_space_skip(at + 1, it->end); /* the colon */
    }
    it->value = value_at(&at, it->end);
    it->at = at;
    return true;
}

size_t tk_json_count(tk_json container) {
    size_t count = 0;
    tk_json_iterator it = tk_json_each(container);
    while (tk_json_next(&it)) {
        count++;
    }
    return count;
}

tk_json tk_json_member(tk_json object, const char *name) {
    if (object.kind == TK_JSON_OBJECT) {
        tk_str wanted = tk_str_of(name);
        tk_json_iterator it = tk_json_each(object);
        while (tk_json_next(&it)) {
            if (tk_json_string_is(it.name, wanted)) {
                return it.value;
            }
        }
    }
    return (tk_json){TK_JSON_NONE, {NULL, 0}};
}

/* --- strings --- */

static tk_json_char char_of(uint32_t code) {
    if (code < 0x80) {
        return (tk_json_char){{(char)code}, 1};
    }
    char last = (char)(0x80 | (code & 0x3f));
    if (code < 0x800) {
        return (tk_json_char){{(char)(0xc0 | code >> 6), last}, 2};
    }
    char third = (char)(0x80 | (code >> 6 & 0x3f));
    if (code < 0x10000) {
        return (tk_json_char){{(char)(0xe0 | code >> 12), third, last}, 3};
    }
    char second = (char)(0x80 | (code >> 12 & 0x3f));
    return (tk_json_char){{(char)(0xf0 | code >> 18), second, third, last}, 4};
}

/* "\uXXXX", or two of them that make a pair; *at is at the backslash. */
static tk_json_char unicode_next(const char **at, const char *end) {
    int32_t unit = tk_json_hex4(*at + 2, end);
    assert(unit >= 0); /* checked by the parser */
    *at += 6;
    if (unit >= 0xd800 && unit <= 0xdbff && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        int32_t low = tk_json_hex4(*at + 2, end);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *at += 6;
            return char_of(0x10000 + (((uint32_t)unit - 0xd800) << 10) + ((uint32_t)low - 0xdc00));
        }
    }
    return char_of((uint32_t)unit);
}

static char escape_value(char kind) {
    switch (kind) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return kind; /* quote, backslash, slash */
    }
}

tk_json_char tk_json_char_next(const char **at, const char *end) {
    const char *start = *at;
    if (*start == '\\' && end - start >= 2) {
        if (start[1] == 'u') {
            return unicode_next(at, end);
        }
        *at += 2;
        return (tk_json_char){{escape_value(start[1])}, 1};
    }
    size_t length = tk_utf8_length(start, end);
    tk_json_char one = {.size = length == 0 ? 1 : length};
    memcpy(one.bytes, start, one.size);
    *at += one.size;
    return one;
}

static bool has_escape(tk_str inside) {
    return inside.size > 0 && memchr(inside.data, '\\', inside.size) != NULL;
}

bool tk_json_string(tk_arena *arena, tk_json value, tk_str *text) {
    if (value.kind != TK_JSON_STRING) {
        return tk_arena_str(arena, TK_STR(""), text);
    }
    tk_str inside = tk_json_inside(value);
    if (!has_escape(inside)) {
        return tk_arena_str(arena, inside, text);
    }
    char *data = tk_arena_alloc(arena, inside.size + 1); /* decoding never makes longer */
    if (data == NULL) {
        return false;
    }
    const char *at = inside.data;
    const char *end = at + inside.size;
    size_t size = 0;
    while (at < end) {
        tk_json_char one = tk_json_char_next(&at, end);
        memcpy(data + size, one.bytes, one.size);
        size += one.size;
    }
    *text = (tk_str){data, size};
    return true;
}

bool tk_json_string_is(tk_json value, tk_str text) {
    if (value.kind != TK_JSON_STRING) {
        return false;
    }
    tk_str inside = tk_json_inside(value);
    if (!has_escape(inside)) {
        return tk_str_equal(inside, text);
    }
    const char *at = inside.data;
    const char *end = at + inside.size;
    size_t place = 0;
    while (at < end) {
        tk_json_char one = tk_json_char_next(&at, end);
        if (text.size - place < one.size || memcmp(text.data + place, one.bytes, one.size) != 0) {
            return false;
        }
        place += one.size;
    }
    return place == text.size;
}

static int bytes_compare(tk_str a, tk_str b) {
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

int tk_json_string_compare(tk_json a, tk_json b) {
    tk_str left = tk_json_inside(a);
    tk_str right = tk_json_inside(b);
    if (!has_escape(left) && !has_escape(right)) {
        return bytes_compare(left, right);
    }
    const char *left_end = left.data + left.size;
    const char *right_end = right.data + right.size;
    while (left.data < left_end && right.data < right_end) {
        tk_json_char x = tk_json_char_next(&left.data, left_end);
        tk_json_char y = tk_json_char_next(&right.data, right_end);
        int order = bytes_compare((tk_str){x.bytes, x.size}, (tk_str){y.bytes, y.size});
        if (order != 0) {
            return order;
        }
    }
    return (left.data < left_end) - (right.data < right_end);
}
