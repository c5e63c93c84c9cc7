/*
 * template_yaml_graph.c - checks that the dependencies of a template make a DAG.
 *
 *   template_yaml_steps.c --names, lists--> [template_yaml_graph.c] --edges--> graph.c
 */
#include "graph.h"
#include "template_reader.h"

#define CYCLE_NAMES_MAX 16 /* steps of a cycle that a message names */

/* The number of the step that a list's item names; false (with a finding) when it makes no edge. */
static bool resolve(tk_reader *r, const tk_reader_step *step, const tk_yaml *item,
                    uint16_t *parent) {
    const tk_name *found = tk_names_find(r->names, r->name_count, item->text);
    if (found == NULL) {
        tk_reader_error(r, item, "no step has the name %s; expected a step of this template",
                        tk_reader_quote(r, item->text));
        return false;
    }
    if (step->name != NULL && tk_str_equal(step->name->text, item->text)) {
        tk_reader_error(r, item, "the step %s depends on itself; expected other steps",
                        tk_reader_quote(r, item->text));
        return false;
    }
    *parent = (uint16_t)found->number;
    return true;
}

/* `seen` holds, for each step, the last one (from 1) that named it. */
static void read_edges(tk_reader *r, uint32_t index, uint32_t *seen) {
    tk_reader_step *step = &r->steps[index];
    if (step->dependencies == NULL) {
        return;
    }
    step->parents = tk_arena_array(r->arena, step->dependencies->count, sizeof(*step->parents));
    if (step->parents == NULL) {
        r->failed = true;
        return;
    }
    for (const tk_yaml *item = step->dependencies->first; item != NULL; item = item->next) {
        uint16_t parent = 0;
        if (!resolve(r, step, item, &parent)) {
            continue;
        }
        if (seen[parent] == index + 1) {
            tk_reader_warn(r, item, "the step %s is named before; expected it once",
                           tk_reader_quote(r, item->text));
            continue;
        }
        seen[parent] = index + 1;
        step->parents[step->parent_count++] = parent;
    }
}

/* Where the first step of a cycle names the second. */
static const tk_yaml *edge_item(const tk_reader *r, const uint16_t *cycle, uint32_t count) {
    const tk_yaml *list = r->steps[cycle[0]].dependencies;
    const tk_yaml *parent = r->steps[cycle[1 % count]].name;
    for (const tk_yaml *item = list->first; item != NULL; item = item->next) {
        if (tk_str_equal(item->text, parent->text)) {
            return item;
        }
    }
    return list;
}

static void refuse_cycle(tk_reader *r, const uint16_t *cycle, uint32_t count) {
    tk_buf names = {0};
    for (uint32_t i = 0; i < count && i < CYCLE_NAMES_MAX; i++) {
        tk_buf_str(&names, r->steps[cycle[i]].name->text);
        tk_buf_text(&names, " -> ");
    }
    tk_buf_text(&names, count > CYCLE_NAMES_MAX ? "... -> " : "");
    tk_buf_str(&names, r->steps[cycle[0]].name->text);
    if (names.failed) {
        r->failed = true;
    } else {
        tk_reader_error(r, edge_item(r, cycle, count),
                        "the steps depend on each other: %s; expected no cycle", names.data);
    }
    tk_buf_release(&names);
}

static void check_cycle(tk_reader *r) {
    tk_graph_node *nodes = tk_arena_array(r->arena, r->step_count, sizeof(*nodes));
    const uint16_t *cycle = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; nodes != NULL && i < r->step_count; i++) {
        nodes[i] = (tk_graph_node){r->steps[i].parents, r->steps[i].parent_count};
    }
    if (nodes == NULL || !tk_graph_find_cycle(r->arena, nodes, r->step_count, &cycle, &count)) {
        r->failed = true;
    } else if (count > 0) {
        refuse_cycle(r, cycle, count);
    }
}

void tk_reader_graph(tk_reader *r) {
    uint32_t *seen = tk_arena_array(r->arena, r->step_count, sizeof(*seen));
    r->failed = r->failed || seen == NULL;
    for (uint32_t i = 0; i < r->step_count && !r->failed; i++) {
        read_edges(r, i, seen);
    }
    if (!r->failed) {
        check_cycle(r);
    }
}
