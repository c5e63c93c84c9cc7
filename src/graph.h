/*
 * graph.h - the DAG of a template: checked once, then ancestors and order.
 */
#ifndef TK_GRAPH_H
#define TK_GRAPH_H

#include "arena.h"

/* Edges as given: for each step (by position) the positions of its parents. */
typedef struct tk_graph_node {
    const uint16_t *parents;
    uint32_t parent_count;
} tk_graph_node;

/* tk_graph_find_cycle looks for a cycle. *cycle (from the arena) is its steps in order, the first
 * not repeated; *count 0 means that there is none. Linear time, no deep recursion. false: no memory. */
bool tk_graph_find_cycle(tk_arena *arena, const tk_graph_node *nodes, uint32_t count,
                         const uint16_t **cycle, uint32_t *cycle_count);

/* tk_graph_ancestors computes the transitive ancestors (sorted) of every step of an acyclic graph.
 * (*ancestors)[i] and (*counts)[i] come from the arena. false: no memory. */
bool tk_graph_ancestors(tk_arena *arena, const tk_graph_node *nodes, uint32_t count,
                        const uint16_t ***ancestors, const uint32_t **counts);

#endif
