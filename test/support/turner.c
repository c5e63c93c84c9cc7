/* turner.c - see turner.h. */
#include "support/turner.h"

tk_worker *turner_open(ledger *l, const char *handlers, uint32_t threads) {
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

void turner_turn(ledger *l, tk_worker *w) {
    w->look = true;
    cr_assert_eq(tk_turn(w, &l->error), TASKER_OK, "%s", l->error.message);
}

tasker_step *turner_take(tk_worker *w) {
    tasker_step *step = NULL;
    cr_assert_eq(tk_worker_next(w, 0, &step, NULL), TASKER_OK);
    return step;
}

bool turner_has_nothing(tk_worker *w) {
    tasker_step *step = NULL;
    tasker_status status = tk_worker_next(w, 0, &step, NULL);
    tasker_step_free(step);
    return status == TASKER_TIMEOUT;
}

tasker_status turner_end(tk_worker *w, tasker_step *step, const char *result) {
    const tasker_outcome outcome = {.ok = true, .result = tk_str_of(result), .retry_after_ms = -1};
    tasker_status status = tk_worker_complete(w, step->event_id, &outcome, NULL);
    tasker_step_free(step);
    return status;
}

tk_attempt_row *turner_attempts(ledger *l, uint32_t *count) {
    tk_attempt_row *rows = NULL;
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, attempt_list, &l->arena, &l->task, true, &rows, count, NULL),
                 TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    return rows;
}

uint32_t turner_places(ledger *l, tk_place place) {
    tk_place_row *rows = NULL;
    uint32_t count = 0;
    uint32_t found = 0;
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, place_list, &l->arena, &l->task, &rows, &count, NULL),
                 TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    for (uint32_t i = 0; i < count; i++) {
        found += rows[i].place == (int32_t)place;
    }
    return found;
}

void turner_close(ledger *l, tk_worker *w) {
    tk_worker_close(w);
    tk_check check = {.count = 0};
    cr_assert_eq(tk_check_store(&l->engine, false, &check, &l->error), TASKER_OK);
    cr_assert_eq(check.count, 0, "%s: %s", check.problems[0].rule, check.problems[0].detail);
    tk_check_release(&check);
    ledger_close(l);
}
