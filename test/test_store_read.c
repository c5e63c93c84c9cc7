/* The store's contract, on every store: readers. */
#include "support/store_fixture.h"

#define NOW INT64_C(1700000000000000)

/* --- lists of tasks --------------------------------------------------------------------------- */

enum { TASKS = 12 };

/* Running tasks have live steps: the first a leased and a ready one, the second one in later. */
static void tasks_run(store_fixture *fx, const tk_uuid *first, const tk_uuid *second) {
    const tk_lease_row lease = {.task_id = *first};
    tk_ready_row ready = {.task_id = *first, .step = 1};
    const tk_ready_row later = {.task_id = *second};
    OK(lease_insert, &lease, 1);
    OK(ready_insert, &ready, 1);
    OK(later_insert, &later, 1);
}

/* Task i: template i % 3 (job 1.0.0, job 2.0.0, mail 1.0.0 of another namespace), state 1 + i % 6,
 * tag "even" on every second, correlation 1 on 4 and 5. Of job 1.0.0 more are counted than run. */
static void tasks_make(store_fixture *fx, tk_uuid ids[TASKS]) {
    const tk_str step = TK_STR("only");
    const tk_str none = {NULL, 0};
    uint8_t progress[3] = {1, 0, 0};
    tk_template_row templates[] = {
        {.id = fx->template_id},
        {.namespace_name = TK_STR("default"), .name = TK_STR("job"), .version = TK_STR("2.0.0")},
        {.namespace_name = TK_STR("post"), .name = TK_STR("mail"), .version = TK_STR("1.0.0")},
    };
    OK(begin, TK_STORE_WRITE);
    OK(template_insert, &templates[1], &step, &none, 1);
    OK(template_insert, &templates[2], &step, &none, 1);
    for (int i = 0; i < TASKS; i++) {
        tk_task_row task = {
            .id = store_fixture_id(fx),
            .template_id = templates[i % 3].id,
            .tags = i % 2 == 0 ? TK_STR("[\"even\",\"all\",\"all\"]") : TK_STR("[\"all\"]"),
            .initiator = i % 4 == 1 ? TK_STR("ann") : none,
            .source_system = i < 6 ? TK_STR("shop") : none,
            .has_correlation = i == 4 || i == 5,
            .context = TK_STR("{}"),
        };
        if (task.has_correlation) {
            task.correlation = ids[3];
        }
        const tk_state_row state = {
            .task_id = task.id, .state = 1 + i % 6, .progress = progress, .progress_bytes = 3};
        bool inserted;
        ids[i] = task.id;
        OK(task_insert, &task, 1, &inserted);
        OK(state_insert, &state, 1);
    }
    tasks_run(fx, &ids[0], &ids[6]);
    const tk_identity_row identity = {fx->queue, TK_STR("job"), TK_STR("key"), ids[4]};
    tk_uuid winner;
    OK(identity_insert, &fx->arena, &identity, 1, &winner);
    const tk_count_row counts[] = {{fx->template_id, 0, 1, 2, 0}, {fx->template_id, 0, 2, 90, 0}};
    OK(count_add, counts, TK_COUNT_OF(counts));
    COMMIT();
}

static void check_list(store_fixture *fx, const tk_task_filter *filter, const tk_uuid *tasks,
                       const int *expected, size_t number) {
    tk_task_page page = {0};
    uint32_t counted = 0;
    bool all = false;
    tk_task_filter whole = *filter;
    whole.limit = 100;
    OK(begin, TK_STORE_READ);
    OK(task_list, &fx->arena, filter, &page);
    OK(task_count, &whole, &counted, &all);
    COMMIT();
    uint32_t count = page.count;
    const tk_uuid *ids = page.ids;
    cr_assert_not(page.cut);
    cr_assert(all && counted >= count, "case %zu on %s: %u counted", number, fx->kind, counted);
    uint32_t wanted = 0;
    while (expected[wanted] >= 0) {
        wanted++;
    }
    cr_assert_eq(count, wanted, "case %zu on %s: %u instead of %u", number, fx->kind, count,
                 wanted);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert(tk_uuid_equal(&ids[i], &tasks[expected[i]]), "case %zu on %s, place %u", number,
                  fx->kind, i);
    }
}

STORE_TEST(store_read, lists_follow_their_filter) {
    tk_uuid ids[TASKS];
    tasks_make(fx, ids);
    int32_t post = 0;
    const tk_str name = TK_STR("post");
    OK(begin, TK_STORE_READ);
    OK(name_intern, TK_NAME_NAMESPACE, &name, 1, &post);
    COMMIT();
    const tk_str job = TK_STR("job");
    const tk_str two = TK_STR("2.0.0");
    const tk_str one = TK_STR("1.0.0");
    const tk_str even = TK_STR("even");
    const struct {
        tk_task_filter filter;
        int expected[TASKS + 1];
    } cases[] = {
        {{.limit = 0}, {-1}},
        {{.limit = 3}, {11, 10, 9, -1}},
        {{.limit = 100}, {11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, -1}},
        {{.limit = 2, .has_after = true, .after = ids[9]}, {8, 7, -1}},
        {{.limit = 9, .has_after = true, .after = ids[0]}, {-1}},
        {{.limit = 9, .queue = post}, {11, 8, 5, 2, -1}},
        {{.limit = 3, .queue = fx->queue}, {10, 9, 7, -1}},
        {{.limit = 9, .queue = 77}, {-1}},
        {{.limit = 9, .template_name = job, .template_version = two}, {10, 7, 4, 1, -1}},
        {{.limit = 9, .template_version = one}, {11, 9, 8, 6, 5, 3, 2, 0, -1}},
        {{.limit = 3, .template_name = job, .has_after = true, .after = ids[9]}, {7, 6, 4, -1}},
        {{.limit = 9, .template_name = TK_STR("none")}, {-1}},
        {{.limit = 9, .state = 1}, {6, 0, -1}},
        {{.limit = 9, .state = 2}, {7, 1, -1}},
        {{.limit = 9, .state = 3}, {8, 2, -1}},
        {{.limit = 1, .state = 6}, {11, -1}},
        {{.limit = 9, .state = 6, .has_after = true, .after = ids[11]}, {5, -1}},
        {{.limit = 9, .state = 4, .template_name = job}, {9, 3, -1}},
        {{.limit = 1, .state = 1}, {6, -1}},
        {{.limit = 9, .state = 1, .has_after = true, .after = ids[6]}, {0, -1}},
        {{.limit = 9, .state = 1, .queue = fx->queue}, {6, 0, -1}},
        {{.limit = 9, .state = 1, .queue = post}, {-1}},
        {{.limit = 9, .state = 1, .template_version = two}, {-1}},
        {{.limit = 9, .state = 1, .tag = even}, {6, 0, -1}},
        {{.limit = 9, .state = 2, .template_version = two}, {7, 1, -1}},
        {{.limit = 9, .tag = even}, {10, 8, 6, 4, 2, 0, -1}},
        {{.limit = 2, .tag = even, .has_after = true, .after = ids[8]}, {6, 4, -1}},
        {{.limit = 9, .tag = even, .state = 5}, {10, 4, -1}},
        {{.limit = 9, .tag = even, .state = 5, .template_version = two}, {10, 4, -1}},
        {{.limit = 9, .tag = TK_STR("Even")}, {-1}},
        {{.limit = 9, .has_correlation = true, .correlation = ids[3]}, {5, 4, 3, -1}},
        {{.limit = 2, .has_correlation = true, .correlation = ids[3]}, {5, 4, -1}},
        {{.limit = 9,
          .has_correlation = true,
          .correlation = ids[3],
          .has_after = true,
          .after = ids[5]},
         {4, 3, -1}},
        {{.limit = 9, .has_correlation = true, .correlation = ids[3], .tag = even}, {4, -1}},
        {{.limit = 9, .has_correlation = true, .correlation = ids[7]}, {7, -1}},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        check_list(fx, &cases[i].filter, ids, cases[i].expected, i);
    }
}

STORE_TEST(store_read, lists_follow_who_submitted_and_when) {
    tk_uuid ids[TASKS];
    tasks_make(fx, ids);
    int32_t post = 0;
    const tk_str name = TK_STR("post");
    OK(begin, TK_STORE_READ);
    OK(name_intern, TK_NAME_NAMESPACE, &name, 1, &post);
    COMMIT();
    const tk_str job = TK_STR("job");
    const tk_str even = TK_STR("even");
    const struct {
        tk_task_filter filter;
        int expected[TASKS + 1];
    } cases[] = {
        {{.limit = 9, .initiator = TK_STR("ann")}, {9, 5, 1, -1}},
        {{.limit = 9, .initiator = TK_STR("an")}, {-1}},
        {{.limit = 9, .initiator = TK_STR("ann"), .source_system = TK_STR("shop")}, {5, 1, -1}},
        {{.limit = 9, .source_system = TK_STR("shop"), .state = 2}, {1, -1}},
        {{.limit = 9, .initiator = TK_STR("ann"), .template_name = job}, {9, 1, -1}},
        {{.limit = 9, .initiator = TK_STR("ann"), .tag = even}, {-1}},
        {{.limit = 9, .key = TK_STR("key")}, {4, -1}},
        {{.limit = 9, .key = TK_STR("ke")}, {-1}},
        {{.limit = 9, .key = TK_STR("key"), .state = 1}, {-1}},
        {{.limit = 9, .key = TK_STR("key"), .queue = fx->queue}, {4, -1}},
        {{.limit = 9, .from = ids[9]}, {11, 10, 9, -1}},
        {{.limit = 9, .from = ids[4], .has_after = true, .after = ids[6]}, {5, 4, -1}},
        {{.limit = 9, .from = ids[1], .state = 1}, {6, -1}},
        {{.limit = 9, .from = ids[6], .tag = even}, {10, 8, 6, -1}},
        {{.limit = 9, .from = ids[6], .queue = post}, {11, 8, -1}},
        {{.limit = 3, .skip = 2}, {9, 8, 7, -1}},
        {{.limit = 3, .skip = 11}, {0, -1}},
        {{.limit = 3, .skip = 12}, {-1}},
        {{.limit = 1, .skip = 1, .state = 1}, {0, -1}},
        {{.limit = 2, .skip = 1, .tag = even}, {8, 6, -1}},
        {{.limit = 2, .skip = 1, .queue = fx->queue}, {9, 7, -1}},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        check_list(fx, &cases[i].filter, ids, cases[i].expected, i);
    }
}

enum { MANY = 24000, BATCH = 1000 };

/* Tasks that have ended; the oldest was submitted by ann. Returns its id. */
static tk_uuid many_make(store_fixture *fx) {
    static tk_task_row tasks[BATCH];
    static tk_state_row states[BATCH];
    static bool inserted[BATCH];
    uint8_t progress[3] = {2, 0, 0};
    tk_uuid oldest = {{0}};
    for (int at = 0; at < MANY; at += BATCH) {
        for (int i = 0; i < BATCH; i++) {
            tasks[i] = (tk_task_row){.id = store_fixture_id(fx),
                                     .template_id = fx->template_id,
                                     .initiator = at + i == 0 ? TK_STR("ann") : TK_STR("bob"),
                                     .context = TK_STR("{}")};
            states[i] = (tk_state_row){
                .task_id = tasks[i].id, .state = 2, .progress = progress, .progress_bytes = 3};
        }
        oldest = at == 0 ? tasks[0].id : oldest;
        OK(begin, TK_STORE_WRITE);
        OK(task_insert, tasks, BATCH, inserted);
        OK(state_insert, states, BATCH);
        COMMIT();
    }
    return oldest;
}

STORE_TEST(store_read, a_page_ends_where_enough_was_looked_at_and_goes_on_there) {
    tk_uuid oldest = many_make(fx);
    tk_task_filter filter = {.initiator = TK_STR("ann"), .limit = 5};
    tk_task_page page = {.cut = true};
    uint32_t pages = 0;
    uint32_t counted = 0;
    bool all = true;
    OK(begin, TK_STORE_READ);
    OK(task_count, &filter, &counted, &all);
    cr_assert_eq(counted, 0, "not reached");
    cr_assert_not(all);
    for (; page.cut; pages++) {
        OK(task_list, &fx->arena, &filter, &page);
        cr_assert(!page.cut || page.count == 0);
        filter.has_after = true;
        filter.after = page.reached;
    }
    cr_assert(pages == 2, "%s: %u pages", fx->kind, pages);
    cr_assert_eq(page.count, 1);
    cr_assert(tk_uuid_equal(&page.ids[0], &oldest));
    const tk_task_filter bob = {.initiator = TK_STR("bob"), .limit = 10000};
    OK(task_count, &bob, &counted, &all);
    cr_assert_eq(counted, 10000);
    cr_assert_not(all);
    COMMIT();
}

/* --- the queue -------------------------------------------------------------------------------- */

STORE_TEST(store_read, a_place_in_the_queue_is_counted_up_to_a_limit) {
    tk_uuid ids[5];
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 5);
    store_fixture_ready(fx, ids, 4, NOW);
    tk_ready_row first = {.task_id = ids[4],
                          .queue = fx->queue,
                          .handler = fx->handler,
                          .class = 3,
                          .enqueued_us = NOW};
    tk_ready_row other = {
        .task_id = ids[4], .step = 1, .queue = fx->queue, .handler = fx->handler + 1, .class = 9};
    OK(ready_insert, &first, 1);
    OK(ready_insert, &other, 1);
    COMMIT();
    const struct {
        int task;
        int64_t limit, expected;
    } cases[] = {{4, 10, 0}, {0, 10, 1}, {3, 10, 4}, {3, 3, 3}, {3, 4, 4}, {3, 5, 4}};
    OK(begin, TK_STORE_READ);
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        const tk_step_key key = {ids[cases[i].task], 0};
        int64_t ahead = -1;
        OK(ready_ahead, &key, cases[i].limit, &ahead);
        cr_assert_eq(ahead, cases[i].expected, "case %zu on %s: %" PRId64, i, fx->kind, ahead);
    }
    const tk_step_key none = {ids[0], 7};
    int64_t ahead = -1;
    OK(ready_ahead, &none, 10, &ahead);
    cr_assert_eq(ahead, 0);
    COMMIT();
}

/* --- one task --------------------------------------------------------------------------------- */

STORE_TEST(store_read, places_say_where_each_live_step_is) {
    tk_uuid ids[2];
    tk_place_row *rows = NULL;
    uint32_t count = 0;
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 2);
    tk_ready_row ready[] = {{.task_id = ids[0], .step = 2, .attempts = 1, .enqueued_us = NOW},
                            {.task_id = ids[1], .step = 9}};
    const tk_ready_row later = {.task_id = ids[0], .step = 0, .attempts = 3, .run_at_us = NOW + 7};
    const tk_lease_row lease = {ids[0], 1, 8, 5, 66, NOW, NOW + 1};
    OK(ready_insert, ready, 2);
    OK(later_insert, &later, 1);
    OK(lease_insert, &lease, 1);
    COMMIT();
    OK(begin, TK_STORE_READ);
    OK(place_list, &fx->arena, &ids[0], &rows, &count);
    COMMIT();
    const tk_place_row expected[] = {
        {.step = 0, .place = 3, .attempts = 3, .run_at_us = NOW + 7},
        {.step = 1,
         .place = 2,
         .attempts = 5,
         .worker = 8,
         .enqueued_us = NOW,
         .claimed_us = NOW + 1},
        {.step = 2, .place = 1, .attempts = 1, .enqueued_us = NOW},
    };
    cr_assert_eq(count, 3);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(rows[i].step, expected[i].step);
        cr_assert_eq(rows[i].place, expected[i].place);
        cr_assert_eq(rows[i].attempts, expected[i].attempts);
        cr_assert_eq(rows[i].worker, expected[i].worker);
        cr_assert_eq(rows[i].enqueued_us, expected[i].enqueued_us);
        cr_assert_eq(rows[i].claimed_us, expected[i].claimed_us);
        cr_assert_eq(rows[i].run_at_us, expected[i].run_at_us);
    }
}

STORE_TEST(store_read, attempts_and_acts_come_in_the_order_they_were_recorded) {
    tk_uuid ids[2];
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 2);
    tk_attempt_row attempts[] = {
        {.task_id = ids[0], .step = 5, .attempt = 1, .outcome = 2, .error = TK_STR("{}")},
        {.task_id = ids[1], .step = 5, .attempt = 1, .outcome = 1},
        {.task_id = ids[0], .step = 0, .attempt = 1, .outcome = 1, .result = TK_STR("1")},
        {.task_id = ids[0], .step = 5, .attempt = 2, .outcome = 1, .metadata = TK_STR("{}")},
    };
    tk_act_row acts[] = {
        {.task_id = ids[0],
         .acted_us = NOW,
         .kind = 3,
         .step = 5,
         .attempt = 1,
         .actor = TK_STR("ann"),
         .reason = TK_STR("")},
        {.task_id = ids[1], .acted_us = NOW, .kind = 4, .step = TK_ACT_NO_STEP},
        {.task_id = ids[0], .acted_us = NOW + 1, .kind = 2, .step = TK_ACT_NO_STEP},
    };
    OK(attempt_insert, attempts, 4);
    OK(act_insert, acts, 3);
    COMMIT();
    tk_attempt_row *rows = NULL;
    tk_act_row *deeds = NULL;
    uint32_t count = 0;
    OK(begin, TK_STORE_READ);
    for (int payloads = 0; payloads < 2; payloads++) {
        OK(attempt_list, &fx->arena, &ids[0], payloads == 1, &rows, &count);
        cr_assert_eq(count, 3);
        cr_assert(rows[0].step == 5 && rows[0].attempt == 1);
        cr_assert(rows[1].n > rows[0].n && rows[2].n > rows[1].n);
        cr_assert(rows[1].step == 0 && rows[2].step == 5 && rows[2].attempt == 2);
        cr_assert(tk_uuid_equal(&rows[2].task_id, &ids[0]));
        cr_assert_eq(rows[0].error.data != NULL, payloads == 1);
        cr_assert_eq(rows[1].result.data != NULL, payloads == 1);
        cr_assert_eq(rows[2].metadata.data != NULL, payloads == 1);
        cr_assert_null(rows[2].result.data);
    }
    OK(act_list, &fx->arena, &ids[0], &deeds, &count);
    cr_assert_eq(count, 2);
    cr_assert(deeds[0].kind == 3 && deeds[0].step == 5 && deeds[0].attempt == 1);
    cr_assert(deeds[0].acted_us == NOW && deeds[0].n < deeds[1].n);
    cr_assert(tk_str_is(deeds[0].actor, "ann"));
    cr_assert(deeds[0].reason.data != NULL && deeds[0].reason.size == 0);
    cr_assert(deeds[1].kind == 2 && deeds[1].step == TK_ACT_NO_STEP);
    cr_assert_null(deeds[1].actor.data);
    const tk_uuid nobody = store_fixture_id(fx);
    OK(attempt_list, &fx->arena, &nobody, true, &rows, &count);
    cr_assert_eq(count, 0);
    OK(act_list, &fx->arena, &nobody, &deeds, &count);
    cr_assert_eq(count, 0);
    COMMIT();
}

/* --- the whole store -------------------------------------------------------------------------- */

STORE_TEST(store_read, counts_follow_every_move) {
    const tk_count_row moves[] = {
        {51, 0, 1, 3, 0}, {51, 0, 1, 2, 0}, {51, 1, 2, 1, 0}, {52, 0, 1, 1, 0},
        {51, 1, 2, 1, 0}, {51, 1, 3, 1, 0}, {52, 1, 4, 1, 0}, {51, 3, 1, 1, 0},
    };
    tk_count_row *rows = NULL;
    uint32_t count = 0;
    int64_t tasks[2][8] = {{0}};
    OK(begin, TK_STORE_WRITE);
    OK(count_add, moves, TK_COUNT_OF(moves));
    COMMIT();
    OK(begin, TK_STORE_READ);
    OK(count_list, &fx->arena, &rows, &count);
    COMMIT();
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(rows[i].from, 0);
        tasks[rows[i].template_id - 51][rows[i].to] += rows[i].tasks;
    }
    cr_assert(tasks[0][1] == 3 && tasks[0][2] == 2 && tasks[0][3] == 0);
    cr_assert(tasks[1][1] == 0 && tasks[1][4] == 1);
}

STORE_TEST(store_read, depths_count_what_waits) {
    tk_uuid id;
    tk_depth_row *rows = NULL;
    tk_depth_sum sum = {0};
    uint32_t count = 9;
    OK(begin, TK_STORE_WRITE);
    OK(depth_list, &fx->arena, 1000, &rows, &count, &sum);
    cr_assert_eq(count, 0);
    store_fixture_tasks(fx, &id, 1);
    tk_ready_row ready[] = {
        {.task_id = id, .step = 0, .queue = 2, .handler = 1, .class = 5, .enqueued_us = NOW + 5},
        {.task_id = id, .step = 1, .queue = 2, .handler = 1, .class = 0, .enqueued_us = NOW},
        {.task_id = id, .step = 2, .queue = 1, .handler = 3, .class = 0, .enqueued_us = NOW + 9},
    };
    const tk_ready_row later[] = {
        {.task_id = id, .step = 3, .queue = 2, .handler = 1, .run_at_us = NOW},
        {.task_id = id, .step = 4, .queue = 2, .handler = 9, .run_at_us = NOW},
    };
    OK(ready_insert, ready, 3);
    OK(later_insert, later, 2);
    OK(depth_list, &fx->arena, 1000, &rows, &count, &sum);
    COMMIT();
    const int64_t expected[][5] = {{1, 3, 1, 0, NOW + 9}, {2, 1, 2, 1, NOW}, {2, 9, 0, 1, 0}};
    cr_assert_eq(count, TK_COUNT_OF(expected));
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(rows[i].queue, expected[i][0]);
        cr_assert_eq(rows[i].handler, expected[i][1]);
        cr_assert_eq(rows[i].ready, expected[i][2]);
        cr_assert_eq(rows[i].later, expected[i][3]);
        cr_assert_eq(rows[i].oldest_us, expected[i][4]);
        cr_assert(rows[i].all);
    }
}

STORE_TEST(store_read, depths_are_counted_up_to_a_bound) {
    enum { WAITING = 150 };
    tk_uuid ids[WAITING];
    tk_depth_row *rows = NULL;
    tk_depth_sum sum = {0};
    uint32_t count = 0;
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, WAITING);
    store_fixture_ready(fx, ids, WAITING, NOW);
    const tk_ready_row other = {
        .task_id = ids[0], .step = 9, .queue = fx->queue + 1, .handler = 1, .run_at_us = NOW};
    OK(later_insert, &other, 1);
    OK(depth_list, &fx->arena, 100, &rows, &count, &sum);
    cr_assert_eq(count, 2);
    cr_assert_eq(rows[0].ready, 100);
    cr_assert_not(rows[0].all);
    cr_assert_eq(rows[1].later, 1);
    cr_assert(rows[1].all);
    OK(depth_list, &fx->arena, WAITING, &rows, &count, &sum);
    cr_assert_eq(rows[0].ready, WAITING);
    cr_assert_not(rows[0].all, "there may be more");
    OK(depth_list, &fx->arena, WAITING + 1, &rows, &count, &sum);
    cr_assert_eq(rows[0].ready, WAITING);
    cr_assert(rows[0].all);
    COMMIT();
}

STORE_TEST(store_read, integrity_names_rows_without_a_task) {
    tk_uuid id;
    tk_uuid lost = store_fixture_id(fx);
    tk_str *problems = NULL;
    uint32_t count = 9;
    char text[TASKER_UUID_SIZE];
    uint8_t progress[3] = {0};
    tk_uuid_format(&lost, text);
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, &id, 1);
    OK(integrity, &fx->arena, &problems, &count);
    cr_assert_eq(count, 0);
    tk_ready_row ready = {.task_id = lost};
    const tk_lease_row lease = {.task_id = lost};
    const tk_state_row state = {.task_id = lost, .progress = progress, .progress_bytes = 3};
    tk_attempt_row attempts[] = {{.task_id = lost, .attempt = 1}, {.task_id = lost, .attempt = 2}};
    tk_act_row act = {.task_id = lost};
    const tk_identity_row identity = {
        .queue = fx->queue, .template_name = TK_STR("job"), .key = TK_STR("k"), .task_id = lost};
    tk_uuid winner;
    tk_task_row stateless = {.id = store_fixture_id(fx), .context = TK_STR("{}")};
    bool inserted;
    OK(ready_insert, &ready, 1);
    OK(later_insert, &ready, 1);
    OK(lease_insert, &lease, 1);
    OK(state_insert, &state, 1);
    OK(attempt_insert, attempts, 2);
    OK(act_insert, &act, 1);
    OK(identity_insert, &fx->arena, &identity, 1, &winner);
    OK(task_insert, &stateless, 1, &inserted);
    COMMIT();
    OK(begin, TK_STORE_READ);
    OK(integrity, &fx->arena, &problems, &count);
    COMMIT();
    cr_assert_eq(count, 8, "%u on %s", count, fx->kind);
    for (uint32_t i = 0; i < 7; i++) {
        cr_assert_not_null(strstr(problems[i].data, text), "%s", problems[i].data);
    }
}
