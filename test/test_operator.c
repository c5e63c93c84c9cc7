/* What operators do: retry, resolve, complete, cancel, give up; and where the state forbids it. */
#include "state.h"
#include "support/ledger.h"

static const tasker_act act = {.actor = "ann", .reason = "because"};

/* Moves the step "a" of LEDGER_ROOTS into a state. */
typedef enum situation { READY, RUNNING, WAITING, FAILED, DONE, RESOLVED, CANCELLED } situation;

static const char *const situation_names[] = {"ready", "running",  "waiting",  "failed",
                                              "done",  "resolved", "cancelled"};

static void arrange(ledger *l, situation wanted) {
    ledger_open(l, LEDGER_ROOTS);
    ledger_submit(l, NULL);
    switch (wanted) {
    case READY:
        break;
    case RUNNING:
        (void)ledger_claim(l, "a");
        break;
    case WAITING:
        ledger_fail(l, "a", true);
        break;
    case FAILED:
        ledger_fail(l, "a", false);
        break;
    case DONE:
        ledger_run(l, "a", "1");
        break;
    case RESOLVED:
        ledger_by_hand(l, "a", TK_OUTCOME_RESOLVED, "1");
        break;
    case CANCELLED:
        cr_assert_eq(tk_task_cancel(&l->engine, &l->task, &act, &l->error), TASKER_OK);
        break;
    }
    l->now_us += 1000;
}

static void sound(ledger *l, const char *what) {
    tk_check check = {.count = 0};
    cr_assert_eq(tk_check_store(&l->engine, false, &check, &l->error), TASKER_OK);
    cr_assert_eq(check.count, 0, "%s: %s: %s", what, check.problems[0].rule,
                 check.problems[0].detail);
    tk_check_release(&check);
}

static tk_state_row state_of(ledger *l) {
    tk_state_row row = {0};
    bool found = false;
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, state_load, &l->arena, &l->task, 1, &row, &found, NULL),
                 TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    cr_assert(found);
    return row;
}

static tk_step_mark mark_of(ledger *l, const char *step) {
    tk_state_row row = state_of(l);
    tk_progress progress = tk_state_progress(&row);
    tk_uuid id = ledger_step(l, step);
    tk_uuid task;
    uint32_t number = 0;
    cr_assert(tk_uuid_step_split(&id, &task, &number));
    return tk_progress_mark(&progress, number);
}

/* The newest result of a step, "" without. */
static const char *result_of(ledger *l, const char *step) {
    tk_uuid id = ledger_step(l, step);
    tk_uuid task;
    uint32_t number = 0;
    cr_assert(tk_uuid_step_split(&id, &task, &number));
    tk_result_row row = {.key = {l->task, (uint16_t)number}};
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, results, &l->arena, &row, 1, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    return row.found ? tk_arena_copy(&l->arena, row.result.data, row.result.size) : "";
}

/* --- steps --- */

Test(operator, a_retry_is_for_steps_that_failed_or_wait) {
    static const tasker_status expected[] = {
        [READY] = TASKER_CONFLICT,    [RUNNING] = TASKER_CONFLICT, [WAITING] = TASKER_OK,
        [FAILED] = TASKER_OK,         [DONE] = TASKER_CONFLICT,    [RESOLVED] = TASKER_CONFLICT,
        [CANCELLED] = TASKER_CONFLICT};
    for (situation s = READY; s <= CANCELLED; s++) {
        ledger l;
        arrange(&l, s);
        tk_uuid step = ledger_step(&l, "a");
        tasker_status status = tk_step_retry(&l.engine, &step, &act, &l.error);
        cr_assert_eq(status, expected[s], "%s: %s %s", situation_names[s],
                     tasker_status_name(status), l.error.message);
        if (status == TASKER_OK) {
            cr_assert_eq(ledger_claim(&l, "a").attempt, 2, "numbers never restart");
        }
        sound(&l, situation_names[s]);
        ledger_close(&l);
    }
}

Test(operator, a_resolution_is_for_every_step_but_a_cancelled_one) {
    static const tasker_status expected[] = {
        [READY] = TASKER_OK,          [RUNNING] = TASKER_OK, [WAITING] = TASKER_OK,
        [FAILED] = TASKER_OK,         [DONE] = TASKER_OK,    [RESOLVED] = TASKER_OK,
        [CANCELLED] = TASKER_CONFLICT};
    for (situation s = READY; s <= CANCELLED; s++) {
        ledger l;
        arrange(&l, s);
        tk_uuid step = ledger_step(&l, "a");
        tasker_status status = tk_step_by_hand(&l.engine, &step, TK_OUTCOME_RESOLVED,
                                               TK_STR("{\"by\":1}"), &act, &l.error);
        cr_assert_eq(status, expected[s], "%s: %s %s", situation_names[s],
                     tasker_status_name(status), l.error.message);
        if (status == TASKER_OK) {
            cr_assert_eq(mark_of(&l, "a"), TK_MARK_RESOLVED, "%s", situation_names[s]);
            cr_assert_str_eq(result_of(&l, "a"), "{\"by\":1}");
        }
        sound(&l, situation_names[s]);
        ledger_close(&l);
    }
}

Test(operator, a_completion_by_hand_is_for_open_steps) {
    static const tasker_status expected[] = {
        [READY] = TASKER_OK,          [RUNNING] = TASKER_OK,    [WAITING] = TASKER_OK,
        [FAILED] = TASKER_OK,         [DONE] = TASKER_CONFLICT, [RESOLVED] = TASKER_CONFLICT,
        [CANCELLED] = TASKER_CONFLICT};
    for (situation s = READY; s <= CANCELLED; s++) {
        ledger l;
        arrange(&l, s);
        tk_uuid step = ledger_step(&l, "a");
        tasker_status status =
            tk_step_by_hand(&l.engine, &step, TK_OUTCOME_COMPLETED, TK_STR("7"), &act, &l.error);
        cr_assert_eq(status, expected[s], "%s: %s %s", situation_names[s],
                     tasker_status_name(status), l.error.message);
        if (status == TASKER_OK) {
            cr_assert_eq(mark_of(&l, "a"), TK_MARK_COMPLETE, "%s", situation_names[s]);
            cr_assert_str_eq(result_of(&l, "a"), "7");
        }
        sound(&l, situation_names[s]);
        ledger_close(&l);
    }
}

Test(operator, the_task_goes_on_behind_a_step_that_was_done_by_hand) {
    ledger l;
    arrange(&l, FAILED);
    ledger_run(&l, "b", "1");
    cr_assert_eq(state_of(&l).state, TK_TASK_BLOCKED);
    ledger_by_hand(&l, "a", TK_OUTCOME_COMPLETED, "2");
    cr_assert_eq(state_of(&l).state, TK_TASK_RUNNING);
    ledger_run(&l, "c", "3");
    cr_assert_eq(state_of(&l).state, TK_TASK_COMPLETE);
    sound(&l, "by hand");
    ledger_close(&l);
}

Test(operator, a_running_step_that_is_resolved_loses_its_claim) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    tk_lease_row lease = ledger_claim(&l, "a");
    ledger_by_hand(&l, "a", TK_OUTCOME_RESOLVED, "5");
    cr_assert_not(ledger_end(&l, lease, TK_OUTCOME_OK, "1", false));
    cr_assert_str_eq(result_of(&l, "a"), "5");
    sound(&l, "revoked");
    ledger_close(&l);
}

Test(operator, a_step_behind_open_ones_may_be_done_by_hand_before_them) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_by_hand(&l, "b", TK_OUTCOME_COMPLETED, "2");
    ledger_run(&l, "c", "3"); /* its parent is done */
    cr_assert_eq(state_of(&l).state, TK_TASK_RUNNING, "the first step is still open");
    ledger_run(&l, "a", "1");
    cr_assert_eq(state_of(&l).state, TK_TASK_COMPLETE);
    sound(&l, "out of order");
    ledger_close(&l);
}

Test(operator, a_new_result_is_taken_until_a_step_behind_was_claimed) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    ledger_by_hand(&l, "a", TK_OUTCOME_RESOLVED, "2");
    cr_assert_str_eq(result_of(&l, "a"), "2");
    (void)ledger_claim(&l, "b");
    tk_uuid step = ledger_step(&l, "a");
    cr_assert_eq(
        tk_step_by_hand(&l.engine, &step, TK_OUTCOME_RESOLVED, TK_STR("3"), &act, &l.error),
        TASKER_CONFLICT);
    cr_assert_str_eq(result_of(&l, "a"), "2");
    sound(&l, "resolved anew");
    ledger_close(&l);
}

Test(operator, a_new_result_is_refused_once_a_step_behind_has_ended) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    ledger_run(&l, "b", "1");
    tk_uuid step = ledger_step(&l, "a");
    cr_assert_eq(
        tk_step_by_hand(&l.engine, &step, TK_OUTCOME_RESOLVED, TK_STR("3"), &act, &l.error),
        TASKER_CONFLICT);
    sound(&l, "refused");
    ledger_close(&l);
}

Test(operator, without_a_result_the_old_one_stays_or_it_is_null) {
    const tk_str none = {NULL, 0};
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "{\"old\":1}");
    tk_uuid a = ledger_step(&l, "a");
    tk_uuid b = ledger_step(&l, "b");
    cr_assert_eq(tk_step_by_hand(&l.engine, &a, TK_OUTCOME_RESOLVED, none, NULL, &l.error),
                 TASKER_OK);
    cr_assert_eq(tk_step_by_hand(&l.engine, &b, TK_OUTCOME_RESOLVED, none, NULL, &l.error),
                 TASKER_OK);
    cr_assert_str_eq(result_of(&l, "a"), "{\"old\":1}");
    cr_assert_str_eq(result_of(&l, "b"), "null");
    ledger_close(&l);
}

Test(operator, a_resolution_that_leaves_only_failures_blocks_the_task) {
    ledger l;
    arrange(&l, FAILED);
    ledger_by_hand(&l, "b", TK_OUTCOME_RESOLVED, "1");
    cr_assert_eq(state_of(&l).state, TK_TASK_BLOCKED);
    sound(&l, "blocked by hand");
    ledger_close(&l);
}

Test(operator, a_retry_gives_all_attempts_anew) {
    ledger l;
    arrange(&l, FAILED);
    ledger_retry(&l, "a");
    ledger_lose(&l, "a");
    cr_assert_eq(mark_of(&l, "a"), TK_MARK_LIVE, "the first of two");
    ledger_lose(&l, "a");
    cr_assert_eq(mark_of(&l, "a"), TK_MARK_FAILED);
    sound(&l, "two more attempts");
    ledger_close(&l);
}

Test(operator, what_is_no_step_of_a_task_is_said) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    tk_uuid beyond = tk_uuid_step(&l.task, 40);
    tk_uuid unknown = tk_uuid_task(1, 1);
    tk_uuid unknown_step = tk_uuid_step(&unknown, 0);
    const struct {
        tk_uuid id;
        tasker_status status;
    } cases[] = {
        {l.task, TASKER_INVALID}, {beyond, TASKER_NOTFOUND}, {unknown_step, TASKER_NOTFOUND}};
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        cr_assert_eq(tk_step_retry(&l.engine, &cases[i].id, &act, &l.error), cases[i].status);
        cr_assert_eq(tk_step_by_hand(&l.engine, &cases[i].id, TK_OUTCOME_RESOLVED, TK_STR("1"),
                                     &act, &l.error),
                     cases[i].status);
    }
    cr_assert_eq(tk_task_cancel(&l.engine, &unknown, &act, &l.error), TASKER_NOTFOUND);
    cr_assert_eq(tk_task_fail(&l.engine, &unknown, &act, &l.error), TASKER_NOTFOUND);
    cr_assert_eq(tk_task_resolve(&l.engine, &unknown, &act, &l.error), TASKER_NOTFOUND);
    ledger_close(&l);
}

/* --- tasks --- */

typedef tasker_status (*task_verb)(tk_engine *engine, const tk_uuid *task, const tasker_act *who,
                                   tasker_error *error);

/* Moves a task into a state. */
static void arrange_task(ledger *l, tk_task_mark mark) {
    arrange(l, FAILED); /* still running: b is ready */
    switch (mark) {
    case TK_TASK_COMPLETE:
        ledger_by_hand(l, "a", TK_OUTCOME_COMPLETED, "1");
        ledger_run(l, "b", "1");
        ledger_run(l, "c", "1");
        break;
    case TK_TASK_BLOCKED:
        ledger_run(l, "b", "1");
        break;
    case TK_TASK_CANCELLED:
        cr_assert_eq(tk_task_cancel(&l->engine, &l->task, &act, &l->error), TASKER_OK);
        break;
    case TK_TASK_ERROR:
        cr_assert_eq(tk_task_fail(&l->engine, &l->task, &act, &l->error), TASKER_OK);
        break;
    case TK_TASK_RESOLVED:
        ledger_run(l, "b", "1");
        cr_assert_eq(tk_task_resolve(&l->engine, &l->task, &act, &l->error), TASKER_OK);
        break;
    default:
        break;
    }
    cr_assert_eq(state_of(l).state, (int32_t)mark);
    l->now_us += 1000;
}

Test(operator, tasks_are_ended_only_where_their_state_allows_it) {
    static const struct {
        task_verb verb;
        const char *name;
        tk_task_mark end;
        bool allowed[TK_TASK_RESOLVED + 1];
    } cases[] = {
        {tk_task_cancel,
         "cancel",
         TK_TASK_CANCELLED,
         {[TK_TASK_RUNNING] = true, [TK_TASK_BLOCKED] = true, [TK_TASK_CANCELLED] = true}},
        {tk_task_fail,
         "fail",
         TK_TASK_ERROR,
         {[TK_TASK_RUNNING] = true, [TK_TASK_BLOCKED] = true, [TK_TASK_ERROR] = true}},
        {tk_task_resolve,
         "resolve",
         TK_TASK_RESOLVED,
         {[TK_TASK_BLOCKED] = true, [TK_TASK_RESOLVED] = true}},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        for (tk_task_mark mark = TK_TASK_RUNNING; mark <= TK_TASK_RESOLVED; mark++) {
            ledger l;
            arrange_task(&l, mark);
            tk_state_row before = state_of(&l);
            tasker_status status = cases[i].verb(&l.engine, &l.task, &act, &l.error);
            cr_assert_eq(status, cases[i].allowed[mark] ? TASKER_OK : TASKER_CONFLICT,
                         "%s in state %d: %s %s", cases[i].name, mark, tasker_status_name(status),
                         l.error.message);
            tk_state_row after = state_of(&l);
            cr_assert_eq(after.state, (int32_t)(status == TASKER_OK ? cases[i].end : mark));
            cr_assert(status == TASKER_OK || after.updated_us == before.updated_us);
            sound(&l, cases[i].name);
            ledger_close(&l);
        }
    }
}

Test(operator, steps_of_an_ended_task_stay_as_they_are) {
    static const tk_task_mark ended[] = {TK_TASK_CANCELLED, TK_TASK_ERROR, TK_TASK_RESOLVED};
    for (size_t i = 0; i < TK_COUNT_OF(ended); i++) {
        ledger l;
        arrange_task(&l, ended[i]);
        tk_uuid step = ledger_step(&l, "a");
        cr_assert_eq(tk_step_retry(&l.engine, &step, &act, &l.error), TASKER_CONFLICT);
        cr_assert_eq(
            tk_step_by_hand(&l.engine, &step, TK_OUTCOME_RESOLVED, TK_STR("1"), &act, &l.error),
            TASKER_CONFLICT);
        cr_assert_eq(
            tk_step_by_hand(&l.engine, &step, TK_OUTCOME_COMPLETED, TK_STR("1"), &act, &l.error),
            TASKER_CONFLICT);
        ledger_close(&l);
    }
}

Test(operator, a_cancel_takes_everything_that_waits_or_runs) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    ledger_fail(&l, "a", true); /* in later */
    tk_lease_row b = ledger_claim(&l, "b");
    cr_assert_eq(tk_task_cancel(&l.engine, &l.task, &act, &l.error), TASKER_OK);
    cr_assert_not(ledger_end(&l, b, TK_OUTCOME_OK, "1", false));
    ledger_later(&l, INT64_C(3600000000));
    tk_place_row *rows = NULL;
    uint32_t count = 9;
    tk_store *store = l.engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, place_list, &l.arena, &l.task, &rows, &count, NULL),
                 TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    cr_assert_eq(count, 0);
    for (const char *step = "abc"; *step != '\0'; step++) {
        cr_assert_eq(mark_of(&l, (char[]){*step, '\0'}), TK_MARK_CANCELLED);
    }
    sound(&l, "cancel");
    ledger_close(&l);
}
