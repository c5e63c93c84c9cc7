/* A turn of a worker: what it saves, keeps, claims and gives back. */
#include "support/fail_alloc.h"
#include "support/turner.h"

#define MS TURNER_MS
#define S TURNER_S

#define TIMED                                                                                      \
    "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"                                    \
    "  - {name: a, handler: {callable: A}, timeout_seconds: 2, retry: {limit: 2, backoff: "        \
    "none}}\n"

/* --- what is due --- */

Test(turn, an_idle_worker_sleeps_until_the_first_delayed_step_and_no_longer) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "ABC", 1);
    ledger_submit(&l, "\"delay\":4");
    ledger_submit(&l, "\"delay\":3");
    turner_turn(&l, w);
    turner_turn(&l, w);
    cr_assert(turner_has_nothing(w));
    int64_t due_us = w->next_due_us;
    cr_assert(due_us > l.now_us + 2 * S && due_us <= l.now_us + 3 * S);
    cr_assert_leq(tk_worker_wait_us(w), due_us - l.now_us, "five seconds were it not for it");
    l.now_us = due_us - 2 * MS;
    cr_assert_eq(tk_turn(w, &l.error), TASKER_OK);
    cr_assert(turner_has_nothing(w), "it is not yet time");
    cr_assert_leq(tk_worker_wait_us(w), 2 * MS);
    l.now_us = due_us;
    cr_assert_eq(tk_worker_wait_us(w), 0);
    cr_assert_eq(tk_turn(w, &l.error), TASKER_OK, "nobody wakes it: it looks by itself");
    cr_assert_eq(turner_end(w, turner_take(w), "1"), TASKER_OK);
    turner_close(&l, w);
}

/* --- claims --- */

Test(turn, a_chain_stays_with_its_worker) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "ABC", 1);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    for (const char *name = "abc"; *name != '\0'; name++) {
        tasker_step *step = turner_take(w);
        cr_assert_eq(step->step_name[0], *name);
        cr_assert_eq(turner_end(w, step, "1"), TASKER_OK);
        turner_turn(&l, w); /* saves, and hands out the next step */
        cr_assert_eq(turner_places(&l, TK_PLACE_READY), 0, "it never touches the queue");
    }
    cr_assert(turner_has_nothing(w));
    cr_assert_eq(w->stats.succeeded, 3);
    turner_close(&l, w);
}

Test(turn, a_step_that_the_worker_cannot_run_goes_into_the_queue) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "AC", 2);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    cr_assert_eq(turner_end(w, turner_take(w), "1"), TASKER_OK);
    turner_turn(&l, w);
    cr_assert(turner_has_nothing(w));
    cr_assert_eq(turner_places(&l, TK_PLACE_READY), 1);
    turner_close(&l, w);
}

Test(turn, urgent_work_goes_before_the_next_step_of_a_chain) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "ABC", 1);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *first = turner_take(w);
    ledger_submit(&l, "\"priority\":5");
    ledger_submit(&l, "\"priority\":5");
    w->top_class = 5; /* as the last claim left it */
    cr_assert_eq(turner_end(w, first, "1"), TASKER_OK);
    turner_turn(&l, w);
    tasker_step *next = turner_take(w);
    cr_assert_eq(next->priority, 5);
    cr_assert_eq(turner_end(w, next, "1"), TASKER_OK);
    turner_close(&l, w);
}

Test(turn, it_claims_for_its_free_threads_only_while_handlers_are_slow) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "A", 3);
    for (int i = 0; i < 10; i++) {
        ledger_submit(&l, NULL);
    }
    turner_turn(&l, w);
    cr_assert_eq(tk_ring_count(&w->ready), 3);
    tasker_step *steps[3];
    for (int i = 0; i < 3; i++) {
        steps[i] = turner_take(w);
    }
    turner_turn(&l, w);
    cr_assert_eq(tk_ring_count(&w->ready), 0, "all threads are busy");
    l.now_us += 60 * S;
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(turner_end(w, steps[i], "1"), TASKER_OK);
        turner_turn(&l, w);
        cr_assert_eq(tk_ring_count(&w->ready), i + 1);
    }
    turner_close(&l, w);
}

Test(turn, it_claims_ahead_when_handlers_are_fast) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "A", 2);
    for (int i = 0; i < 40; i++) {
        ledger_submit(&l, NULL);
    }
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    l.now_us += 10 * MS;
    cr_assert_eq(turner_end(w, step, "1"), TASKER_OK); /* ten milliseconds: five per thread in 50 */
    turner_turn(&l, w);
    cr_assert_eq(tk_ring_count(&w->ready), 2 + 10);
    turner_close(&l, w);
}

Test(turn, steps_on_their_last_attempt_are_handed_out_first) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    ledger_lose(&l, "b"); /* one of two attempts is gone */
    tk_worker *w = turner_open(&l, "AB", 2);
    turner_turn(&l, w);
    tasker_step *first = turner_take(w);
    cr_assert_str_eq(first->step_name, "b");
    cr_assert_eq(first->attempt, 2);
    cr_assert_eq(first->attempts_before, 1);
    cr_assert_gt(first->last_failure.size, 0);
    tasker_step_free(first);
    turner_close(&l, w);
}

Test(turn, a_step_sees_the_results_of_all_its_ancestors) {
    ledger l;
    ledger_open(&l, LEDGER_DIAMOND);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "18446744073709551616");
    ledger_run(&l, "b", "{\"b\":1.10}");
    ledger_by_hand(&l, "c", TK_OUTCOME_COMPLETED, "[]");
    tk_worker *w = turner_open(&l, "D", 1);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    cr_assert_eq(step->dependency_count, 3);
    const struct {
        const char *name, *result;
        bool by_hand;
    } expected[] = {
        {"a", "18446744073709551616", false}, {"b", "{\"b\":1.10}", false}, {"c", "[]", true}};
    for (size_t i = 0; i < 3; i++) {
        const tasker_dependency *d = &step->dependencies[i];
        cr_assert_str_eq(d->name, expected[i].name);
        cr_assert(tk_str_is(d->result, expected[i].result));
        cr_assert_eq(d->by_hand, expected[i].by_hand);
    }
    tasker_step_free(step);
    turner_close(&l, w);
}

Test(turn, a_kept_step_sees_what_the_one_before_could_not) {
    ledger l;
    ledger_open(&l, "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"
                    "  - {name: a, handler: {callable: A}}\n"
                    "  - {name: x, handler: {callable: X}, dependencies: [a]}\n"
                    "  - {name: b, handler: {callable: B}, dependencies: [x]}\n"
                    "  - {name: c, handler: {callable: C}, dependencies: [a, b]}\n");
    ledger_submit(&l, NULL);
    ledger_by_hand(&l, "x", TK_OUTCOME_COMPLETED, "2"); /* before its parent */
    tk_worker *w = turner_open(&l, "BC", 1);
    turner_turn(&l, w);
    tasker_step *b = turner_take(w); /* sees no result of a */
    cr_assert_eq(b->dependency_count, 1);
    ledger_run(&l, "a", "1");
    cr_assert_eq(turner_end(w, b, "3"), TASKER_OK);
    turner_turn(&l, w);
    tasker_step *c = turner_take(w);
    cr_assert_eq(c->dependency_count, 3);
    cr_assert_str_eq(c->dependencies[0].name, "a");
    tasker_step_free(c);
    turner_close(&l, w);
}

/* --- how much at once --- */

#define LARGE (TASKER_RESULT_BYTES_MAX - 2)

static const char *large_result(ledger *l) {
    char *text = tk_arena_alloc(&l->arena, LARGE + 3);
    memset(text, '7', LARGE + 2);
    text[0] = text[LARGE + 1] = '"';
    return text;
}

/* a, then `count` steps that see its result. */
static const char *fan_out(ledger *l, int count) {
    tk_buf yaml = {0};
    tk_buf_text(&yaml, "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"
                       "  - {name: a, handler: {callable: A}}\n");
    for (int i = 0; i < count; i++) {
        tk_buf_printf(&yaml, "  - {name: b%d, handler: {callable: B}, dependencies: [a]}\n", i);
    }
    const char *text = tk_arena_copy(&l->arena, yaml.data, yaml.size);
    tk_buf_release(&yaml);
    return text;
}

Test(turn, what_one_turn_claims_is_bounded_in_bytes_and_the_rest_stays_ready) {
    const uint32_t fit = (uint32_t)(TK_CLAIM_BYTES_MAX / TASKER_RESULT_BYTES_MAX);
    const struct {
        uint32_t steps, first, second;
    } cases[] = {{fit - 1, fit - 1, 0}, {fit, fit, 0}, {fit + 1, fit, 1}, {2 * fit, fit, fit}};
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        ledger l = {.now_us = 0};
        tk_arena kept = {0};
        ledger_open(&l, LEDGER_CHAIN);
        const char *text = fan_out(&l, (int)cases[i].steps);
        char *yaml = tk_arena_copy(&kept, text, strlen(text));
        ledger_close(&l);
        ledger_open(&l, yaml);
        ledger_submit(&l, NULL);
        ledger_run(&l, "a", large_result(&l));
        tk_worker *w = turner_open(&l, "B", 200);
        turner_turn(&l, w);
        uint32_t first = tk_ring_count(&w->ready);
        /* a step takes a little more than its result */
        cr_assert(first == cases[i].first || first + 1 == cases[i].first, "case %zu: %u", i, first);
        cr_assert_eq(turner_places(&l, TK_PLACE_LEASE), first);
        cr_assert_eq(turner_places(&l, TK_PLACE_READY), cases[i].steps - first);
        turner_turn(&l, w);
        turner_turn(&l, w);
        cr_assert_eq(turner_places(&l, TK_PLACE_LEASE), cases[i].steps, "case %zu", i);
        turner_close(&l, w);
        tk_arena_release(&kept);
    }
}

Test(turn, one_step_may_need_more_than_a_turn_claims) {
    ledger l;
    tk_buf yaml = {0};
    const int parents = (int)(TK_CLAIM_BYTES_MAX / TASKER_RESULT_BYTES_MAX) + 2;
    tk_buf_text(&yaml, "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n");
    for (int i = 0; i < parents; i++) {
        tk_buf_printf(&yaml, "  - {name: a%d, handler: {callable: A}}\n", i);
    }
    tk_buf_text(&yaml, "  - {name: b, handler: {callable: B}, dependencies: [a0");
    for (int i = 1; i < parents; i++) {
        tk_buf_printf(&yaml, ", a%d", i);
    }
    tk_buf_text(&yaml, "]}\n");
    ledger_open(&l, yaml.data);
    ledger_submit(&l, NULL);
    for (int i = 0; i < parents; i++) {
        ledger_run(&l, tk_arena_printf(&l.arena, "a%d", i), large_result(&l));
    }
    tk_worker *w = turner_open(&l, "B", 2);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    cr_assert_eq(step->dependency_count, parents);
    cr_assert_eq(step->dependencies[parents - 1].result.size, LARGE + 2);
    cr_assert_eq(turner_end(w, step, "1"), TASKER_OK);
    turner_turn(&l, w);
    turner_close(&l, w);
    tk_buf_release(&yaml);
}

/* --- time-outs --- */

Test(turn, a_step_that_runs_too_long_fails_and_its_slot_stays_taken) {
    ledger l;
    char event[TASKER_UUID_SIZE];
    uint32_t count = 0;
    ledger_open(&l, TIMED);
    tk_worker *w = turner_open(&l, "A", 1);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    l.now_us += 2 * S - 1;
    turner_turn(&l, w);
    (void)turner_attempts(&l, &count);
    cr_assert_eq(count, 0);
    l.now_us += 1;
    cr_assert_eq(tk_worker_wait_us(w), 0);
    turner_turn(&l, w);
    tk_attempt_row *rows = turner_attempts(&l, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(rows[0].outcome, TK_OUTCOME_ERROR);
    cr_assert_not_null(strstr(rows[0].error.data, "TimeoutError"));
    cr_assert_eq(tk_worker_overdue(w, event, NULL), TASKER_OK);
    cr_assert_str_eq(event, step->event_id);
    cr_assert_eq(tk_worker_overdue(w, event, NULL), TASKER_NOTFOUND, "it is told once");
    turner_turn(&l, w);
    cr_assert(turner_has_nothing(w), "its old handler still has the only thread");
    cr_assert_eq(turner_places(&l, TK_PLACE_READY), 1);
    cr_assert_eq(turner_end(w, step, "1"), TASKER_LOST);
    turner_turn(&l, w);
    step = turner_take(w);
    cr_assert_eq(step->attempt, 2);
    cr_assert_eq(turner_end(w, step, "2"), TASKER_OK);
    turner_turn(&l, w);
    cr_assert_eq(w->stats.timed_out, 1);
    turner_close(&l, w);
}

Test(turn, a_handler_that_only_says_that_it_has_returned_frees_its_slot) {
    ledger l;
    ledger_open(&l, TIMED);
    tk_worker *w = turner_open(&l, "A", 1);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    tk_worker_finished(w, step->event_id); /* no effect: it was not overdue */
    cr_assert_eq(w->in_handler_count, 1);
    l.now_us += 3 * S;
    turner_turn(&l, w);
    tk_worker_finished(w, step->event_id);
    tk_worker_finished(w, step->event_id);
    tasker_step_free(step);
    cr_assert_eq(w->in_handler_count, 0);
    turner_turn(&l, w);
    step = turner_take(w);
    cr_assert_eq(step->attempt, 2);
    tasker_step_free(step);
    turner_close(&l, w);
}

Test(turn, an_extension_moves_the_end) {
    ledger l;
    ledger_open(&l, TIMED);
    tk_worker *w = turner_open(&l, "A", 1);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    l.now_us += S;
    cr_assert_eq(tk_worker_extend(w, step->event_id, 5000, NULL), TASKER_OK);
    cr_assert_eq(tk_worker_extend(w, step->event_id, 0, NULL), TASKER_INVALID);
    cr_assert_eq(tk_worker_extend(w, "no event", 5000, NULL), TASKER_INVALID);
    l.now_us += 4 * S;
    turner_turn(&l, w);
    cr_assert_eq(w->stats.timed_out, 0);
    l.now_us += S;
    turner_turn(&l, w);
    cr_assert_eq(w->stats.timed_out, 1);
    cr_assert_eq(tk_worker_extend(w, step->event_id, 5000, NULL), TASKER_LOST);
    tasker_step_free(step);
    turner_close(&l, w);
}

/* --- what comes back --- */

Test(turn, a_step_given_back_before_it_began_costs_no_attempt) {
    ledger l;
    uint32_t count = 0;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "A", 1);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    int64_t enqueued_us = step->enqueued_at_us;
    l.now_us += S;
    cr_assert_eq(tk_worker_release(w, step->event_id, false, NULL), TASKER_OK);
    cr_assert_eq(tk_worker_release(w, step->event_id, false, NULL), TASKER_NOTFOUND);
    tasker_step_free(step);
    turner_turn(&l, w);
    (void)turner_attempts(&l, &count);
    cr_assert_eq(count, 0);
    step = turner_take(w);
    cr_assert_eq(step->attempt, 1);
    cr_assert_eq(step->enqueued_at_us, enqueued_us, "it keeps its place in time");
    cr_assert_eq(tk_worker_release(w, step->event_id, true, NULL), TASKER_OK);
    tasker_step_free(step);
    turner_turn(&l, w);
    tk_attempt_row *rows = turner_attempts(&l, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(rows[0].outcome, TK_OUTCOME_LOST, "one that began counts");
    turner_close(&l, w);
}

Test(turn, what_a_handler_returns_is_stored_or_fails_its_attempt) {
    static char large[TASKER_RESULT_BYTES_MAX + 2];
    memset(large, '7', sizeof(large));
    large[TASKER_RESULT_BYTES_MAX] = '\0';
    static const char bad[] = "{\"a\":\"\xff\"}";
    const struct {
        tasker_bytes result;
        int32_t outcome;
        const char *stored; /* of the result, or a part of the error; NULL: as given */
    } cases[] = {
        {{NULL, 0}, TK_OUTCOME_OK, "null"},
        {{"18446744073709551616.10", 23}, TK_OUTCOME_OK, NULL},
        {{large, TASKER_RESULT_BYTES_MAX}, TK_OUTCOME_OK, NULL},
        {{large, TASKER_RESULT_BYTES_MAX + 1}, TK_OUTCOME_ERROR, "InvalidResult"},
        {{"{\"a\":NaN}", 9}, TK_OUTCOME_ERROR, "InvalidResult"},
        {{bad, sizeof(bad) - 1}, TK_OUTCOME_OK, "{\"a\":\"\xef\xbf\xbd\"}"},
    };
    large[TASKER_RESULT_BYTES_MAX] = '7';
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        ledger l;
        uint32_t count = 0;
        ledger_open(&l, LEDGER_CHAIN);
        tk_worker *w = turner_open(&l, "A", 1);
        ledger_submit(&l, NULL);
        turner_turn(&l, w);
        tasker_step *step = turner_take(w);
        const tasker_outcome outcome = {
            .ok = true, .result = cases[i].result, .retry_after_ms = -1};
        cr_assert_eq(tk_worker_complete(w, step->event_id, &outcome, NULL), TASKER_OK);
        tasker_step_free(step);
        turner_turn(&l, w);
        tk_attempt_row *rows = turner_attempts(&l, &count);
        cr_assert_eq(count, 1);
        cr_assert_eq(rows[0].outcome, cases[i].outcome, "case %zu", i);
        if (cases[i].outcome == TK_OUTCOME_ERROR) {
            cr_assert_not_null(strstr(rows[0].error.data, cases[i].stored), "case %zu", i);
        } else if (cases[i].stored != NULL) {
            cr_assert(tk_str_is(rows[0].result, cases[i].stored), "case %zu", i);
        } else {
            cr_assert(tk_str_equal(rows[0].result, cases[i].result), "case %zu", i);
        }
        turner_close(&l, w);
    }
}

Test(turn, metadata_that_is_no_object_is_refused_and_the_outcome_stands) {
    static char large[TASKER_ERROR_BYTES_MAX + 2];
    memset(large, ' ', sizeof(large));
    memcpy(large, "{}", 2);
    const struct {
        tasker_bytes metadata;
        const char *stored; /* all of it, or with a note a part */
        bool noted;
    } cases[] = {
        {TK_STR("{\"a\":1}"), "{\"a\":1}", false},
        {TK_STR(" \t\r\n{}"), "{}", false},
        {TK_STR("[1]"), "no JSON object", true},
        {TK_STR("1"), "no JSON object", true},
        {TK_STR("null"), "no JSON object", true},
        {TK_STR("\"{}\""), "no JSON object", true},
        {TK_STR(" "), "no JSON object", true},
        {TK_STR("{"), "could not be stored", true},
        {{large, TASKER_ERROR_BYTES_MAX}, "{}", false},
        {{large, TASKER_ERROR_BYTES_MAX + 1}, "could not be stored", true},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        ledger l;
        uint32_t count = 0;
        ledger_open(&l, LEDGER_CHAIN);
        tk_worker *w = turner_open(&l, "A", 1);
        ledger_submit(&l, NULL);
        turner_turn(&l, w);
        tasker_step *step = turner_take(w);
        const tasker_outcome outcome = {
            .ok = true, .result = TK_STR("7"), .metadata = cases[i].metadata, .retry_after_ms = -1};
        cr_assert_eq(tk_worker_complete(w, step->event_id, &outcome, NULL), TASKER_OK);
        tasker_step_free(step);
        turner_turn(&l, w);
        tk_attempt_row *rows = turner_attempts(&l, &count);
        cr_assert_eq(count, 1);
        cr_assert_eq(rows[0].outcome, TK_OUTCOME_OK);
        cr_assert(tk_str_is(rows[0].result, "7"));
        cr_assert_eq(strstr(rows[0].metadata.data, "\"note\"") != NULL, cases[i].noted, "case %zu",
                     i);
        cr_assert_not_null(strstr(rows[0].metadata.data, cases[i].stored), "case %zu: %s", i,
                           rows[0].metadata.data);
        turner_close(&l, w);
    }
}

Test(turn, a_step_whose_completion_got_no_memory_can_be_released_without_any) {
    ledger l;
    uint32_t count = 0;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "A", 1);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    const tasker_outcome outcome = {.ok = true, .result = TK_STR("7"), .retry_after_ms = -1};
    fail_alloc_begin(1, FAIL_ALLOC_ONWARD);
    cr_assert_eq(tk_worker_complete(w, step->event_id, &outcome, NULL), TASKER_NOMEM);
    cr_assert_eq(tk_worker_release(w, step->event_id, true, NULL), TASKER_OK);
    (void)fail_alloc_end();
    tasker_step_free(step);
    cr_assert_eq(w->in_handler_count, 0);
    turner_turn(&l, w);
    tk_attempt_row *rows = turner_attempts(&l, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(rows[0].outcome, TK_OUTCOME_LOST);
    tk_buf same = {0};
    tk_error_json(&same, TK_STR("the worker gave the step back"), TK_STR("StepReleased"),
                  (tk_str){NULL, 0}, (tk_str){NULL, 0}, true);
    cr_assert(tk_str_equal(rows[0].error, tk_buf_view(&same)), "%s", rows[0].error.data);
    tk_buf_release(&same);
    turner_close(&l, w);
}

Test(turn, an_error_of_any_bytes_is_recorded) {
    ledger l;
    uint32_t count = 0;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "A", 1);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    const tasker_outcome outcome = {.error_message = {"a\0b\xff", 4},
                                    .error_class = TK_STR("E\n"),
                                    .metadata = TK_STR("no JSON"),
                                    .retry_after_ms = -1};
    cr_assert_eq(tk_worker_complete(w, step->event_id, &outcome, NULL), TASKER_OK);
    tasker_step_free(step);
    turner_turn(&l, w);
    tk_attempt_row *rows = turner_attempts(&l, &count);
    cr_assert_eq(count, 1);
    tk_json json;
    cr_assert_eq(tk_json_parse(rows[0].error, SIZE_MAX, &json, NULL), TASKER_INVALID,
                 "a NUL is kept as its escape");
    cr_assert_not_null(strstr(rows[0].metadata.data, "could not be stored"));
    turner_close(&l, w);
}

Test(turn, an_outcome_that_cannot_be_saved_is_given_up_and_the_others_are_saved) {
    ledger l;
    uint32_t count = 0;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "A", 3);
    for (int i = 0; i < 3; i++) {
        ledger_submit(&l, NULL);
    }
    turner_turn(&l, w);
    tasker_step *steps[3] = {turner_take(w), turner_take(w), turner_take(w)};
    tk_uuid last = l.task;
    /* a row that should not be there stands in the way of the middle one */
    cr_assert(tk_uuid_parse(tk_str_of(steps[1]->task_id), &l.task));
    ledger_break(&l, "INSERT INTO attempt (task_id, step_no, attempt, n, token, worker, outcome,"
                     " enqueued_at, claimed_at, finished_at) VALUES (?1,0,1,900,1,1,3,1,1,1)");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(turner_end(w, steps[i], "1"), TASKER_OK);
    }
    for (int i = 0; i < 20 && w->unsaved_count + tk_ring_count(&w->done) > 0; i++) {
        w->look = true;
        tasker_status status = tk_turn(w, &l.error);
        cr_assert(status == TASKER_OK || status == TASKER_CONFLICT, "%s", l.error.message);
        l.now_us += tk_worker_wait_us(w) + 1;
    }
    cr_assert_eq(w->unsaved_count, 0);
    cr_assert_eq(w->stats.succeeded, 2);
    cr_assert_eq(w->stats.refused, 1);
    l.task = last;
    (void)turner_attempts(&l, &count);
    cr_assert_eq(count, 1);
    tk_worker_close(w);
    ledger_close(&l);
}
