/*
 * utf8.h - one character of UTF-8, for whoever looks at foreign bytes: errors, log lines, JSON.
 */
#ifndef TK_UTF8_H
#define TK_UTF8_H

#include "base.h"

static inline bool tk_utf8_is_tail(unsigned char byte) {
    return (byte & 0xc0) == 0x80;
}

/* tk_utf8_length returns how many bytes (1..4) the character at `at` has, or 0 when the bytes up to
 * `end` begin with none: a stray tail, a cut or overlong sequence, a surrogate, or a code point
 * above U+10FFFF. NUL and control characters are characters. */
static inline size_t tk_utf8_length(const char *at, const char *end) {
    const unsigned char *byte = (const unsigned char *)at;
    size_t left = (size_t)(end - at);

    if (left == 0) {
        return 0;
    }
    if (byte[0] < 0x80) {
        return 1;
    }
    if (byte[0] >= 0xc2 && byte[0] <= 0xdf) {
        return left >= 2 && tk_utf8_is_tail(byte[1]) ? 2 : 0;
    }
    if ((byte[0] & 0xf0) == 0xe0) {
        if (left < 3 || !tk_utf8_is_tail(byte[1]) || !tk_utf8_is_tail(byte[2])) {
            return 0;
        }
        bool overlong = byte[0] == 0xe0 && byte[1] < 0xa0;
        bool surrogate = byte[0] == 0xed && byte[1] > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (byte[0] >= 0xf0 && byte[0] <= 0xf4) {
        if (left < 4 || !tk_utf8_is_tail(byte[1]) || !tk_utf8_is_tail(byte[2]) ||
            !tk_utf8_is_tail(byte[3])) {
            return 0;
        }
        bool overlong = byte[0] == 0xf0 && byte[1] < 0x90;
        bool too_high = byte[0] == 0xf4 && byte[1] > 0x8f;
        return overlong || too_high ? 0 : 4;
    }
    return 0;
}

/* tk_utf8_line copies `source` (`size` bytes) into `line` (`room` bytes with the NUL, > 0) as one
 * printable line: each byte that is no UTF-8 and each control character becomes a '?'; what does
 * not fit is cut on a character's boundary. With `cut` the source itself is the beginning of
 * something longer, so an unfinished character at its end is dropped instead of marked. */
void tk_utf8_line(char *line, size_t room, const char *source, size_t size, bool cut);

#endif
