/*
 * check_step.c - the rules that each step keeps, from its attempts; see check.c for the list.
 */
#include "check.h"

#include <stdlib.h>

/* The number of a step's newest attempt before the ledger's place n, 0 without. */
static int32_t last_before(const tk_view_step *step, int64_t n) {
    int32_t last = 0;
    for (uint32_t i = 0; i < step->attempt_count && step->attempts[i]->n < n; i++) {
        last = step->attempts[i]->attempt;
    }
    return last;
}

static const tk_attempt_row *first_satisfying(const tk_view_step *step) {
    for (uint32_t i = 0; i < step->attempt_count; i++) {
        if (tk_attempt_satisfies(step->attempts[i])) {
            return step->attempts[i];
        }
    }
    return NULL;
}

static bool is_leased(const tk_view_step *step) {
    return step->place != NULL && step->place->place == TK_PLACE_LEASE;
}

/* Did an operator retry the step behind its attempt `number`? */
static bool retried_at(const tk_view *view, uint32_t step, int32_t number) {
    for (uint32_t i = 0; i < view->act_count; i++) {
        const tk_act_row *act = &view->acts[i];
        if (act->kind == TK_ACT_RETRIED && act->step == (int32_t)step && act->attempt == number) {
            return true;
        }
    }
    return false;
}

/* --- numbers --- */

static void check_numbers(tk_checker *c, const tk_view *view, uint32_t number) {
    const tk_view_step *step = &view->steps[number];
    for (uint32_t i = 0; i < step->attempt_count; i++) {
        if (step->attempts[i]->attempt != (int32_t)i + 1) {
            tk_check_step_problem(c, "attempt-numbers", view, number,
                                  "attempt %" PRId32 " stands where %" PRIu32 " is expected",
                                  step->attempts[i]->attempt, i + 1);
            return;
        }
    }
    if (step->place == NULL) {
        return;
    }
    int32_t expected = (int32_t)step->attempt_count + is_leased(step);
    if (step->place->attempts != expected) {
        tk_check_step_problem(c, "attempt-numbers", view, number,
                              "its live row counts %" PRId32 " attempts, expected %" PRId32,
                              step->place->attempts, expected);
    }
}

/* Counts the claims since the last retry; the one that a live row stands for counts too, as it will
 * happen. */
static void check_limit(tk_checker *c, const tk_view *view, uint32_t number) {
    const tk_view_step *step = &view->steps[number];
    uint32_t max = step->step->retry.attempts_max == 0 ? 1 : step->step->retry.attempts_max;
    uint32_t claims = 0;
    int32_t last = 0;
    for (uint32_t i = 0; i < step->attempt_count; i++) {
        claims = view->act_count > 0 && retried_at(view, number, last) ? 0 : claims;
        last = step->attempts[i]->attempt;
        claims += tk_attempt_claimed(step->attempts[i]);
        if (claims > max) {
            break;
        }
    }
    if (claims <= max && step->place != NULL) {
        claims = (retried_at(view, number, last) ? 0 : claims) + 1;
    }
    if (claims > max) {
        tk_check_step_problem(c, "attempt-limit", view, number,
                              "%" PRIu32 " claims without an operator's retry, at most %" PRIu32
                              " are allowed",
                              claims, max);
    }
}

/* An error that says so, or a step that says so, is the end until an operator retries. */
static bool final_error(const tk_view_step *step, const tk_attempt_row *row) {
    tk_json error = {0};
    if (row->outcome != TK_OUTCOME_ERROR) {
        return false;
    }
    if (!step->step->retry.retryable) {
        return true;
    }
    return row->error.size > 0 && tk_json_parse(row->error, SIZE_MAX, &error, NULL) == TASKER_OK &&
           tk_json_member(error, "retryable").kind == TK_JSON_FALSE;
}

static void check_retries(tk_checker *c, const tk_view *view, uint32_t number) {
    const tk_view_step *step = &view->steps[number];
    for (uint32_t i = 0; i < step->attempt_count; i++) {
        const tk_attempt_row *row = step->attempts[i];
        bool again = i + 1 < step->attempt_count ? tk_attempt_claimed(step->attempts[i + 1])
                                                 : step->place != NULL;
        if (again && final_error(step, row) && !retried_at(view, number, row->attempt)) {
            tk_check_step_problem(c, "retry-allowed", view, number,
                                  "attempt %" PRId32 " failed for good and was followed by another",
                                  row->attempt);
        }
    }
}

/* --- results --- */

static void check_once(tk_checker *c, const tk_view *view, uint32_t number) {
    const tk_view_step *step = &view->steps[number];
    bool done = false;
    for (uint32_t i = 0; i < step->attempt_count; i++) {
        if (done && step->attempts[i]->outcome != TK_OUTCOME_RESOLVED) {
            tk_check_step_problem(c, "results-once", view, number,
                                  "attempt %" PRId32 " ended after the step was done",
                                  step->attempts[i]->attempt);
        }
        done = done || tk_attempt_satisfies(step->attempts[i]);
    }
}

static bool mark_fits(const tk_view_step *step) {
    const tk_attempt_row *result = step->satisfying;
    const tk_attempt_row *last =
        step->attempt_count == 0 ? NULL : step->attempts[step->attempt_count - 1];
    switch (step->mark) {
    case TK_MARK_COMPLETE:
        return result != NULL && result->outcome != TK_OUTCOME_RESOLVED;
    case TK_MARK_RESOLVED:
        return result != NULL && result->outcome == TK_OUTCOME_RESOLVED;
    case TK_MARK_FAILED:
        return last != NULL && tk_attempt_failed(last);
    case TK_MARK_PENDING:
    case TK_MARK_ABSENT:
        return last == NULL;
    case TK_MARK_LIVE:
    case TK_MARK_CANCELLED:
        return result == NULL;
    }
    return false;
}

static bool depends_on(const tk_template_step *step, uint32_t ancestor) {
    for (uint32_t i = 0; i < step->ancestors.count; i++) {
        if (step->ancestors.numbers[i] == ancestor) {
            return true;
        }
    }
    return false;
}

/* Was the step claimed before this row was written? */
static bool claimed_before(const tk_view_step *step, const tk_attempt_row *result) {
    for (uint32_t i = 0; i < step->attempt_count; i++) {
        const tk_attempt_row *row = step->attempts[i];
        if (tk_attempt_claimed(row) &&
            (row->n < result->n || row->claimed_us < result->finished_us)) {
            return true;
        }
    }
    return is_leased(step) && step->place->claimed_us < result->finished_us;
}

static void check_stable(tk_checker *c, const tk_view *view, uint32_t number) {
    const tk_view_step *step = &view->steps[number];
    const tk_attempt_row *before = first_satisfying(step);
    if (before == step->satisfying) {
        return;
    }
    for (uint32_t i = 0; i < step->attempt_count; i++) {
        const tk_attempt_row *row = step->attempts[i];
        if (!tk_attempt_satisfies(row) || tk_str_equal(row->result, before->result)) {
            continue;
        }
        for (uint32_t k = 0; k < view->step_count; k++) {
            if (depends_on(view->steps[k].step, number) && claimed_before(&view->steps[k], row)) {
                tk_check_step_problem(c, "result-stable", view, number,
                                      "its result was replaced by attempt %" PRId32 " after step "
                                      "%s was claimed",
                                      row->attempt, view->steps[k].step->name);
            }
        }
        before = row;
    }
}

/* --- claims --- */

static void check_parents(tk_checker *c, const tk_view *view, uint32_t number) {
    const tk_view_step *step = &view->steps[number];
    tk_steps parents = step->step->parents;
    for (uint32_t k = 0; k < parents.count; k++) {
        const tk_attempt_row *result = first_satisfying(&view->steps[parents.numbers[k]]);
        const char *parent = view->steps[parents.numbers[k]].step->name;
        for (uint32_t i = 0; i < step->attempt_count; i++) {
            const tk_attempt_row *row = step->attempts[i];
            if (tk_attempt_claimed(row) &&
                (result == NULL || result->n > row->n || result->finished_us > row->claimed_us)) {
                tk_check_step_problem(c, "parents-first", view, number,
                                      "attempt %" PRId32 " was claimed before %s was done",
                                      row->attempt, parent);
            }
        }
        if (is_leased(step) && (result == NULL || result->finished_us > step->place->claimed_us)) {
            tk_check_step_problem(c, "parents-first", view, number,
                                  "it was claimed before %s was done", parent);
        }
    }
}

static void check_lease(tk_checker *c, const tk_view *view, uint32_t number) {
    int32_t worker = view->steps[number].place->worker;
    for (uint32_t i = 0; i < c->worker_count; i++) {
        if (c->workers[i].id == worker) {
            return;
        }
    }
    tk_check_step_problem(c, "lease-worker", view, number,
                          "worker %" PRId32 " holds it, which does not exist", worker);
}

static void check_run_at(tk_checker *c, const tk_view *view, uint32_t number) {
    const tk_view_step *step = &view->steps[number];
    if (step->step->parents.count > 0 || retried_at(view, number, 0)) {
        return;
    }
    bool early = is_leased(step) && step->place->claimed_us < view->task.run_at_us;
    for (uint32_t i = 0; i < step->attempt_count; i++) {
        early = early || (tk_attempt_claimed(step->attempts[i]) &&
                          step->attempts[i]->claimed_us < view->task.run_at_us);
    }
    if (early) {
        tk_check_step_problem(c, "run-at", view, number, "it was claimed before its task's run_at");
    }
}

/* --- a task's rows --- */

static void check_attempt_rows(tk_checker *c, const tk_view *view) {
    for (uint32_t i = 0; i < view->attempt_count; i++) {
        const tk_attempt_row *row = &view->attempts[i];
        bool known = row->outcome >= TK_OUTCOME_OK && row->outcome <= TK_OUTCOME_RESOLVED;
        if (row->step >= view->step_count || !view->known->template->steps[row->step].present) {
            tk_check_problem(c, "attempt-step", view,
                             "an attempt names step number %u, which the template does not have",
                             row->step);
        } else if (!known || tk_attempt_claimed(row) != (row->worker != 0) ||
                   tk_attempt_claimed(row) != (row->token != 0)) {
            tk_check_step_problem(c, "attempt-step", view, row->step,
                                  "attempt %" PRId32 ": outcome %" PRId32 ", worker %" PRId32
                                  " and token do not fit together",
                                  row->attempt, row->outcome, row->worker);
        }
    }
}

static int compare_tokens(const void *a, const void *b) {
    const int64_t *left = a;
    const int64_t *right = b;
    return *left < *right ? -1 : *left > *right;
}

static void check_tokens(tk_checker *c, const tk_view *view) {
    int64_t *tokens = tk_arena_array(&c->chunk, view->attempt_count, sizeof(*tokens));
    if (tokens == NULL) {
        c->nomem = true;
        return;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->attempt_count; i++) {
        if (tk_attempt_claimed(&view->attempts[i])) {
            tokens[count++] = view->attempts[i].token;
        }
    }
    qsort(tokens, count, sizeof(*tokens), compare_tokens);
    for (uint32_t i = 1; i < count; i++) {
        if (tokens[i] == tokens[i - 1]) {
            tk_check_problem(c, "token-unique", view, "two of its attempts have the same token");
            return;
        }
    }
}

static bool by_hand_row(const tk_view_step *step, const tk_act_row *act) {
    int32_t outcome = act->kind == TK_ACT_COMPLETED ? TK_OUTCOME_COMPLETED : TK_OUTCOME_RESOLVED;
    for (uint32_t i = 0; i < step->attempt_count; i++) {
        if (step->attempts[i]->attempt == act->attempt && step->attempts[i]->outcome == outcome) {
            return true;
        }
    }
    return false;
}

static void check_acts(tk_checker *c, const tk_view *view) {
    for (uint32_t i = 0; i < view->act_count; i++) {
        const tk_act_row *act = &view->acts[i];
        bool of_step = act->kind == TK_ACT_RETRIED || act->kind == TK_ACT_COMPLETED ||
                       (act->kind == TK_ACT_RESOLVED && act->step != TK_ACT_NO_STEP);
        if (!of_step) {
            continue;
        }
        if (act->step < 0 || (uint32_t)act->step >= view->step_count) {
            tk_check_problem(c, "act-attempt", view,
                             "an act names step number %" PRId32 ", which the template does not "
                             "have",
                             act->step);
            continue;
        }
        const tk_view_step *step = &view->steps[act->step];
        bool fits = act->kind == TK_ACT_RETRIED ? act->attempt == last_before(step, act->n)
                                                : by_hand_row(step, act);
        if (!fits) {
            tk_check_step_problem(c, "act-attempt", view, (uint32_t)act->step,
                                  "an act of kind %" PRId32 " names attempt %" PRId32
                                  ", which does not fit",
                                  act->kind, act->attempt);
        }
    }
}

void tk_check_steps(tk_checker *c, const tk_view *view) {
    check_attempt_rows(c, view);
    check_tokens(c, view);
    check_acts(c, view);
    for (uint32_t i = 0; i < view->step_count; i++) {
        const tk_view_step *step = &view->steps[i];
        if (!step->step->present) {
            continue;
        }
        check_numbers(c, view, i);
        check_limit(c, view, i);
        check_retries(c, view, i);
        check_once(c, view, i);
        check_stable(c, view, i);
        check_parents(c, view, i);
        if (!mark_fits(step)) {
            tk_check_step_problem(c, "mark-result", view, i,
                                  "its mark %d and its attempts do not fit together",
                                  (int)step->mark);
        }
        if (is_leased(step)) {
            check_lease(c, view, i);
        }
        if (view->task.run_at_us > 0) {
            check_run_at(c, view, i);
        }
    }
}
