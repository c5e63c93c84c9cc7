/*
 * json_inner.h - what the json files share among themselves; nobody else includes it.
 */
#ifndef TK_JSON_INNER_H
#define TK_JSON_INNER_H

#include <endian.h>

#include "json.h"
#include "utf8.h"

/* A text is at most this large, whatever the caller allows: offsets fit 32 bits. */
#define TK_JSON_BYTES_MAX ((size_t)1 << 30)

/* One character of a string, decoded. */
typedef struct tk_json_char {
    char bytes[4];
    size_t size;
} tk_json_char;

/* tk_json_char_next decodes the character at *at, which is below `end`, and moves *at behind it.
 * A byte that is no UTF-8 counts as a character, and so does half a surrogate pair. */
tk_json_char tk_json_char_next(const char **at, const char *end);

/* tk_json_inside is a STRING's text between its quotes. */
static inline tk_str tk_json_inside(tk_json string) {
    return (tk_str){string.text.data + 1, string.text.size - 2};
}

/* tk_json_string_compare orders two STRINGs by their decoded bytes: <0, 0, >0. */
int tk_json_string_compare(tk_json a, tk_json b);

/* tk_json_string_skip returns the byte behind a checked STRING that begins at `at`. */
const char *tk_json_string_skip(const char *at, const char *end);

/* tk_json_write_inside is tk_json_write_string without the quotes. */
void tk_json_write_inside(tk_buf *buf, tk_str text);

/* tk_json_hex4 reads four hexadecimal digits; -1 when there are none. */
int32_t tk_json_hex4(const char *at, const char *end);

/* tk_json_kind_of tells a value's kind by its first byte; NONE when no value begins with it. */
tk_json_kind tk_json_kind_of(char first);

/* tk_json_parse_lenient is tk_json_parse, but strings may hold NUL (the byte or \u0000), bytes that
 * are no UTF-8, and halves of surrogate pairs. *noted says whether any does. */
tasker_status tk_json_parse_lenient(tk_str text, size_t bytes_max, tk_json *value, bool *noted,
                                    tasker_error *error);

static inline bool tk_json_is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const char *tk_json_space_skip(const char *at, const char *end) {
    while (at < end && tk_json_is_space(*at)) {
        at++;
    }
    return at;
}

#define TK_JSON_BYTES(c) (UINT64_C(0x0101010101010101) * (uint8_t)(c)) /* eight times the byte */

/* The high bit of each byte of `word` that is `c`; above the first such byte there may be false
 * ones, so only the lowest bit counts. */
static inline uint64_t tk_json_bytes_equal(uint64_t word, char c) {
    uint64_t different = word ^ TK_JSON_BYTES(c);
    return (different - TK_JSON_BYTES(0x01)) & ~different & TK_JSON_BYTES(0x80);
}

/* tk_json_plain_end returns the first byte that is a quote or a backslash, or `end`. With `strict`
 * it also stops at control characters and at bytes above 0x7f. Eight bytes at a time. */
static inline const char *tk_json_plain_end(const char *at, const char *end, bool strict) {
    while (end - at >= 8) {
        uint64_t word = 0;
        memcpy(&word, at, sizeof(word));
        word = le64toh(word); /* the first byte becomes the lowest */
        uint64_t stops = tk_json_bytes_equal(word, '"') | tk_json_bytes_equal(word, '\\');
        if (strict) {
            uint64_t controls = (word - TK_JSON_BYTES(0x20)) & ~word;
            stops |= (controls | word) & TK_JSON_BYTES(0x80);
        }
        if (stops != 0) {
            return at + __builtin_ctzll(stops) / 8;
        }
        at += 8;
    }
    while (at < end && *at != '"' && *at != '\\' &&
           (!strict || ((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80))) {
        at++;
    }
    return at;
}

#endif
