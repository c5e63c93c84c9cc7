/*
 * drawing.c - where boxes go: layers, their order, their places; see drawing.h.
 */
#include "drawing.h"

#include <stdlib.h>

enum { GAP = 2, SWEEPS = 6, FRAME = 4, PASSING_WIDTH = 1 };

/* --- layers ----------------------------------------------------------------------------------- */

bool drawing_layers(drawing_box *boxes, uint32_t count) {
    bool moved = true;
    for (uint32_t round = 0; moved && round <= count; round++) {
        moved = false;
        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t j = 0; j < boxes[i].after_count; j++) {
                uint32_t least = boxes[boxes[i].after[j]].layer + 1;
                moved = moved || boxes[i].layer < least;
                boxes[i].layer = boxes[i].layer < least ? least : boxes[i].layer;
            }
        }
    }
    return !moved;
}

static bool lead(drawing *d, uint32_t from, uint32_t to) {
    drawing_node *node = &d->nodes[from];
    for (uint32_t i = 0; i < node->below_count; i++) {
        if (node->below[i] == to) {
            return true;
        }
    }
    uint32_t *below = tk_arena_array(d->arena, node->below_count + 1, sizeof(*below));
    if (below == NULL) {
        return false;
    }
    if (node->below_count > 0) {
        memcpy(below, node->below, node->below_count * sizeof(*below));
    }
    below[node->below_count++] = to;
    node->below = below;
    return true;
}

/* Leads a line from one node to another, through the layers between them: lines of the same source go
 * together as far as they can. */
static bool lead_far(drawing *d, uint32_t from, uint32_t to, uint32_t *passing) {
    uint32_t at = from;
    while (d->nodes[at].layer + 1 < d->nodes[to].layer) {
        uint32_t next = passing[at];
        if (next == 0) {
            if (d->node_count == DRAWING_NODES_MAX) {
                return false;
            }
            next = d->node_count++;
            d->nodes[next] =
                (drawing_node){.layer = d->nodes[at].layer + 1, .width = PASSING_WIDTH};
            passing[at] = next;
            if (!lead(d, at, next)) {
                return false;
            }
        }
        at = next;
    }
    return lead(d, at, to);
}

static bool make_nodes(drawing *d, const drawing_box *boxes, uint32_t count) {
    uint32_t passing[DRAWING_NODES_MAX] = {0}; /* the next node of a source's line; 0: none */
    d->nodes = tk_arena_array(d->arena, DRAWING_NODES_MAX, sizeof(*d->nodes));
    if (d->nodes == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        d->nodes[i] = (drawing_node){.label = boxes[i].label,
                                     .layer = boxes[i].layer,
                                     .width = out_columns(boxes[i].label) + FRAME};
    }
    d->node_count = count;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < boxes[i].after_count; j++) {
            if (!lead_far(d, boxes[i].after[j], i, passing)) {
                return false;
            }
        }
    }
    return true;
}

static bool make_layers(drawing *d) {
    for (uint32_t i = 0; i < d->node_count; i++) {
        if (d->nodes[i].layer >= DRAWING_LAYERS_MAX) {
            return false;
        }
        d->layers[d->nodes[i].layer].count++;
        d->layer_count =
            d->layer_count > d->nodes[i].layer + 1 ? d->layer_count : d->nodes[i].layer + 1;
    }
    for (uint32_t i = 0; i < d->layer_count; i++) {
        d->layers[i].nodes = tk_arena_array(d->arena, d->layers[i].count, sizeof(uint32_t));
        if (d->layers[i].nodes == NULL) {
            return false;
        }
        d->layers[i].count = 0;
    }
    for (uint32_t i = 0; i < d->node_count; i++) {
        drawing_layer *layer = &d->layers[d->nodes[i].layer];
        layer->nodes[layer->count++] = i;
    }
    return true;
}

/* --- order ------------------------------------------------------------------------------------ */

static bool leads_to(const drawing_node *node, uint32_t to) {
    for (uint32_t i = 0; i < node->below_count; i++) {
        if (node->below[i] == to) {
            return true;
        }
    }
    return false;
}

/* The mean of where a node's neighbours are, of the layer above or below; -1: it has none. */
static double mean_index(const drawing *d, uint32_t node, const drawing_layer *beside, bool above) {
    double sum = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < beside->count; i++) {
        bool joined = above ? leads_to(&d->nodes[beside->nodes[i]], node)
                            : leads_to(&d->nodes[node], beside->nodes[i]);
        sum += joined ? i : 0;
        count += joined ? 1 : 0;
    }
    return count == 0 ? -1 : sum / count;
}

/* Sorts by wish; equal ones stay as they are. */
static void sort_layer(const drawing *d, drawing_layer *layer) {
    for (uint32_t i = 1; i < layer->count; i++) {
        uint32_t node = layer->nodes[i];
        uint32_t j = i;
        while (j > 0 && d->nodes[layer->nodes[j - 1]].wish > d->nodes[node].wish) {
            layer->nodes[j] = layer->nodes[j - 1];
            j--;
        }
        layer->nodes[j] = node;
    }
}

static void order_layer(drawing *d, uint32_t index, bool above) {
    drawing_layer *layer = &d->layers[index];
    const drawing_layer *beside = &d->layers[above ? index - 1 : index + 1];
    for (uint32_t i = 0; i < layer->count; i++) {
        double mean = mean_index(d, layer->nodes[i], beside, above);
        d->nodes[layer->nodes[i]].wish = mean < 0 ? i : mean;
    }
    sort_layer(d, layer);
}

static void order(drawing *d) {
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        for (uint32_t i = 1; i < d->layer_count; i++) {
            order_layer(d, i, true);
        }
        for (uint32_t i = d->layer_count - 1; sweep + 1 < SWEEPS && i-- > 0;) {
            order_layer(d, i, false);
        }
    }
}

/* --- places ----------------------------------------------------------------------------------- */

static size_t layer_width(const drawing *d, const drawing_layer *layer) {
    size_t width = 0;
    for (uint32_t i = 0; i < layer->count; i++) {
        width += d->nodes[layer->nodes[i]].width + (i > 0 ? GAP : 0);
    }
    return width;
}

/* Where the node's port would like to be: over, or under, the middle of what it is joined with. */
static double wish_of(const drawing *d, uint32_t node, const drawing_layer *beside, bool above) {
    double least = 0;
    double most = 0;
    bool any = false;
    for (uint32_t i = 0; i < beside->count; i++) {
        const drawing_node *other = &d->nodes[beside->nodes[i]];
        bool joined = above ? leads_to(other, node) : leads_to(&d->nodes[node], beside->nodes[i]);
        if (joined) {
            double port = (double)drawing_port(other);
            least = !any || port < least ? port : least;
            most = !any || port > most ? port : most;
            any = true;
        }
    }
    size_t half = d->nodes[node].width / 2; /* rounded down, as the port is */
    return any ? (least + most) / 2 - (double)half : (double)d->nodes[node].left;
}

/* As near to its wish as its neighbours allow: the mean of two ways to push them apart. */
static void place_layer(drawing *d, const drawing_layer *layer, size_t columns) {
    double from_left[DRAWING_NODES_MAX];
    double at = 0;
    for (uint32_t i = 0; i < layer->count; i++) {
        const drawing_node *node = &d->nodes[layer->nodes[i]];
        at = node->wish > at ? node->wish : at;
        from_left[i] = at;
        at += (double)node->width + GAP;
    }
    double end = (double)columns;
    double shift = at - GAP > end ? at - GAP - end : 0; /* what hangs over on the right */
    double right = end;
    for (uint32_t i = layer->count; i-- > 0;) {
        drawing_node *node = &d->nodes[layer->nodes[i]];
        double most = right - (double)node->width;
        double other = node->wish < most ? node->wish : most;
        right = other - GAP;
        double left = from_left[i] - shift;
        node->wish = (left + other) / 2;
    }
    size_t least = 0;
    for (uint32_t i = 0; i < layer->count; i++) {
        drawing_node *node = &d->nodes[layer->nodes[i]];
        double wish = node->wish + 0.5;
        size_t left = wish > 0 ? (size_t)wish : 0;
        node->left = left > least ? left : least;
        least = node->left + node->width + GAP;
    }
    for (uint32_t i = layer->count; i-- > 0;) { /* nothing hangs over, whatever was rounded */
        drawing_node *node = &d->nodes[layer->nodes[i]];
        size_t most = (i + 1 < layer->count ? d->nodes[layer->nodes[i + 1]].left - GAP : columns);
        node->left = node->left + node->width > most ? most - node->width : node->left;
    }
}

static void place_beside(drawing *d, uint32_t index, bool above, size_t columns) {
    const drawing_layer *layer = &d->layers[index];
    const drawing_layer *beside = &d->layers[above ? index - 1 : index + 1];
    for (uint32_t i = 0; i < layer->count; i++) {
        d->nodes[layer->nodes[i]].wish = wish_of(d, layer->nodes[i], beside, above);
    }
    place_layer(d, layer, columns);
}

static void place(drawing *d, size_t columns) {
    for (uint32_t i = 0; i < d->layer_count; i++) {
        size_t at = (columns - layer_width(d, &d->layers[i])) / 2;
        for (uint32_t j = 0; j < d->layers[i].count; j++) {
            drawing_node *node = &d->nodes[d->layers[i].nodes[j]];
            node->left = at;
            at += node->width + GAP;
        }
    }
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        for (uint32_t i = 1; i < d->layer_count; i++) {
            place_beside(d, i, true, columns);
        }
        for (uint32_t i = d->layer_count - 1; i-- > 0;) {
            place_beside(d, i, false, columns);
        }
    }
}

/* The drawing begins at the left. */
static void align_left(drawing *d) {
    size_t least = SIZE_MAX;
    for (uint32_t i = 0; i < d->node_count; i++) {
        least = d->nodes[i].left < least ? d->nodes[i].left : least;
    }
    for (uint32_t i = 0; i < d->node_count; i++) {
        d->nodes[i].left -= least;
    }
}

bool drawing_show(out *o, tk_arena *arena, const drawing_box *boxes, uint32_t count,
                  size_t columns) {
    drawing *d = tk_arena_alloc(arena, sizeof(*d));
    if (d == NULL || count == 0 || count > DRAWING_BOXES_MAX) {
        return false;
    }
    d->arena = arena;
    if (!make_nodes(d, boxes, count) || !make_layers(d)) {
        return false;
    }
    size_t widest = 0;
    for (uint32_t i = 0; i < d->layer_count; i++) {
        size_t width = layer_width(d, &d->layers[i]);
        widest = width > widest ? width : widest;
    }
    if (widest > columns) {
        return false;
    }
    order(d);
    size_t room = widest + widest / 2 < columns ? widest + widest / 2 : columns;
    place(d, room);
    align_left(d);
    return drawing_lines(o, d, columns);
}
