/*
 * utf8.c - makes foreign bytes fit to be shown.
 *
 *   errors, log lines --any bytes--> [utf8.c] --one printable line--> people
 */
#include "utf8.h"

/* Unfinished means: the bytes up to the end could still have become a character. */
static bool is_unfinished(const char *at, const char *end) {
    char whole[4] = {0};
    size_t left = (size_t)(end - at);
    if (left == 0 || left >= sizeof(whole)) {
        return false;
    }
    memcpy(whole, at, left);
    for (size_t i = left; i < sizeof(whole); i++) {
        /* Both ends of the second byte's range, as e0 and f0 want the high, ed and f4 the low. */
        whole[i] = (char)0x80;
        if (tk_utf8_length(whole, whole + i + 1) == i + 1) {
            return true;
        }
        whole[i] = (char)0xbf;
        if (tk_utf8_length(whole, whole + i + 1) == i + 1) {
            return true;
        }
    }
    return false;
}

static bool is_control(const char *at, size_t length) {
    unsigned char first = (unsigned char)at[0];
    if (length == 1) {
        return first < 0x20 || first == 0x7f;
    }
    return length == 2 && first == 0xc2 && (unsigned char)at[1] < 0xa0; /* U+0080..U+009F */
}

void tk_utf8_line(char *line, size_t room, const char *source, size_t size, bool cut) {
    assert(room > 0);
    const char *at = source;
    const char *end = source + size;
    size_t used = 0;

    while (at < end) {
        size_t length = tk_utf8_length(at, end);
        if (length == 0 && cut && is_unfinished(at, end)) {
            break;
        }
        size_t taken = length == 0 ? 1 : length;
        if (used + taken > room - 1) {
            break;
        }
        if (length == 0 || is_control(at, length)) {
            line[used++] = '?';
        } else {
            memcpy(line + used, at, length);
            used += length;
        }
        at += taken;
    }
    line[used] = '\0';
}
