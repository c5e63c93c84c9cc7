/*
 * judge.c - holds what is stored against what was seen.
 *
 * check.c of the library judges the ledger by itself; here it is judged by the independent record:
 *
 *   claimed-open      a claim is of an open task; nothing is claimed after a cancel was answered
 *   parents-first     a claim follows results of all parents
 *   slots             a worker claims no more than its free threads can begin soon
 *   starts-once       an attempt's handler begins once, and after its claim was seen
 *   attempt-limit     starts between an operator's retries
 *   sees-results      a handler sees exactly the recorded results of its ancestors
 *   result-returned   a successful row is what exactly that attempt returned first
 *   error-returned    a failed row is what that attempt failed with, or it ran out of its time
 *   by-hand           a row by hand is an operator's deed, a deed that was answered has its row
 *   backoff           a failed step is not claimed before its backoff is over
 *   told              hosts are told of no more successes than there are
 *   rows-stay         rows of the ledger never change and never vanish
 *   closed            nothing is recorded behind a cancel, a give-up or a resolution
 *   survives          what was submitted and answered is there, and nothing else is
 *   comes-to-rest     within the bound of promise 5 (run.c)
 */
#include "sim/sim.h"

static bool satisfies(const tk_attempt_row *row) {
    return row->outcome == TK_OUTCOME_OK || row->outcome == TK_OUTCOME_COMPLETED ||
           row->outcome == TK_OUTCOME_RESOLVED;
}

/* The newest satisfying row of a step; NULL without. */
static const tk_attempt_row *result_of(const sim_view *view, uint32_t step) {
    const tk_attempt_row *newest = NULL;
    for (uint32_t i = 0; i < view->attempt_count; i++) {
        const tk_attempt_row *row = &view->attempts[i];
        if (row->step == step && satisfies(row) &&
            (newest == NULL || row->attempt > newest->attempt)) {
            newest = row;
        }
    }
    return newest;
}

/* --- claims ----------------------------------------------------------------------------------- */

static const sim_claim *claim_of(const sim_task *task, int64_t token) {
    for (uint32_t i = 0; i < task->claim_count; i++) {
        if (task->claims[i].token == token) {
            return &task->claims[i];
        }
    }
    return NULL;
}

static void judge_claim(sim *s, sim_task *task, const tk_lease_row *lease) {
    if (task->closed) {
        sim_broken(s, "claimed-open", &task->id, "step %u is claimed after its task was ended",
                   lease->step);
    }
    sim_view view;
    sim_view_open(s, &task->id, &view);
    tk_steps parents = view.known->template->steps[lease->step].parents;
    for (uint32_t i = 0; i < parents.count; i++) {
        if (result_of(&view, parents.numbers[i]) == NULL) {
            sim_broken(s, "parents-first", &task->id, "step %u is claimed, its parent %u is open",
                       lease->step, parents.numbers[i]);
        }
    }
    for (uint32_t i = 0; i < view.attempt_count; i++) {
        if (view.attempts[i].step == lease->step && view.attempts[i].attempt >= lease->attempt) {
            sim_broken(s, "attempt-numbers", &task->id, "step %u is claimed as attempt %d again",
                       lease->step, lease->attempt);
        }
    }
    sim_view_close(&view);
    sim_claim *claim = sim_claim_add(task);
    *claim = (sim_claim){lease->step, lease->attempt, lease->token};
}

static void judge_slots(sim *s, const sim_worker *w) {
    uint32_t running = sim_handlers_running(s, w);
    uint32_t allowed = running < w->threads ? w->threads - running : 0;
    if (w->worker->handler_us_mean > 0) {
        allowed +=
            (uint32_t)((int64_t)w->threads * TK_PREFETCH_WINDOW_US / w->worker->handler_us_mean);
    }
    uint32_t waiting = tk_ring_count(&w->worker->ready);
    if (waiting > allowed) {
        sim_broken(s, "slots", NULL,
                   "worker %u has %u of %u threads busy and claims until %u steps wait", w->index,
                   running, w->threads, waiting);
    }
}

void sim_judge_claims(sim *s, sim_worker *w) {
    tk_arena arena = {0};
    tk_lease_row *leases = NULL;
    uint32_t count = 0;
    tasker_error error = {0};
    tk_store *store = s->eye.store;
    tasker_status status = tk_store_call(store, begin, TK_STORE_READ, &error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, worker_leases, &arena, w->worker->id, 10000, &leases, &count,
                               &error);
    }
    store->driver->rollback(store);
    if (status != TASKER_OK) {
        sim_broken(s, "readable", NULL, "leases cannot be read: %s", error.message);
    }
    uint32_t new_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        sim_task *task = sim_task_of(s, &leases[i].task_id);
        if (task == NULL) {
            sim_broken(s, "survives", &leases[i].task_id, "a claim of a task nobody submitted");
        }
        if (claim_of(task, leases[i].token) == NULL) {
            judge_claim(s, task, &leases[i]);
            new_count++;
        }
    }
    if (new_count > 0) {
        judge_slots(s, w);
    }
    tk_arena_release(&arena);
}

/* --- starts ----------------------------------------------------------------------------------- */

static const tasker_dependency *dependency_of(const tasker_step *step, const char *name) {
    for (size_t i = 0; i < step->dependency_count; i++) {
        if (strcmp(step->dependencies[i].name, name) == 0) {
            return &step->dependencies[i];
        }
    }
    return NULL;
}

static void judge_seen(sim *s, const sim_task *task, const tasker_step *step,
                       const sim_view *view) {
    const tk_template *template = view->known->template;
    const tk_template_step *own = &template->steps[step->step_index];
    for (uint32_t i = 0; i < own->parents.count; i++) {
        const char *name = template->steps[own->parents.numbers[i]].name;
        if (dependency_of(step, name) == NULL) {
            sim_broken(s, "sees-results", &task->id, "step %s begins without the result of %s",
                       step->step_name, name);
        }
    }
    size_t seen = 0;
    for (uint32_t i = 0; i < own->ancestors.count; i++) {
        uint32_t number = own->ancestors.numbers[i];
        const tasker_dependency *dependency = dependency_of(step, template->steps[number].name);
        const tk_attempt_row *row = result_of(view, number);
        seen += dependency != NULL;
        if (dependency != NULL && (row == NULL || !tk_str_equal(row->result, dependency->result))) {
            sim_broken(s, "sees-results", &task->id,
                       "step %s sees %.*s of step %u, recorded is %.*s", step->step_name,
                       (int)dependency->result.size, dependency->result.data, number,
                       row == NULL ? 7 : (int)row->result.size,
                       row == NULL ? "nothing" : row->result.data);
        }
    }
    if (seen != step->dependency_count) {
        sim_broken(s, "sees-results", &task->id,
                   "step %s sees results of steps before which it is "
                   "not",
                   step->step_name);
    }
}

void sim_judge_start(sim *s, sim_task *task, const tasker_step *step) {
    tk_uuid event;
    uint64_t token = 0;
    (void)(tk_uuid_parse(tk_str_of(step->event_id), &event) && tk_uuid_event_token(&event, &token));
    for (uint32_t i = 0; i < task->start_count; i++) {
        if (task->starts[i].step == step->step_index &&
            task->starts[i].attempt == (int32_t)step->attempt) {
            sim_broken(s, "starts-once", &task->id, "attempt %u of step %s begins a second time",
                       step->attempt, step->step_name);
        }
    }
    const sim_claim *claim = claim_of(task, (int64_t)token);
    if (claim == NULL || claim->step != step->step_index ||
        claim->attempt != (int32_t)step->attempt) {
        sim_broken(s, "starts-once", &task->id, "attempt %u of step %s begins without its claim",
                   step->attempt, step->step_name);
    }
    uint32_t limit = step->attempts_max > 0 ? step->attempts_max : 1;
    if (step->attempts_before >= limit) {
        sim_broken(s, "attempt-limit", &task->id, "step %s begins, %u attempts of %u are used",
                   step->step_name, step->attempts_before, limit);
    }
    sim_view view;
    sim_view_open(s, &task->id, &view);
    judge_seen(s, task, step, &view);
    if (!tk_str_is(step->context, task->context)) {
        sim_broken(s, "sees-results", &task->id, "step %s sees another context", step->step_name);
    }
    sim_view_close(&view);
}

/* --- rows ------------------------------------------------------------------------------------- */

static const sim_start *start_of(const sim_task *task, const tk_attempt_row *row) {
    for (uint32_t i = 0; i < task->start_count; i++) {
        if (task->starts[i].step == row->step && task->starts[i].attempt == row->attempt &&
            task->starts[i].token == row->token) {
            return &task->starts[i];
        }
    }
    return NULL;
}

static void judge_ok(sim *s, const sim_task *task, const tk_attempt_row *row) {
    const sim_start *start = start_of(task, row);
    if (start == NULL || !start->returned || !start->ok || !tk_str_is(row->result, start->text)) {
        sim_broken(s, "result-returned", &task->id,
                   "step %u attempt %d has the result %.*s, its handler returned %s", row->step,
                   row->attempt, (int)row->result.size, row->result.data,
                   start == NULL || !start->returned ? "nothing" : start->text);
    }
}

static bool holds(tk_str text, const char *part) {
    return text.size > 0 && memmem(text.data, text.size, part, strlen(part)) != NULL;
}

static void judge_error(sim *s, const sim_task *task, const tk_attempt_row *row,
                        const sim_view *view) {
    const sim_start *start = start_of(task, row);
    int64_t limit_us = view->known->template->steps[row->step].timeout_ms * 1000;
    bool timed_out = start != NULL && holds(row->error, "TimeoutError") && limit_us > 0 &&
                     s->now_us >= start->began_us + limit_us;
    bool returned =
        start != NULL && start->returned && !start->ok && holds(row->error, start->text);
    if (!timed_out && !returned) {
        sim_broken(s, "error-returned", &task->id, "step %u attempt %d failed with %.*s", row->step,
                   row->attempt, (int)row->error.size, row->error.data);
    }
}

/* A resolution without a result keeps the one that was there. */
static bool kept_result(const sim_view *view, const tk_attempt_row *row) {
    for (uint32_t i = 0; i < view->attempt_count; i++) {
        const tk_attempt_row *before = &view->attempts[i];
        if (before->step == row->step && before->attempt < row->attempt && satisfies(before) &&
            tk_str_equal(before->result, row->result)) {
            return true;
        }
    }
    return false;
}

static bool task_was_resolved(const sim_view *view) {
    for (uint32_t i = 0; i < view->act_count; i++) {
        if (view->acts[i].kind == TK_ACT_RESOLVED && view->acts[i].step == TK_ACT_NO_STEP) {
            return true;
        }
    }
    return false;
}

static void judge_by_hand(sim *s, const sim_task *task, const tk_attempt_row *row,
                          const sim_view *view) {
    bool null = tk_str_is(row->result, "null");
    bool resolved = row->outcome == TK_OUTCOME_RESOLVED;
    bool explained =
        resolved && null && (holds(row->metadata, "bypassed") || task_was_resolved(view));
    for (uint32_t i = 0; i < task->hand_count && !explained; i++) {
        const sim_hand *hand = &task->hands[i];
        if (hand->step == row->step && hand->kind == row->outcome) {
            explained = hand->text[0] == '\0' ? null || kept_result(view, row)
                                              : tk_str_is(row->result, hand->text);
        }
    }
    if (!explained) {
        sim_broken(s, "by-hand", &task->id, "step %u has the result %.*s, that nobody gave",
                   row->step, (int)row->result.size, row->result.data);
    }
}

static void judge_hands(sim *s, const sim_task *task, const sim_view *view) {
    for (uint32_t i = 0; i < task->hand_count; i++) {
        const sim_hand *hand = &task->hands[i];
        bool there = !hand->answered;
        for (uint32_t k = 0; k < view->attempt_count && !there; k++) {
            const tk_attempt_row *row = &view->attempts[k];
            there = row->step == hand->step && row->outcome == hand->kind &&
                    (hand->text[0] == '\0' || tk_str_is(row->result, hand->text));
        }
        if (!there) {
            sim_broken(s, "by-hand", &task->id, "step %u was done by hand (%s), and is not",
                       hand->step, hand->text);
        }
    }
}

static void judge_row(sim *s, const sim_task *task, const tk_attempt_row *row,
                      const sim_view *view) {
    bool by_hand = row->outcome == TK_OUTCOME_COMPLETED || row->outcome == TK_OUTCOME_RESOLVED;
    if (!by_hand && claim_of(task, row->token) == NULL) {
        sim_broken(s, "claimed-open", &task->id, "step %u attempt %d ended without a claim",
                   row->step, row->attempt);
    }
    if (row->outcome == TK_OUTCOME_OK) {
        judge_ok(s, task, row);
    } else if (row->outcome == TK_OUTCOME_ERROR) {
        judge_error(s, task, row, view);
    } else if (by_hand) {
        judge_by_hand(s, task, row, view);
    }
}

/* --- what must not change --------------------------------------------------------------------- */

static tk_digest digest_of(const tk_attempt_row *row) {
    tk_buf buf = {0};
    tk_buf_printf(&buf, "%" PRId64 " %" PRId64 " %d %d %" PRId64 " %" PRId64 " %" PRId64 " ",
                  row->n, row->token, row->worker, row->outcome, row->enqueued_us, row->claimed_us,
                  row->finished_us);
    tk_buf_str(&buf, row->result);
    tk_buf_str(&buf, row->error);
    tk_buf_str(&buf, row->metadata);
    tk_digest digest = tk_digest_of(tk_buf_view(&buf));
    tk_buf_release(&buf);
    return digest;
}

static const tk_attempt_row *row_at(const sim_view *view, const sim_row *at) {
    for (uint32_t i = 0; i < view->attempt_count; i++) {
        if (view->attempts[i].step == at->step && view->attempts[i].attempt == at->attempt) {
            return &view->attempts[i];
        }
    }
    return NULL;
}

static void judge_stay(sim *s, sim_task *task, const sim_view *view) {
    for (uint32_t i = 0; i < task->row_count; i++) {
        const tk_attempt_row *row = row_at(view, &task->rows[i]);
        tk_digest digest = row == NULL ? (tk_digest){{0}} : digest_of(row);
        if (memcmp(&digest, &task->rows[i].digest, sizeof(digest)) != 0) {
            sim_broken(s, "rows-stay", &task->id, "step %u attempt %d has %s", task->rows[i].step,
                       task->rows[i].attempt, row == NULL ? "vanished" : "changed");
        }
    }
    task->row_count = 0;
    for (uint32_t i = 0; i < view->attempt_count; i++) {
        sim_row *row = sim_row_add(task);
        *row = (sim_row){view->attempts[i].step, view->attempts[i].attempt,
                         digest_of(&view->attempts[i])};
    }
    if (task->closed && view->attempt_count != task->closed_rows) {
        sim_broken(s, "closed", &task->id, "%u attempts, %u when the task was ended",
                   view->attempt_count, task->closed_rows);
    }
}

/* --- limits ----------------------------------------------------------------------------------- */

/* The attempt from which those of a step count that belong to the same span as `attempt`. */
static int32_t base_of(const sim_view *view, uint32_t step, int32_t attempt) {
    int32_t base = 0;
    for (uint32_t i = 0; i < view->act_count; i++) {
        const tk_act_row *act = &view->acts[i];
        if (act->kind == TK_ACT_RETRIED && act->step == (int32_t)step && act->attempt < attempt &&
            act->attempt > base) {
            base = act->attempt;
        }
    }
    return base;
}

static void judge_limits(sim *s, const sim_task *task, const sim_view *view) {
    for (uint32_t i = 0; i < task->start_count; i++) {
        const sim_start *start = &task->starts[i];
        uint32_t limit = view->known->template->steps[start->step].retry.attempts_max;
        limit = limit > 0 ? limit : 1;
        int32_t base = base_of(view, start->step, start->attempt);
        uint32_t in_span = 0;
        for (uint32_t k = 0; k < task->start_count; k++) {
            in_span += task->starts[k].step == start->step &&
                       base_of(view, start->step, task->starts[k].attempt) == base;
        }
        if (in_span > limit) {
            sim_broken(s, "attempt-limit", &task->id, "step %u began %u times of %u", start->step,
                       in_span, limit);
        }
    }
}

/* The least time between a failure and the claim that follows it. */
static int64_t least_wait_us(const sim_task *task, const sim_view *view,
                             const tk_attempt_row *row) {
    const sim_start *start = start_of(task, row);
    const tk_template_step *step = &view->known->template->steps[row->step];
    bool returned = start != NULL && start->returned && holds(row->error, start->text);
    const tk_failure failure = {.retryable = true,
                                .retry_after_ms = returned ? start->retry_after_ms : -1};
    int32_t claims = row->attempt - base_of(view, row->step, row->attempt);
    int64_t wait_ms = tk_retry_delay(&step->retry, &failure, (uint32_t)claims, 0);
    return wait_ms > 0 ? wait_ms * 1000 : 0;
}

static void judge_waits(sim *s, const sim_task *task, const sim_view *view) {
    for (uint32_t i = 0; i < view->attempt_count; i++) {
        const tk_attempt_row *row = &view->attempts[i];
        for (uint32_t k = 0; row->outcome == TK_OUTCOME_ERROR && k < view->attempt_count; k++) {
            const tk_attempt_row *next = &view->attempts[k];
            if (next->step == row->step && next->attempt == row->attempt + 1 && next->worker != 0 &&
                base_of(view, row->step, next->attempt) < row->attempt &&
                next->claimed_us < row->finished_us + least_wait_us(task, view, row)) {
                sim_broken(s, "backoff", &task->id, "step %u attempt %d was claimed too early",
                           next->step, next->attempt);
            }
        }
    }
}

/* --- all -------------------------------------------------------------------------------------- */

static void judge_told(sim *s, uint64_t saved) {
    uint64_t told = s->told_saved;
    for (uint32_t i = 0; i < s->worker_count; i++) {
        told += s->workers[i].worker == NULL ? 0 : s->workers[i].worker->stats.succeeded;
    }
    if (told > saved) {
        sim_broken(s, "told", NULL, "%" PRIu64 " successes were told, %" PRIu64 " are recorded",
                   told, saved);
    }
}

/* Returns how many attempts succeeded. */
static uint64_t judge_task(sim *s, sim_task *task) {
    uint64_t succeeded = 0;
    sim_view view;
    sim_view_open(s, &task->id, &view);
    if (!view.found || !tk_str_is(view.task.context, task->context) ||
        view.task.priority != task->priority) {
        sim_broken(s, "survives", &task->id, "a submission is not there as it was sent");
    }
    for (uint32_t i = 0; i < view.attempt_count; i++) {
        judge_row(s, task, &view.attempts[i], &view);
        succeeded += view.attempts[i].outcome == TK_OUTCOME_OK;
    }
    judge_hands(s, task, &view);
    judge_stay(s, task, &view);
    judge_limits(s, task, &view);
    judge_waits(s, task, &view);
    sim_view_close(&view);
    return succeeded;
}

void sim_judge_all(sim *s, bool at_rest) {
    s->context = at_rest ? "the check at rest" : "a check between";
    tk_check check = {.count = 0};
    tasker_error error = {0};
    tasker_status status = tk_check_store(&s->eye.engine, at_rest, &check, &error);
    if (status != TASKER_OK) {
        sim_broken(s, "readable", NULL, "the store cannot be checked: %s", error.message);
    }
    if (check.count > 0) {
        const tk_problem *problem = &check.problems[0];
        sim_broken(s, problem->rule, problem->has_task ? &problem->task : NULL, "%s",
                   problem->detail);
    }
    if (check.tasks != s->task_count) {
        sim_broken(s, "survives", NULL, "%" PRIu64 " tasks are stored, %u were submitted",
                   check.tasks, s->task_count);
    }
    tk_check_release(&check);
    uint64_t succeeded = 0;
    for (uint32_t i = 0; i < s->task_count; i++) {
        succeeded += judge_task(s, &s->tasks[i]);
    }
    judge_told(s, succeeded);
}

bool sim_judge_open(sim *s) {
    tk_arena arena = {0};
    tk_count_row *rows = NULL;
    uint32_t count = 0;
    tasker_error error = {0};
    tk_store *store = s->eye.store;
    tasker_status status = tk_store_call(store, begin, TK_STORE_READ, &error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, count_list, &arena, &rows, &count, &error);
    }
    store->driver->rollback(store);
    bool open = status != TASKER_OK;
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        open = open || (rows[i].to == TK_TASK_RUNNING && rows[i].tasks > 0);
    }
    tk_arena_release(&arena);
    return open;
}
