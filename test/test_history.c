/* test_history.c - the states that a reader sees, and the ways between them. */
#include "history.h"

#include <stdio.h>

#include "support/fail_alloc.h"
#include "support/ledger.h"

static tk_timeline derive(ledger *l, tk_view *view) {
    tk_timeline timeline;
    cr_assert_eq(tk_store_call(l->engine.store, begin, TK_STORE_READ, &l->error), TASKER_OK);
    cr_assert_eq(tk_view_load(&l->engine, &l->arena, &l->task, TK_VIEW_ALL, view, &l->error),
                 TASKER_OK, "%s", l->error.message);
    cr_assert_eq(tk_store_call(l->engine.store, commit, &l->error), TASKER_OK);
    cr_assert(tk_timeline_derive(&l->arena, view, &timeline));
    return timeline;
}

/* "pending initializing …" of the task (step NULL) or of a step; every edge is allowed, times and
 * states have no gap. */
static const char *states(ledger *l, const char *step) {
    tk_view view;
    tk_timeline timeline = derive(l, &view);
    tk_buf words = {0};
    int32_t number = step == NULL
                         ? TK_ACT_NO_STEP
                         : tk_template_find_step(l->known->template, tk_str_of(step))->number;
    int32_t last = TK_TIMELINE_NOTHING;
    int64_t at_us = 0;
    cr_assert_null(timeline.broken, "%s", timeline.broken);
    for (uint32_t i = 0; i < timeline.count; i++) {
        const tk_timeline_entry *entry = &timeline.entries[i];
        cr_assert_geq(entry->at_us, at_us);
        at_us = entry->at_us;
        if (entry->step != number) {
            continue;
        }
        cr_assert_eq(entry->from, last);
        cr_assert(
            last == TK_TIMELINE_NOTHING ||
            (step == NULL
                 ? tk_task_transition_allowed((tk_task_state)last, (tk_task_state)entry->to)
                 : tk_step_transition_allowed((tk_step_state)last, (tk_step_state)entry->to)));
        last = entry->to;
        tk_buf_text(&words, words.size > 0 ? " " : "");
        tk_buf_text(&words, step == NULL ? tk_task_state_name((tk_task_state)entry->to)
                                         : tk_step_state_name((tk_step_state)entry->to));
    }
    const char *text = tk_arena_copy(&l->arena, words.data, words.size);
    tk_buf_release(&words);
    return text;
}

#define EXPECT(step, words) cr_assert_str_eq(states(&l, step), words)

#define BEGUN "pending initializing enqueuing_steps steps_in_process"
#define NEXT " evaluating_results enqueuing_steps steps_in_process"
#define RAN "pending enqueued in_progress enqueued_for_orchestration complete"
#define FAILED_ONCE                                                                                \
    "pending enqueued in_progress enqueued_as_error_for_orchestration waiting_for_retry"

Test(history, a_chain_goes_from_step_to_step) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    EXPECT(NULL, BEGUN);
    EXPECT("a", "pending enqueued");
    EXPECT("b", "pending");
    tk_lease_row lease = ledger_claim(&l, "a");
    EXPECT("a", "pending enqueued in_progress");
    EXPECT(NULL, BEGUN);
    ledger_end(&l, lease, TK_OUTCOME_OK, "1", false);
    EXPECT(NULL, BEGUN NEXT);
    EXPECT("a", RAN);
    ledger_run(&l, "b", "1");
    ledger_run(&l, "c", "1");
    EXPECT(NULL, BEGUN NEXT NEXT " evaluating_results complete");
    EXPECT("c", RAN);
    ledger_close(&l);
}

Test(history, parallel_steps_leave_the_task_in_process) {
    ledger l;
    ledger_open(&l, LEDGER_DIAMOND);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    tk_lease_row b = ledger_claim(&l, "b");
    ledger_run(&l, "c", "1");
    EXPECT(NULL, BEGUN NEXT); /* c freed nothing */
    ledger_end(&l, b, TK_OUTCOME_OK, "1", false);
    EXPECT(NULL, BEGUN NEXT NEXT);
    EXPECT("d", "pending enqueued");
    ledger_close(&l);
}

Test(history, a_failed_step_waits_and_is_tried_again) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_fail(&l, "a", true);
    EXPECT("a", FAILED_ONCE);
    EXPECT(NULL, BEGUN " waiting_for_retry");
    ledger_later(&l, 60000000);
    EXPECT("a", FAILED_ONCE " pending enqueued");
    EXPECT(NULL, BEGUN " waiting_for_retry enqueuing_steps steps_in_process");
    ledger_run(&l, "a", "1");
    EXPECT("a", FAILED_ONCE " pending enqueued in_progress enqueued_for_orchestration complete");
    ledger_close(&l);
}

Test(history, a_lost_step_is_enqueued_at_once) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_lose(&l, "a");
    EXPECT("a", "pending enqueued in_progress waiting_for_retry pending enqueued");
    EXPECT(NULL, BEGUN);
    ledger_close(&l);
}

Test(history, a_blocked_task_comes_back_by_a_retry) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_fail(&l, "a", false);
    EXPECT("a", "pending enqueued in_progress enqueued_as_error_for_orchestration error");
    EXPECT(NULL, BEGUN " evaluating_results blocked_by_failures");
    ledger_retry(&l, "a");
    EXPECT("a", "pending enqueued in_progress enqueued_as_error_for_orchestration error pending "
                "enqueued");
    EXPECT(NULL, BEGUN " evaluating_results blocked_by_failures" NEXT);
    ledger_close(&l);
}

Test(history, a_waiting_step_is_retried_or_done_by_hand) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, NULL);
    ledger_fail(&l, "a", true);
    ledger_run(&l, "b", "1");
    EXPECT(NULL, BEGUN " waiting_for_retry");
    ledger_retry(&l, "a");
    EXPECT("a", FAILED_ONCE " pending enqueued");
    ledger_fail(&l, "a", true);
    ledger_by_hand(&l, "a", TK_OUTCOME_COMPLETED, "2");
    EXPECT("a", FAILED_ONCE " pending enqueued in_progress enqueued_as_error_for_orchestration "
                            "waiting_for_retry pending in_progress complete");
    EXPECT(NULL, BEGUN " waiting_for_retry enqueuing_steps steps_in_process waiting_for_retry "
                       "enqueuing_steps steps_in_process");
    ledger_close(&l);
}

Test(history, a_resolution_takes_a_running_step_and_a_done_one) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    (void)ledger_claim(&l, "a");
    ledger_by_hand(&l, "a", TK_OUTCOME_RESOLVED, "1");
    EXPECT("a", "pending enqueued in_progress resolved_manually");
    EXPECT(NULL, BEGUN NEXT);
    ledger_run(&l, "b", "2");
    ledger_by_hand(&l, "b", TK_OUTCOME_RESOLVED, "3");
    EXPECT("b", RAN " resolved_manually");
    ledger_by_hand(&l, "b", TK_OUTCOME_RESOLVED, "4"); /* again: nothing moves */
    EXPECT("b", RAN " resolved_manually");
    ledger_by_hand(&l, "c", TK_OUTCOME_COMPLETED, "5");
    EXPECT("c", "pending enqueued in_progress complete");
    EXPECT(NULL, BEGUN NEXT NEXT " evaluating_results complete");
    ledger_close(&l);
}

Test(history, bypassed_steps_are_resolved_from_the_start) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, "\"bypass_steps\":[\"a\"]");
    EXPECT("a", "pending resolved_manually");
    EXPECT("b", "pending enqueued");
    EXPECT(NULL, BEGUN);
    ledger_submit(&l, "\"bypass_steps\":[\"a\",\"b\",\"c\"]");
    EXPECT(NULL, "pending initializing complete");
    ledger_close(&l);
}

Test(history, a_task_can_end_in_every_way_from_every_rest) {
    static const struct {
        const char *words;
        tasker_status (*verb)(tk_engine *, const tk_uuid *, const tasker_act *, tasker_error *);
        int stage; /* 0 scheduled, 1 in process, 2 waits for a retry, 3 blocked */
    } cases[] = {
        {"pending cancelled", tk_task_cancel, 0},
        {BEGUN " cancelled", tk_task_cancel, 1},
        {BEGUN " waiting_for_retry cancelled", tk_task_cancel, 2},
        {BEGUN " evaluating_results blocked_by_failures cancelled", tk_task_cancel, 3},
        {BEGUN " error", tk_task_fail, 0},
        {BEGUN " error", tk_task_fail, 1},
        {BEGUN " waiting_for_retry enqueuing_steps steps_in_process error", tk_task_fail, 2},
        {BEGUN " evaluating_results blocked_by_failures error", tk_task_fail, 3},
        {BEGUN " evaluating_results blocked_by_failures resolved_manually", tk_task_resolve, 3},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        ledger l;
        ledger_open(&l, LEDGER_CHAIN);
        ledger_submit(&l, cases[i].stage == 0 ? "\"delay\":60" : NULL);
        if (cases[i].stage == 1) {
            (void)ledger_claim(&l, "a");
        } else if (cases[i].stage >= 2) {
            ledger_fail(&l, "a", cases[i].stage == 2);
        }
        l.now_us += 1000;
        cr_assert_eq(cases[i].verb(&l.engine, &l.task, NULL, &l.error), TASKER_OK, "%s",
                     l.error.message);
        EXPECT(NULL, cases[i].words);
        ledger_close(&l);
    }
}

Test(history, a_scheduled_task_is_pending_until_its_time) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, "\"delay\":60");
    EXPECT(NULL, "pending");
    EXPECT("a", "pending");
    ledger_by_hand(&l, "a", TK_OUTCOME_COMPLETED, "1");
    EXPECT(NULL, "pending initializing waiting_for_dependencies");
    ledger_later(&l, 60000000);
    EXPECT(NULL, "pending initializing waiting_for_dependencies" NEXT);
    EXPECT("b", "pending enqueued");
    ledger_close(&l);
}

Test(history, ways_between_rests_use_allowed_edges_only) {
    static const tk_task_state rests[] = {
        TK_TASK_STATE_PENDING,
        TK_TASK_STATE_STEPS_IN_PROCESS,
        TK_TASK_STATE_WAITING_FOR_RETRY,
        TK_TASK_STATE_WAITING_FOR_DEPENDENCIES,
        TK_TASK_STATE_BLOCKED_BY_FAILURES,
    };
    for (size_t from = 0; from < TK_COUNT_OF(rests); from++) {
        for (int target = 0; target < TK_TASK_STATE_COUNT; target++) {
            tk_task_state at = rests[from];
            uint32_t hops = 0;
            if (target == TK_TASK_STATE_PENDING || target == TK_TASK_STATE_INITIALIZING) {
                continue; /* nothing leads back */
            }
            for (; at != (tk_task_state)target && hops < TK_HOPS_MAX; hops++) {
                tk_task_state to = tk_hop_next(at, (tk_task_state)target, false).to;
                cr_assert(tk_task_transition_allowed(at, to), "%s to %s", tk_task_state_name(at),
                          tk_task_state_name(to));
                at = to;
            }
            cr_assert_eq((int)at, target, "no way from %s to %s", tk_task_state_name(rests[from]),
                         tk_task_state_name((tk_task_state)target));
        }
    }
}

Test(history, clocks_that_differ_do_not_change_the_order) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    ledger_run(&l, "b", "1");
    ledger_break(&l, "UPDATE attempt SET enqueued_at = enqueued_at - 3000, "
                     "claimed_at = claimed_at - 3000, finished_at = finished_at - 3000 "
                     "WHERE step_no = 1");
    EXPECT("b", RAN);
    EXPECT(NULL, BEGUN NEXT NEXT);
    ledger_close(&l);
}

Test(history, a_ledger_with_a_hole_is_told_and_does_not_stop_the_reader) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_run(&l, "a", "1");
    ledger_run(&l, "b", "1");
    ledger_break(&l, "DELETE FROM attempt WHERE step_no = 0");
    tk_view view;
    tk_timeline timeline = derive(&l, &view);
    cr_assert_not_null(timeline.broken);
    cr_assert_gt(timeline.count, 0);
    (void)ledger_query_task(&l, TASKER_QUERY_HISTORY);
    ledger_close(&l);
}

Test(history, json_says_who_when_and_why) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_fail(&l, "a", false);
    ledger_retry(&l, "a");
    const char *json = ledger_query_task(&l, TASKER_QUERY_HISTORY);
    static const char *const parts[] = {
        "{\"at\":\"2023-11-14T22:13:20.002000Z\",\"n\":1,\"entity\":\"task\",\"from\":null,"
        "\"to\":\"pending\",\"event\":\"Create\"}",
        "\"entity\":\"step\",\"step\":\"a\",\"step_uuid\":\"",
        "\"from\":\"enqueued\",\"to\":\"in_progress\",\"event\":\"Start\",\"attempt\":1,"
        "\"worker\":1}",
        "\"event\":\"Fail\",\"attempt\":1,\"worker\":1,\"error\":{\"message\":\"it broke\"",
        "\"from\":\"error\",\"to\":\"pending\",\"event\":\"Retry\",\"actor\":\"ann\","
        "\"reason\":\"because\"}",
        "\"from\":\"blocked_by_failures\",\"to\":\"evaluating_results\",\"event\":\"StepReset\","
        "\"actor\":\"ann\"",
    };
    for (size_t i = 0; i < TK_COUNT_OF(parts); i++) {
        cr_assert_not_null(strstr(json, parts[i]), "%s\nis not in\n%s", parts[i], json);
    }
    ledger_close(&l);
}

/* --- memory --- */

static void derive_with_little_memory(void *user) {
    ledger *l = user;
    tk_buf answer = {0};
    char text[80];
    char uuid[TASKER_UUID_SIZE];
    tk_uuid_format(&l->task, uuid);
    (void)snprintf(text, sizeof(text), "{\"task_uuid\":\"%s\"}", uuid);
    tasker_status status =
        tk_query(&l->engine, TASKER_QUERY_HISTORY, tk_str_of(text), &answer, &l->error);
    cr_assert(status == TASKER_OK || status == TASKER_NOMEM || status == TASKER_STORE);
    tk_buf_release(&answer);
}

Test(history, survives_every_failed_allocation) {
    ledger l;
    ledger_open(&l, LEDGER_DIAMOND);
    ledger_submit(&l, "\"bypass_steps\":[\"b\"]");
    ledger_run(&l, "a", "1");
    ledger_fail(&l, "c", true);
    fail_alloc_report report = fail_alloc_sweep(derive_with_little_memory, &l);
    cr_assert_eq(report.leak_at, 0);
    cr_assert_not(report.endless);
    ledger_close(&l);
}
