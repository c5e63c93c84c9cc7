/*
 * keep.c - sticky steps: what an outcome frees is leased by the same worker in the same transaction.
 *
 *   complete.c ──► moved ──► [keep.c] ─┬─► lease, held here: a chain never touches the queue
 *                                      └─► ready: for anybody
 *
 * Only while a slot is free, the handler is ours, no class above had work at the last claim, and in at
 * most TK_STICKY_RUN_MAX turns in a row, so that the queue gets its own: whatever the worker's width,
 * no slot does more steps than that before others may have it.
 */
#include "turn_parts.h"

static bool may_keep(const turn *t, const tk_ready_row *row, const tk_ending *by) {
    const tk_worker *w = t->worker;
    if (t->slots == 0 || t->bytes >= TK_CLAIM_BYTES_MAX || w->stopping ||
        by->kind != TK_OUTCOME_OK || w->sticky_run >= TK_STICKY_RUN_MAX ||
        row->class < w->top_class) {
        return false;
    }
    for (uint32_t i = 0; i < w->skill.handler_count; i++) {
        if (w->skill.handlers[i] == row->handler) {
            return true; /* the namespace is ours, as the step before was */
        }
    }
    return false;
}

/* Results of a kept step's ancestors: from the step that freed it, and from the store what that one
 * did not see. */
static tasker_status kept_results(turn *t, const tk_ready_row *row, const tk_ending *by,
                                  tk_result_row **results, tasker_error *error) {
    tk_worker *w = t->worker;
    const tk_held *parent = by->owner;
    const tk_template *template = by->known->template;
    tk_steps mine = template->steps[row->step].ancestors;
    tk_steps seen = template->steps[parent->lease.step].ancestors;
    *results = tk_arena_array(&w->arena, mine.count, sizeof(**results));
    tk_result_row *missing = tk_arena_array(&w->arena, mine.count, sizeof(*missing));
    if (*results == NULL || missing == NULL) {
        return tk_nomem(error);
    }
    uint32_t lacking = 0;
    for (uint32_t i = 0, k = 0; i < mine.count; i++) {
        tk_result_row *result = &(*results)[i];
        result->key = (tk_step_key){row->task_id, mine.numbers[i]};
        while (k < seen.count && seen.numbers[k] < mine.numbers[i]) {
            k++;
        }
        if (mine.numbers[i] == parent->lease.step) {
            *result = (tk_result_row){result->key,     true,       TK_OUTCOME_OK,
                                      by->finished_us, by->result, by->metadata};
        } else if (k < seen.count && seen.numbers[k] == mine.numbers[i] &&
                   (parent->results[k].found || TK_MUTANT(19))) { /* 19: as little as it saw */
            *result = parent->results[k];
        } else { /* also one that was still open, behind a step that was completed by hand */
            missing[lacking++].key = result->key;
        }
    }
    tasker_status status = TASKER_OK;
    if (lacking > 0) {
        status = tk_store_call(w->engine.store, results, &w->arena, missing, lacking, error);
        if (status == TASKER_OK) {
            status = tk_store_call(w->engine.store, sync, error);
        }
    }
    for (uint32_t i = 0, k = 0; status == TASKER_OK && k < lacking; i++) {
        if ((*results)[i].key.step == missing[k].key.step) {
            (*results)[i] = missing[k++];
        }
    }
    return status;
}

static tasker_status keep(turn *t, const tk_ready_row *row, const tk_ending *by,
                          tasker_error *error) {
    tk_worker *w = t->worker;
    tk_result_row *results = NULL;
    tasker_status status = kept_results(t, row, by, &results, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_lease_row lease = {
        .task_id = row->task_id,
        .step = row->step,
        .worker = w->id,
        .attempt = row->attempts + 1,
        .token = (int64_t)(tk_random_next(w->engine.random) >> 2),
        .enqueued_us = row->enqueued_us,
        .claimed_us = row->enqueued_us > t->now_us ? row->enqueued_us : t->now_us,
    };
    tk_held *held =
        tk_held_new(by->known, &((const tk_held *)by->owner)->task, &lease, 0, results, NULL);
    if (held == NULL) {
        return tk_nomem(error);
    }
    t->made[t->made_count++] = held;
    t->bytes += held->arena.used_bytes;
    t->slots--;
    t->sticky_count++;
    return tk_store_call(w->engine.store, lease_insert, &held->lease, 1, error);
}

/* Places what the endings freed: kept here, or in the queue for anybody. */
tasker_status tk_turn_place(turn *t, tasker_error *error) {
    tk_worker *w = t->worker;
    tk_ready_row *rest = tk_arena_array(&w->arena, t->moved.ready_count, sizeof(*rest));
    if (rest == NULL) {
        return tk_nomem(error);
    }
    uint32_t count = 0;
    tasker_status status = TASKER_OK;
    for (uint32_t i = 0; status == TASKER_OK && i < t->moved.ready_count; i++) {
        const tk_ready_row *row = &t->moved.ready[i];
        if (may_keep(t, row, t->moved.ready_by[i])) {
            status = keep(t, row, t->moved.ready_by[i], error);
            if (TK_MUTANT(16) && t->slots == 0) {
                rest[count++] = *row; /* a kept step waits in the queue as well */
            }
        } else {
            rest[count++] = *row;
        }
    }
    if (status == TASKER_OK && count > 0) {
        status = tk_store_call(w->engine.store, ready_insert, rest, count, error);
    }
    return status;
}
