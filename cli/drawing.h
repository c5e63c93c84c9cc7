/*
 * drawing.h - a graph of steps as a drawing of boxes and lines, from the top down.
 *
 *   layers (longest way from a root) ─► order (few crossings) ─► places ─► lines between layers ─► text
 *
 * A line that passes a layer has a place in it like a box. Sources with the same targets share a line.
 */
#ifndef CLI_DRAWING_H
#define CLI_DRAWING_H

#include "arena.h"
#include "output.h"

/* Larger graphs are not drawn: nobody could read them. */
#define DRAWING_BOXES_MAX 120
#define DRAWING_NODES_MAX 400 /* with the places that lines take */
#define DRAWING_LAYERS_MAX 120

typedef struct drawing_node {
    tk_str label; /* empty: a line passes here */
    uint32_t layer;
    uint32_t *below; /* nodes of the next layer that it leads to */
    uint32_t below_count;
    size_t width, left; /* in columns */
    double wish;        /* for ordering and placing */
} drawing_node;

typedef struct drawing_layer {
    uint32_t *nodes; /* from left to right */
    uint32_t count;
} drawing_layer;

typedef struct drawing {
    tk_arena *arena;
    drawing_node *nodes;
    uint32_t node_count;
    drawing_layer layers[DRAWING_LAYERS_MAX];
    uint32_t layer_count;
} drawing;

/* What is drawn: boxes and, for each, the indexes of those before it. */
typedef struct drawing_box {
    tk_str label;
    const uint32_t *after;
    uint32_t after_count;
    uint32_t layer; /* set by drawing_layers() */
} drawing_box;

/* drawing_layers sets each box's layer; the boxes have no cycle. False: out of memory. */
bool drawing_layers(drawing_box *boxes, uint32_t count);

/* drawing_show draws at most `columns` wide. False: it has no room or is too large (nothing was
 * drawn), or out of memory. The boxes have their layers. */
bool drawing_show(out *o, tk_arena *arena, const drawing_box *boxes, uint32_t count,
                  size_t columns);

/* drawing_lines draws what has its places; drawing_lines.c. False: two lines would need one place, or
 * out of memory. */
bool drawing_lines(out *o, const drawing *d, size_t columns);

static inline size_t drawing_port(const drawing_node *node) {
    return node->left + node->width / 2;
}

#endif
