/* A submission that a worker's turn stores: one commit for it and its first claim. */
#include <stdio.h>

#include "support/fault_store.h"
#include "support/turner.h"

#define STRICT "identity_strategy: strict\n"

/* What the pump's thread is in a process: somebody who turns. */
typedef struct near {
    ledger *l;
    tk_worker *w;
    tasker_status turned;
    tk_offer_state state;
} near;

static bool store(void *user, tk_submission *submission, bool *left) {
    near *n = user;
    tk_offer offer;
    cr_assert_eq(tk_offer_open(&offer, submission, NULL), TASKER_OK);
    n->w->sleep = TK_ASLEEP;
    tk_offers_open(n->w, true);
    cr_assert(tk_offer_place(n->w, &offer));
    cr_assert(!tk_offer_place(n->w, &offer), "one at a time");
    n->turned = tk_turn(n->w, &n->l->error);
    n->state = tk_offer_wait(&offer);
    tk_offer_close(&offer);
    *left = n->state != TK_OFFER_TAKEN;
    return n->state != TK_OFFER_REFUSED;
}

static void wake(void *user) {
    (void)user;
}

static void submit_near(ledger *l, near *n) {
    const tk_nearby nearby = {store, wake, n};
    l->engine.nearby = &nearby;
    ledger_submit(l, NULL);
    l->engine.nearby = NULL;
}

Test(offer, a_submission_and_its_first_claim_share_a_commit) {
    ledger l;
    tk_fault_plan plan;
    ledger_open(&l, LEDGER_CHAIN);
    tk_store *inner = l.engine.store;
    tk_fault_plan_init(&plan);
    cr_assert_eq(tk_fault_store_wrap(inner, &plan, &l.engine.store, NULL), TASKER_OK);
    near n = {.l = &l, .w = turner_open(&l, "A", 1)};
    turner_turn(&l, n.w);
    ledger_submit(&l, NULL); /* so that templates are known */
    turner_turn(&l, n.w);
    cr_assert_eq(turner_end(n.w, turner_take(n.w), "1"), TASKER_OK);
    turner_turn(&l, n.w);
    tk_fault_plan_clear(&plan);
    submit_near(&l, &n);
    cr_assert_eq(n.state, TK_OFFER_TAKEN);
    cr_assert_eq(plan.calls_of[TK_STORE_OP_commit], 2, "one only read the templates");
    cr_assert_eq(plan.calls_of[TK_STORE_OP_ready_insert], 0, "nothing waits: it need not either");
    cr_assert_eq(plan.calls_of[TK_STORE_OP_lease_insert], 1);
    tasker_step *step = turner_take(n.w);
    cr_assert_str_eq(step->task_id, ledger_uuid(&l));
    cr_assert_eq(turner_end(n.w, step, "1"), TASKER_OK);
    turner_turn(&l, n.w);
    tk_worker_close(n.w);
    ledger_close(&l);
    tk_fault_plan_release(&plan);
}

Test(offer, what_the_worker_cannot_run_is_stored_and_left) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    near n = {.l = &l, .w = turner_open(&l, "B", 1)};
    submit_near(&l, &n);
    cr_assert_eq(n.state, TK_OFFER_STORED);
    cr_assert_eq(turner_places(&l, TK_PLACE_READY), 1);
    turner_close(&l, n.w);
}

Test(offer, what_waits_in_the_queue_goes_first) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    near n = {.l = &l, .w = turner_open(&l, "A", 1)};
    ledger_submit(&l, NULL);
    ledger_submit(&l, NULL);
    char waiting[TASKER_UUID_SIZE];
    (void)snprintf(waiting, sizeof(waiting), "%s", ledger_uuid(&l));
    turner_turn(&l, n.w); /* takes the first */
    cr_assert_eq(turner_end(n.w, turner_take(n.w), "1"), TASKER_OK);
    submit_near(&l, &n); /* what it claims, it claims in the queue's order */
    tasker_step *step = turner_take(n.w);
    cr_assert_str_eq(step->task_id, waiting);
    tasker_step_free(step);
    tk_worker_close(n.w);
    ledger_close(&l);
}

Test(offer, a_commit_whose_answer_is_lost_stores_the_task_once) {
    ledger l;
    tk_fault_plan plan;
    ledger_open(&l, LEDGER_CHAIN);
    tk_store *inner = l.engine.store;
    tk_fault_plan_init(&plan);
    cr_assert_eq(tk_fault_store_wrap(inner, &plan, &l.engine.store, NULL), TASKER_OK);
    near n = {.l = &l, .w = turner_open(&l, "A", 1)};
    tk_fault_plan_set(&plan, TK_STORE_OP_commit, 2, TK_FAULT_AFTER);
    submit_near(&l, &n);
    cr_assert_eq(n.turned, TASKER_STORE);
    cr_assert_eq(n.state, TK_OFFER_REFUSED);
    cr_assert_eq(turner_places(&l, TK_PLACE_LEASE) + turner_places(&l, TK_PLACE_READY), 1);
    l.now_us += TURNER_S;
    turner_turn(&l, n.w); /* compares its leases first */
    tasker_step *step = turner_take(n.w);
    cr_assert_eq(step->attempt, 1);
    tasker_step_free(step);
    tk_check check = {.count = 0};
    cr_assert_eq(tk_check_store(&l.engine, false, &check, &l.error), TASKER_OK);
    cr_assert_eq(check.count, 0);
    cr_assert_eq(check.tasks, 1);
    tk_check_release(&check);
    tk_worker_close(n.w);
    ledger_close(&l);
    tk_fault_plan_release(&plan);
}

Test(offer, one_that_the_store_refuses_costs_the_turns_outcomes_nothing) {
    ledger l;
    tk_buf answer = {0};
    ledger_open(&l, STRICT LEDGER_CHAIN);
    near n = {.l = &l, .w = turner_open(&l, "A", 1)};
    submit_near(&l, &n);
    cr_assert_eq(turner_end(n.w, turner_take(n.w), "1"), TASKER_OK);
    const tk_nearby nearby = {store, wake, &n};
    l.engine.nearby = &nearby;
    cr_assert_eq(
        tk_submit(&l.engine,
                  TK_STR("{\"name\":\"job\",\"namespace\":\"test\",\"context\":{\"n\":6}}"),
                  &answer, &l.error),
        TASKER_CONFLICT);
    l.engine.nearby = NULL;
    cr_assert_str_eq(l.error.path, "$.context");
    cr_assert_eq(n.turned, TASKER_OK);
    cr_assert_eq(n.w->stats.succeeded, 1);
    cr_assert_eq(n.w->stats.turns_failed, 0);
    tk_buf_release(&answer);
    turner_close(&l, n.w);
}

Test(offer, nobody_takes_one_who_is_busy_or_about_to_end) {
    ledger l;
    tk_offer offer;
    tk_submission submission = {.count = 1};
    ledger_open(&l, LEDGER_CHAIN);
    tk_worker *w = turner_open(&l, "A", 1);
    cr_assert_eq(tk_offer_open(&offer, &submission, NULL), TASKER_OK);
    w->sleep = TK_ASLEEP;
    cr_assert(!tk_offer_place(w, &offer), "nobody turns yet");
    tk_offers_open(w, true);
    w->sleep = TK_AWAKE;
    cr_assert(!tk_offer_place(w, &offer));
    w->sleep = TK_ASLEEP;
    cr_assert(tk_offer_place(w, &offer));
    tk_offers_open(w, false);
    cr_assert_eq(tk_offer_wait(&offer), TK_OFFER_REFUSED);
    cr_assert(!tk_offer_place(w, &offer));
    tk_offer_close(&offer);
    turner_close(&l, w);
}
