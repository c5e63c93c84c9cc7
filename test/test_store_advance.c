/* The store's contract, on every store: the short way of steps that ended well in chains. */
#include "support/store_fixture.h"

#define NOW INT64_C(1700000000000000)
#define DONE (NOW + 20)

/* Chains of three: 0 runs or 2 does. */
static const uint8_t beginning[9] = {1, 0, 0, 0, 1, 0, 0, 1, 0};
static const uint8_t ending[9] = {2, 0, 0, 2, 0, 0, 1, 0, 0};
static const tk_advance_bytes expected = {.ended = {{1, 0, 0}, {2, 0, 0}},
                                          .freed = {{0, 1, 0}, {1, 0, 0}}};

static tk_uuid insert_task(store_fixture *fx, const uint8_t bytes[9], uint16_t step, int32_t open,
                           int64_t token) {
    tk_uuid id = store_fixture_id(fx);
    const tk_task_row task = {
        .id = id, .created_us = NOW, .template_id = fx->template_id, .context = TK_STR("{}")};
    const tk_state_row state = {.task_id = id,
                                .state = 1,
                                .open_steps = open,
                                .updated_us = NOW + 10,
                                .progress = (uint8_t *)bytes,
                                .progress_bytes = 9};
    const tk_lease_row lease = {.task_id = id,
                                .step = step,
                                .worker = 7,
                                .attempt = 2,
                                .token = token,
                                .enqueued_us = NOW,
                                .claimed_us = NOW + 10};
    OK(task_insert, &task, 1, NULL);
    OK(state_insert, &state, 1);
    OK(lease_insert, &lease, 1);
    return id;
}

static void expect_state(store_fixture *fx, const tk_uuid *id, int32_t state, int32_t open,
                         const uint8_t bytes[9], uint32_t attempts) {
    tk_state_row row;
    bool found = false;
    tk_attempt_row *rows = NULL;
    uint32_t count = 0;
    OK(begin, TK_STORE_READ);
    OK(state_load, &fx->arena, id, 1, &row, &found);
    OK(attempt_list, &fx->arena, id, true, &rows, &count);
    COMMIT();
    cr_assert(found);
    cr_assert_eq(row.state, state);
    cr_assert_eq(row.open_steps, open);
    cr_assert_arr_eq(row.progress, bytes, 9);
    cr_assert_eq(row.updated_us, attempts > 0 ? DONE : NOW + 10);
    cr_assert_eq(count, attempts);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(rows[i].outcome, TK_OUTCOME_OK);
        cr_assert_eq(rows[i].attempt, 2);
        cr_assert_eq(rows[i].worker, 7);
        cr_assert_eq(rows[i].enqueued_us, NOW);
        cr_assert_eq(rows[i].claimed_us, NOW + 10);
        cr_assert_eq(rows[i].finished_us, DONE);
        cr_assert(tk_str_is(rows[i].result, "[1]"));
        cr_assert_null(rows[i].metadata.data);
    }
}

/* Two tasks, of which the first has two steps to go, and what their workers think of them. */
static void prepare(store_fixture *fx, tk_advance_row rows[2]) {
    OK(begin, TK_STORE_WRITE);
    tk_uuid first = insert_task(fx, beginning, 0, 3, 1000);
    tk_uuid second = insert_task(fx, ending, 2, 1, 1001);
    COMMIT();
    const tk_str result = TK_STR("[1]");
    rows[0] = (tk_advance_row){first, 0, 1000, DONE, result, {NULL, 0}, 3, 1};
    rows[1] = (tk_advance_row){second, 2, 1001, DONE, result, {NULL, 0}, 1, TK_ADVANCE_LAST};
}

STORE_TEST(store_advance, steps_that_stand_as_expected_end_and_free_the_next) {
    tk_advance_row rows[2];
    prepare(fx, rows);
    OK(begin, TK_STORE_WRITE);
    if (!fx->store->driver->advances) {
        FAILS(TASKER_UNSUPPORTED, advance, rows, 2, &expected);
        fx->store->driver->rollback(fx->store);
        return;
    }
    OK(advance, rows, 2, &expected);
    COMMIT();
    expect_state(fx, &rows[0].task_id, 1, 2, (const uint8_t[]){2, 0, 0, 1, 0, 0, 0, 1, 0}, 1);
    expect_state(fx, &rows[1].task_id, 2, 0, (const uint8_t[]){2, 0, 0, 2, 0, 0, 2, 0, 0}, 1);
    OK(begin, TK_STORE_WRITE);
    FAILS(TASKER_CONFLICT, advance, rows, 2, &expected); /* a second time */
    fx->store->driver->rollback(fx->store);
}

/* One thing is not as `rows` say; then nothing of either task may change. */
static void refuse(store_fixture *fx, const tk_advance_row rows[2], const tk_advance_bytes *bytes) {
    OK(begin, TK_STORE_WRITE);
    FAILS(TASKER_CONFLICT, advance, rows, 2, bytes);
    fx->store->driver->rollback(fx->store);
    expect_state(fx, &rows[0].task_id, 1, 3, beginning, 0);
    expect_state(fx, &rows[1].task_id, 1, 1, ending, 0);
}

STORE_TEST(store_advance, whatever_stands_otherwise_refuses_all) {
    tk_advance_row rows[2];
    tk_advance_bytes bytes = expected;
    if (!fx->store->driver->advances) {
        return;
    }
    prepare(fx, rows);
    rows[0].token++;
    refuse(fx, rows, &expected);
    rows[0].token--;
    rows[0].open_steps++;
    refuse(fx, rows, &expected);
    rows[0].open_steps--;
    rows[0].next = 2;
    bytes.freed[0][1] = 2;
    refuse(fx, rows, &bytes);
    rows[0].next = 1;
    refuse(fx, rows, &bytes);
    bytes = expected;
    bytes.ended[0][0] = 3;
    refuse(fx, rows, &bytes);
    rows[1].finished_us = NOW + 9; /* it has changed since */
    refuse(fx, rows, &expected);
    rows[1].finished_us = NOW + 10;
    rows[1].task_id = store_fixture_id(fx);
    OK(begin, TK_STORE_WRITE);
    FAILS(TASKER_CONFLICT, advance, rows, 2, &expected);
    fx->store->driver->rollback(fx->store);
}

STORE_TEST(store_advance, a_task_that_does_not_run_refuses) {
    const int32_t states[] = {2, 3, 4, 5, 6};
    tk_advance_row rows[2];
    if (!fx->store->driver->advances) {
        return;
    }
    prepare(fx, rows);
    for (size_t i = 0; i <= TK_COUNT_OF(states); i++) {
        tk_state_row row;
        bool found = false;
        OK(begin, TK_STORE_WRITE);
        OK(state_lock, &fx->arena, &rows[1].task_id, 1, &row, &found);
        row.state = i < TK_COUNT_OF(states) ? states[i] : 1;
        row.failed_steps = i < TK_COUNT_OF(states) ? 0 : 1;
        OK(state_update, &row, 1);
        FAILS(TASKER_CONFLICT, advance, rows, 2, &expected);
        fx->store->driver->rollback(fx->store);
    }
}
