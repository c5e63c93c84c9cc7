/*
 * table.h - rows of cells: aligned and cut to the terminal's width on a terminal, separated by tabs
 * and whole elsewhere.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "output.h"

#define TABLE_COLUMNS_MAX 10
#define TABLE_COLUMN_LEAST 8 /* a flexible column is not made narrower */

typedef struct table_column {
    const char *title;
    bool right;    /* numbers */
    bool flexible; /* gives way when the terminal is narrow */
    size_t least;  /* so wide at least, so that a list drawn again keeps its place */
} table_column;

typedef struct table_cell {
    const char *text; /* the table's own */
    size_t size;
    out_color color;
} table_cell;

/* Zero-initialise but for `columns` (ended by one without a title). */
typedef struct table {
    const table_column *columns;
    table_cell *cells;
    size_t count, room; /* of cells, row by row */
    bool failed;        /* out of memory: told by table_end */
} table;

/* table_add adds the next cell of a row; the text is copied. */
void table_add(table *t, out_color color, tk_str text);
void table_add_text(table *t, out_color color, const char *text);
void table_printf(table *t, out_color color, const char *format, ...) TK_PRINTF(3, 4);

/* table_end shows the table after `indent` spaces and releases it; false when out of memory.
 * `title` false leaves the titles out. */
bool table_end(table *t, out *o, size_t indent, bool titles);

#endif
