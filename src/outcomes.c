/*
 * outcomes.c - which outcomes a turn sends, and what became of them.
 *
 *   done ring ──► unsaved ──► [gather] ─ the turn's transaction ─┬─ answered ──► [settle]
 *                    ▲                                           └─ refused ───► turn_blame.c
 *                    └──────────── the rest, and whatever was not answered
 */
#include "turn_parts.h"

/* --- before --- */

static bool prepare(turn *t, uint32_t count) {
    tk_worker *w = t->worker;
    t->sent = count < w->batch_max ? count : w->batch_max;
    t->endings = tk_arena_array(&w->arena, t->sent, sizeof(*t->endings));
    t->returns = tk_arena_array(&w->arena, t->sent, sizeof(*t->returns));
    t->return_readies = tk_arena_array(&w->arena, t->sent, sizeof(*t->return_readies));
    t->returned = tk_arena_array(&w->arena, t->sent, sizeof(*t->returned));
    t->made = tk_arena_array(&w->arena, TK_HELD_MAX, sizeof(*t->made));
    if (t->endings == NULL || t->returns == NULL || t->return_readies == NULL ||
        t->returned == NULL || t->made == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < t->sent; i++) {
        const tk_held *held = w->unsaved[i];
        if (held->give_back) {
            t->return_readies[t->return_count] =
                tk_ready_of(held->known, &held->lease.task_id, held->lease.step,
                            held->task.priority, held->lease.attempt - 1, held->lease.enqueued_us);
            t->returns[t->return_count++] = held->lease;
        } else {
            t->endings[t->ending_count++] = held->ending;
        }
    }
    return true;
}

/* Behind a turn that failed, perhaps for the lock of a task: what others hold is not waited for again.
 * Puts the outcomes that can be saved now before the rest; *count: how many. */
static tasker_status pick_free(turn *t, uint32_t *count, tasker_error *error) {
    tk_worker *w = t->worker;
    tk_held *rest[TK_TURN_OUTCOMES_MAX];
    tk_uuid ids[TK_TURN_OUTCOMES_MAX];
    bool taken[TK_TURN_OUTCOMES_MAX] = {false};
    uint32_t all = w->unsaved_count;
    uint32_t rest_count = 0;
    for (uint32_t i = 0; i < all; i++) {
        ids[i] = w->unsaved[i]->lease.task_id;
    }
    uint32_t tasks = tk_ids_sort(ids, all);
    tasker_status status = tk_store_call(w->engine.store, state_try, ids, tasks, taken, error);
    if (status == TASKER_OK) {
        status = tk_store_call(w->engine.store, sync, error);
    }
    *count = 0;
    for (uint32_t i = 0; status == TASKER_OK && i < all; i++) {
        if (taken[tk_ids_find(ids, tasks, &w->unsaved[i]->lease.task_id)]) {
            w->unsaved[(*count)++] = w->unsaved[i];
        } else {
            rest[rest_count++] = w->unsaved[i];
        }
    }
    if (status == TASKER_OK) {
        memcpy(w->unsaved + *count, rest, rest_count * sizeof(*rest));
    }
    return status;
}

tasker_status tk_turn_gather(turn *t, tasker_error *error) {
    uint32_t count = t->worker->unsaved_count;
    tasker_status status = TASKER_OK;
    if (t->worker->crowded && count > 0) {
        status = pick_free(t, &count, error);
    }
    t->left_behind = t->worker->unsaved_count > count;
    return status == TASKER_OK && !prepare(t, count) ? tk_nomem(error) : status;
}

/* --- behind --- */

/* What was refused may have been saved by a commit whose answer was lost. */
static bool saved_before(tk_worker *w, const tk_lease_row *lease) {
    bool recorded = false;
    tasker_status status = tk_store_call(w->engine.store, begin, TK_STORE_READ, NULL);
    if (status == TASKER_OK) {
        status = tk_store_call(w->engine.store, attempt_tokens, lease, 1, &recorded, NULL);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(w->engine.store, commit, NULL);
    }
    if (status != TASKER_OK) {
        w->engine.store->driver->rollback(w->engine.store);
    }
    return status == TASKER_OK && recorded;
}

/* Sorts out what was refused: *saved when a lost answer's commit had it. */
static void judge(tk_worker *w, const tk_ending *ending, bool *saved) {
    /* mutant 21: a refused outcome is called saved */
    *saved = ending->accepted || TK_MUTANT(21) || saved_before(w, &ending->lease);
    if (!*saved) {
        tk_log_line(w->engine.log, TASKER_LOG_WARN,
                    "an outcome was refused: the claim is no longer this worker's");
    }
}

/* What was recorded, for the rates and latencies. */
static void add_up(tk_worker *w, const turn *t) {
    for (uint32_t i = 0; i < t->ending_count; i++) {
        const tk_ending *ending = &t->endings[i];
        if (ending->accepted) {
            tk_minutes_step(&w->minutes, ending->known->id, &ending->lease,
                            ending->kind == TK_OUTCOME_OK, ending->finished_us);
        }
    }
    for (uint32_t i = 0; i < t->moved.completed_count; i++) {
        const tk_completed *done = &t->moved.completed[i];
        tk_minutes_task(&w->minutes, done->template_id, &done->task, done->at_us);
    }
}

void tk_turn_settle(turn *t) {
    tk_worker *w = t->worker;
    bool saved[TK_TURN_OUTCOMES_MAX] = {false};
    for (uint32_t i = 0; i < t->ending_count; i++) {
        judge(w, &t->endings[i], &saved[i]);
    }
    add_up(w, t);
    pthread_mutex_lock(&w->mutex);
    w->stats.turns++;
    for (uint32_t i = 0; i < t->ending_count; i++) {
        w->stats.refused += !saved[i];
        w->stats.succeeded += saved[i] && t->endings[i].kind == TK_OUTCOME_OK;
        w->stats.failed += saved[i] && t->endings[i].kind != TK_OUTCOME_OK;
    }
    for (uint32_t i = 0; i < t->sent; i++) {
        tk_held_settle(w, w->unsaved[i]);
    }
    pthread_mutex_unlock(&w->mutex);
    w->unsaved_count -= t->sent;
    memmove(w->unsaved, w->unsaved + t->sent, w->unsaved_count * sizeof(*w->unsaved));
    w->strikes = 0;
    w->batch_max = TK_TURN_OUTCOMES_MAX;
}

void tk_turn_save_minutes(tk_worker *w, int64_t mono_us) {
    tasker_error error;
    if (w->minutes.count > 0 && w->next_minutes_mono_us == 0) {
        w->next_minutes_mono_us = mono_us + TK_MINUTES_SAVE_US;
    }
    if (w->minutes.count == 0 ||
        (mono_us < w->next_minutes_mono_us && w->minutes.count <= TK_MINUTE_SLOTS_MAX / 2)) {
        return;
    }
    w->next_minutes_mono_us = 0;
    if (tk_minutes_save(&w->engine, &w->minutes, &error) != TASKER_OK) {
        tk_log_line(w->engine.log, TASKER_LOG_DEBUG, "a second's figures were not saved: %s",
                    error.message);
    }
}
