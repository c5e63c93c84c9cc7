/* The life of a worker: beats, death and what comes after it, shutdown. */
#include "support/fault_store.h"
#include "support/turner.h"

#define MS TURNER_MS
#define S TURNER_S

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

Test(life, it_beats_every_second_while_it_holds_steps_and_rarely_when_idle) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_break(&l, "DELETE FROM worker"); /* the fixture's own */
    tk_worker *w = turner_open(&l, "A", 1);
    live(&l, w, 60 * S);
    int64_t idle = beat_of(&l, w->id);
    cr_assert(idle >= 12 && idle <= 13, "%" PRId64 " beats in a minute", idle);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *step = turner_take(w);
    live(&l, w, 60 * S);
    int64_t busy = beat_of(&l, w->id) - idle;
    cr_assert(busy >= 59 && busy <= 61, "%" PRId64 " beats in a minute", busy);
    tasker_step_free(step);
    turner_close(&l, w);
}

Test(life, who_stands_still_is_taken_for_dead_within_the_promised_time) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *dead = turner_open(&l, "A", 1);
    tk_worker *other = turner_open(&l, "A", 1);
    for (int i = 0; i < 12; i++) { /* they know of each other */
        turner_turn(&l, dead);
        turner_turn(&l, other);
        l.now_us += 500 * MS;
    }
    ledger_submit(&l, NULL);
    turner_turn(&l, dead);
    tasker_step *step = turner_take(dead);
    int32_t id = dead->id;
    live(&l, other, 9 * S);
    cr_assert_eq(turner_places(&l, TK_PLACE_LEASE), 1, "not before ten beats");
    int64_t began_us = l.now_us;
    while (turner_has_nothing(other) && l.now_us - began_us < 7 * S) {
        live(&l, other, 100 * MS);
    }
    cr_assert_leq(l.now_us - began_us, 6 * S + 100 * MS, "%" PRId64 " us and nine seconds",
                  l.now_us - began_us);
    cr_assert_eq(beat_of(&l, id), -1);
    /* it wakes: its outcome is refused, and it goes on under another number */
    cr_assert_eq(turner_end(dead, step, "1"), TASKER_OK);
    for (int i = 0; i < 4; i++) {
        dead->look = true;
        (void)tk_turn(dead, NULL);
        l.now_us += tk_worker_wait_us(dead) + 1;
    }
    cr_assert_eq(dead->stats.refused, 1);
    cr_assert_neq(dead->id, id);
    ledger_submit(&l, NULL);
    turner_turn(&l, dead);
    step = turner_take(dead);
    tasker_step_free(step);
    tk_worker_close(dead);
    turner_close(&l, other);
}

Test(life, a_cancelled_step_leaves_the_ring_and_a_running_one_is_refused) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    tk_worker *w = turner_open(&l, "AB", 2);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *running = turner_take(w); /* the other one waits */
    cr_assert_eq(tk_task_cancel(&l.engine, &l.task, NULL, &l.error), TASKER_OK);
    live(&l, w, 2 * S);
    cr_assert(turner_has_nothing(w));
    cr_assert_eq(turner_end(w, running, "1"), TASKER_LOST);
    cr_assert_eq(w->held_count, 0);
    turner_close(&l, w);
}

Test(life, a_shutdown_gives_back_what_nobody_began_and_waits_for_the_rest) {
    ledger l;
    uint32_t left = 0;
    ledger_open(&l, LEDGER_ROOTS);
    tk_worker *w = turner_open(&l, "AB", 2);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *running = turner_take(w);
    cr_assert_eq(tk_worker_drain(w, false, &left, &l.error), TASKER_OK);
    cr_assert_eq(left, 1);
    cr_assert_eq(turner_places(&l, TK_PLACE_READY), 1);
    cr_assert_eq(turner_places(&l, TK_PLACE_LEASE), 1);
    cr_assert_eq(turner_end(w, running, "1"), TASKER_OK);
    cr_assert_eq(tk_worker_drain(w, false, &left, &l.error), TASKER_OK);
    cr_assert_eq(left, 0);
    cr_assert_eq(beat_of(&l, w->id), -1, "its row is gone");
    cr_assert_eq(w->stats.succeeded, 1);
    turner_close(&l, w);
}

Test(life, when_the_time_is_over_running_steps_are_lost) {
    ledger l;
    uint32_t left = 1;
    uint32_t count = 0;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "A", 1);
    ledger_submit(&l, NULL);
    turner_turn(&l, w);
    tasker_step *running = turner_take(w);
    cr_assert_eq(tk_worker_drain(w, true, &left, &l.error), TASKER_OK);
    cr_assert_eq(left, 0);
    tk_attempt_row *rows = turner_attempts(&l, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(rows[0].outcome, TK_OUTCOME_LOST);
    cr_assert_eq(turner_end(w, running, "1"), TASKER_LOST);
    turner_close(&l, w);
}

Test(life, unknown_and_foreign_event_ids_are_told_apart) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "A", 1);
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
    turner_close(&l, w);
}

Test(life, a_worker_needs_threads_and_handlers) {
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

/* --- what fails after a turn --- */

static tk_fault_kind fail_lists(void *user, tk_store_operation operation, uint64_t number) {
    (void)number;
    return *(bool *)user && operation == TK_STORE_OP_worker_list ? TK_FAULT_BEFORE : TK_FAULT_NONE;
}

Test(life, a_look_at_the_others_that_fails_is_counted_and_backed_off) {
    ledger l;
    tk_fault_plan plan;
    bool failing = true;
    ledger_open(&l, LEDGER_CHAIN);
    tk_fault_plan_init(&plan);
    plan.decide = fail_lists;
    plan.user = &failing;
    tk_store *inner = l.engine.store;
    cr_assert_eq(tk_fault_store_wrap(inner, &plan, &l.engine.store, NULL), TASKER_OK);
    tk_worker *w = turner_open(&l, "A", 1);
    uint32_t failed = 0;
    uint32_t most = 0;
    int64_t until_us = l.now_us + 60 * S;
    while (l.now_us < until_us) {
        failed += tk_turn(w, &l.error) != TASKER_OK;
        most = w->failures > most ? w->failures : most;
        l.now_us += tk_worker_wait_us(w) + 1;
    }
    cr_assert_eq(w->stats.turns_failed, failed);
    cr_assert(failed >= 30 && failed <= 60, "%u failures in a minute", failed);
    cr_assert_eq(most, failed, "they count as failures in a row");
    failing = false;
    for (int i = 0; i < 5; i++) {
        (void)tk_turn(w, &l.error);
        l.now_us += tk_worker_wait_us(w) + 1;
    }
    cr_assert_eq(w->failures, 0);
    tk_worker_close(w);
    ledger_close(&l);
    tk_fault_plan_release(&plan);
}

Test(life, what_was_claimed_while_the_worker_was_taken_for_dead_is_free_again) {
    ledger l;
    bool done = false;
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "A", 2);
    turner_turn(&l, w);
    cr_assert_eq(tk_recover(&l.engine, w->id, beat_of(&l, w->id), &done, &l.error), TASKER_OK);
    cr_assert(done);
    ledger_submit(&l, NULL);
    l.now_us += MS;
    turner_turn(&l, w); /* no beat is due: it does not know yet */
    tasker_step *step = turner_take(w);
    int32_t id = w->id;
    for (int i = 0; i < 20 && w->id == id; i++) {
        w->look = true;
        (void)tk_turn(w, &l.error);
        l.now_us += 500 * MS;
    }
    cr_assert_neq(w->id, id);
    cr_assert_eq(turner_end(w, step, "1"), TASKER_LOST);
    live(&l, w, 2 * S);
    step = turner_take(w);
    cr_assert_eq(step->attempt, 2);
    cr_assert_eq(turner_end(w, step, "1"), TASKER_OK);
    turner_turn(&l, w);
    turner_close(&l, w);
}
