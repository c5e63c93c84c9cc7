/*
 * output.h - text for people: what the terminal can show, colour, and foreign text made harmless.
 *
 * Everything is collected in `text`; out_flush() puts it on standard output. Names, contexts, results
 * and errors come from anywhere: they pass out_text() or out_escape(), which let no control character
 * through.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "buf.h"

typedef enum out_color {
    OUT_PLAIN = 0,
    OUT_BOLD,
    OUT_DIM,
    OUT_RED,
    OUT_GREEN,
    OUT_YELLOW,
    OUT_CYAN,
    OUT_COLOR_COUNT
} out_color;

/* What a terminal that does not tell is taken for, and the least that is worked with. */
#define OUT_COLUMNS_DEFAULT 80
#define OUT_COLUMNS_MIN 20
#define OUT_ROWS_DEFAULT 24

typedef struct out {
    tk_buf text;
    bool terminal; /* standard output is one */
    bool color;
    bool unicode; /* our own signs may be other than ASCII */
    bool failed;  /* something could not be written */
    size_t columns, rows;
} out;

/* out_open looks at standard output; `color` is "auto", "always" or "never". */
void out_open(out *o, const char *color);

/* out_size asks the terminal for its size again (it may have been resized). */
void out_size(out *o);

/* out_flush writes what was collected; false (and o->failed) when that fails. */
bool out_flush(out *o);

void out_printf(out *o, const char *format, ...) TK_PRINTF(2, 3); /* our own words only */

/* out_text adds foreign text, cut to `columns_max` (0: not cut); returns the columns it takes. */
size_t out_text(out *o, out_color color, tk_str text, size_t columns_max);

/* out_escape adds foreign text to any buffer: control characters, direction marks and bytes that are
 * no UTF-8 become \x1b, \u202e, \xff. Line breaks are kept with `lines`. Cut to columns_max (0: not)
 * with a mark at the end. Returns the columns it takes. */
size_t out_escape(tk_buf *buf, tk_str text, size_t columns_max, bool lines);

/* out_columns says how wide out_escape would be. */
size_t out_columns(tk_str text);

/* out_wrap says how many bytes of foreign text a line of so many columns (at least 1) takes: all, or
 * up to a line break, the last blank, or what fits. At least one character. */
size_t out_wrap(tk_str text, size_t columns);

/* out_color_begin, out_color_end surround text; nothing when colours are off. */
void out_color_begin(out *o, out_color color);
void out_color_end(out *o, out_color color);

/* out_json_safe adds JSON text whose strings may hold control characters beyond ASCII or direction
 * marks: they become \uXXXX, which means the same. */
void out_json_safe(tk_buf *buf, tk_str json);

#endif
