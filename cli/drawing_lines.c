/*
 * drawing_lines.c - the lines between layers, and the text; see drawing.h.
 *
 *      └──┬──┘    └──┬──┘     a line leaves each box in its middle,
 *         │     ┌────┤        runs across in a row of its own, joins others that end where it ends,
 *         ├─────│────┘        and passes those that do not
 *         ▼     ▼
 */
#include "drawing.h"

enum { NORTH = 1, EAST = 2, SOUTH = 4, WEST = 8, JOINT = 16, ARROW = 32 };
enum { BOX_ROWS = 3, NO_ROW = -1 };

/* The lines of sources that have the same targets, between two layers. */
typedef struct bundle {
    const drawing_node *first;         /* its targets are those of all */
    size_t sources[DRAWING_BOXES_MAX]; /* columns */
    uint32_t source_count;
    size_t from, to; /* where it runs across */
    int row;         /* NO_ROW: straight down */
} bundle;

typedef struct sheet {
    const drawing *d;
    uint8_t *cells; /* of one channel or one layer, row by row */
    size_t columns, rows;
    bundle *bundles;
    uint32_t bundle_count;
} sheet;

/* --- bundles ---------------------------------------------------------------------------------- */

static bool same_targets(const drawing_node *a, const drawing_node *b) {
    if (a->below_count != b->below_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->below_count; i++) {
        bool found = false;
        for (uint32_t j = 0; j < b->below_count; j++) {
            found = found || a->below[i] == b->below[j];
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static void widen(bundle *b, size_t column) {
    b->from = column < b->from ? column : b->from;
    b->to = column > b->to ? column : b->to;
}

static void collect(sheet *s, const drawing_layer *layer) {
    s->bundle_count = 0;
    for (uint32_t i = 0; i < layer->count; i++) {
        const drawing_node *node = &s->d->nodes[layer->nodes[i]];
        uint32_t k = 0;
        while (k < s->bundle_count && !same_targets(s->bundles[k].first, node)) {
            k++;
        }
        bundle *b = &s->bundles[k];
        if (node->below_count == 0 ||
            (k < s->bundle_count && b->source_count == DRAWING_BOXES_MAX)) {
            continue;
        }
        if (k == s->bundle_count) {
            *b = (bundle){.first = node, .from = SIZE_MAX, .row = NO_ROW};
            s->bundle_count++;
        }
        b->sources[b->source_count++] = drawing_port(node);
        widen(b, drawing_port(node));
        for (uint32_t j = 0; j < node->below_count; j++) {
            widen(b, drawing_port(&s->d->nodes[node->below[j]]));
        }
    }
}

static bool begins_at(const bundle *b, size_t column) {
    for (uint32_t i = 0; i < b->source_count; i++) {
        if (b->sources[i] == column) {
            return true;
        }
    }
    return false;
}

static bool ends_at(const sheet *s, const bundle *b, size_t column) {
    for (uint32_t i = 0; i < b->first->below_count; i++) {
        if (drawing_port(&s->d->nodes[b->first->below[i]]) == column) {
            return true;
        }
    }
    return false;
}

/* Where one begins another ends: the one that begins runs across higher, or both would be one. */
static bool is_above(const sheet *s, const bundle *upper, const bundle *lower) {
    for (uint32_t i = 0; i < upper->source_count; i++) {
        if (!begins_at(lower, upper->sources[i]) && ends_at(s, lower, upper->sources[i])) {
            return true;
        }
    }
    return false;
}

static bool overlaps(const bundle *a, const bundle *b) {
    return a->from <= b->to + 1 && b->from <= a->to + 1;
}

/* Gives every bundle that runs across the highest row that it can have. *rows is how many there are.
 * False: two want to be above each other. */
static bool give_rows(sheet *s, int *rows) {
    uint32_t left = 0;
    bool given[DRAWING_NODES_MAX] = {false};
    *rows = 0;
    for (uint32_t i = 0; i < s->bundle_count; i++) {
        left += s->bundles[i].from < s->bundles[i].to ? 1 : 0;
    }
    while (left > 0) {
        bool moved = false;
        for (uint32_t i = 0; i < s->bundle_count; i++) {
            bundle *b = &s->bundles[i];
            bool ready = b->from < b->to && !given[i];
            int row = 0;
            for (uint32_t j = 0; j < s->bundle_count && ready; j++) {
                const bundle *other = &s->bundles[j];
                bool across = other->from < other->to;
                bool waits = j != i && is_above(s, other, b);
                ready = !(waits && !across) && !(waits && !given[j]);
                row = waits && across && given[j] && other->row >= row ? other->row + 1 : row;
            }
            for (uint32_t j = 0; j < s->bundle_count && ready; j++) { /* down to a free row */
                if (given[j] && s->bundles[j].row == row && overlaps(&s->bundles[j], b)) {
                    row++;
                    j = UINT32_MAX; /* from the first again */
                }
            }
            if (ready) {
                b->row = row;
                given[i] = moved = true;
                left--;
                *rows = row + 1 > *rows ? row + 1 : *rows;
            }
        }
        if (!moved) {
            return false;
        }
    }
    return true;
}

/* --- cells ------------------------------------------------------------------------------------ */

static bool clear(sheet *s, size_t rows) {
    s->rows = rows;
    s->cells = tk_arena_array(s->d->arena, rows * s->columns, 1);
    return s->cells != NULL;
}

static void mark(sheet *s, size_t row, size_t column, unsigned arms) {
    uint8_t *cell = &s->cells[row * s->columns + column];
    *cell = (uint8_t)(*cell | arms);
}

/* From the top of row `from` to the bottom of row `to`. */
static void down(sheet *s, size_t column, size_t from, size_t to) {
    for (size_t row = from; row <= to; row++) {
        mark(s, row, column, NORTH | SOUTH);
    }
}

static void across(sheet *s, const bundle *b) {
    size_t row = (size_t)b->row;
    for (size_t column = b->from; column <= b->to; column++) {
        unsigned arms = (column > b->from ? WEST : 0U) | (column < b->to ? EAST : 0U);
        bool begins = begins_at(b, column);
        bool ends = ends_at(s, b, column);
        arms |= (begins ? NORTH : 0U) | (ends ? SOUTH : 0U) | (begins || ends ? JOINT : 0U);
        mark(s, row, column, arms);
    }
}

static void draw_bundle(sheet *s, const bundle *b) {
    size_t last = s->rows - 1;
    for (uint32_t i = 0; i < b->source_count; i++) {
        if (b->row > 0) {
            down(s, b->sources[i], 0, (size_t)b->row - 1);
        }
    }
    if (b->row != NO_ROW) {
        across(s, b);
    }
    for (uint32_t i = 0; i < b->first->below_count; i++) {
        const drawing_node *target = &s->d->nodes[b->first->below[i]];
        size_t column = drawing_port(target);
        size_t below = b->row == NO_ROW ? 0 : (size_t)b->row + 1;
        down(s, column, below, last);
        mark(s, last, column, target->label.size > 0 ? ARROW : 0);
    }
}

/* --- text ------------------------------------------------------------------------------------- */

static const char *sign_of(const out *o, unsigned cell) {
    static const char *const signs[16] = {" ", "│", "─", "└", "│", "│", "┌", "├",
                                          "─", "┘", "─", "┴", "┐", "┤", "┬", "┼"};
    static const char *const ascii[16] = {" ", "|", "-", "+", "|", "|", "+", "+",
                                          "-", "+", "-", "+", "+", "+", "+", "+"};
    if ((cell & ARROW) != 0) {
        return o->unicode ? "▼" : "v";
    }
    unsigned arms = cell & 15U;
    bool passes =
        (cell & JOINT) == 0 && (arms & (NORTH | SOUTH)) != 0 && (arms & (EAST | WEST)) != 0;
    arms = passes ? NORTH | SOUTH : arms;
    return o->unicode ? signs[arms] : ascii[arms];
}

static size_t last_used(const sheet *s, size_t row) {
    size_t end = s->columns;
    while (end > 0 && s->cells[row * s->columns + end - 1] == 0) {
        end--;
    }
    return end;
}

/* A row; labels of the layer stand in the middle row of its boxes. */
static void print_row(out *o, const sheet *s, size_t row, const drawing_layer *labels) {
    size_t end = last_used(s, row);
    for (size_t column = 0; column < end;) {
        const drawing_node *here = NULL;
        for (uint32_t i = 0; labels != NULL && i < labels->count; i++) {
            const drawing_node *node = &s->d->nodes[labels->nodes[i]];
            here = node->label.size > 0 && node->left + 2 == column ? node : here;
        }
        if (here != NULL) {
            column += out_text(o, OUT_BOLD, here->label, 0);
        } else {
            tk_buf_text(&o->text, sign_of(o, s->cells[row * s->columns + column]));
            column++;
        }
    }
    tk_buf_char(&o->text, '\n');
}

static void frame(sheet *s, const drawing_node *node) {
    size_t right = node->left + node->width - 1;
    for (size_t column = node->left + 1; column < right; column++) {
        mark(s, 0, column, EAST | WEST | JOINT);
        mark(s, 2, column, EAST | WEST | JOINT);
    }
    mark(s, 0, node->left, EAST | SOUTH | JOINT);
    mark(s, 0, right, WEST | SOUTH | JOINT);
    mark(s, 1, node->left, NORTH | SOUTH);
    mark(s, 1, right, NORTH | SOUTH);
    mark(s, 2, node->left, NORTH | EAST | JOINT);
    mark(s, 2, right, NORTH | WEST | JOINT);
    if (node->below_count > 0) {
        mark(s, 2, drawing_port(node), SOUTH);
    }
}

static bool print_layer(out *o, sheet *s, const drawing_layer *layer) {
    if (!clear(s, BOX_ROWS)) {
        return false;
    }
    for (uint32_t i = 0; i < layer->count; i++) {
        const drawing_node *node = &s->d->nodes[layer->nodes[i]];
        if (node->label.size > 0) {
            frame(s, node);
        } else {
            down(s, drawing_port(node), 0, BOX_ROWS - 1);
        }
    }
    for (size_t row = 0; row < BOX_ROWS; row++) {
        print_row(o, s, row, row == 1 ? layer : NULL);
    }
    return true;
}

static bool print_channel(out *o, sheet *s, const drawing_layer *layer) {
    int rows = 0;
    collect(s, layer);
    if (!give_rows(s, &rows) || !clear(s, (size_t)rows + 1)) {
        return false;
    }
    for (uint32_t i = 0; i < s->bundle_count; i++) {
        draw_bundle(s, &s->bundles[i]);
    }
    for (size_t row = 0; row < s->rows; row++) {
        print_row(o, s, row, NULL);
    }
    return true;
}

bool drawing_lines(out *o, const drawing *d, size_t columns) {
    sheet s = {.d = d, .columns = columns};
    size_t before = o->text.size;
    s.bundles = tk_arena_array(d->arena, DRAWING_NODES_MAX, sizeof(*s.bundles));
    bool good = s.bundles != NULL;
    for (uint32_t i = 0; i < d->layer_count && good; i++) {
        good = print_layer(o, &s, &d->layers[i]) &&
               (i + 1 == d->layer_count || print_channel(o, &s, &d->layers[i]));
    }
    if (!good) {
        tk_buf_truncate(&o->text, before);
    }
    return good;
}
