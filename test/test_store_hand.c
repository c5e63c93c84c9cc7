/* The store's contract, on every store: what acts by hand and workers need. */
#include "support/store_fixture.h"

#define NOW INT64_C(1700000000000000)
#define WORKER 7

static void ready_put(store_fixture *fx, const tk_uuid *id, uint16_t step, int32_t queue,
                      int32_t handler, int32_t class, int64_t enqueued_us) {
    tk_ready_row row = {
        .task_id = *id,
        .step = step,
        .deps = step > 0,
        .queue = queue,
        .handler = handler,
        .class = class,
        .attempts = 2,
        .enqueued_us = enqueued_us,
    };
    OK(ready_insert, &row, 1);
}

/* --- by hand ---------------------------------------------------------------------------------- */

STORE_TEST(store_hand, live_steps_can_be_taken_away) {
    tk_uuid id;
    tk_ready_row rows[2];
    bool done[2];
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, &id, 1);
    ready_put(fx, &id, 0, 3, 4, 5, NOW);
    const tk_ready_row later = {.task_id = id,
                                .step = 1,
                                .queue = 6,
                                .handler = 7,
                                .class = -8,
                                .attempts = 9,
                                .deps = true,
                                .run_at_us = NOW + 1};
    const tk_lease_row lease = {id, 2, WORKER, 3, 44, NOW, NOW + 10};
    OK(later_insert, &later, 1);
    OK(lease_insert, &lease, 1);
    COMMIT();
    const tk_step_key keys[] = {{id, 0}, {id, 1}};
    OK(begin, TK_STORE_WRITE);
    OK(ready_delete, keys, 2, rows, done);
    cr_assert(done[0] && !done[1]);
    cr_assert(rows[0].queue == 3 && rows[0].handler == 4 && rows[0].class == 5);
    cr_assert(rows[0].attempts == 2 && rows[0].enqueued_us == NOW && !rows[0].deps);
    OK(later_delete, keys, 2, rows, done);
    cr_assert(!done[0] && done[1]);
    cr_assert(rows[1].queue == 6 && rows[1].handler == 7 && rows[1].class == -8);
    cr_assert(rows[1].attempts == 9 && rows[1].run_at_us == NOW + 1 && rows[1].deps);
    const tk_step_key running[] = {{id, 2}, {id, 3}};
    OK(lease_revoke, running, 2, NOW, done);
    cr_assert(done[0] && !done[1]);
    COMMIT();
    tk_attempt_row *attempts = NULL;
    uint32_t count = 0;
    OK(begin, TK_STORE_READ);
    OK(attempt_list, &fx->arena, &id, true, &attempts, &count);
    COMMIT();
    cr_assert_eq(count, 1);
    cr_assert_eq(attempts[0].outcome, TK_OUTCOME_CANCELLED);
    cr_assert_eq(attempts[0].attempt, 3);
    cr_assert_eq(attempts[0].token, 44);
    cr_assert_eq(attempts[0].finished_us, NOW + 10, "never before it was claimed");
}

STORE_TEST(store_hand, clearing_a_task_leaves_its_neighbours_alone) {
    tk_uuid ids[3];
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 3);
    for (int i = 0; i < 3; i++) {
        const tk_ready_row later = {.task_id = ids[i], .step = 1, .run_at_us = NOW};
        const tk_lease_row leases[] = {{ids[i], 2, WORKER, 1, 1, NOW, NOW},
                                       {ids[i], 3, WORKER, 2, 2, NOW, NOW}};
        ready_put(fx, &ids[i], 0, 1, 1, 0, NOW);
        OK(later_insert, &later, 1);
        OK(lease_insert, leases, 2);
    }
    OK(task_clear, &ids[1], NOW + 5);
    OK(task_clear, &ids[1], NOW + 6);
    COMMIT();
    for (int i = 0; i < 3; i++) {
        tk_place_row *places = NULL;
        tk_attempt_row *attempts = NULL;
        uint32_t place_count = 9;
        uint32_t attempt_count = 9;
        OK(begin, TK_STORE_READ);
        OK(place_list, &fx->arena, &ids[i], &places, &place_count);
        OK(attempt_list, &fx->arena, &ids[i], false, &attempts, &attempt_count);
        COMMIT();
        cr_assert_eq(place_count, i == 1 ? 0 : 4);
        cr_assert_eq(attempt_count, i == 1 ? 2 : 0);
        for (uint32_t j = 0; j < attempt_count; j++) {
            cr_assert_eq(attempts[j].outcome, TK_OUTCOME_CANCELLED);
            cr_assert_eq(attempts[j].finished_us, NOW + 5);
        }
    }
}

/* --- workers ---------------------------------------------------------------------------------- */

STORE_TEST(store_hand, a_worker_beats_until_its_row_is_gone) {
    tk_worker_row row = {
        .beat = 5,
        .started_us = NOW,
        .process = 4711,
        .name = TK_STR("w:1"),
        .host = TK_STR("h"),
        .namespaces = TK_STR("[\"a\"]"),
        .handlers = TK_STR("[]"),
    };
    tk_worker_row *rows = NULL;
    uint32_t count = 0;
    bool yes = false;
    OK(begin, TK_STORE_WRITE);
    OK(worker_insert, &row);
    int32_t id = row.id;
    cr_assert_gt(id, 0);
    OK(worker_beat, id, true, true);
    OK(worker_list, &fx->arena, &rows, &count);
    cr_assert_eq(count, 1);
    cr_assert(rows[0].id == id && rows[0].beat == 6 && rows[0].asleep && rows[0].holding);
    cr_assert(rows[0].process == 4711 && rows[0].started_us == NOW);
    cr_assert(tk_str_is(rows[0].name, "w:1") && tk_str_is(rows[0].host, "h"));
    cr_assert(tk_str_is(rows[0].namespaces, "[\"a\"]") && tk_str_is(rows[0].handlers, "[]"));
    OK(worker_take, id, 5, &yes);
    cr_assert(!yes, "it has beaten since");
    OK(worker_take, id, 6, &yes);
    cr_assert(yes);
    OK(worker_delete, id);
    OK(worker_delete, id);
    OK(worker_take, id, 6, &yes);
    cr_assert(!yes);
    OK(worker_insert, &row);
    cr_assert_gt(row.id, id, "an id is never used again");
    COMMIT();
    OK(begin, TK_STORE_WRITE);
    FAILS(TASKER_LOST, worker_beat, id, false, false);
    ROLLBACK();
}

STORE_TEST(store_hand, a_workers_leases_come_by_the_limit) {
    tk_uuid id;
    const uint32_t limits[] = {0, 2, 3, 4};
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, &id, 1);
    for (uint16_t i = 0; i < 6; i++) {
        const tk_lease_row lease = {id, i, i % 2 == 0 ? WORKER : WORKER + 1, 1, i, NOW, NOW};
        OK(lease_insert, &lease, 1);
    }
    for (size_t i = 0; i < TK_COUNT_OF(limits); i++) {
        tk_lease_row *rows = NULL;
        uint32_t count = 9;
        OK(worker_leases, &fx->arena, WORKER, limits[i], &rows, &count);
        cr_assert_eq(count, limits[i] < 3 ? limits[i] : 3);
        for (uint32_t j = 0; j < count; j++) {
            cr_assert_eq(rows[j].worker, WORKER);
            cr_assert_eq(rows[j].step, j * 2);
        }
    }
    COMMIT();
}
