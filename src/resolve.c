/*
 * resolve.c - what an operator does to put a task right: try a step again, resolve or complete it by
 * hand, resolve the whole task. After each the task goes on by itself.
 *
 * Every deed is an act in the history; a result by hand is an attempt row of the next number, so that
 * results have one home. The task is locked first; a step's live row goes before its ledger row comes.
 */
#include "engine.h"

typedef struct hand hand;

/* What an operator wants; the same in each try. */
typedef struct deed {
    tk_uuid id; /* of a step, or of a task */
    bool whole; /* it is a task's */
    int32_t kind;
    tk_str result;
    const tasker_act *act;
    tasker_status (*locked)(hand *h, tasker_error *error);
    bool recorded; /* by an earlier try, if its commit happened: */
    tk_act_row record;
} deed;

/* A task under an operator's hand. */
struct hand {
    tk_engine *engine;
    deed *deed;
    bool done; /* by an earlier try */
    tk_arena arena;
    tk_uuid task;
    uint32_t step;
    const tk_known *known;
    int32_t class;
    tk_state_row state;
    tk_progress progress;
    tk_freed freed;
};

/* Looks for what an earlier try recorded before its answer was lost. */
static tasker_status find_record(hand *h, tasker_error *error) {
    const tk_act_row *record = &h->deed->record;
    tk_act_row *rows = NULL;
    uint32_t count = 0;
    if (!h->deed->recorded) {
        return TASKER_OK;
    }
    tasker_status status =
        tk_store_call(h->engine->store, act_list, &h->arena, &h->task, &rows, &count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(h->engine->store, sync, error);
    }
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        h->done = h->done ||
                  (rows[i].kind == record->kind && rows[i].step == record->step &&
                   rows[i].attempt == record->attempt && rows[i].acted_us == record->acted_us &&
                   tk_str_equal(rows[i].actor, record->actor) &&
                   tk_str_equal(rows[i].reason, record->reason));
    }
    return status;
}

static tasker_status hand_open(hand *h, tasker_error *error) {
    tasker_status status = tk_store_call(h->engine->store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = tk_verb_lock(h->engine, &h->arena, &h->task, &h->state, error);
    }
    if (status == TASKER_OK) {
        status = find_record(h, error);
    }
    if (status == TASKER_OK) {
        status = tk_verb_known(h->engine, &h->arena, &h->task, &h->known, &h->class, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    assert(h->known != NULL); /* as the status is OK */
    h->progress = tk_state_progress(&h->state);
    status = tk_verb_sound(&h->task, &h->progress, h->known->template, TK_ACT_NO_STEP, error);
    if (status != TASKER_OK) {
        return status;
    }
    h->freed.numbers =
        tk_arena_array(&h->arena, h->known->template->step_count, sizeof(*h->freed.numbers));
    return h->freed.numbers == NULL ? tk_nomem(error) : TASKER_OK;
}

static tasker_status refuse_if_ended(const hand *h, tasker_error *error) {
    if (h->state.state == TK_TASK_CANCELLED || h->state.state == TK_TASK_ERROR ||
        h->state.state == TK_TASK_RESOLVED) {
        return tk_fail(error, TASKER_CONFLICT,
                       "the task has ended: its steps can no longer be changed");
    }
    return TASKER_OK;
}

static tasker_status hand_open_step(hand *h, tasker_error *error) {
    if (!tk_uuid_step_split(&h->deed->id, &h->task, &h->step)) {
        return tk_fail(error, TASKER_INVALID, "this is a task's id: the id of a step is expected");
    }
    tasker_status status = hand_open(h, error);
    if (status != TASKER_OK || h->done) {
        return status;
    }
    if (h->step >= h->progress.step_count ||
        tk_progress_mark(&h->progress, h->step) == TK_MARK_ABSENT) {
        return tk_fail(error, TASKER_NOTFOUND, "the task has no such step");
    }
    return refuse_if_ended(h, error);
}

static tasker_status do_once(tk_engine *engine, void *verb, tasker_error *error) {
    deed *d = verb;
    hand h = {.engine = engine, .deed = d, .task = d->id};
    tasker_status status = d->whole ? hand_open(&h, error) : hand_open_step(&h, error);
    if (status == TASKER_OK && !h.done) {
        status = d->locked(&h, error);
    }
    status = tk_verb_finish(engine, status, error);
    tk_arena_release(&h.arena);
    if (status == TASKER_OK) {
        engine->store->driver->wake(engine->store);
    }
    return status;
}

static tk_step_key key_of(const hand *h, uint32_t step) {
    return (tk_step_key){h->task, (uint16_t)step};
}

static tasker_status last_attempt(hand *h, uint32_t step, int32_t *last, tasker_error *error) {
    tk_step_key key = key_of(h, step);
    tasker_status status = tk_store_call(h->engine->store, attempt_last, &key, 1, last, error);
    return status == TASKER_OK ? tk_store_call(h->engine->store, sync, error) : status;
}

static tasker_status insert_ready(hand *h, uint32_t step, int32_t attempts, tasker_error *error) {
    tk_ready_row row =
        tk_ready_of(h->known, &h->task, step, h->class, attempts, h->state.updated_us);
    return tk_store_call(h->engine->store, ready_insert, &row, 1, error);
}

/* Saves the task with the act, and keeps the act in mind. */
static tasker_status record(hand *h, tk_act_kind kind, int32_t step, int32_t attempt,
                            tasker_error *error) {
    tk_act_row act = tk_verb_act(h->engine, &h->task, kind, step, h->deed->act);
    act.attempt = attempt;
    tasker_status status = tk_verb_save(h->engine, h->known, &h->state, &h->progress, &act, error);
    h->deed->record = act;
    h->deed->recorded = true;
    return status;
}

/* Settles and records a step; then what was freed becomes ready. */
static tasker_status hand_save(hand *h, tk_act_kind kind, int32_t attempt, tasker_error *error) {
    tk_progress_settle(&h->progress);
    tasker_status status = record(h, kind, (int32_t)h->step, attempt, error);
    for (uint32_t i = 0; status == TASKER_OK && i < h->freed.count; i++) {
        status = insert_ready(h, h->freed.numbers[i], 0, error);
    }
    return status;
}

/* --- retry --- */

static tasker_status retry_locked(hand *h, tasker_error *error) {
    tk_step_mark mark = tk_progress_mark(&h->progress, h->step);
    tk_step_key key = key_of(h, h->step);
    tk_ready_row waiting = {0};
    bool was_waiting = false;
    tasker_status status = TASKER_OK;
    if (mark == TK_MARK_LIVE) {
        status =
            tk_store_call(h->engine->store, later_delete, &key, 1, &waiting, &was_waiting, error);
        if (status == TASKER_OK) {
            status = tk_store_call(h->engine->store, sync, error);
        }
    }
    if (status != TASKER_OK) {
        return status;
    }
    if (mark != TK_MARK_FAILED && !was_waiting) {
        return tk_fail(error, TASKER_CONFLICT,
                       "the step has not failed and does not wait for a retry");
    }
    int32_t last = 0;
    status = last_attempt(h, h->step, &last, error);
    if (status != TASKER_OK) {
        return status;
    }
    if (mark == TK_MARK_FAILED) {
        tk_progress_revive(&h->progress, h->step);
    }
    status = hand_save(h, TK_ACT_RETRIED, last, error);
    return status == TASKER_OK ? insert_ready(h, h->step, TK_MUTANT(6) ? 0 : last, error)
                               : status; /* 6: a retry that resets the attempts */
}

tasker_status tk_step_retry(tk_engine *engine, const tk_uuid *step, const tasker_act *act,
                            tasker_error *error) {
    deed d = {.id = *step, .act = act, .locked = retry_locked};
    return tk_again(engine, do_once, &d, error);
}

/* Each failed step as above; the ones behind them follow by themselves. */
static tasker_status retry_all_locked(hand *h, tasker_error *error) {
    uint32_t retried = 0;
    tasker_status status = refuse_if_ended(h, error);
    for (uint32_t i = 0; status == TASKER_OK && i < h->progress.step_count; i++) {
        if (tk_progress_mark(&h->progress, i) == TK_MARK_FAILED) {
            h->step = i;
            retried++;
            status = retry_locked(h, error);
        }
    }
    return status == TASKER_OK && retried == 0
               ? tk_fail(error, TASKER_CONFLICT, "no step of the task has failed")
               : status;
}

tasker_status tk_task_retry(tk_engine *engine, const tk_uuid *task, const tasker_act *act,
                            tasker_error *error) {
    deed d = {.id = *task, .whole = true, .act = act, .locked = retry_all_locked};
    return tk_again(engine, do_once, &d, error);
}

/* --- resolve, complete --- */

/* Takes the step's live row away, wherever it is. */
static tasker_status take_live(hand *h, int64_t now_us, tasker_error *error) {
    tk_store *store = h->engine->store;
    tk_step_key key = key_of(h, h->step);
    tk_ready_row row = {0};
    bool taken = false;
    tasker_status status = tk_store_call(store, later_delete, &key, 1, &row, &taken, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status == TASKER_OK && !taken) {
        status = tk_store_call(store, ready_delete, &key, 1, &row, &taken, error);
    }
    if (status == TASKER_OK && !taken) {
        status = tk_store_call(store, sync, error);
    }
    if (status == TASKER_OK && !taken) {
        status = tk_store_call(store, lease_revoke, &key, 1, now_us, &taken, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status == TASKER_OK && !taken) {
        status = tk_fail(error, TASKER_CONFLICT, "the step is being moved: try again");
    }
    return status;
}

static bool is_descendant(const hand *h, uint32_t step) {
    if (step >= h->known->template->step_count) {
        return false; /* a row of no step of this task */
    }
    tk_steps ancestors = h->known->template->steps[step].ancestors;
    for (uint32_t i = 0; i < ancestors.count; i++) {
        if (ancestors.numbers[i] == h->step) {
            return true;
        }
    }
    return false;
}

/* Refuses when a step behind this one was ever claimed: it may have seen the old result. */
static tasker_status refuse_if_seen(hand *h, tasker_error *error) {
    tk_store *store = h->engine->store;
    tk_attempt_row *attempts = NULL;
    uint32_t count = 0;
    tasker_status status =
        tk_store_call(store, attempt_list, &h->arena, &h->task, false, &attempts, &count, error);
    tk_place_row *places = NULL;
    uint32_t place_count = 0;
    if (status == TASKER_OK) {
        status =
            tk_store_call(store, place_list, &h->arena, &h->task, &places, &place_count, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    bool seen = false;
    for (uint32_t i = 0; i < count; i++) {
        seen = seen || (attempts[i].worker != 0 && is_descendant(h, attempts[i].step));
    }
    for (uint32_t i = 0; i < place_count; i++) {
        seen = seen || (places[i].attempts > 0 && is_descendant(h, places[i].step));
    }
    /* mutant 10: a child keeps the older result of its parent */
    return seen && !TK_MUTANT(10)
               ? tk_fail(error, TASKER_CONFLICT,
                         "a step that depends on this one was claimed already: its result can no "
                         "longer be changed")
               : TASKER_OK;
}

/* Takes a step out of where it waits and puts it back behind the new result. */
static tasker_status requeue(hand *h, uint32_t step, tasker_error *error) {
    tk_store *store = h->engine->store;
    tk_step_key key = key_of(h, step);
    tk_ready_row row = {0};
    bool deleted = false;
    tasker_status status = tk_store_call(store, later_delete, &key, 1, &row, &deleted, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status == TASKER_OK && deleted) {
        return tk_store_call(store, later_insert, &row, 1, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, ready_delete, &key, 1, &row, &deleted, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status == TASKER_OK && !deleted && TK_MUTANT(10)) {
        return TASKER_OK;
    }
    if (status == TASKER_OK && !deleted) {
        status = tk_fail(error, TASKER_CONFLICT,
                         "a step that depends on this one was claimed "
                         "meanwhile: its result cannot be changed");
    }
    if (status != TASKER_OK) {
        return status;
    }
    row.enqueued_us = h->state.updated_us; /* no claim is dated before what it will see */
    return tk_store_call(store, ready_insert, &row, 1, error);
}

/* All that will see the result, also behind steps that were bypassed; one that is no longer where it
 * waited was claimed meanwhile. */
static tasker_status requeue_descendants(hand *h, tasker_error *error) {
    tasker_status status = TASKER_OK;
    for (uint32_t i = 0; status == TASKER_OK && i < h->progress.step_count; i++) {
        if (tk_progress_mark(&h->progress, i) == TK_MARK_LIVE && is_descendant(h, i)) {
            status = requeue(h, i, error);
        }
    }
    return status;
}

/* What stands in the ledger for a step that is done: its result is kept when none is given. */
static tasker_status read_result(hand *h, tk_str *result, tasker_error *error) {
    tk_result_row row = {.key = key_of(h, h->step)};
    tasker_status status = tk_store_call(h->engine->store, results, &h->arena, &row, 1, error);
    if (status == TASKER_OK) {
        status = tk_store_call(h->engine->store, sync, error);
    }
    *result = row.found ? row.result : (tk_str){NULL, 0};
    return status;
}

static tasker_status insert_by_hand(hand *h, int32_t kind, tk_str result, int64_t now_us,
                                    int32_t *number, tasker_error *error) {
    tasker_status status = last_attempt(h, h->step, number, error);
    if (status != TASKER_OK) {
        return status;
    }
    if (*number == INT32_MAX) {
        return tk_fail(error, TASKER_CONFLICT, "the step has no attempt's number left");
    }
    *number = tk_attempt_next(*number);
    tk_attempt_row row = {
        .task_id = h->task,
        .step = (uint16_t)h->step,
        .attempt = *number,
        .outcome = kind,
        .enqueued_us = now_us,
        .claimed_us = now_us,
        .finished_us = now_us,
        .result = result,
    };
    return tk_store_call(h->engine->store, attempt_insert, &row, 1, error);
}

/* A step that is done already: resolved anew, with its old result or a new one. */
static tasker_status reresolve(hand *h, int32_t kind, tk_str *result, tasker_error *error) {
    if (kind == TK_OUTCOME_COMPLETED) {
        return tk_fail(error, TASKER_CONFLICT, "the step is complete already");
    }
    if (result->data == NULL) {
        return read_result(h, result, error);
    }
    tasker_status status = refuse_if_seen(h, error);
    return status == TASKER_OK ? requeue_descendants(h, error) : status;
}

static tasker_status by_hand_locked(hand *h, tasker_error *error) {
    int32_t kind = h->deed->kind;
    tk_str result = h->deed->result;
    int64_t now_us = 0;
    tasker_status status = tk_verb_date(h->engine, &h->arena, &h->state, &now_us, error);
    if (status != TASKER_OK) {
        return status;
    }
    h->state.updated_us = now_us;
    tk_step_mark mark = tk_progress_mark(&h->progress, h->step);
    if (!tk_mark_satisfied(mark) && mark != TK_MARK_CANCELLED) {
        status = tk_verb_sound(&h->task, &h->progress, h->known->template, (int32_t)h->step, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    if (mark == TK_MARK_LIVE) {
        status = take_live(h, now_us, error);
    } else if (tk_mark_satisfied(mark)) {
        status = reresolve(h, kind, &result, error);
    } else if (mark == TK_MARK_CANCELLED) {
        status = tk_fail(error, TASKER_CONFLICT, "the step was cancelled");
    }
    int32_t number = 0;
    if (status == TASKER_OK) {
        status = insert_by_hand(h, kind, result.data == NULL ? TK_STR("null") : result, now_us,
                                &number, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    if (tk_mark_satisfied(mark)) {
        tk_progress_remark(&h->progress, h->step);
    } else {
        tk_progress_satisfy(&h->progress, h->known->template, h->step,
                            kind == TK_OUTCOME_COMPLETED ? TK_MARK_COMPLETE : TK_MARK_RESOLVED,
                            &h->freed);
    }
    return hand_save(h, kind == TK_OUTCOME_COMPLETED ? TK_ACT_COMPLETED : TK_ACT_RESOLVED, number,
                     error);
}

tasker_status tk_step_by_hand(tk_engine *engine, const tk_uuid *step, int32_t kind, tk_str result,
                              const tasker_act *act, tasker_error *error) {
    assert(kind == TK_OUTCOME_COMPLETED || kind == TK_OUTCOME_RESOLVED);
    deed d = {.id = *step, .kind = kind, .result = result, .act = act, .locked = by_hand_locked};
    return tk_again(engine, do_once, &d, error);
}

/* --- the whole task --- */

static tasker_status resolve_locked(hand *h, tasker_error *error) {
    if (h->state.state == TK_TASK_RESOLVED) {
        return TASKER_OK; /* done before: the same answer */
    }
    if (h->state.state != TK_TASK_BLOCKED) {
        return tk_fail(error, TASKER_CONFLICT,
                       "only a task that is blocked by failures can be resolved");
    }
    int64_t now_us = tk_clock_now(h->engine->clock);
    now_us = now_us > h->state.updated_us ? now_us : h->state.updated_us;
    tasker_status status = TASKER_OK;
    for (uint32_t i = 0; status == TASKER_OK && i < h->progress.step_count; i++) {
        tk_step_mark mark = tk_progress_mark(&h->progress, i);
        if (mark == TK_MARK_PENDING || mark == TK_MARK_FAILED) {
            int32_t number = 0;
            h->step = i;
            status = insert_by_hand(h, TK_OUTCOME_RESOLVED, TK_STR("null"), now_us, &number, error);
        }
    }
    if (status != TASKER_OK) {
        return status;
    }
    tk_progress_end(&h->progress, TK_MARK_RESOLVED);
    h->progress.state = TK_TASK_RESOLVED;
    return record(h, TK_ACT_RESOLVED, TK_ACT_NO_STEP, 0, error);
}

tasker_status tk_task_resolve(tk_engine *engine, const tk_uuid *task, const tasker_act *act,
                              tasker_error *error) {
    deed d = {.id = *task, .whole = true, .act = act, .locked = resolve_locked};
    return tk_again(engine, do_once, &d, error);
}
