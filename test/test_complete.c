/* Endings of claimed steps: the fence, fan-in, retries, and what a task becomes. */
#include "state.h"
#include "support/ledger.h"

static int32_t task_state(ledger *l, const tk_uuid *id, tk_state_row *row) {
    bool found = false;
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, state_load, &l->arena, id, 1, row, &found, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    cr_assert(found);
    return row->state;
}

static int32_t state_of(ledger *l) {
    tk_state_row row;
    return task_state(l, &l->task, &row);
}

/* The row of a step among the live ones; place NONE when it has none. */
static tk_place_row place_of(ledger *l, const char *step) {
    tk_place_row *rows = NULL;
    uint32_t count = 0;
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, place_list, &l->arena, &l->task, &rows, &count, NULL),
                 TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(l->known->template->steps[rows[i].step].name, step) == 0) {
            return rows[i];
        }
    }
    return (tk_place_row){.place = TK_PLACE_NONE};
}

static void sound(ledger *l) {
    tk_check check = {.count = 0};
    cr_assert_eq(tk_check_store(&l->engine, false, &check, &l->error), TASKER_OK);
    cr_assert_eq(check.count, 0, "%s: %s", check.problems[0].rule, check.problems[0].detail);
    tk_check_release(&check);
}

Test(complete, a_success_frees_the_next_step_and_the_last_one_ends_the_task) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    cr_assert_eq(place_of(&l, "b").place, TK_PLACE_NONE);
    ledger_run(&l, "a", "1");
    cr_assert_eq(place_of(&l, "b").place, TK_PLACE_READY);
    cr_assert_eq(place_of(&l, "c").place, TK_PLACE_NONE);
    ledger_run(&l, "b", "2");
    cr_assert_eq(state_of(&l), TK_TASK_RUNNING);
    ledger_run(&l, "c", "3");
    cr_assert_eq(state_of(&l), TK_TASK_COMPLETE);
    sound(&l);
    ledger_close(&l);
}

Test(complete, a_step_with_several_parents_waits_for_the_last_of_them) {
    ledger l;
    ledger_open(&l, LEDGER_DIAMOND);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    tk_lease_row b = ledger_claim(&l, "b");
    ledger_run(&l, "c", "3");
    cr_assert_eq(place_of(&l, "d").place, TK_PLACE_NONE);
    cr_assert(ledger_end(&l, b, TK_OUTCOME_OK, "2", false));
    cr_assert_eq(place_of(&l, "d").place, TK_PLACE_READY);
    ledger_run(&l, "d", "4");
    cr_assert_eq(state_of(&l), TK_TASK_COMPLETE);
    sound(&l);
    ledger_close(&l);
}

Test(complete, both_parents_in_one_batch_free_their_child_once) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    tk_ending endings[2];
    const char *const names[] = {"a", "b"};
    for (int i = 0; i < 2; i++) {
        endings[i] = (tk_ending){.lease = ledger_claim(&l, names[i]),
                                 .known = l.known,
                                 .kind = TK_OUTCOME_OK,
                                 .result = TK_STR("1")};
    }
    tk_moved moved = {0};
    tk_store *store = l.engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_WRITE, NULL), TASKER_OK);
    cr_assert_eq(tk_complete(&l.engine, &l.arena, endings, 2, l.now_us, &moved, &l.error),
                 TASKER_OK);
    cr_assert_eq(moved.ready_count, 1);
    cr_assert_eq(moved.ready_by[0], &endings[1]);
    cr_assert_eq(tk_store_call(store, ready_insert, moved.ready, 1, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    sound(&l);
    ledger_close(&l);
}

Test(complete, an_ending_whose_token_is_not_current_changes_nothing) {
    ledger l;
    tk_state_row before;
    tk_state_row after;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    tk_lease_row lease = ledger_claim(&l, "a");
    task_state(&l, &l.task, &before);
    tk_lease_row stale = lease;
    stale.token++;
    static const tk_outcome_kind kinds[] = {TK_OUTCOME_OK, TK_OUTCOME_ERROR, TK_OUTCOME_LOST};
    for (size_t i = 0; i < TK_COUNT_OF(kinds); i++) {
        cr_assert_not(ledger_end(&l, stale, kinds[i], "9", true));
    }
    task_state(&l, &l.task, &after);
    cr_assert_eq(memcmp(before.progress, after.progress, before.progress_bytes), 0);
    cr_assert_eq(before.updated_us, after.updated_us);
    cr_assert_eq(place_of(&l, "a").place, TK_PLACE_LEASE);
    cr_assert(ledger_end(&l, lease, TK_OUTCOME_OK, "1", false));
    cr_assert_not(ledger_end(&l, lease, TK_OUTCOME_OK, "2", false), "it ends once");
    sound(&l);
    ledger_close(&l);
}

Test(complete, a_refused_ending_does_not_undo_the_others_of_its_batch) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    tk_ending endings[2] = {{.lease = ledger_claim(&l, "a"), .kind = TK_OUTCOME_OK},
                            {.lease = ledger_claim(&l, "b"), .kind = TK_OUTCOME_OK}};
    endings[0].known = endings[1].known = l.known;
    endings[0].lease.token++;
    tk_moved moved = {0};
    tk_store *store = l.engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_WRITE, NULL), TASKER_OK);
    cr_assert_eq(tk_complete(&l.engine, &l.arena, endings, 2, l.now_us, &moved, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    cr_assert_not(endings[0].accepted);
    cr_assert(endings[1].accepted);
    cr_assert_eq(place_of(&l, "a").place, TK_PLACE_LEASE);
    cr_assert_eq(place_of(&l, "b").place, TK_PLACE_NONE);
    ledger_close(&l);
}

Test(complete, a_failed_step_waits_and_then_runs_again) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    ledger_fail(&l, "a", true);
    tk_place_row row = place_of(&l, "a");
    cr_assert_eq(row.place, TK_PLACE_LATER);
    cr_assert_eq(row.attempts, 1);
    cr_assert(row.run_at_us >= l.now_us + 500000 && row.run_at_us <= l.now_us + 1000000,
              "the first backoff is half to all of a second");
    ledger_later(&l, row.run_at_us - l.now_us - 2000);
    cr_assert_eq(place_of(&l, "a").place, TK_PLACE_LATER);
    ledger_later(&l, 2000);
    cr_assert_eq(place_of(&l, "a").place, TK_PLACE_READY);
    cr_assert_eq(ledger_claim(&l, "a").attempt, 2);
    sound(&l);
    ledger_close(&l);
}

Test(complete, without_backoff_it_is_ready_at_once) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    ledger_fail(&l, "b", true);
    cr_assert_eq(place_of(&l, "b").place, TK_PLACE_READY);
    cr_assert_eq(place_of(&l, "b").attempts, 1);
    ledger_close(&l);
}

Test(complete, a_failure_for_good_blocks_the_task_when_nothing_else_is_open) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    ledger_fail(&l, "a", false);
    cr_assert_eq(place_of(&l, "a").place, TK_PLACE_NONE);
    cr_assert_eq(state_of(&l), TK_TASK_RUNNING, "the other branch runs to its end");
    ledger_run(&l, "b", "1");
    cr_assert_eq(state_of(&l), TK_TASK_BLOCKED);
    sound(&l);
    ledger_close(&l);
}

Test(complete, the_last_attempt_that_fails_is_the_end) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    ledger_fail(&l, "b", true);
    cr_assert_eq(state_of(&l), TK_TASK_RUNNING);
    ledger_fail(&l, "b", true);
    cr_assert_eq(state_of(&l), TK_TASK_BLOCKED);
    sound(&l);
    ledger_close(&l);
}

Test(complete, a_lost_attempt_counts_and_needs_no_backoff) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    ledger_lose(&l, "a");
    cr_assert_eq(place_of(&l, "a").place, TK_PLACE_READY);
    cr_assert_eq(place_of(&l, "a").attempts, 1);
    ledger_lose(&l, "a");
    cr_assert_eq(place_of(&l, "a").place, TK_PLACE_NONE, "two attempts were all it had");
    ledger_run(&l, "b", "1");
    cr_assert_eq(state_of(&l), TK_TASK_BLOCKED);
    sound(&l);
    ledger_close(&l);
}

Test(complete, what_is_recorded_never_goes_back_in_time) {
    ledger l;
    tk_state_row state;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    tk_lease_row lease = ledger_claim(&l, "a");
    l.now_us -= 60 * INT64_C(1000000); /* the clock was set back */
    cr_assert(ledger_end(&l, lease, TK_OUTCOME_OK, "1", false));
    task_state(&l, &l.task, &state);
    cr_assert_geq(state.updated_us, lease.claimed_us);
    cr_assert_eq(place_of(&l, "b").enqueued_us, state.updated_us);
    tk_lease_row next = ledger_claim(&l, "b");
    cr_assert_geq(next.claimed_us, state.updated_us);
    sound(&l);
    ledger_close(&l);
}

/* --- recovery of dead workers --- */

static int64_t beat_of(ledger *l, int32_t worker, uint32_t *workers) {
    tk_worker_row *rows = NULL;
    int64_t beat = -1;
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, worker_list, &l->arena, &rows, workers, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    for (uint32_t i = 0; i < *workers; i++) {
        beat = rows[i].id == worker ? rows[i].beat : beat;
    }
    return beat;
}

Test(complete, steps_of_a_dead_worker_are_lost_and_tried_again) {
    ledger l;
    uint32_t workers = 0;
    bool done = false;
    ledger_open(&l, LEDGER_ROOTS);
    for (int i = 0; i < TK_RECOVER_LEASES + 1; i++) { /* more than one transaction takes */
        ledger_submit(&l, NULL);
        (void)ledger_claim(&l, "a");
    }
    int64_t beat = beat_of(&l, l.worker, &workers);
    cr_assert_eq(tk_recover(&l.engine, l.worker, beat, &done, &l.error), TASKER_OK);
    cr_assert(done);
    cr_assert_eq(beat_of(&l, l.worker, &workers), -1);
    cr_assert_eq(workers, 0);
    cr_assert_eq(place_of(&l, "a").place, TK_PLACE_READY);
    cr_assert_eq(place_of(&l, "a").attempts, 1);
    sound(&l);
    ledger_close(&l);
}

Test(complete, a_worker_that_beats_again_keeps_its_steps) {
    ledger l;
    uint32_t workers = 0;
    bool done = true;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    tk_lease_row lease = ledger_claim(&l, "a");
    int64_t beat = beat_of(&l, l.worker, &workers);
    tk_store *store = l.engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_WRITE, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, worker_beat, l.worker, false, false, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    cr_assert_eq(tk_recover(&l.engine, l.worker, beat, &done, &l.error), TASKER_OK);
    cr_assert_not(done);
    cr_assert(ledger_end(&l, lease, TK_OUTCOME_OK, "1", false));
    sound(&l);
    ledger_close(&l);
}

Test(complete, all_workers_are_recovered_at_once_where_nobody_else_can_live) {
    ledger l;
    uint32_t workers = 0;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    tk_lease_row lease = ledger_claim(&l, "a");
    cr_assert_eq(tk_recover_all(&l.engine, &l.error), TASKER_OK);
    (void)beat_of(&l, l.worker, &workers);
    cr_assert_eq(workers, 0);
    cr_assert_not(ledger_end(&l, lease, TK_OUTCOME_OK, "1", false), "its outcome comes too late");
    cr_assert_eq(ledger_claim(&l, "a").attempt, 2);
    ledger_close(&l);
}
