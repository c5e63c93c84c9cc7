/* The store's contract, on every store: what a turn needs (states, claims, the fence, due steps,
 * results). */
#include "support/store_fixture.h"

#define NOW INT64_C(1700000000000000)
#define WORKER 7 /* as store_fixture_claim has it */

/* --- states ----------------------------------------------------------------------------------- */

#define PAGE 768

static void state_round_trip(store_fixture *fx, uint32_t steps) {
    tk_uuid id = store_fixture_id(fx);
    tk_state_row row;
    bool found = false;
    uint32_t size = steps * 3;
    uint8_t *bytes = tk_arena_alloc(&fx->arena, size);
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / PAGE);
    }
    const tk_state_row born = {
        .task_id = id,
        .state = 1,
        .open_steps = (int32_t)steps,
        .updated_us = NOW,
        .progress = bytes,
        .progress_bytes = size,
    };
    OK(begin, TK_STORE_WRITE);
    OK(state_insert, &born, 1);
    COMMIT();
    OK(begin, TK_STORE_WRITE);
    OK(state_lock, &fx->arena, &id, 1, &row, &found);
    cr_assert(found);
    cr_assert_eq(row.progress_bytes, size, "%u steps: %u bytes", steps, row.progress_bytes);
    cr_assert_arr_eq(row.progress, bytes, size);
    cr_assert_arr_eq(row.stored, bytes, size);
    row.progress[size - 1] ^= 0xff; /* the last page, and the first where there are more */
    row.progress[0] ^= 0xff;
    row.state = 3;
    row.open_steps = 5;
    row.failed_steps = 2;
    row.updated_us = NOW + 1;
    OK(state_update, &row, 1);
    COMMIT();
    bytes[size - 1] ^= 0xff;
    bytes[0] ^= 0xff;
    OK(begin, TK_STORE_READ);
    OK(state_load, &fx->arena, &id, 1, &row, &found);
    COMMIT();
    cr_assert_eq(row.progress_bytes, size);
    cr_assert_arr_eq(row.progress, bytes, size, "%u steps", steps);
    cr_assert_eq(row.state, 3);
    cr_assert_eq(row.open_steps, 5);
    cr_assert_eq(row.failed_steps, 2);
    cr_assert_eq(row.updated_us, NOW + 1);
    cr_assert(tk_uuid_equal(&row.task_id, &id));
}

STORE_TEST(store_turn, progress_of_any_size_comes_back) {
    const uint32_t steps[] = {1, 2, 255, 256, 257, 511, 512, 513, TASKER_STEPS_MAX};
    for (size_t i = 0; i < TK_COUNT_OF(steps); i++) {
        state_round_trip(fx, steps[i]);
    }
}

STORE_TEST(store_turn, what_fails_unasked_is_rolled_back_with_the_rest) {
    tk_uuid id = store_fixture_id(fx);
    tk_state_row row;
    bool found = true;
    uint8_t bytes[3] = {1, 0, 0};
    const tk_state_row nobody = {.task_id = id,
                                 .state = 1,
                                 .open_steps = 1,
                                 .updated_us = NOW,
                                 .progress = bytes,
                                 .stored = bytes,
                                 .progress_bytes = sizeof(bytes)};
    OK(begin, TK_STORE_WRITE);
    (void)fx->store->driver->state_update(fx->store, &nobody, 1, &fx->error);
    ROLLBACK();
    OK(begin, TK_STORE_WRITE);
    OK(state_lock, &fx->arena, &id, 1, &row, &found);
    COMMIT();
    cr_assert(!found);
}

STORE_TEST(store_turn, states_that_are_missing_are_told_apart) {
    tk_uuid ids[3];
    tk_state_row rows[3];
    bool found[3];
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 2);
    ids[2] = ids[1];
    ids[1] = store_fixture_id(fx);
    ids[1].bytes[15] = 1; /* between, and nobody's */
    OK(state_lock, &fx->arena, ids, 3, rows, found);
    COMMIT();
    cr_assert(found[0] && !found[1] && found[2]);
    cr_assert_eq(rows[0].progress_bytes, 3);
    cr_assert_eq(rows[2].open_steps, 1);
}

/* --- claims ----------------------------------------------------------------------------------- */

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

STORE_TEST(store_turn, a_claim_takes_the_oldest_and_leaves_a_lease) {
    tk_uuid ids[3];
    uint32_t count = 0;
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 3);
    ready_put(fx, &ids[2], 0, fx->queue, fx->handler, 0, NOW + 50);
    ready_put(fx, &ids[0], 1, fx->queue, fx->handler, 0, NOW - 50);
    ready_put(fx, &ids[1], 0, fx->queue, fx->handler, 0, NOW);
    COMMIT();
    OK(begin, TK_STORE_WRITE);
    tk_claim_row *rows = store_fixture_claim(fx, 2, INT64_MAX, NOW, &count);
    COMMIT();
    cr_assert_eq(count, 2);
    cr_assert(tk_uuid_equal(&rows[0].lease.task_id, &ids[2]), "in the order of becoming ready");
    cr_assert(tk_uuid_equal(&rows[1].lease.task_id, &ids[0]));
    cr_assert_eq(rows[0].lease.token, INT64_MAX);
    cr_assert_eq(rows[1].lease.token, INT64_MIN, "tokens go round");
    cr_assert_eq(rows[0].lease.attempt, 3);
    cr_assert_eq(rows[0].lease.worker, WORKER);
    cr_assert_eq(rows[0].lease.enqueued_us, NOW + 50);
    cr_assert_eq(rows[0].lease.claimed_us, NOW + 50, "never before it was enqueued");
    cr_assert_eq(rows[1].lease.claimed_us, NOW);
    cr_assert(!rows[0].deps && rows[1].deps);
    cr_assert_eq(rows[1].lease.step, 1);
    cr_assert_eq(rows[0].queue, fx->queue);
    cr_assert_eq(rows[0].handler, fx->handler);
    cr_assert_eq(rows[0].class, 0);
    cr_assert(tk_uuid_equal(&rows[0].task.id, &ids[2]));
    cr_assert_eq(rows[0].task.template_id, fx->template_id);
    cr_assert(tk_str_is(rows[1].task.context, "{\"a\":1}"));

    tk_lease_row *leases = NULL;
    OK(begin, TK_STORE_WRITE);
    OK(worker_leases, &fx->arena, WORKER, 10, &leases, &count);
    cr_assert_eq(count, 2);
    cr_assert_eq(leases[0].token, INT64_MIN);
    rows = store_fixture_claim(fx, 2, 100, NOW, &count);
    cr_assert_eq(count, 1);
    cr_assert(tk_uuid_equal(&rows[0].lease.task_id, &ids[1]));
    rows = store_fixture_claim(fx, 2, 100, NOW, &count);
    cr_assert_eq(count, 0);
    COMMIT();
}

STORE_TEST(store_turn, wants_are_taken_in_their_order_up_to_their_limits) {
    enum { EACH = 5 };
    const struct {
        tk_want wants[4];
        uint32_t want_count, limit;
        uint32_t taken[4]; /* of (queue, handler, class): 1 1 0 · 1 1 5 · 1 2 0 · 2 1 0 */
    } cases[] = {
        {{{1, 1, 0, 0, 9}}, 1, 9, {5, 0, 0, 0}},
        {{{1, 1, 0, 0, 4}}, 1, 9, {4, 0, 0, 0}},
        {{{1, 1, 0, 0, 9}}, 1, 4, {4, 0, 0, 0}},
        {{{1, 1, 5, 0, 9}, {1, 1, 0, 0, 9}}, 2, 7, {2, 5, 0, 0}},
        {{{1, 1, 0, 0, 3}, {1, 2, 0, 0, 3}, {2, 1, 0, 0, 3}}, 3, 9, {3, 0, 0, 3}},
        {{{1, 1, 0, 0, 7}, {1, 2, 0, 0, 7}, {2, 1, 0, 0, 9}}, 3, 99, {5, 0, 2, 5}},
        {{{1, 1, 0, 0, 3}, {2, 1, 0, 0, 3}, {1, 1, 0, 0, 9}}, 3, 9, {5, 0, 0, 3}},
        {{{3, 1, 0, 0, 9}, {1, 9, 0, 0, 9}}, 2, 9, {0, 0, 0, 0}},
        {{{1, 1, 0, 0, 0}}, 1, 9, {0, 0, 0, 0}},
        {{{1, 1, 0, 0, 9}}, 1, 0, {0, 0, 0, 0}},
    };
    tk_uuid id;
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, &id, 1);
    for (uint16_t i = 0; i < EACH; i++) {
        ready_put(fx, &id, i, 1, 1, 0, NOW);
        ready_put(fx, &id, (uint16_t)(10 + i), 1, 1, 5, NOW);
        ready_put(fx, &id, (uint16_t)(20 + i), 1, 2, 0, NOW);
        ready_put(fx, &id, (uint16_t)(30 + i), 2, 1, 0, NOW);
    }
    COMMIT();
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        uint32_t taken[4] = {0};
        uint32_t count = 0;
        tk_claim_row *rows = NULL;
        OK(begin, TK_STORE_WRITE);
        OK(claim, &fx->arena, cases[i].wants, cases[i].want_count, cases[i].limit, WORKER, 1, NOW,
           &rows, &count);
        for (uint32_t j = 0; j < count; j++) {
            taken[rows[j].lease.step / 10]++;
        }
        cr_assert_arr_eq(taken, cases[i].taken, sizeof(taken), "case %zu on %s: %u %u %u %u", i,
                         fx->kind, taken[0], taken[1], taken[2], taken[3]);
        ROLLBACK();
    }
}

STORE_TEST(store_turn, a_want_may_begin_past_what_was_seen) {
    tk_uuid ids[3];
    uint32_t count = 0;
    tk_head *heads = NULL;
    tk_claim_row *rows = NULL;
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 3);
    store_fixture_ready(fx, ids, 3, NOW);
    OK(heads, &fx->arena, &heads, &count);
    tk_want want = {fx->queue, fx->handler, 0, heads[0].seq, 9};
    OK(claim, &fx->arena, &want, 1, 9, WORKER, 1, NOW, &rows, &count);
    cr_assert_eq(count, 2);
    cr_assert(tk_uuid_equal(&rows[0].lease.task_id, &ids[1]));
    want.past = 0;
    OK(claim, &fx->arena, &want, 1, 9, WORKER, 9, NOW, &rows, &count);
    cr_assert_eq(count, 1);
    COMMIT();
}

STORE_TEST(store_turn, heads_are_the_oldest_of_each_kind_of_work) {
    tk_uuid id;
    tk_head *heads = NULL;
    uint32_t count = 9;
    OK(begin, TK_STORE_WRITE);
    OK(heads, &fx->arena, &heads, &count);
    cr_assert_eq(count, 0);
    store_fixture_tasks(fx, &id, 1);
    ready_put(fx, &id, 0, 2, 1, -100, NOW + 3);
    ready_put(fx, &id, 1, 1, 2, 100, NOW + 2);
    ready_put(fx, &id, 2, 1, 2, 0, NOW + 1);
    ready_put(fx, &id, 3, 1, 2, 0, NOW);
    ready_put(fx, &id, 4, 1, 1, 7, NOW);
    OK(heads, &fx->arena, &heads, &count);
    COMMIT();
    const int64_t expected[][4] = {
        {1, 1, 7, NOW}, {1, 2, 0, NOW + 1}, {1, 2, 100, NOW + 2}, {2, 1, -100, NOW + 3}};
    cr_assert_eq(count, TK_COUNT_OF(expected));
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(heads[i].queue, expected[i][0]);
        cr_assert_eq(heads[i].handler, expected[i][1]);
        cr_assert_eq(heads[i].class, expected[i][2]);
        cr_assert_eq(heads[i].enqueued_us, expected[i][3]);
        cr_assert_gt(heads[i].seq, 0);
    }
}

STORE_TEST(store_turn, heads_are_bounded) {
    const uint32_t cases[] = {TK_HEADS_MAX - 1, TK_HEADS_MAX, TK_HEADS_MAX + 1};
    tk_uuid ids[2];
    uint32_t put = 0;
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 2);
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        for (; put < cases[i]; put++) {
            ready_put(fx, &ids[put / TASKER_STEPS_MAX], (uint16_t)(put % TASKER_STEPS_MAX), 1,
                      (int32_t)put + 1, 0, NOW);
        }
        tk_head *heads = NULL;
        uint32_t count = 0;
        OK(heads, &fx->arena, &heads, &count);
        cr_assert_eq(count, cases[i] > TK_HEADS_MAX ? TK_HEADS_MAX : cases[i]);
    }
    COMMIT();
}

/* --- the fence -------------------------------------------------------------------------------- */

STORE_TEST(store_turn, an_outcome_is_taken_once_and_only_with_its_token) {
    tk_uuid ids[2];
    uint32_t count = 0;
    bool accepted[4] = {false};
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 2);
    store_fixture_ready(fx, ids, 2, NOW);
    (void)store_fixture_claim(fx, 2, 1000, NOW + 10, &count);
    COMMIT();
    tk_attempt_row rows[4] = {
        {.task_id = ids[0], .token = 1001, .outcome = TK_OUTCOME_OK, .finished_us = NOW + 20},
        {.task_id = ids[0],
         .token = 1000,
         .outcome = TK_OUTCOME_OK,
         .finished_us = NOW + 20,
         .result = TK_STR("{\"r\":0.1}"),
         .metadata = TK_STR("{\"m\":1}")},
        {.task_id = ids[1],
         .token = 1001,
         .outcome = TK_OUTCOME_ERROR,
         .finished_us = NOW - 5,
         .error = TK_STR("{\"message\":\"no\"}")},
        {.task_id = ids[1], .token = 1001, .outcome = TK_OUTCOME_OK, .finished_us = NOW + 20},
    };
    OK(begin, TK_STORE_WRITE);
    OK(finish, rows, 4, accepted);
    COMMIT();
    cr_assert(!accepted[0], "the other one's token");
    cr_assert(accepted[1]);
    cr_assert(accepted[2]);
    cr_assert(!accepted[3], "a second time");
    cr_assert_eq(rows[1].attempt, 1);
    cr_assert_eq(rows[1].worker, WORKER);
    cr_assert_eq(rows[1].enqueued_us, NOW);
    cr_assert_eq(rows[1].claimed_us, NOW + 10);
    cr_assert_eq(rows[1].finished_us, NOW + 20);
    cr_assert_eq(rows[2].finished_us, NOW + 10, "never before it was claimed");
    cr_assert_gt(rows[2].n, rows[1].n);

    tk_attempt_row *stored = NULL;
    OK(begin, TK_STORE_READ);
    OK(attempt_list, &fx->arena, &ids[0], true, &stored, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(stored[0].token, 1000);
    cr_assert_eq(stored[0].n, rows[1].n);
    cr_assert(tk_str_is(stored[0].result, "{\"r\":0.1}"));
    cr_assert(tk_str_is(stored[0].metadata, "{\"m\":1}"));
    cr_assert_null(stored[0].error.data);
    OK(attempt_list, &fx->arena, &ids[1], true, &stored, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(stored[0].outcome, TK_OUTCOME_ERROR);
    cr_assert_null(stored[0].result.data);
    cr_assert(tk_str_is(stored[0].error, "{\"message\":\"no\"}"));
    COMMIT();
}

STORE_TEST(store_turn, a_result_of_a_mebibyte_comes_back_whole) {
    tk_uuid id;
    uint32_t count = 0;
    bool accepted = false;
    char *big = tk_alloc(TASKER_RESULT_BYTES_MAX);
    memset(big, '7', TASKER_RESULT_BYTES_MAX);
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, &id, 1);
    store_fixture_ready(fx, &id, 1, NOW);
    (void)store_fixture_claim(fx, 1, 5, NOW, &count);
    tk_attempt_row row = {.task_id = id,
                          .token = 5,
                          .outcome = TK_OUTCOME_OK,
                          .result = {big, TASKER_RESULT_BYTES_MAX}};
    OK(finish, &row, 1, &accepted);
    COMMIT();
    cr_assert(accepted);
    tk_result_row result = {.key = {.task_id = id}};
    OK(begin, TK_STORE_READ);
    OK(results, &fx->arena, &result, 1);
    COMMIT();
    cr_assert(result.found);
    cr_assert(tk_str_equal(result.result, row.result));
    tk_free(big);
}

STORE_TEST(store_turn, giving_back_an_unstarted_step_costs_no_attempt) {
    tk_uuid ids[2];
    uint32_t count = 0;
    bool returned[2];
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, ids, 2);
    store_fixture_ready(fx, ids, 2, NOW);
    tk_claim_row *rows = store_fixture_claim(fx, 2, 1000, NOW + 10, &count);
    COMMIT();
    tk_lease_row leases[2] = {rows[0].lease, rows[1].lease};
    tk_ready_row readies[2] = {{.queue = fx->queue, .handler = fx->handler, .class = 3},
                               {.queue = fx->queue, .handler = fx->handler, .class = 3}};
    leases[1].token++;
    OK(begin, TK_STORE_WRITE);
    OK(lease_return, leases, readies, 2, returned);
    COMMIT();
    cr_assert(returned[0]);
    cr_assert(!returned[1], "not with a token that is not current");
    cr_assert_eq(readies[0].attempts, 0);
    cr_assert_eq(readies[0].enqueued_us, NOW, "it keeps the time it became ready");
    const tk_want want = {fx->queue, fx->handler, 3, 0, 9};
    OK(begin, TK_STORE_WRITE);
    OK(claim, &fx->arena, &want, 1, 9, WORKER, 5, NOW + 99, &rows, &count);
    COMMIT();
    cr_assert_eq(count, 1);
    cr_assert(tk_uuid_equal(&rows[0].lease.task_id, &ids[0]));
    cr_assert_eq(rows[0].lease.attempt, 1);
    tk_attempt_row *attempts = NULL;
    OK(begin, TK_STORE_READ);
    OK(attempt_list, &fx->arena, &ids[0], false, &attempts, &count);
    COMMIT();
    cr_assert_eq(count, 0);
}

/* --- numbers and results ---------------------------------------------------------------------- */

static void attempt_put(store_fixture *fx, const tk_uuid *id, uint16_t step, int32_t attempt,
                        int32_t outcome, const char *text) {
    tk_attempt_row row = {
        .task_id = *id,
        .step = step,
        .attempt = attempt,
        .token = 100 * step + attempt,
        .outcome = outcome,
        .finished_us = NOW + attempt,
    };
    if (outcome == TK_OUTCOME_ERROR || outcome == TK_OUTCOME_LOST) {
        row.error = tk_str_of(text);
    } else if (text != NULL) {
        row.result = tk_str_of(text);
    }
    OK(attempt_insert, &row, 1);
}

STORE_TEST(store_turn, attempts_are_numbered_and_counted_from_the_last_retry) {
    tk_uuid id;
    int32_t numbers[3];
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, &id, 1);
    const tk_step_key keys[] = {{id, 0}, {id, 1}, {id, 2}};
    for (int32_t i = 1; i <= 12; i++) {
        attempt_put(fx, &id, 0, i, TK_OUTCOME_ERROR, "e");
    }
    attempt_put(fx, &id, 1, 1, TK_OUTCOME_OK, "1");
    tk_act_row acts[] = {
        {.task_id = id, .kind = TK_ACT_RETRIED, .step = 0, .attempt = 3},
        {.task_id = id, .kind = TK_ACT_RETRIED, .step = 0, .attempt = 10},
        {.task_id = id, .kind = TK_ACT_RESOLVED, .step = 1, .attempt = 5},
        {.task_id = id, .kind = TK_ACT_CANCELLED, .step = TK_ACT_NO_STEP},
    };
    OK(act_insert, acts, 4);
    OK(attempt_last, keys, 3, numbers);
    cr_assert_eq(numbers[0], 12);
    cr_assert_eq(numbers[1], 1);
    cr_assert_eq(numbers[2], 0);
    OK(attempt_bases, keys, 3, numbers);
    cr_assert_eq(numbers[0], 10);
    cr_assert_eq(numbers[1], 0, "another kind of act");
    cr_assert_eq(numbers[2], 0);
    const tk_lease_row leases[] = {
        {.task_id = id, .step = 0, .attempt = 12, .token = 12},
        {.task_id = id, .step = 0, .attempt = 12, .token = 13},
        {.task_id = id, .step = 2, .attempt = 1, .token = 201},
        {.task_id = id, .step = 1, .attempt = 2, .token = 102},
    };
    bool recorded[4];
    attempt_put(fx, &id, 1, 2, TK_OUTCOME_LOST, "e");
    OK(attempt_tokens, leases, 4, recorded);
    cr_assert_not(recorded[3], "the claim was lost: its worker recorded nothing");
    cr_assert(recorded[0] && !recorded[1] && !recorded[2]);
    COMMIT();
}

STORE_TEST(store_turn, a_result_is_the_newest_that_satisfies) {
    const struct {
        int32_t outcomes[3];
        int32_t found; /* the attempt, or 0 */
    } cases[] = {
        {{TK_OUTCOME_OK, 0, 0}, 1},
        {{TK_OUTCOME_ERROR, TK_OUTCOME_OK, 0}, 2},
        {{TK_OUTCOME_OK, TK_OUTCOME_RESOLVED, 0}, 2},
        {{TK_OUTCOME_COMPLETED, TK_OUTCOME_CANCELLED, TK_OUTCOME_LOST}, 1},
        {{TK_OUTCOME_ERROR, TK_OUTCOME_LOST, TK_OUTCOME_CANCELLED}, 0},
        {{0, 0, 0}, 0},
    };
    const char *const texts[] = {"\"1\"", "\"2\"", "\"3\""};
    tk_uuid id;
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, &id, 1);
    for (uint16_t i = 0; i < TK_COUNT_OF(cases); i++) {
        for (int32_t j = 0; j < 3 && cases[i].outcomes[j] != 0; j++) {
            attempt_put(fx, &id, i, j + 1, cases[i].outcomes[j], texts[j]);
        }
    }
    for (uint16_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_result_row row = {.key = {id, i}, .outcome = 99};
        OK(results, &fx->arena, &row, 1);
        cr_assert_eq(row.found, cases[i].found != 0, "case %u", i);
        cr_assert_eq(row.key.step, i);
        if (row.found) {
            cr_assert_eq(row.outcome, cases[i].outcomes[cases[i].found - 1]);
            cr_assert_eq(row.finished_us, NOW + cases[i].found);
            cr_assert(tk_str_is(row.result, texts[cases[i].found - 1]), "case %u", i);
            cr_assert_null(row.metadata.data);
        }
    }
    COMMIT();
}

STORE_TEST(store_turn, a_last_failure_is_told_only_while_it_is_the_last) {
    tk_uuid id;
    tk_attempt_row rows[4];
    bool found[4];
    OK(begin, TK_STORE_WRITE);
    store_fixture_tasks(fx, &id, 1);
    attempt_put(fx, &id, 0, 1, TK_OUTCOME_ERROR, "first");
    attempt_put(fx, &id, 0, 2, TK_OUTCOME_LOST, "second");
    attempt_put(fx, &id, 1, 1, TK_OUTCOME_ERROR, "first");
    attempt_put(fx, &id, 1, 2, TK_OUTCOME_OK, "1");
    attempt_put(fx, &id, 2, 1, TK_OUTCOME_CANCELLED, NULL);
    const tk_step_key keys[] = {{id, 0}, {id, 1}, {id, 2}, {id, 3}};
    OK(last_failures, &fx->arena, keys, 4, rows, found);
    COMMIT();
    cr_assert(found[0] && !found[1] && !found[2] && !found[3]);
    cr_assert_eq(rows[0].attempt, 2);
    cr_assert_eq(rows[0].outcome, TK_OUTCOME_LOST);
    cr_assert(tk_str_is(rows[0].error, "second"));
}

/* --- due steps -------------------------------------------------------------------------------- */

STORE_TEST(store_turn, due_steps_move_in_the_order_of_their_times) {
    enum { STEPS = 6 };
    const int64_t at[STEPS] = {NOW + 1, NOW - 3, NOW, NOW - 9, NOW - 3, NOW + 5};
    const struct {
        uint32_t limit, moved;
        int64_t next_us;
    } cases[] = {{3, 3, NOW}, {4, 4, NOW + 1}, {5, 4, NOW + 1}, {0, 0, NOW - 9}};
    const uint16_t order[] = {3, 1, 4, 2};
    tk_uuid id;
    uint32_t moved = 9;
    int64_t next_us = 9;
    OK(begin, TK_STORE_WRITE);
    OK(due_move, NOW, 10, &moved, &next_us);
    cr_assert(moved == 0 && next_us == 0);
    store_fixture_tasks(fx, &id, 1);
    for (uint16_t i = 0; i < STEPS; i++) {
        const tk_ready_row row = {.task_id = id,
                                  .step = i,
                                  .deps = true,
                                  .queue = fx->queue,
                                  .handler = fx->handler,
                                  .class = 0,
                                  .attempts = 4,
                                  .run_at_us = at[i]};
        OK(later_insert, &row, 1);
    }
    COMMIT();
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        uint32_t count = 0;
        OK(begin, TK_STORE_WRITE);
        OK(due_move, NOW, cases[i].limit, &moved, &next_us);
        cr_assert_eq(moved, cases[i].moved, "case %zu: %u", i, moved);
        cr_assert_eq(next_us, cases[i].next_us, "case %zu", i);
        tk_claim_row *rows = store_fixture_claim(fx, STEPS, 1, NOW, &count);
        cr_assert_eq(count, moved);
        for (uint32_t j = 0; j < count; j++) {
            cr_assert_eq(rows[j].lease.step, order[j]);
            cr_assert_eq(rows[j].lease.attempt, 5);
            cr_assert_eq(rows[j].lease.enqueued_us, NOW);
            cr_assert(rows[j].deps);
        }
        ROLLBACK();
    }
    OK(begin, TK_STORE_WRITE);
    OK(due_move, NOW + 100, 100, &moved, &next_us);
    cr_assert(moved == STEPS && next_us == 0);
    COMMIT();
}
