/* A worker without a thread: what a turn saves, keeps, claims and gives back, at a clock of our own. */
#include "support/ledger.h"
#include "turn.h"

#define MS INT64_C(1000)
#define S INT64_C(1000000)

#define TIMED                                                                                      \
    "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n"                                    \
    "  - {name: a, handler: {callable: A}, timeout_seconds: 2, retry: {limit: 2, backoff: "        \
    "none}}\n"

static tk_worker *opened(ledger *l, const char *handlers, uint32_t threads) {
    tk_str names[8];
    tk_worker_setup setup = {.handlers = names, .name = TK_STR("w"), .threads = threads};
    for (const char *at = handlers; *at != '\0'; at++) {
        names[setup.handler_count++] = (tk_str){at, 1};
    }
    tk_worker *w = NULL;
    cr_assert_eq(tk_worker_open(&l->engine, &setup, &w, &l->error), TASKER_OK, "%s",
                 l->error.message);
    return w;
}

static void turn(ledger *l, tk_worker *w) {
    w->look = true;
    cr_assert_eq(tk_turn(w, &l->error), TASKER_OK, "%s", l->error.message);
}

static tasker_step *taken(tk_worker *w) {
    tasker_step *step = NULL;
    cr_assert_eq(tk_worker_next(w, 0, &step, NULL), TASKER_OK);
    return step;
}

static bool nothing(tk_worker *w) {
    tasker_step *step = NULL;
    tasker_status status = tk_worker_next(w, 0, &step, NULL);
    tasker_step_free(step);
    return status == TASKER_TIMEOUT;
}

static tasker_status end(tk_worker *w, tasker_step *step, const char *result) {
    const tasker_outcome outcome = {.ok = true, .result = tk_str_of(result), .retry_after_ms = -1};
    tasker_status status = tk_worker_complete(w, step->event_id, &outcome, NULL);
    tasker_step_free(step);
    return status;
}

static tk_attempt_row *attempts(ledger *l, uint32_t *count) {
    tk_attempt_row *rows = NULL;
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, attempt_list, &l->arena, &l->task, true, &rows, count, NULL),
                 TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    return rows;
}

static uint32_t place_count(ledger *l, int32_t place) {
    tk_place_row *rows = NULL;
    uint32_t count = 0;
    uint32_t found = 0;
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, place_list, &l->arena, &l->task, &rows, &count, NULL),
                 TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    for (uint32_t i = 0; i < count; i++) {
        found += rows[i].place == place;
    }
    return found;
}

#define IN_READY 1
#define IN_LEASE 2

static void closed(ledger *l, tk_worker *w) {
    tk_worker_close(w);
    tk_check check = {.count = 0};
    cr_assert_eq(tk_check_store(&l->engine, false, &check, &l->error), TASKER_OK);
    cr_assert_eq(check.count, 0, "%s: %s", check.problems[0].rule, check.problems[0].detail);
    tk_check_release(&check);
    ledger_close(l);
}

/* --- claims --- */

Test(turn, a_chain_stays_with_its_worker) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = opened(&l, "ABC", 1);
    ledger_submit(&l, NULL);
    turn(&l, w);
    for (const char *name = "abc"; *name != '\0'; name++) {
        tasker_step *step = taken(w);
        cr_assert_eq(step->step_name[0], *name);
        cr_assert_eq(end(w, step, "1"), TASKER_OK);
        turn(&l, w); /* saves, and hands out the next step */
        cr_assert_eq(place_count(&l, IN_READY), 0, "it never touches the queue");
    }
    cr_assert(nothing(w));
    cr_assert_eq(w->stats.succeeded, 3);
    closed(&l, w);
}

Test(turn, a_step_that_the_worker_cannot_run_goes_into_the_queue) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = opened(&l, "AC", 2);
    ledger_submit(&l, NULL);
    turn(&l, w);
    cr_assert_eq(end(w, taken(w), "1"), TASKER_OK);
    turn(&l, w);
    cr_assert(nothing(w));
    cr_assert_eq(place_count(&l, IN_READY), 1);
    closed(&l, w);
}

Test(turn, urgent_work_goes_before_the_next_step_of_a_chain) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = opened(&l, "ABC", 1);
    ledger_submit(&l, NULL);
    turn(&l, w);
    tasker_step *first = taken(w);
    ledger_submit(&l, "\"priority\":5");
    ledger_submit(&l, "\"priority\":5");
    w->top_class = 5; /* as the last claim left it */
    cr_assert_eq(end(w, first, "1"), TASKER_OK);
    turn(&l, w);
    tasker_step *next = taken(w);
    cr_assert_eq(next->priority, 5);
    cr_assert_eq(end(w, next, "1"), TASKER_OK);
    closed(&l, w);
}

Test(turn, it_claims_for_its_free_threads_only_while_handlers_are_slow) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = opened(&l, "A", 3);
    for (int i = 0; i < 10; i++) {
        ledger_submit(&l, NULL);
    }
    turn(&l, w);
    cr_assert_eq(tk_ring_count(&w->ready), 3);
    tasker_step *steps[3];
    for (int i = 0; i < 3; i++) {
        steps[i] = taken(w);
    }
    turn(&l, w);
    cr_assert_eq(tk_ring_count(&w->ready), 0, "all threads are busy");
    l.now_us += 60 * S;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(end(w, steps[i], "1"), TASKER_OK);
        turn(&l, w);
        cr_assert_eq(tk_ring_count(&w->ready), i + 1);
    }
    closed(&l, w);
}

Test(turn, it_claims_ahead_when_handlers_are_fast) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = opened(&l, "A", 2);
    for (int i = 0; i < 40; i++) {
        ledger_submit(&l, NULL);
    }
    turn(&l, w);
    tasker_step *step = taken(w);
    l.now_us += 10 * MS;
    cr_assert_eq(end(w, step, "1"), TASKER_OK); /* ten milliseconds: five per thread in 50 */
    turn(&l, w);
    cr_assert_eq(tk_ring_count(&w->ready), 2 + 10);
    closed(&l, w);
}

Test(turn, steps_on_their_last_attempt_are_handed_out_first) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    ledger_lose(&l, "b"); /* one of two attempts is gone */
    tk_worker *w = opened(&l, "AB", 2);
    turn(&l, w);
    tasker_step *first = taken(w);
    cr_assert_str_eq(first->step_name, "b");
    cr_assert_eq(first->attempt, 2);
    cr_assert_eq(first->attempts_before, 1);
    cr_assert_gt(first->last_failure.size, 0);
    tasker_step_free(first);
    closed(&l, w);
}

Test(turn, a_step_sees_the_results_of_all_its_ancestors) {
    ledger l;
    ledger_open(&l, LEDGER_DIAMOND);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "18446744073709551616");
    ledger_run(&l, "b", "{\"b\":1.10}");
    ledger_by_hand(&l, "c", TK_OUTCOME_COMPLETED, "[]");
    tk_worker *w = opened(&l, "D", 1);
    turn(&l, w);
    tasker_step *step = taken(w);
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
    closed(&l, w);
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
    tk_worker *w = opened(&l, "BC", 1);
    turn(&l, w);
    tasker_step *b = taken(w); /* sees no result of a */
    cr_assert_eq(b->dependency_count, 1);
    ledger_run(&l, "a", "1");
    cr_assert_eq(end(w, b, "3"), TASKER_OK);
    turn(&l, w);
    tasker_step *c = taken(w);
    cr_assert_eq(c->dependency_count, 3);
    cr_assert_str_eq(c->dependencies[0].name, "a");
    tasker_step_free(c);
    closed(&l, w);
}

/* --- time-outs --- */

Test(turn, a_step_that_runs_too_long_fails_and_its_slot_stays_taken) {
    ledger l;
    char event[TASKER_UUID_SIZE];
    uint32_t count = 0;
    ledger_open(&l, TIMED);
    tk_worker *w = opened(&l, "A", 1);
    ledger_submit(&l, NULL);
    turn(&l, w);
    tasker_step *step = taken(w);
    l.now_us += 2 * S - 1;
    turn(&l, w);
    (void)attempts(&l, &count);
    cr_assert_eq(count, 0);
    l.now_us += 1;
    cr_assert_eq(tk_worker_wait_us(w), 0);
    turn(&l, w);
    tk_attempt_row *rows = attempts(&l, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(rows[0].outcome, TK_OUTCOME_ERROR);
    cr_assert_not_null(strstr(rows[0].error.data, "TimeoutError"));
    cr_assert_eq(tk_worker_overdue(w, event, NULL), TASKER_OK);
    cr_assert_str_eq(event, step->event_id);
    cr_assert_eq(tk_worker_overdue(w, event, NULL), TASKER_NOTFOUND, "it is told once");
    turn(&l, w);
    cr_assert(nothing(w), "its old handler still has the only thread");
    cr_assert_eq(place_count(&l, IN_READY), 1);
    cr_assert_eq(end(w, step, "1"), TASKER_LOST);
    turn(&l, w);
    step = taken(w);
    cr_assert_eq(step->attempt, 2);
    cr_assert_eq(end(w, step, "2"), TASKER_OK);
    turn(&l, w);
    cr_assert_eq(w->stats.timed_out, 1);
    closed(&l, w);
}

Test(turn, a_handler_that_only_says_that_it_has_returned_frees_its_slot) {
    ledger l;
    ledger_open(&l, TIMED);
    tk_worker *w = opened(&l, "A", 1);
    ledger_submit(&l, NULL);
    turn(&l, w);
    tasker_step *step = taken(w);
    tk_worker_finished(w, step->event_id); /* no effect: it was not overdue */
    cr_assert_eq(w->in_handler_count, 1);
    l.now_us += 3 * S;
    turn(&l, w);
    tk_worker_finished(w, step->event_id);
    tk_worker_finished(w, step->event_id);
    tasker_step_free(step);
    cr_assert_eq(w->in_handler_count, 0);
    turn(&l, w);
    step = taken(w);
    cr_assert_eq(step->attempt, 2);
    tasker_step_free(step);
    closed(&l, w);
}

Test(turn, an_extension_moves_the_end) {
    ledger l;
    ledger_open(&l, TIMED);
    tk_worker *w = opened(&l, "A", 1);
    ledger_submit(&l, NULL);
    turn(&l, w);
    tasker_step *step = taken(w);
    l.now_us += S;
    cr_assert_eq(tk_worker_extend(w, step->event_id, 5000, NULL), TASKER_OK);
    cr_assert_eq(tk_worker_extend(w, step->event_id, 0, NULL), TASKER_INVALID);
    cr_assert_eq(tk_worker_extend(w, "no event", 5000, NULL), TASKER_INVALID);
    l.now_us += 4 * S;
    turn(&l, w);
    cr_assert_eq(w->stats.timed_out, 0);
    l.now_us += S;
    turn(&l, w);
    cr_assert_eq(w->stats.timed_out, 1);
    cr_assert_eq(tk_worker_extend(w, step->event_id, 5000, NULL), TASKER_LOST);
    tasker_step_free(step);
    closed(&l, w);
}

/* --- what comes back --- */

Test(turn, a_step_given_back_before_it_began_costs_no_attempt) {
    ledger l;
    uint32_t count = 0;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = opened(&l, "A", 1);
    ledger_submit(&l, NULL);
    turn(&l, w);
    tasker_step *step = taken(w);
    int64_t enqueued_us = step->enqueued_at_us;
    l.now_us += S;
    cr_assert_eq(tk_worker_release(w, step->event_id, false, NULL), TASKER_OK);
    cr_assert_eq(tk_worker_release(w, step->event_id, false, NULL), TASKER_NOTFOUND);
    tasker_step_free(step);
    turn(&l, w);
    (void)attempts(&l, &count);
    cr_assert_eq(count, 0);
    step = taken(w);
    cr_assert_eq(step->attempt, 1);
    cr_assert_eq(step->enqueued_at_us, enqueued_us, "it keeps its place in time");
    cr_assert_eq(tk_worker_release(w, step->event_id, true, NULL), TASKER_OK);
    tasker_step_free(step);
    turn(&l, w);
    tk_attempt_row *rows = attempts(&l, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(rows[0].outcome, TK_OUTCOME_LOST, "one that began counts");
    closed(&l, w);
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
        tk_worker *w = opened(&l, "A", 1);
        ledger_submit(&l, NULL);
        turn(&l, w);
        tasker_step *step = taken(w);
        const tasker_outcome outcome = {
            .ok = true, .result = cases[i].result, .retry_after_ms = -1};
        cr_assert_eq(tk_worker_complete(w, step->event_id, &outcome, NULL), TASKER_OK);
        tasker_step_free(step);
        turn(&l, w);
        tk_attempt_row *rows = attempts(&l, &count);
        cr_assert_eq(count, 1);
        cr_assert_eq(rows[0].outcome, cases[i].outcome, "case %zu", i);
        if (cases[i].outcome == TK_OUTCOME_ERROR) {
            cr_assert_not_null(strstr(rows[0].error.data, cases[i].stored), "case %zu", i);
        } else if (cases[i].stored != NULL) {
            cr_assert(tk_str_is(rows[0].result, cases[i].stored), "case %zu", i);
        } else {
            cr_assert(tk_str_equal(rows[0].result, cases[i].result), "case %zu", i);
        }
        closed(&l, w);
    }
}

Test(turn, an_error_of_any_bytes_is_recorded) {
    ledger l;
    uint32_t count = 0;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = opened(&l, "A", 1);
    ledger_submit(&l, NULL);
    turn(&l, w);
    tasker_step *step = taken(w);
    const tasker_outcome outcome = {.error_message = {"a\0b\xff", 4},
                                    .error_class = TK_STR("E\n"),
                                    .metadata = TK_STR("no JSON"),
                                    .retry_after_ms = -1};
    cr_assert_eq(tk_worker_complete(w, step->event_id, &outcome, NULL), TASKER_OK);
    tasker_step_free(step);
    turn(&l, w);
    tk_attempt_row *rows = attempts(&l, &count);
    cr_assert_eq(count, 1);
    tk_json json;
    cr_assert_eq(tk_json_parse(rows[0].error, SIZE_MAX, &json, NULL), TASKER_INVALID,
                 "a NUL is kept as its escape");
    cr_assert_not_null(strstr(rows[0].metadata.data, "could not be stored"));
    closed(&l, w);
}

Test(turn, an_outcome_that_cannot_be_saved_is_given_up_and_the_others_are_saved) {
    ledger l;
    uint32_t count = 0;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = opened(&l, "A", 3);
    for (int i = 0; i < 3; i++) {
        ledger_submit(&l, NULL);
    }
    turn(&l, w);
    tasker_step *steps[3] = {taken(w), taken(w), taken(w)};
    tk_uuid last = l.task;
    /* a row that should not be there stands in the way of the middle one */
    cr_assert(tk_uuid_parse(tk_str_of(steps[1]->task_id), &l.task));
    ledger_break(&l, "INSERT INTO attempt (task_id, step_no, attempt, n, token, worker, outcome,"
                     " enqueued_at, claimed_at, finished_at) VALUES (?1,0,1,900,1,1,3,1,1,1)");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(end(w, steps[i], "1"), TASKER_OK);
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
    (void)attempts(&l, &count);
    cr_assert_eq(count, 1);
    tk_worker_close(w);
    ledger_close(&l);
}

/* --- beats, death, shutdown --- */

static int64_t beat_of(ledger *l, int32_t id) {
    tk_worker_row *rows = NULL;
    uint32_t count = 0;
    int64_t beat = -1;
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, worker_list, &l->arena, &rows, &count, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    for (uint32_t i = 0; i < count; i++) {
        beat = rows[i].id == id ? rows[i].beat : beat;
    }
    return beat;
}

/* Runs a worker as a pump would for a while. */
static void live(ledger *l, tk_worker *w, int64_t for_us) {
    int64_t until_us = l->now_us + for_us;
    while (l->now_us < until_us) {
        cr_assert_eq(tk_turn(w, &l->error), TASKER_OK, "%s", l->error.message);
        int64_t wait_us = tk_worker_wait_us(w);
        l->now_us += wait_us > 0 ? wait_us : 1;
    }
}

Test(turn, it_beats_every_second_while_it_holds_steps_and_rarely_when_idle) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_break(&l, "DELETE FROM worker"); /* the fixture's own */
    tk_worker *w = opened(&l, "A", 1);
    live(&l, w, 60 * S);
    int64_t idle = beat_of(&l, w->id);
    cr_assert(idle >= 12 && idle <= 13, "%" PRId64 " beats in a minute", idle);
    ledger_submit(&l, NULL);
    turn(&l, w);
    tasker_step *step = taken(w);
    live(&l, w, 60 * S);
    int64_t busy = beat_of(&l, w->id) - idle;
    cr_assert(busy >= 59 && busy <= 61, "%" PRId64 " beats in a minute", busy);
    tasker_step_free(step);
    closed(&l, w);
}

Test(turn, who_stands_still_is_taken_for_dead_within_the_promised_time) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *dead = opened(&l, "A", 1);
    tk_worker *other = opened(&l, "A", 1);
    for (int i = 0; i < 12; i++) { /* they know of each other */
        turn(&l, dead);
        turn(&l, other);
        l.now_us += 500 * MS;
    }
    ledger_submit(&l, NULL);
    turn(&l, dead);
    tasker_step *step = taken(dead);
    int32_t id = dead->id;
    live(&l, other, 9 * S);
    cr_assert_eq(place_count(&l, IN_LEASE), 1, "not before ten beats");
    int64_t began_us = l.now_us;
    while (nothing(other) && l.now_us - began_us < 7 * S) {
        live(&l, other, 100 * MS);
    }
    cr_assert_leq(l.now_us - began_us, 6 * S + 100 * MS, "%" PRId64 " us and nine seconds",
                  l.now_us - began_us);
    cr_assert_eq(beat_of(&l, id), -1);
    /* it wakes: its outcome is refused, and it goes on under another number */
    cr_assert_eq(end(dead, step, "1"), TASKER_OK);
    for (int i = 0; i < 4; i++) {
        dead->look = true;
        (void)tk_turn(dead, NULL);
        l.now_us += tk_worker_wait_us(dead) + 1;
    }
    cr_assert_eq(dead->stats.refused, 1);
    cr_assert_neq(dead->id, id);
    ledger_submit(&l, NULL);
    turn(&l, dead);
    step = taken(dead);
    tasker_step_free(step);
    tk_worker_close(dead);
    closed(&l, other);
}

Test(turn, a_cancelled_step_leaves_the_ring_and_a_running_one_is_refused) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    tk_worker *w = opened(&l, "AB", 2);
    ledger_submit(&l, NULL);
    turn(&l, w);
    tasker_step *running = taken(w); /* the other one waits */
    cr_assert_eq(tk_task_cancel(&l.engine, &l.task, NULL, &l.error), TASKER_OK);
    live(&l, w, 2 * S);
    cr_assert(nothing(w));
    cr_assert_eq(end(w, running, "1"), TASKER_LOST);
    cr_assert_eq(w->held_count, 0);
    closed(&l, w);
}

Test(turn, a_shutdown_gives_back_what_nobody_began_and_waits_for_the_rest) {
    ledger l;
    uint32_t left = 0;
    ledger_open(&l, LEDGER_ROOTS);
    tk_worker *w = opened(&l, "AB", 2);
    ledger_submit(&l, NULL);
    turn(&l, w);
    tasker_step *running = taken(w);
    cr_assert_eq(tk_worker_drain(w, false, &left, &l.error), TASKER_OK);
    cr_assert_eq(left, 1);
    cr_assert_eq(place_count(&l, IN_READY), 1);
    cr_assert_eq(place_count(&l, IN_LEASE), 1);
    cr_assert_eq(end(w, running, "1"), TASKER_OK);
    cr_assert_eq(tk_worker_drain(w, false, &left, &l.error), TASKER_OK);
    cr_assert_eq(left, 0);
    cr_assert_eq(beat_of(&l, w->id), -1, "its row is gone");
    cr_assert_eq(w->stats.succeeded, 1);
    closed(&l, w);
}

Test(turn, when_the_time_is_over_running_steps_are_lost) {
    ledger l;
    uint32_t left = 1;
    uint32_t count = 0;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = opened(&l, "A", 1);
    ledger_submit(&l, NULL);
    turn(&l, w);
    tasker_step *running = taken(w);
    cr_assert_eq(tk_worker_drain(w, true, &left, &l.error), TASKER_OK);
    cr_assert_eq(left, 0);
    tk_attempt_row *rows = attempts(&l, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(rows[0].outcome, TK_OUTCOME_LOST);
    cr_assert_eq(end(w, running, "1"), TASKER_LOST);
    closed(&l, w);
}

Test(turn, unknown_and_foreign_event_ids_are_told_apart) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = opened(&l, "A", 1);
    const tasker_outcome outcome = {.ok = true, .retry_after_ms = -1};
    tk_uuid event = tk_uuid_event(77);
    char known[TASKER_UUID_SIZE];
    tk_uuid_format(&event, known);
    cr_assert_eq(tk_worker_complete(w, known, &outcome, NULL), TASKER_NOTFOUND);
    cr_assert_eq(tk_worker_complete(w, "", &outcome, NULL), TASKER_INVALID);
    cr_assert_eq(tk_worker_complete(w, NULL, &outcome, NULL), TASKER_INVALID);
    cr_assert_eq(tk_worker_release(w, known, true, NULL), TASKER_NOTFOUND);
    cr_assert_eq(tk_worker_extend(w, known, 5, NULL), TASKER_NOTFOUND);
    tk_worker_finished(w, known);
    tk_worker_finished(w, "nonsense");
    closed(&l, w);
}

Test(turn, a_worker_needs_threads_and_handlers) {
    ledger l;
    tk_worker *w = NULL;
    static const tk_str handlers[] = {{"A", 1}};
    const struct {
        uint32_t threads, handler_count;
        tasker_status status;
    } cases[] = {{0, 1, TASKER_INVALID},
                 {1, 1, TASKER_OK},
                 {TASKER_SLOTS_MAX, 1, TASKER_OK},
                 {TASKER_SLOTS_MAX + 1, 1, TASKER_INVALID},
                 {1, 0, TASKER_INVALID}};
    ledger_open(&l, LEDGER_CHAIN);
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        const tk_worker_setup setup = {.handlers = handlers,
                                       .handler_count = cases[i].handler_count,
                                       .name = TK_STR("w"),
                                       .threads = cases[i].threads};
        cr_assert_eq(tk_worker_open(&l.engine, &setup, &w, &l.error), cases[i].status, "case %zu",
                     i);
        tk_worker_close(w);
    }
    ledger_close(&l);
}
