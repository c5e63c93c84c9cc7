/*
 * output.c - the one way to standard output; see output.h.
 */
#include "output.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "utf8.h"

static const char *const color_codes[OUT_COLOR_COUNT] = {
    [OUT_PLAIN] = "",   [OUT_BOLD] = "1",    [OUT_DIM] = "2",   [OUT_RED] = "31",
    [OUT_GREEN] = "32", [OUT_YELLOW] = "33", [OUT_CYAN] = "36",
};

static bool is_set(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0';
}

static bool color_wanted(const char *color, bool terminal) {
    if (strcmp(color, "always") == 0) {
        return true;
    }
    if (strcmp(color, "never") == 0 || !terminal || is_set("NO_COLOR")) {
        return false;
    }
    const char *term = getenv("TERM");
    return term != NULL && strcmp(term, "dumb") != 0;
}

void out_open(out *o, const char *color) {
    const char *locale = setlocale(LC_CTYPE, "");
    o->unicode = locale != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!o->unicode) {
        setlocale(LC_CTYPE, "C.UTF-8"); /* for wcwidth; data is UTF-8 everywhere */
    }
    o->terminal = isatty(STDOUT_FILENO) == 1;
    o->color = color_wanted(color, o->terminal);
    out_size(o);
}

static size_t number_of(const char *name, size_t otherwise) {
    const char *value = getenv(name);
    long number = value == NULL ? 0 : strtol(value, NULL, 10);
    return number > 0 && number < 10000 ? (size_t)number : otherwise;
}

void out_size(out *o) {
    struct winsize size = {0};
    bool known = o->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    o->columns = known && size.ws_col > 0 ? size.ws_col : number_of("COLUMNS", OUT_COLUMNS_DEFAULT);
    o->rows = known && size.ws_row > 0 ? size.ws_row : number_of("LINES", OUT_ROWS_DEFAULT);
    if (o->columns < OUT_COLUMNS_MIN) {
        o->columns = OUT_COLUMNS_MIN;
    }
}

bool out_flush(out *o) {
    const char *at = o->text.data;
    size_t left = o->text.failed ? 0 : o->text.size;
    if (o->text.failed) {
        o->failed = true;
    }
    while (left > 0 && !o->failed) {
        ssize_t written = write(STDOUT_FILENO, at, left);
        if (written < 0 && errno != EINTR) {
            o->failed = true;
        } else if (written > 0) {
            at += written;
            left -= (size_t)written;
        }
    }
    tk_buf_release(&o->text);
    return !o->failed;
}

void out_printf(out *o, const char *format, ...) {
    va_list args;
    va_start(args, format);
    tk_buf_vprintf(&o->text, format, args);
    va_end(args);
}

void out_color_begin(out *o, out_color color) {
    if (o->color && color != OUT_PLAIN) {
        tk_buf_printf(&o->text, "\x1b[%sm", color_codes[color]);
    }
}

void out_color_end(out *o, out_color color) {
    if (o->color && color != OUT_PLAIN) {
        tk_buf_text(&o->text, "\x1b[0m");
    }
}

size_t out_text(out *o, out_color color, tk_str text, size_t columns_max) {
    out_color_begin(o, color);
    size_t columns = out_escape(&o->text, text, columns_max, false);
    out_color_end(o, color);
    return columns;
}

/* --- foreign text ----------------------------------------------------------------------------- */

static uint32_t code_point(const char *at, size_t size) {
    const unsigned char *byte = (const unsigned char *)at;
    switch (size) {
    case 2:
        return (uint32_t)(byte[0] & 0x1f) << 6 | (byte[1] & 0x3f);
    case 3:
        return (uint32_t)(byte[0] & 0x0f) << 12 | (uint32_t)(byte[1] & 0x3f) << 6 |
               (byte[2] & 0x3f);
    case 4:
        return (uint32_t)(byte[0] & 0x07) << 18 | (uint32_t)(byte[1] & 0x3f) << 12 |
               (uint32_t)(byte[2] & 0x3f) << 6 | (byte[3] & 0x3f);
    default:
        return byte[0];
    }
}

/* What may move the cursor, change the direction of reading, or hide: never shown as it is. */
static bool is_harmful(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x061c ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
           (c >= 0xe0000 && c <= 0xe0fff);
}

/* One character as it is shown: its bytes, how many columns, and how many bytes it came from. */
typedef struct shown {
    char text[16];
    size_t size, columns, taken;
} shown;

static shown show(const char *at, const char *end) {
    shown s = {.taken = tk_utf8_length(at, end)};
    int size = 0;
    if (s.taken == 0) {
        s.taken = 1;
        size = snprintf(s.text, sizeof(s.text), "\\x%02x", (unsigned char)*at);
    } else {
        uint32_t c = code_point(at, s.taken);
        int columns = is_harmful(c) ? -1 : wcwidth((wchar_t)c);
        if (columns >= 0) {
            memcpy(s.text, at, s.taken);
            s.size = s.taken;
            s.columns = (size_t)columns;
            return s;
        }
        size = snprintf(s.text, sizeof(s.text), c < 0x80 ? "\\x%02x" : "\\u%04x", c);
    }
    s.size = s.columns = (size_t)size;
    return s;
}

size_t out_columns(tk_str text) {
    size_t columns = 0;
    const char *end = text.data + text.size;
    for (const char *at = text.data; at != end;) {
        shown s = show(at, end);
        columns += s.columns;
        at += s.taken;
    }
    return columns;
}

/* Behind such a sign a word may be parted, if that does not leave the line half empty. */
static bool is_joint(char sign) {
    return sign != '\0' && strchr("_/:.,-", sign) != NULL;
}

size_t out_wrap(tk_str text, size_t columns) {
    size_t used = 0;
    size_t blank = 0; /* where the last word ends */
    size_t joint = 0;
    const char *end = text.data + text.size;
    for (const char *at = text.data; at != end;) {
        size_t taken = (size_t)(at - text.data);
        if (*at == '\n') {
            return taken;
        }
        shown s = show(at, end);
        blank = *at == ' ' ? taken : blank;
        if (used + s.columns > columns && taken > 0) {
            return blank > 0 ? blank : joint > 0 ? joint : taken;
        }
        used += s.columns;
        at += s.taken;
        joint = is_joint(at[-1]) && 2 * used >= columns ? (size_t)(at - text.data) : joint;
    }
    return text.size;
}

size_t out_escape(tk_buf *buf, tk_str text, size_t columns_max, bool lines) {
    size_t columns = 0;
    bool cut = columns_max > 0 && out_columns(text) > columns_max;
    size_t room = !cut ? SIZE_MAX : columns_max > 2 ? columns_max - 2 : 0;
    const char *end = text.data + text.size;

    for (const char *at = text.data; at != end;) {
        if (lines && *at == '\n') {
            tk_buf_char(buf, *at++);
            continue;
        }
        shown s = show(at, end);
        if (s.columns > room - columns) {
            break;
        }
        tk_buf_add(buf, s.text, s.size);
        columns += s.columns;
        at += s.taken;
    }
    for (size_t i = 0; cut && i < 2 && columns < columns_max; i++) {
        tk_buf_char(buf, '.');
        columns++;
    }
    return columns;
}

void out_json_safe(tk_buf *buf, tk_str json) {
    const char *end = json.data + json.size;
    const char *plain = json.data; /* not yet copied */
    for (const char *at = json.data; at != end;) {
        size_t size = (unsigned char)*at < 0x7f ? 1 : tk_utf8_length(at, end);
        uint32_t c = size == 0 ? 0xfffd : code_point(at, size);
        if (size == 1 && c < 0x7f) {
            at++;
            continue;
        }
        if (size == 0 || is_harmful(c)) {
            tk_buf_add(buf, plain, (size_t)(at - plain));
            if (c >= 0x10000) { /* beyond the first plane: a surrogate pair */
                tk_buf_printf(buf, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                              0xdc00 + ((c - 0x10000) & 0x3ff));
            } else {
                tk_buf_printf(buf, "\\u%04x", c);
            }
            plain = at + (size == 0 ? 1 : size);
        }
        at += size == 0 ? 1 : size;
    }
    tk_buf_add(buf, plain, (size_t)(end - plain));
}
