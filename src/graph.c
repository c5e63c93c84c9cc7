/*
 * graph.c - the DAG of a template: is there a cycle, and who comes before whom.
 *
 *   template_yaml.c --edges--> [graph.c] --> a cycle to name in the error
 *   template.c ------edges--> [graph.c] --> the ancestors whose results a claim reads
 *
 * One walk serves both: depth first along the parents, with its own stack, so that a chain of
 * TASKER_STEPS_MAX steps needs no deep recursion. Its post-order has every parent before its
 * children.
 */
#include "graph.h"

typedef enum colour { WHITE = 0, GREY, BLACK } colour; /* unseen, on the stack, done */

typedef struct walk {
    const tk_graph_node *nodes;
    uint32_t count;
    uint8_t *colours;
    uint32_t *nexts; /* per step: how many parents were looked at */
    uint16_t *stack; /* each grey step once: count is room enough */
    uint32_t depth;
    uint16_t *order; /* post-order */
    uint32_t done;
    uint32_t cycle_start; /* the stack's index of the step that closes a cycle */
    bool cyclic;
} walk;

static void walk_release(walk *w) {
    tk_free(w->colours);
    tk_free(w->nexts);
    tk_free(w->stack);
    tk_free(w->order);
}

static bool walk_init(walk *w, const tk_graph_node *nodes, uint32_t count) {
    assert(count <= TASKER_STEPS_MAX);
    *w = (walk){.nodes = nodes, .count = count};
    w->colours = tk_alloc_array(count, sizeof(*w->colours));
    w->nexts = tk_alloc_array(count, sizeof(*w->nexts));
    w->stack = tk_alloc_array(count, sizeof(*w->stack));
    w->order = tk_alloc_array(count, sizeof(*w->order));
    return w->colours != NULL && w->nexts != NULL && w->stack != NULL && w->order != NULL;
}

static void push(walk *w, uint16_t step) {
    w->colours[step] = GREY;
    w->stack[w->depth++] = step;
}

static void close_cycle(walk *w, uint16_t step) {
    w->cyclic = true;
    w->cycle_start = w->depth - 1;
    while (w->stack[w->cycle_start] != step) {
        w->cycle_start--;
    }
}

/* Looks at the next parent of the step on top, or finishes that step. */
static void walk_turn(walk *w) {
    uint16_t top = w->stack[w->depth - 1];
    const tk_graph_node *node = &w->nodes[top];
    if (w->nexts[top] == node->parent_count) {
        w->colours[top] = BLACK;
        w->order[w->done++] = top;
        w->depth--;
        return;
    }
    uint16_t parent = node->parents[w->nexts[top]++];
    assert(parent < w->count);
    if (w->colours[parent] == WHITE) {
        push(w, parent);
    } else if (w->colours[parent] == GREY) {
        close_cycle(w, parent);
    }
}

static void walk_run(walk *w) {
    for (uint32_t i = 0; i < w->count; i++) {
        if (w->colours[i] == WHITE) {
            push(w, (uint16_t)i);
        }
        while (w->depth > 0) {
            walk_turn(w);
            if (w->cyclic) {
                return;
            }
        }
    }
}

/* Copies the cycle, beginning with its first step in the order of the text. */
static const uint16_t *cycle_copy(tk_arena *arena, const walk *w, uint32_t length) {
    uint16_t *cycle = tk_arena_array(arena, length, sizeof(*cycle));
    if (cycle == NULL) {
        return NULL;
    }
    const uint16_t *steps = w->stack + w->cycle_start;
    uint32_t first = 0;
    for (uint32_t i = 1; i < length; i++) {
        first = steps[i] < steps[first] ? i : first;
    }
    for (uint32_t i = 0; i < length; i++) {
        cycle[i] = steps[(first + i) % length];
    }
    return cycle;
}

bool tk_graph_find_cycle(tk_arena *arena, const tk_graph_node *nodes, uint32_t count,
                         const uint16_t **cycle, uint32_t *cycle_count) {
    *cycle = NULL;
    *cycle_count = 0;
    walk w;
    bool ok = walk_init(&w, nodes, count);
    if (ok) {
        walk_run(&w);
    }
    if (ok && w.cyclic) {
        uint32_t length = w.depth - w.cycle_start;
        *cycle = cycle_copy(arena, &w, length);
        ok = *cycle != NULL;
        *cycle_count = ok ? length : 0;
    }
    walk_release(&w);
    return ok;
}

/* --- ancestors: one bit set per step, the union of its parents and their sets --- */

typedef struct bits {
    uint64_t *words;
    uint32_t per_step; /* words */
} bits;

static uint64_t *bits_of(const bits *b, uint32_t step) {
    return b->words + (size_t)step * b->per_step;
}

static void bits_join(const bits *b, uint32_t step, const tk_graph_node *node) {
    uint64_t *own = bits_of(b, step);
    for (uint32_t i = 0; i < node->parent_count; i++) {
        uint16_t parent = node->parents[i];
        const uint64_t *theirs = bits_of(b, parent);
        for (uint32_t word = 0; word < b->per_step; word++) {
            own[word] |= theirs[word];
        }
        own[parent / 64] |= UINT64_C(1) << (parent % 64);
    }
}

static uint32_t bits_count(const bits *b, uint32_t step) {
    const uint64_t *own = bits_of(b, step);
    uint32_t count = 0;
    for (uint32_t word = 0; word < b->per_step; word++) {
        count += (uint32_t)__builtin_popcountll(own[word]);
    }
    return count;
}

static const uint16_t *bits_list(tk_arena *arena, const bits *b, uint32_t step, uint32_t count) {
    uint16_t *list = tk_arena_array(arena, count, sizeof(*list));
    if (list == NULL) {
        return NULL;
    }
    const uint64_t *own = bits_of(b, step);
    uint32_t found = 0;
    for (uint32_t word = 0; word < b->per_step; word++) {
        for (uint64_t rest = own[word]; rest != 0; rest &= rest - 1) {
            list[found++] = (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(rest));
        }
    }
    assert(found == count);
    return list;
}

/* Lists what the bits say; all memory is the arena's. */
static bool list_all(tk_arena *arena, const bits *b, uint32_t count, const uint16_t ***ancestors,
                     const uint32_t **counts) {
    const uint16_t **lists = tk_arena_array(arena, count, sizeof(*lists));
    uint32_t *sizes = tk_arena_array(arena, count, sizeof(*sizes));
    if (lists == NULL || sizes == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        sizes[i] = bits_count(b, i);
        lists[i] = bits_list(arena, b, i, sizes[i]);
        if (lists[i] == NULL) {
            return false;
        }
    }
    *ancestors = lists;
    *counts = sizes;
    return true;
}

bool tk_graph_ancestors(tk_arena *arena, const tk_graph_node *nodes, uint32_t count,
                        const uint16_t ***ancestors, const uint32_t **counts) {
    walk w;
    bits b = {.per_step = count / 64 + 1};
    bool ok = walk_init(&w, nodes, count);
    if (ok) {
        b.words = tk_alloc_array(count, b.per_step * sizeof(*b.words));
        ok = b.words != NULL;
    }
    if (ok) {
        walk_run(&w);
        assert(!w.cyclic);
        for (uint32_t i = 0; i < w.done; i++) {
            bits_join(&b, w.order[i], &nodes[w.order[i]]);
        }
        ok = list_all(arena, &b, count, ancestors, counts);
    }
    tk_free(b.words);
    walk_release(&w);
    return ok;
}
