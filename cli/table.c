/*
 * table.c - collects cells, then measures, then shows.
 */
#include "table.h"

enum { GAP = 2 };

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

static void measure(const table *t, size_t columns, bool titles, size_t *widths) {
    for (size_t j = 0; j < columns; j++) {
        size_t title = titles ? strlen(t->columns[j].title) : 0;
        widths[j] = title > t->columns[j].least ? title : t->columns[j].least;
    }
    for (size_t i = 0; i < t->count; i++) {
        size_t width = out_columns((tk_str){t->cells[i].text, t->cells[i].size});
        if (width > widths[i % columns]) {
            widths[i % columns] = width;
        }
    }
}

/* Takes from the widest flexible column until the line fits or nothing more can be taken. */
static void fit(const table *t, size_t columns, size_t room, size_t *widths) {
    size_t total = GAP * (columns - 1);
    for (size_t j = 0; j < columns; j++) {
        total += widths[j];
    }
    while (total > room) {
        size_t widest = columns;
        for (size_t j = 0; j < columns; j++) {
            if (t->columns[j].flexible && widths[j] > TABLE_COLUMN_LEAST &&
                (widest == columns || widths[j] > widths[widest])) {
                widest = j;
            }
        }
        if (widest == columns) {
            return;
        }
        widths[widest]--;
        total--;
    }
}

static void spaces(out *o, size_t count) {
    for (size_t i = 0; i < count; i++) {
        tk_buf_char(&o->text, ' ');
    }
}

/* What is left of the line bounds each cell, so that no line ever wraps. */
static void show_row(const table *t, out *o, size_t columns, const size_t *widths, size_t indent,
                     const table_cell *cells) {
    size_t used = indent;
    size_t gap = 0; /* before the cell: not yet shown, so that no line ends with blanks */
    spaces(o, indent);
    for (size_t j = 0; j < columns && used + gap < o->columns; j++) {
        tk_str text = {cells[j].text, cells[j].size};
        size_t room = o->columns - used - gap;
        room = room < widths[j] ? room : widths[j];
        size_t width = out_columns(text);
        size_t blank = width < room ? room - width : 0;
        if (room > 0 && width > 0) {
            spaces(o, gap + (t->columns[j].right ? blank : 0));
            used += gap + room;
            out_text(o, cells[j].color, text, room);
            gap = GAP + (t->columns[j].right ? 0 : blank);
            used -= t->columns[j].right ? 0 : blank;
        } else {
            gap += room + GAP;
        }
    }
    tk_buf_char(&o->text, '\n');
}

static void show_titles(const table *t, out *o, size_t columns, const size_t *widths,
                        size_t indent) {
    table_cell cells[TABLE_COLUMNS_MAX];
    for (size_t j = 0; j < columns; j++) {
        const char *title = t->columns[j].title;
        cells[j] = (table_cell){title, strlen(title), OUT_DIM};
    }
    show_row(t, o, columns, widths, indent, cells);
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
        size_t widths[TABLE_COLUMNS_MAX];
        measure(t, columns, titles, widths);
        fit(t, columns, o->columns > indent ? o->columns - indent : 1, widths);
        if (titles) {
            show_titles(t, o, columns, widths, indent);
        }
        for (size_t i = 0; i < t->count; i += columns) {
            show_row(t, o, columns, widths, indent, &t->cells[i]);
        }
    } else if (good) {
        show_tabs(t, o, columns, titles);
    }
    release(t);
    return good;
}
