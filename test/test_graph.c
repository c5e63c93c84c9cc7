/* Cycles and ancestors: every graph of up to four steps against a naive count, and large ones. */
#include <criterion/criterion.h>

#include "graph.h"
#include "random.h"
#include "support/fail_alloc.h"

enum { STEPS_MAX = 64 };

/* A graph as a matrix: edges[i][j] means that j is a parent of i. */
typedef struct matrix {
    uint32_t count;
    bool edges[STEPS_MAX][STEPS_MAX];
    uint16_t parents[STEPS_MAX][STEPS_MAX];
    tk_graph_node nodes[STEPS_MAX];
} matrix;

static void matrix_finish(matrix *m) {
    for (uint32_t i = 0; i < m->count; i++) {
        uint32_t found = 0;
        for (uint32_t j = 0; j < m->count; j++) {
            if (m->edges[i][j]) {
                m->parents[i][found++] = (uint16_t)j;
            }
        }
        m->nodes[i] = (tk_graph_node){m->parents[i], found};
    }
}

/* The naive reference: Warshall's closure. */
static void matrix_closure(const matrix *m, bool closure[STEPS_MAX][STEPS_MAX]) {
    memcpy(closure, m->edges, sizeof(m->edges));
    for (uint32_t k = 0; k < m->count; k++) {
        for (uint32_t i = 0; i < m->count; i++) {
            for (uint32_t j = 0; j < m->count; j++) {
                closure[i][j] = closure[i][j] || (closure[i][k] && closure[k][j]);
            }
        }
    }
}

static bool closure_cyclic(const matrix *m, bool closure[STEPS_MAX][STEPS_MAX]) {
    for (uint32_t i = 0; i < m->count; i++) {
        if (closure[i][i]) {
            return true;
        }
    }
    return false;
}

static void check_cycle(const matrix *m, const uint16_t *cycle, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        cr_assert(m->edges[cycle[i]][cycle[(i + 1) % count]], "each step waits on the next");
        cr_assert_geq(cycle[i], cycle[0], "it begins with its first step");
        for (uint32_t j = 0; j < i; j++) {
            cr_assert_neq(cycle[i], cycle[j], "no step stands twice");
        }
    }
}

static void check_matrix(matrix *m) {
    static bool closure[STEPS_MAX][STEPS_MAX];
    tk_arena arena = {0};
    const uint16_t *cycle;
    uint32_t count;
    matrix_finish(m);
    matrix_closure(m, closure);
    cr_assert(tk_graph_find_cycle(&arena, m->nodes, m->count, &cycle, &count));
    cr_assert_eq(count > 0, closure_cyclic(m, closure));
    check_cycle(m, cycle, count);
    if (count == 0) {
        const uint16_t **ancestors;
        const uint32_t *counts;
        cr_assert(tk_graph_ancestors(&arena, m->nodes, m->count, &ancestors, &counts));
        for (uint32_t i = 0; i < m->count; i++) {
            uint32_t found = 0;
            for (uint32_t j = 0; j < m->count; j++) {
                if (closure[i][j]) {
                    cr_assert(found < counts[i] && ancestors[i][found] == j, "sorted, complete");
                    found++;
                }
            }
            cr_assert_eq(found, counts[i]);
        }
    }
    tk_arena_release(&arena);
}

Test(graph, every_graph_of_up_to_four_steps_agrees_with_the_naive_closure) {
    for (uint32_t count = 0; count <= 4; count++) {
        for (uint32_t bits = 0; bits < UINT32_C(1) << (count * count); bits++) {
            static matrix m;
            m.count = count;
            for (uint32_t i = 0; i < count * count; i++) {
                m.edges[i / count][i % count] = (bits >> i & 1) != 0;
            }
            check_matrix(&m);
        }
    }
}

Test(graph, random_graphs_of_up_to_sixty_four_steps_agree_too) {
    tk_random_stream stream;
    tk_random random = tk_random_seeded(&stream, 20260101);
    for (int round = 0; round < 300; round++) {
        static matrix m;
        m = (matrix){.count = (uint32_t)tk_random_below(&random, STEPS_MAX) + 1};
        uint64_t density = tk_random_below(&random, 20) + 1;
        bool acyclic = round % 2 == 0; /* else a few edges may go forward */
        for (uint32_t i = 0; i < m.count; i++) {
            for (uint32_t j = 0; j < m.count; j++) {
                uint64_t odds = j < i ? density : acyclic ? 0 : density / 8;
                m.edges[i][j] = i != j && tk_random_below(&random, 100) < odds;
            }
        }
        check_matrix(&m);
    }
}

Test(graph, a_chain_of_the_most_steps_needs_no_deep_stack_in_either_direction) {
    static uint16_t parents[TASKER_STEPS_MAX];
    static tk_graph_node nodes[TASKER_STEPS_MAX];
    for (int upward = 0; upward < 2; upward++) {
        tk_arena arena = {0};
        for (uint32_t i = 0; i < TASKER_STEPS_MAX; i++) {
            bool first = upward ? i == TASKER_STEPS_MAX - 1 : i == 0;
            parents[i] = (uint16_t)(upward ? i + 1 : i - 1);
            nodes[i] = (tk_graph_node){&parents[i], first ? 0 : 1};
        }
        const uint16_t *cycle;
        uint32_t count;
        const uint16_t **ancestors;
        const uint32_t *counts;
        cr_assert(tk_graph_find_cycle(&arena, nodes, TASKER_STEPS_MAX, &cycle, &count));
        cr_assert_eq(count, 0);
        cr_assert(tk_graph_ancestors(&arena, nodes, TASKER_STEPS_MAX, &ancestors, &counts));
        for (uint32_t i = 0; i < TASKER_STEPS_MAX; i++) {
            cr_assert_eq(counts[i], upward ? TASKER_STEPS_MAX - 1 - i : i);
        }
        tk_arena_release(&arena);
    }
}

Test(graph, a_cycle_through_all_steps_is_found_whole) {
    static uint16_t parents[TASKER_STEPS_MAX];
    static tk_graph_node nodes[TASKER_STEPS_MAX];
    tk_arena arena = {0};
    for (uint32_t i = 0; i < TASKER_STEPS_MAX; i++) {
        parents[i] = (uint16_t)((i + 1) % TASKER_STEPS_MAX);
        nodes[i] = (tk_graph_node){&parents[i], 1};
    }
    const uint16_t *cycle;
    uint32_t count;
    cr_assert(tk_graph_find_cycle(&arena, nodes, TASKER_STEPS_MAX, &cycle, &count));
    cr_assert_eq(count, TASKER_STEPS_MAX);
    cr_assert_eq(cycle[0], 0);
    cr_assert_eq(cycle[1], 1);
    tk_arena_release(&arena);
}

static void diamond_scenario(void *user) {
    static const uint16_t none[1], start[] = {0}, both[] = {1, 2}, end[] = {3};
    tk_graph_node nodes[] = {{none, 0}, {start, 1}, {start, 1}, {both, 2}};
    tk_graph_node circle[] = {{end, 1}, {start, 1}, {start, 1}, {both, 2}};
    tk_arena arena = {0};
    const uint16_t *cycle;
    uint32_t count;
    const uint16_t **ancestors;
    const uint32_t *counts;
    (void)user;
    if (tk_graph_ancestors(&arena, nodes, 4, &ancestors, &counts)) {
        cr_assert_eq(counts[3], 3);
    }
    if (tk_graph_find_cycle(&arena, circle, 4, &cycle, &count)) {
        cr_assert_eq(count, 3);
    }
    tk_arena_release(&arena);
}

Test(graph, every_failed_allocation_is_told_and_nothing_leaks) {
    fail_alloc_report report = fail_alloc_sweep(diamond_scenario, NULL);
    cr_assert_gt(report.allocations, 8);
    cr_assert_eq(report.leak_at, 0, "allocation %zu leaks", report.leak_at);
    cr_assert_not(report.endless);
}
