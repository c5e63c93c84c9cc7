/*
 * table.c - collects cells, then measures, then shows.
 */
#include "table.h"

enum { GAP = 2, BELOW_INDENT = 4 };

static size_t column_count(const table *t) {
    size_t count = 0;
    while (t->columns[count].title != NULL) {
        count++;
    }
    assert(count >= 1 && count <= TABLE_COLUMNS_MAX);
    return count;
}

static bool make_room(table *t) {
    if (t->count < t->room) {
        return true;
    }
    size_t room = t->room == 0 ? 64 : t->room * 2;
    table_cell *cells = tk_resize_array(t->cells, room, sizeof(*cells));
    if (cells == NULL) {
        return false;
    }
    t->cells = cells;
    t->room = room;
    return true;
}

void table_add(table *t, out_color color, tk_str text) {
    char *copy = t->failed ? NULL : tk_resize_array(NULL, text.size + 1, 1);
    if (copy == NULL || !make_room(t)) {
        tk_free(copy);
        t->failed = true;
        return;
    }
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
    t->cells[t->count++] = (table_cell){copy, text.size, color};
}

void table_add_text(table *t, out_color color, const char *text) {
    table_add(t, color, tk_str_of(text));
}

void table_printf(table *t, out_color color, const char *format, ...) {
    tk_buf buf = {0};
    va_list args;
    va_start(args, format);
    tk_buf_vprintf(&buf, format, args);
    va_end(args);
    t->failed = t->failed || buf.failed;
    table_add(t, color, tk_buf_view(&buf));
    tk_buf_release(&buf);
}

/* --- fitting ---------------------------------------------------------------------------------- */

/* How a table is laid out on a terminal. */
typedef struct layout {
    size_t columns, room;
    size_t widths[TABLE_COLUMNS_MAX];
    bool hidden[TABLE_COLUMNS_MAX];
    bool below[TABLE_COLUMNS_MAX]; /* begins a line of its own */
} layout;

static void measure(const table *t, bool titles, layout *l) {
    assert(l->columns >= 1);
    for (size_t j = 0; j < l->columns; j++) {
        size_t title = titles ? strlen(t->columns[j].title) : 0;
        l->widths[j] = title > t->columns[j].least ? title : t->columns[j].least;
    }
    for (size_t i = 0; i < t->count; i++) {
        size_t width = out_columns((tk_str){t->cells[i].text, t->cells[i].size});
        if (width > l->widths[i % l->columns]) {
            l->widths[i % l->columns] = width;
        }
    }
}

/* The columns of one line with flexible columns at most `flexible_max` wide. */
static size_t total(const table *t, const layout *l, size_t flexible_max) {
    size_t sum = 0;
    for (size_t j = 0; j < l->columns; j++) {
        bool narrower = t->columns[j].flexible && l->widths[j] > flexible_max;
        if (!l->hidden[j]) {
            sum += (sum > 0 ? GAP : 0) + (narrower ? flexible_max : l->widths[j]);
        }
    }
    return sum;
}

static void hide_spare(const table *t, layout *l) {
    for (size_t j = l->columns; j > 0 && total(t, l, TABLE_COLUMN_SPARE) > l->room; j--) {
        l->hidden[j - 1] = t->columns[j - 1].spare;
    }
}

static size_t least_width(const table_column *column) {
    if (!column->flexible) {
        return SIZE_MAX;
    }
    return column->least > TABLE_COLUMN_LEAST ? column->least : TABLE_COLUMN_LEAST;
}

/* The next column to give way: the last one, whose text reads well below the row; then the widest.
 * The number of columns when none can. */
static size_t next_to_give(const table *t, const layout *l) {
    size_t last = l->columns - 1;
    if (t->columns[last].flexible && l->widths[last] > TABLE_COLUMN_TAIL) {
        return last;
    }
    size_t widest = l->columns;
    for (size_t j = 0; j < l->columns; j++) {
        if (!l->hidden[j] && l->widths[j] > least_width(&t->columns[j]) &&
            (widest == l->columns || l->widths[j] > l->widths[widest])) {
            widest = j;
        }
    }
    return widest;
}

/* Takes from flexible columns until the line fits; false when nothing more can be taken. */
static bool narrow(const table *t, layout *l) {
    for (size_t sum = total(t, l, SIZE_MAX); sum > l->room; sum--) {
        size_t column = next_to_give(t, l);
        if (column == l->columns) {
            return false;
        }
        l->widths[column]--;
    }
    return true;
}

/* Every column is as wide as it is, or as the terminal; what does not fit begins a new line. */
static void stack(const table *t, bool titles, layout *l) {
    size_t used = 0;
    memset(l->hidden, 0, sizeof(l->hidden));
    measure(t, titles, l);
    for (size_t j = 0; j < l->columns; j++) {
        size_t below_room = l->room > BELOW_INDENT ? l->room - BELOW_INDENT : 1;
        size_t needed = l->widths[j] < below_room ? l->widths[j] : below_room;
        l->below[j] = j > 0 && used + GAP + needed > l->room;
        l->widths[j] = j == 0 && l->widths[j] <= l->room ? l->widths[j] : needed;
        used = l->below[j] ? BELOW_INDENT + l->widths[j] : used + (j > 0 ? GAP : 0) + l->widths[j];
    }
}

/* A list that is drawn again keeps to one line a row, whatever is lost. */
static void fit(const table *t, bool titles, layout *l) {
    measure(t, titles, l);
    hide_spare(t, l);
    if (!narrow(t, l) && !t->single) {
        stack(t, titles, l);
    }
}

/* --- showing ---------------------------------------------------------------------------------- */

static void spaces(out *o, size_t count) {
    for (size_t i = 0; i < count; i++) {
        tk_buf_char(&o->text, ' ');
    }
}

/* One line of the columns from..to: takes from the rest of each cell. The gap is not shown before it
 * is known that something follows, so that no line ends with blanks. */
static void show_line(const table *t, out *o, const layout *l, size_t from, size_t to,
                      size_t indent, bool last, table_cell *rest) {
    size_t gap = indent + (from > 0 ? BELOW_INDENT : 0);
    size_t left = l->room + indent; /* of the terminal */
    for (size_t j = from; j < to && left > gap; j++) {
        if (l->hidden[j]) {
            continue;
        }
        size_t room = left - gap < l->widths[j] ? left - gap : l->widths[j];
        tk_str text = {rest[j].text, rest[j].size};
        size_t taken = last ? text.size : out_wrap(text, room);
        tk_str shown = {text.data, taken};
        while (shown.size > 0 && shown.data[shown.size - 1] == ' ') {
            shown.size--;
        }
        size_t width = out_columns(shown);
        width = width < room ? width : room;
        size_t blank = room - width;
        if (width > 0) {
            spaces(o, gap + (t->columns[j].right ? blank : 0));
            out_text(o, rest[j].color, shown, room);
            left -= gap + room;
            gap = GAP + (t->columns[j].right ? 0 : blank);
            left += t->columns[j].right ? 0 : blank;
        } else {
            gap += room + GAP;
        }
        while (taken < text.size && (text.data[taken] == ' ' || text.data[taken] == '\n')) {
            taken++;
        }
        rest[j].text += taken;
        rest[j].size -= taken;
    }
    tk_buf_char(&o->text, '\n');
}

static bool is_any_left(const layout *l, size_t from, size_t to, const table_cell *rest) {
    for (size_t j = from; j < to; j++) {
        if (!l->hidden[j] && rest[j].size > 0) {
            return true;
        }
    }
    return false;
}

/* Whether the last cell reads better below its row: it is longer than its column, which is narrow. */
static bool is_tail(const table *t, const layout *l, const table_cell *cells) {
    size_t last = l->columns - 1;
    tk_str text = {cells[last].text, cells[last].size};
    return !t->single && t->columns[last].flexible && l->widths[last] < l->room / 2 &&
           out_wrap(text, l->widths[last]) < text.size;
}

static void show_tail(out *o, const layout *l, size_t indent, table_cell cell) {
    static const table_column column[] = {{.title = ""}, {0}};
    const table t = {.columns = column};
    const layout whole = {.columns = 1, .room = l->room - BELOW_INDENT, .widths = {l->room}};
    for (size_t i = 1; i <= TABLE_CELL_LINES_MAX && cell.size > 0; i++) {
        show_line(&t, o, &whole, 0, 1, indent + BELOW_INDENT, i == TABLE_CELL_LINES_MAX, &cell);
    }
}

static void show_row(const table *t, out *o, const layout *l, size_t indent,
                     const table_cell *cells) {
    table_cell rest[TABLE_COLUMNS_MAX];
    bool tail = is_tail(t, l, cells);
    memcpy(rest, cells, l->columns * sizeof(*rest));
    rest[l->columns - 1].size = tail ? 0 : rest[l->columns - 1].size;
    for (size_t from = 0; from < l->columns;) {
        size_t to = from + 1;
        while (to < l->columns && !l->below[to]) {
            to++;
        }
        size_t lines = t->single ? 1 : TABLE_CELL_LINES_MAX;
        for (size_t i = 1; i <= lines && is_any_left(l, from, to, rest); i++) {
            show_line(t, o, l, from, to, indent, i == lines, rest);
        }
        from = to;
    }
    if (tail) {
        show_tail(o, l, indent, cells[l->columns - 1]);
    }
}

static void show_titles(const table *t, out *o, const layout *l, size_t indent) {
    table_cell cells[TABLE_COLUMNS_MAX];
    for (size_t j = 0; j < l->columns; j++) {
        const char *title = t->columns[j].title;
        cells[j] = (table_cell){title, strlen(title), OUT_DIM};
    }
    show_row(t, o, l, indent, cells);
}

static void show_tabs(const table *t, out *o, size_t columns, bool titles) {
    for (size_t j = 0; titles && j < columns; j++) {
        out_printf(o, "%s%c", t->columns[j].title, j + 1 == columns ? '\n' : '\t');
    }
    for (size_t i = 0; i < t->count; i++) {
        out_text(o, t->cells[i].color, (tk_str){t->cells[i].text, t->cells[i].size}, 0);
        tk_buf_char(&o->text, (i + 1) % columns == 0 ? '\n' : '\t');
    }
}

static void release(table *t) {
    for (size_t i = 0; i < t->count; i++) {
        tk_free((void *)t->cells[i].text);
    }
    tk_free(t->cells);
    *t = (table){0};
}

bool table_end(table *t, out *o, size_t indent, bool titles) {
    size_t columns = column_count(t);
    bool good = !t->failed;
    assert(t->failed || t->count % columns == 0);

    if (good && o->terminal) {
        layout l = {.columns = columns, .room = o->columns > indent ? o->columns - indent : 1};
        fit(t, titles, &l);
        if (titles) {
            show_titles(t, o, &l, indent);
        }
        for (size_t i = 0; i < t->count; i += columns) {
            show_row(t, o, &l, indent, &t->cells[i]);
        }
    } else if (good) {
        show_tabs(t, o, columns, titles);
    }
    release(t);
    return good;
}
