/* A task's progress against a naive model that knows only marks and edges. */
#include <criterion/criterion.h>

#include "progress.h"
#include "random.h"

enum { STEPS_MAX = 600 };

/* A template with nothing but edges; parents have smaller numbers. */
typedef struct graph {
    tk_template template;
    tk_template_step steps[STEPS_MAX];
    uint16_t *parents[STEPS_MAX], *children[STEPS_MAX];
} graph;

static graph *graph_new(uint32_t count) {
    graph *g = tk_alloc(sizeof(*g));
    cr_assert_not_null(g);
    g->template.steps = g->steps;
    g->template.step_count = count;
    g->template.step_present_count = count;
    for (uint32_t i = 0; i < count; i++) {
        g->parents[i] = tk_alloc_array(count, sizeof(uint16_t));
        g->children[i] = tk_alloc_array(count, sizeof(uint16_t));
        cr_assert(g->parents[i] != NULL && g->children[i] != NULL);
        g->steps[i] = (tk_template_step){.present = true,
                                         .number = (uint16_t)i,
                                         .parents = {g->parents[i], 0},
                                         .children = {g->children[i], 0}};
    }
    return g;
}

static void graph_edge(graph *g, uint32_t parent, uint32_t child) {
    g->parents[child][g->steps[child].parents.count++] = (uint16_t)parent;
    g->children[parent][g->steps[parent].children.count++] = (uint16_t)child;
}

static void graph_free(graph *g) {
    for (uint32_t i = 0; i < g->template.step_count; i++) {
        tk_free(g->parents[i]);
        tk_free(g->children[i]);
    }
    tk_free(g);
}

/* --- the naive model --- */

typedef struct model {
    const graph *graph;
    tk_step_mark marks[STEPS_MAX];
} model;

static uint32_t model_open_parents(const model *m, uint32_t step) {
    uint32_t open = 0;
    for (uint32_t i = 0; i < m->graph->steps[step].parents.count; i++) {
        open += !tk_mark_satisfied(m->marks[m->graph->steps[step].parents.numbers[i]]);
    }
    return open;
}

/* Makes live what can be, and counts it. */
static uint32_t model_free(model *m) {
    uint32_t freed = 0;
    for (uint32_t i = 0; i < m->graph->template.step_count; i++) {
        if (m->marks[i] == TK_MARK_PENDING && model_open_parents(m, i) == 0) {
            m->marks[i] = TK_MARK_LIVE;
            freed++;
        }
    }
    return freed;
}

static uint32_t model_count(const model *m, tk_step_mark mark) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->graph->template.step_count; i++) {
        count += m->marks[i] == mark;
    }
    return count;
}

static tk_task_mark model_state(const model *m) {
    uint32_t live = model_count(m, TK_MARK_LIVE);
    uint32_t failed = model_count(m, TK_MARK_FAILED);
    if (live + failed + model_count(m, TK_MARK_PENDING) == 0) {
        return TK_TASK_COMPLETE;
    }
    return live == 0 ? TK_TASK_BLOCKED : TK_TASK_RUNNING;
}

/* --- both side by side --- */

typedef struct pair {
    graph *graph;
    tk_progress progress;
    model model;
    tk_freed freed;
    uint8_t bytes[STEPS_MAX * TK_PROGRESS_STEP_BYTES];
    uint16_t numbers[STEPS_MAX];
} pair;

static void compare(pair *p) {
    const char *unsound = tk_progress_sound(&p->progress, &p->graph->template);
    cr_assert_null(unsound, "%s", unsound == NULL ? "" : unsound);
    for (uint32_t i = 0; i < p->progress.step_count; i++) {
        cr_assert_eq(tk_progress_mark(&p->progress, i), p->model.marks[i], "step %u", i);
        cr_assert_eq(tk_progress_parents_open(&p->progress, i), model_open_parents(&p->model, i));
    }
    for (int mark = TK_MARK_PENDING; mark <= TK_MARK_ABSENT; mark++) {
        cr_assert_eq(tk_progress_count(&p->progress, (tk_step_mark)mark),
                     model_count(&p->model, (tk_step_mark)mark));
    }
    cr_assert_eq(p->progress.state, model_state(&p->model));
}

static void begin(pair *p, graph *g, tk_steps bypassed) {
    p->graph = g;
    p->freed = (tk_freed){p->numbers, 0};
    p->progress = (tk_progress){.bytes = p->bytes, .step_count = g->template.step_count};
    p->model = (model){.graph = g};
    for (uint32_t i = 0; i < bypassed.count; i++) {
        p->model.marks[bypassed.numbers[i]] = TK_MARK_RESOLVED;
    }
    for (uint32_t i = 0; i < g->template.step_count; i++) {
        if (!g->steps[i].present) {
            p->model.marks[i] = TK_MARK_ABSENT;
        }
    }
    tk_progress_begin(&p->progress, &g->template, bypassed, &p->freed);
    cr_assert_eq(p->freed.count, model_free(&p->model));
    compare(p);
}

static void satisfy(pair *p, uint32_t step, tk_step_mark mark) {
    p->freed.count = 0;
    p->model.marks[step] = mark;
    tk_progress_satisfy(&p->progress, &p->graph->template, step, mark, &p->freed);
    tk_progress_settle(&p->progress);
    cr_assert_eq(p->freed.count, model_free(&p->model));
    for (uint32_t i = 0; i < p->freed.count; i++) {
        cr_assert_eq(tk_progress_mark(&p->progress, p->freed.numbers[i]), TK_MARK_LIVE);
    }
    compare(p);
}

static void fail(pair *p, uint32_t step) {
    p->model.marks[step] = TK_MARK_FAILED;
    tk_progress_fail(&p->progress, step);
    tk_progress_settle(&p->progress);
    compare(p);
}

static void revive(pair *p, uint32_t step) {
    p->model.marks[step] = TK_MARK_LIVE;
    tk_progress_revive(&p->progress, step);
    tk_progress_settle(&p->progress);
    compare(p);
}

/* One random event on one random step; false when nothing is open any more. */
static bool random_event(pair *p, const tk_random *random) {
    uint32_t count = p->progress.step_count;
    uint32_t start = (uint32_t)tk_random_below(random, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t step = (start + i) % count;
        tk_step_mark mark = tk_progress_mark(&p->progress, step);
        uint64_t dice = tk_random_below(random, 100);
        if (mark == TK_MARK_LIVE && dice < 70) {
            satisfy(p, step, TK_MARK_COMPLETE);
        } else if (mark == TK_MARK_LIVE) {
            fail(p, step);
        } else if (mark == TK_MARK_FAILED && dice < 50) {
            revive(p, step);
        } else if (mark == TK_MARK_FAILED || (mark == TK_MARK_PENDING && dice < 5)) {
            satisfy(p, step, dice % 2 == 0 ? TK_MARK_RESOLVED : TK_MARK_COMPLETE);
        } else {
            continue;
        }
        return true;
    }
    return p->progress.open_steps > 0;
}

static const tk_steps nothing = {NULL, 0};

/* Runs every order of completions and failures of a small graph. */
static void explore(const pair *from, uint32_t *runs) {
    bool ended = true;
    for (uint32_t step = 0; step < from->progress.step_count; step++) {
        if (tk_progress_mark(&from->progress, step) != TK_MARK_LIVE) {
            continue;
        }
        ended = false;
        for (int failed = 0; failed < 2; failed++) {
            pair next = *from;
            next.progress.bytes = next.bytes;
            next.freed.numbers = next.numbers;
            if (failed) {
                fail(&next, step);
            } else {
                satisfy(&next, step, TK_MARK_COMPLETE);
            }
            explore(&next, runs);
        }
    }
    *runs += ended;
}

Test(progress, every_small_dag_in_every_order_agrees_with_the_naive_model) {
    uint32_t runs = 0;
    for (uint32_t count = 1; count <= 4; count++) {
        uint32_t edges = count * (count - 1) / 2;
        for (uint32_t bits = 0; bits < UINT32_C(1) << edges; bits++) {
            graph *g = graph_new(count);
            uint32_t bit = 0;
            for (uint32_t child = 1; child < count; child++) {
                for (uint32_t parent = 0; parent < child; parent++, bit++) {
                    if (bits >> bit & 1) {
                        graph_edge(g, parent, child);
                    }
                }
            }
            static pair p;
            begin(&p, g, nothing);
            explore(&p, &runs);
            graph_free(g);
        }
    }
    cr_assert_gt(runs, 1000);
}

Test(progress, every_set_of_bypassed_steps_of_a_mixed_dag_agrees) {
    static const uint8_t edges[][2] = {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {1, 4},
                                       {2, 5}, {3, 6}, {4, 6}, {5, 6}};
    graph *g = graph_new(7);
    for (size_t i = 0; i < TK_COUNT_OF(edges); i++) {
        graph_edge(g, edges[i][0], edges[i][1]);
    }
    for (uint32_t bits = 0; bits < 128; bits++) {
        uint16_t numbers[8];
        tk_steps bypassed = {numbers, 0};
        for (uint16_t i = 0; i < 7; i++) {
            if (bits >> i & 1) {
                numbers[bypassed.count++] = i;
            }
        }
        if (bypassed.count > 0) {
            numbers[bypassed.count++] = numbers[0]; /* named twice: the same */
        }
        static pair p;
        begin(&p, g, bypassed);
        for (uint32_t step = 0; step < 7; step++) {
            if (tk_progress_mark(&p.progress, step) == TK_MARK_LIVE) {
                satisfy(&p, step, TK_MARK_COMPLETE);
            }
        }
        cr_assert_eq(p.progress.state, TK_TASK_COMPLETE);
    }
    graph_free(g);
}

Test(progress, random_histories_of_large_dags_agree_to_their_end) {
    tk_random_stream stream;
    tk_random random = tk_random_seeded(&stream, 7);
    for (int round = 0; round < 20; round++) {
        uint32_t count = round == 0 ? STEPS_MAX : (uint32_t)tk_random_below(&random, 60) + 1;
        graph *g = graph_new(count);
        for (uint32_t child = 1; child < count; child++) {
            uint32_t from = child > 30 ? child - 30 : 0;
            for (uint32_t parent = from; parent < child; parent++) {
                if (tk_random_below(&random, 10) == 0) {
                    graph_edge(g, parent, child);
                }
            }
        }
        static pair p;
        begin(&p, g, nothing);
        for (uint32_t i = 0; i < count * 20 && p.progress.open_steps > 0; i++) {
            random_event(&p, &random);
        }
        cr_assert_eq(p.progress.state, TK_TASK_COMPLETE);
        graph_free(g);
    }
}

Test(progress, a_fan_in_of_more_than_255_parents_counts_each_once) {
    graph *g = graph_new(STEPS_MAX);
    for (uint32_t i = 0; i + 1 < STEPS_MAX; i++) {
        graph_edge(g, i, STEPS_MAX - 1);
    }
    static pair p;
    begin(&p, g, nothing);
    cr_assert_eq(p.freed.count, STEPS_MAX - 1);
    cr_assert_eq(tk_progress_parents_open(&p.progress, STEPS_MAX - 1), STEPS_MAX - 1);
    for (uint32_t i = 0; i + 1 < STEPS_MAX; i++) {
        satisfy(&p, i, TK_MARK_COMPLETE);
        cr_assert_eq(p.freed.count, i + 2 == STEPS_MAX);
    }
    graph_free(g);
}

Test(progress, holes_of_older_revisions_never_count) {
    graph *g = graph_new(5);
    g->steps[1].present = false;
    g->steps[3].present = false;
    graph_edge(g, 0, 4);
    static pair p;
    begin(&p, g, nothing);
    cr_assert_eq(p.progress.open_steps, 3);
    satisfy(&p, 0, TK_MARK_COMPLETE);
    satisfy(&p, 2, TK_MARK_COMPLETE);
    cr_assert_eq(p.progress.state, TK_TASK_RUNNING);
    satisfy(&p, 4, TK_MARK_COMPLETE);
    cr_assert_eq(p.progress.state, TK_TASK_COMPLETE);
    graph_free(g);
}

Test(progress, a_task_blocks_only_when_nothing_else_is_live) {
    graph *g = graph_new(4); /* 0 -> 1, 2 -> 3 */
    graph_edge(g, 0, 1);
    graph_edge(g, 2, 3);
    static pair p;
    begin(&p, g, nothing);
    fail(&p, 0);
    cr_assert_eq(p.progress.state, TK_TASK_RUNNING);
    satisfy(&p, 2, TK_MARK_COMPLETE);
    satisfy(&p, 3, TK_MARK_COMPLETE);
    cr_assert_eq(p.progress.state, TK_TASK_BLOCKED);
    revive(&p, 0);
    cr_assert_eq(p.progress.state, TK_TASK_RUNNING);
    fail(&p, 0);
    satisfy(&p, 0, TK_MARK_RESOLVED);
    cr_assert_eq(p.progress.state, TK_TASK_RUNNING);
    satisfy(&p, 1, TK_MARK_COMPLETE);
    cr_assert_eq(p.progress.state, TK_TASK_COMPLETE);
    graph_free(g);
}

Test(progress, a_step_closed_before_its_parents_is_not_set_going_by_them) {
    graph *g = graph_new(3);
    graph_edge(g, 0, 1);
    graph_edge(g, 1, 2);
    static pair p;
    begin(&p, g, nothing);
    satisfy(&p, 1, TK_MARK_COMPLETE);
    cr_assert_eq(p.freed.count, 1);
    cr_assert_eq(p.freed.numbers[0], 2);
    satisfy(&p, 0, TK_MARK_COMPLETE);
    cr_assert_eq(p.freed.count, 0);
    cr_assert_eq(tk_progress_mark(&p.progress, 1), TK_MARK_COMPLETE);
    graph_free(g);
}

Test(progress, ending_a_task_closes_what_is_open_and_stays_sound) {
    const struct {
        tk_step_mark mark;
        tk_task_mark state;
    } cases[] = {{TK_MARK_CANCELLED, TK_TASK_CANCELLED},
                 {TK_MARK_CANCELLED, TK_TASK_ERROR},
                 {TK_MARK_RESOLVED, TK_TASK_RESOLVED}};
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        graph *g = graph_new(5); /* 0 -> 1 -> 2, 3, 4 */
        graph_edge(g, 0, 1);
        graph_edge(g, 1, 2);
        static pair p;
        begin(&p, g, nothing);
        satisfy(&p, 3, TK_MARK_COMPLETE);
        fail(&p, 4);
        tk_progress_end(&p.progress, cases[i].mark);
        p.progress.state = cases[i].state;
        cr_assert_eq(p.progress.open_steps, 0);
        cr_assert_eq(p.progress.failed_steps, 0);
        cr_assert_eq(tk_progress_count(&p.progress, cases[i].mark), 4);
        cr_assert_eq(tk_progress_mark(&p.progress, 3), TK_MARK_COMPLETE);
        const char *unsound = tk_progress_sound(&p.progress, &g->template);
        cr_assert_null(unsound, "%s", unsound == NULL ? "" : unsound);
        cr_assert_not(tk_progress_settle(&p.progress), "an ended task stays as it is");
        graph_free(g);
    }
}

Test(progress, every_changed_byte_and_count_is_noticed) {
    graph *g = graph_new(4); /* 0 -> 1, 0 -> 2, 1 -> 3, 2 -> 3 */
    graph_edge(g, 0, 1);
    graph_edge(g, 0, 2);
    graph_edge(g, 1, 3);
    graph_edge(g, 2, 3);
    static pair p;
    begin(&p, g, nothing);
    satisfy(&p, 0, TK_MARK_COMPLETE);
    fail(&p, 1);
    for (size_t i = 0; i < 4 * TK_PROGRESS_STEP_BYTES; i++) {
        uint8_t before = p.bytes[i];
        for (unsigned value = 0; value < 256; value++) {
            p.bytes[i] = (uint8_t)value;
            bool sound = tk_progress_sound(&p.progress, &g->template) == NULL;
            /* who completed a step shows only in complete or resolved */
            bool same = value == before || (i == 0 && tk_mark_satisfied((tk_step_mark)value));
            cr_assert_eq(sound, same, "byte %zu = %u", i, value);
        }
        p.bytes[i] = before;
    }
    p.progress.open_steps++;
    cr_assert_not_null(tk_progress_sound(&p.progress, &g->template));
    p.progress.open_steps--;
    p.progress.failed_steps--;
    cr_assert_not_null(tk_progress_sound(&p.progress, &g->template));
    p.progress.failed_steps++;
    for (int state = TK_TASK_NONE; state <= TK_TASK_RESOLVED; state++) {
        p.progress.state = (tk_task_mark)state;
        cr_assert_eq(tk_progress_sound(&p.progress, &g->template) == NULL,
                     state == TK_TASK_RUNNING);
    }
    graph_free(g);
}
