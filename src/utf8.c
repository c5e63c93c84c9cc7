/*
 * utf8.c - makes foreign bytes fit to be shown.
 *
 *   errors, log lines --any bytes--> [utf8.c] --one printable line--> people
 */
#include "utf8.h"

/* Unfinished means: with more bytes it could have become a character. The second byte decides, and
 * each lead byte allows the lowest or the highest tail there. */
static bool is_unfinished(const char *at, const char *end) {
    static const char tails[] = {(char)0x80, (char)0xbf};
    size_t left = (size_t)(end - at);
    for (size_t i = 0; i < sizeof(tails) && left < 4; i++) {
        char whole[4];
        memset(whole, tails[i], sizeof(whole));
        memcpy(whole, at, left);
        if (tk_utf8_length(whole, whole + sizeof(whole)) > left) {
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
