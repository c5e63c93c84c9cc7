/* Whose turn it is: from the heads of the queue to what a worker claims. */
#include <criterion/criterion.h>

#include "engine.h"

#define HOUR_US INT64_C(3600000000)
#define NOW_US (1000 * HOUR_US)
#define NS_1 1
#define NS_2 2
#define NS_3 3
#define H_1 11
#define H_2 12

static const int32_t both[] = {H_1, H_2};

typedef struct plan {
    tk_arena arena;
    tk_want *wants;
    uint32_t count;
    int32_t top_class;
} plan;

static plan made(const tk_head *heads, uint32_t count, const tk_skill *skill, uint32_t slots) {
    plan p = {.count = 0};
    cr_assert(tk_claim_plan(&p.arena, heads, count, skill, slots, NOW_US, &p.wants, &p.count,
                            &p.top_class));
    return p;
}

static void expect_first(const plan *p, uint32_t at, int32_t queue, int32_t handler,
                         int32_t class) {
    cr_assert_lt(at, p->count);
    const tk_want *w = &p->wants[at];
    cr_assert(w->queue == queue && w->handler == handler && w->class == class,
              "want %" PRIu32 " is (%d, %d, %d)", at, w->queue, w->handler, w->class);
}

Test(claim, nothing_waits_nothing_is_wanted) {
    const tk_skill skill = {.handlers = both, .handler_count = 2};
    plan p = made(NULL, 0, &skill, 8);
    cr_assert_eq(p.count, 0);
    cr_assert_eq(p.top_class, INT32_MIN);
    tk_arena_release(&p.arena);
}

Test(claim, without_a_slot_only_the_highest_class_is_told) {
    const tk_skill skill = {.handlers = both, .handler_count = 2};
    const tk_head heads[] = {{NS_1, H_1, 5, 1, NOW_US}, {NS_1, H_2, 9, 2, NOW_US}};
    plan p = made(heads, 2, &skill, 0);
    cr_assert_eq(p.count, 0);
    cr_assert_eq(p.top_class, 9);
    tk_arena_release(&p.arena);
}

Test(claim, only_what_the_worker_can_run_is_wanted) {
    const int32_t one_handler[] = {H_2};
    const int32_t one_queue[] = {NS_2};
    const tk_head heads[] = {
        {NS_1, H_1, 0, 1, NOW_US},
        {NS_1, H_2, 7, 2, NOW_US},
        {NS_2, H_1, 8, 3, NOW_US},
        {NS_2, H_2, 0, 4, NOW_US},
    };
    const struct {
        tk_skill skill;
        uint32_t wanted; /* each counts twice when several namespaces share */
        int32_t top_class;
    } cases[] = {
        {{.handlers = both, .handler_count = 2}, 8, 8},
        {{.handlers = one_handler, .handler_count = 1}, 4, 7},
        {{.queues = one_queue, .queue_count = 1, .handlers = both, .handler_count = 2}, 2, 8},
        {{.queues = one_queue, .queue_count = 1, .handlers = one_handler, .handler_count = 1},
         1,
         0},
        {{.handlers = both, .handler_count = 0}, 0, INT32_MIN},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        plan p = made(heads, TK_COUNT_OF(heads), &cases[i].skill, 4);
        cr_assert_eq(p.count, cases[i].wanted, "case %zu: %" PRIu32, i, p.count);
        cr_assert_eq(p.top_class, cases[i].top_class, "case %zu", i);
        tk_arena_release(&p.arena);
    }
}

Test(claim, the_higher_priority_goes_first_and_equals_by_age) {
    const tk_skill skill = {.handlers = both, .handler_count = 2};
    const struct {
        tk_head first, second;
    } cases[] = {
        {{NS_1, H_1, 1, 9, NOW_US}, {NS_1, H_2, 0, 1, NOW_US}},
        {{NS_1, H_1, 100, 9, NOW_US}, {NS_1, H_2, -100, 1, NOW_US}},
        {{NS_1, H_1, 3, 1, NOW_US}, {NS_1, H_2, 3, 2, NOW_US}},
        /* ten hours of waiting are worth one class */
        {{NS_1, H_1, 0, 1, NOW_US - 11 * HOUR_US}, {NS_1, H_2, 1, 2, NOW_US}},
        {{NS_1, H_1, 1, 2, NOW_US}, {NS_1, H_2, 0, 1, NOW_US - 9 * HOUR_US}},
        {{NS_1, H_1, 0, 1, NOW_US - 10 * HOUR_US}, {NS_1, H_2, 1, 2, NOW_US}}, /* equal: by seq */
        {{NS_1, H_1, 1, 1, NOW_US}, {NS_1, H_2, 0, 2, NOW_US - 10 * HOUR_US}},
        /* a time in the future is no waiting */
        {{NS_1, H_1, 0, 1, NOW_US}, {NS_1, H_2, 0, 2, NOW_US + 500 * HOUR_US}},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        for (int swap = 0; swap < 2; swap++) {
            const tk_head heads[] = {swap ? cases[i].second : cases[i].first,
                                     swap ? cases[i].first : cases[i].second};
            plan p = made(heads, 2, &skill, 1);
            expect_first(&p, 0, NS_1, H_1, cases[i].first.class);
            tk_arena_release(&p.arena);
        }
    }
}

Test(claim, namespaces_take_turns_and_share_the_slots) {
    const tk_head heads[] = {
        {NS_1, H_1, 100, 1, NOW_US}, /* a flood of urgent work */
        {NS_2, H_1, 0, 2, NOW_US},
        {NS_3, H_1, -100, 3, NOW_US},
    };
    const int32_t order[] = {NS_1, NS_2, NS_3};
    for (uint32_t rotation = 0; rotation < 7; rotation++) {
        const tk_skill skill = {.handlers = both, .handler_count = 2, .rotation = rotation};
        plan p = made(heads, 3, &skill, 10);
        cr_assert_eq(p.count, 6);
        for (uint32_t i = 0; i < 6; i++) {
            cr_assert_eq(p.wants[i].queue, order[(i + rotation) % 3], "rotation %" PRIu32,
                         rotation);
            cr_assert_eq(p.wants[i].limit, i < 3 ? 4 : 10, "a third each, then what is left");
        }
        tk_arena_release(&p.arena);
    }
}

Test(claim, one_slot_goes_around_among_the_namespaces) {
    const tk_head heads[] = {{NS_1, H_1, 100, 1, NOW_US}, {NS_2, H_1, 0, 2, NOW_US}};
    uint32_t served[2] = {0};
    for (uint32_t rotation = UINT32_MAX - 5; rotation != 4; rotation++) { /* also over its end */
        const tk_skill skill = {.handlers = both, .handler_count = 2, .rotation = rotation};
        plan p = made(heads, 2, &skill, 1);
        served[p.wants[0].queue - 1]++;
        tk_arena_release(&p.arena);
    }
    cr_assert_eq(served[0], 5);
    cr_assert_eq(served[1], 5);
}

Test(claim, many_heads_are_all_wanted_once_in_each_round) {
    enum { QUEUES = 16, CLASSES = 64 };
    static tk_head heads[QUEUES * CLASSES];
    for (int i = 0; i < QUEUES * CLASSES; i++) {
        heads[i] = (tk_head){1 + i / CLASSES, H_1, i % CLASSES, i, NOW_US};
    }
    const tk_skill skill = {.handlers = both, .handler_count = 2, .rotation = 5};
    plan p = made(heads, QUEUES * CLASSES, &skill, 1024);
    cr_assert_eq(p.count, 2 * QUEUES * CLASSES);
    for (uint32_t i = 1; i < QUEUES * CLASSES; i++) {
        const tk_want *before = &p.wants[i - 1];
        const tk_want *now = &p.wants[i];
        cr_assert(now->queue != before->queue || now->class < before->class);
    }
    tk_arena_release(&p.arena);
}
