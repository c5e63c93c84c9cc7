/*
 * json.h - strict JSON (RFC 8259) over text that stays where it is: checked once, then walked.
 *
 *   bytes ── tk_json_parse ──► tk_json (kind, span) ── member / each ──► tk_json …
 *
 * Numbers are never converted unless asked for: 2^64 and 0.1 keep their digits. Positions in errors
 * are byte offsets from 0.
 */
#ifndef TK_JSON_H
#define TK_JSON_H

#include "arena.h"
#include "buf.h"

typedef enum tk_json_kind {
    TK_JSON_NONE = 0, /* no value: an absent member */
    TK_JSON_NULL,
    TK_JSON_FALSE,
    TK_JSON_TRUE,
    TK_JSON_NUMBER,
    TK_JSON_STRING,
    TK_JSON_ARRAY,
    TK_JSON_OBJECT
} tk_json_kind;

/* A checked value: its span in the caller's text, without white space around it. */
typedef struct tk_json {
    tk_json_kind kind;
    tk_str text;
} tk_json;

/* tk_json_parse checks a whole text: syntax, UTF-8, no NUL (neither the byte nor \u0000), depth at
 * most TASKER_JSON_DEPTH_MAX (arrays and objects nested), size at most bytes_max, nothing behind the
 * value, no name twice among the first 64 of an object (names behind them are not compared).
 * Lone surrogates (\ud800) are refused. INVALID: the message says what, at which byte, and what is
 * expected; the path names the value ("$.a[2]"). Does not recurse on the C stack deeper than the
 * depth limit. */
tasker_status tk_json_parse(tk_str text, size_t bytes_max, tk_json *value, tasker_error *error);

/* tk_json_member finds a member; kind NONE when absent or when `object` is no object. */
tk_json tk_json_member(tk_json object, const char *name);

/* Walks an array or object: `while (tk_json_next(&it))`. Anything else has no elements. */
typedef struct tk_json_iterator {
    tk_json name; /* of an object's member: a STRING; else NONE */
    tk_json value;
    size_t index; /* of the current element, from 0 */
    const char *at, *end;
    bool object, begun;
} tk_json_iterator;
tk_json_iterator tk_json_each(tk_json container);
bool tk_json_next(tk_json_iterator *it);
size_t tk_json_count(tk_json container);

/* tk_json_string decodes a STRING into the arena, NUL-terminated; false when out of memory. What is
 * no STRING gives an empty text. */
bool tk_json_string(tk_arena *arena, tk_json value, tk_str *text);

/* tk_json_string_is compares a STRING with a text without decoding into memory. */
bool tk_json_string_is(tk_json value, tk_str text);

/* tk_json_int reads a NUMBER that is an integer within int64; false otherwise (1.0 and 1e2 are
 * integers too). */
bool tk_json_int(tk_json value, int64_t *number);

/* tk_json_double reads a NUMBER; may round. */
double tk_json_double(tk_json value);

/* tk_json_number_compare compares two NUMBERs exactly, whatever their size and spelling:
 * <0, 0, >0. */
int tk_json_number_compare(tk_json a, tk_json b);

/* tk_json_number_is_integer tells whether a NUMBER's value is whole (1, 1.0, 10e-1). */
bool tk_json_number_is_integer(tk_json value);

/* tk_json_equal compares values: numbers by value, strings by characters, objects in any order. */
bool tk_json_equal(tk_json a, tk_json b);

/* tk_json_canonical writes the value without white space, names sorted by bytes, strings with
 * the least escapes, numbers as written. */
void tk_json_canonical(tk_buf *buf, tk_json value);

/* --- writing; the buffer remembers failure --- */

/* tk_json_write_string adds a quoted text. Bytes that are no UTF-8 become U+FFFD, NUL and control
 * characters are escaped: it cannot fail on content. */
void tk_json_write_string(tk_buf *buf, tk_str text);

/* tk_json_write_name adds `"name":`, with a comma before it unless the last byte is '{'. */
void tk_json_write_name(tk_buf *buf, const char *name);

/* Shorthands for one member of an object. */
void tk_json_write_member_string(tk_buf *buf, const char *name, tk_str text);
void tk_json_write_member_string_or_null(tk_buf *buf, const char *name,
                                         tk_str text); /* data NULL */
void tk_json_write_member_int(tk_buf *buf, const char *name, int64_t number);
void tk_json_write_member_bool(tk_buf *buf, const char *name, bool yes);
void tk_json_write_member_null(tk_buf *buf, const char *name);
void tk_json_write_member_raw(tk_buf *buf, const char *name, tk_str json);      /* empty: null */
void tk_json_write_member_time(tk_buf *buf, const char *name, int64_t time_us); /* 0: null */
void tk_json_write_comma(tk_buf *buf); /* unless the last byte is one of [ { , or : */

/* tk_json_repair makes any bytes storable: valid JSON within bytes_max is copied as it is, except
 * that \u0000 and broken UTF-8 inside strings become their escapes' visible form ("\\u0000",
 * U+FFFD). *noted says whether anything was changed. INVALID when it is no JSON even so. */
tasker_status tk_json_repair(tk_str text, size_t bytes_max, tk_buf *buf, bool *noted,
                             tasker_error *error);

/* tk_utf8_check returns the offset of the first byte that is no UTF-8, or SIZE_MAX. */
size_t tk_utf8_check(tk_str text);

#endif
