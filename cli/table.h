/*
 * table.h - rows of cells: fitted to the terminal's width on a terminal, separated by tabs and whole
 * elsewhere.
 *
 * On a terminal nothing is hidden before something else could give way:
 *
 *   1. columns that are `spare` are left out, from the right
 *   2. `flexible` columns become narrower; their text goes on in the next line, that of the last
 *      column below the row when it is long
 *   3. if that is not enough, what has no room stands in lines of its own below the row
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "output.h"

#define TABLE_COLUMNS_MAX 10
#define TABLE_COLUMN_LEAST 8  /* a flexible column is not made narrower */
#define TABLE_COLUMN_TAIL 16  /* the last one gives way first, down to this */
#define TABLE_COLUMN_SPARE 24 /* a flexible column gives way to a spare one, down to this */
#define TABLE_CELL_LINES_MAX 12

typedef struct table_column {
    const char *title;
    bool right;    /* numbers */
    bool flexible; /* its text may take several lines */
    bool spare;    /* left out when the terminal is narrow */
    size_t least;  /* so wide at least: a list drawn again keeps its place */
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
    bool single; /* a row is one line: flexible cells are cut, for a list that is drawn again */
    bool failed; /* out of memory: told by table_end */
} table;

/* table_add adds the next cell of a row; the text is copied. */
void table_add(table *t, out_color color, tk_str text);
void table_add_text(table *t, out_color color, const char *text);
void table_printf(table *t, out_color color, const char *format, ...) TK_PRINTF(3, 4);

/* table_end shows the table after `indent` spaces and releases it; false when out of memory.
 * `title` false leaves the titles out. */
bool table_end(table *t, out *o, size_t indent, bool titles);

#endif
