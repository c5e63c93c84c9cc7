/* A worker with more outcomes than a turn saves, while none can be saved. */
#include "support/fault_store.h"
#include "support/turner.h"

#define MANY (TK_TURN_OUTCOMES_MAX + 1)

/* A worker with one outcome more than a turn takes; its turns fail while the plan says so. */
static tk_worker *open_with_many_ended(ledger *l, tk_fault_plan *plan) {
    ledger_open(l, LEDGER_CHAIN);
    tk_store *inner = l->engine.store;
    tk_fault_plan_init(plan);
    cr_assert_eq(tk_fault_store_wrap(inner, plan, &l->engine.store, NULL), TASKER_OK);
    tk_worker *w = turner_open(l, "A", MANY);
    for (int i = 0; i < MANY; i++) {
        ledger_submit(l, NULL);
    }
    turner_turn(l, w);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(turner_end(w, turner_take(w), "1"), TASKER_OK);
    }
    return w;
}

Test(turn_full, a_store_that_fails_is_left_alone_for_a_while_whatever_waits) {
    ledger l;
    tk_fault_plan plan;
    tk_worker *w = open_with_many_ended(&l, &plan);
    tk_fault_plan_set(&plan, TK_STORE_OP_begin, 1, TK_FAULT_CRASH);
    cr_assert_eq(tk_turn(w, &l.error), TASKER_STORE);
    cr_assert_eq(tk_ring_count(&w->done), 1);
    cr_assert_eq(tk_worker_wait_us(w), TK_FAILURE_PAUSE_US);
    cr_assert_eq(tk_turn(w, &l.error), TASKER_STORE);
    cr_assert_eq(tk_worker_wait_us(w), 2 * TK_FAILURE_PAUSE_US);
    tk_fault_plan_clear(&plan);
    turner_turn(&l, w);
    cr_assert_eq(tk_worker_wait_us(w), 0, "the last one is to be saved");
    turner_turn(&l, w);
    cr_assert_eq(w->stats.succeeded, MANY);
    turner_close(&l, w);
    tk_fault_plan_release(&plan);
}

Test(turn_full, tasks_that_others_hold_are_left_alone_for_a_while_whatever_waits) {
    ledger l;
    tk_fault_plan plan;
    tk_worker *w = open_with_many_ended(&l, &plan);
    tk_fault_plan_set(&plan, TK_STORE_OP_begin, 1, TK_FAULT_BEFORE);
    cr_assert_eq(tk_turn(w, &l.error), TASKER_STORE);
    w->failures = 0; /* as after a turn that found all of them held */
    cr_assert(w->crowded);
    cr_assert_eq(tk_worker_wait_us(w), TK_CROWDED_US);
    turner_turn(&l, w);
    turner_turn(&l, w);
    cr_assert_eq(w->stats.succeeded, MANY);
    turner_close(&l, w);
    tk_fault_plan_release(&plan);
}
