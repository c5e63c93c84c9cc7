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

/* One step that may be kept: what it gets to see. What the step before did not see is asked for. */
typedef struct keeping {
    tk_result_row *results; /* of its ancestors; NULL: it is for the queue */
    uint32_t missing_at, missing_count;
} keeping;

typedef struct keepings {
    keeping *rows; /* as moved.ready */
    tk_result_row *missing;
    uint32_t missing_count;
    tk_lease_row *leases;
    uint32_t lease_count;
} keepings;

static bool may_keep(const turn *t, const tk_ready_row *row, const tk_ending *by) {
    const tk_worker *w = t->worker;
    if (w->stopping || by->kind != TK_OUTCOME_OK || w->sticky_run >= TK_STICKY_RUN_MAX ||
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

static tk_steps ancestors_of(const tk_ready_row *row, const tk_ending *by) {
    return by->known->template->steps[row->step].ancestors;
}

/* Takes the results that the step before saw, and its own; notes what is missing. */
static bool gather_results(turn *t, const tk_ready_row *row, const tk_ending *by, keepings *k,
                           keeping *one) {
    const tk_held *parent = by->owner;
    tk_steps mine = ancestors_of(row, by);
    tk_steps seen = by->known->template->steps[parent->lease.step].ancestors;
    one->results = tk_arena_array(&t->worker->arena, mine.count, sizeof(*one->results));
    one->missing_at = k->missing_count;
    for (uint32_t i = 0, s = 0; one->results != NULL && i < mine.count; i++) {
        tk_result_row *result = &one->results[i];
        *result = (tk_result_row){.key = {row->task_id, mine.numbers[i]}};
        while (s < seen.count && seen.numbers[s] < mine.numbers[i]) {
            s++;
        }
        if (mine.numbers[i] == parent->lease.step) {
            *result = (tk_result_row){result->key,     true,       TK_OUTCOME_OK,
                                      by->finished_us, by->result, by->metadata};
        } else if (s < seen.count && seen.numbers[s] == mine.numbers[i] &&
                   (parent->results[s].found || TK_MUTANT(19))) { /* 19: as little as it saw */
            *result = parent->results[s];
        } else { /* also one that was still open, behind a step that was completed by hand */
            k->missing[k->missing_count++].key = result->key;
        }
    }
    one->missing_count = k->missing_count - one->missing_at;
    return one->results != NULL;
}

static bool keepings_reserve(turn *t, keepings *k) {
    tk_arena *arena = &t->worker->arena;
    uint32_t ancestors = 0;
    for (uint32_t i = 0; i < t->moved.ready_count; i++) {
        ancestors += ancestors_of(&t->moved.ready[i], t->moved.ready_by[i]).count;
    }
    k->rows = tk_arena_array(arena, t->moved.ready_count, sizeof(*k->rows));
    k->leases = tk_arena_array(arena, t->moved.ready_count, sizeof(*k->leases));
    k->missing = tk_arena_array(arena, ancestors, sizeof(*k->missing));
    return k->rows != NULL && k->leases != NULL && k->missing != NULL;
}

/* Chooses what is kept, and reads in one journey what it lacks. */
static tasker_status choose(turn *t, keepings *k, tasker_error *error) {
    tk_store *store = t->worker->engine.store;
    uint32_t chosen = 0;
    if (!keepings_reserve(t, k)) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < t->moved.ready_count; i++) {
        const tk_ready_row *row = &t->moved.ready[i];
        const tk_ending *by = t->moved.ready_by[i];
        k->rows[i] = (keeping){NULL, 0, 0};
        if (chosen < t->slots && may_keep(t, row, by)) {
            chosen++;
            if (!gather_results(t, row, by, k, &k->rows[i])) {
                return tk_nomem(error);
            }
        }
    }
    tasker_status status = TASKER_OK;
    if (k->missing_count > 0) {
        status =
            tk_store_call(store, results, &t->worker->arena, k->missing, k->missing_count, error);
        if (status == TASKER_OK) {
            status = tk_store_call(store, sync, error);
        }
    }
    return status;
}

static void fill_missing(const keepings *k, keeping *one) {
    const tk_result_row *missing = &k->missing[one->missing_at];
    for (uint32_t i = 0, m = 0; m < one->missing_count; i++) {
        if (one->results[i].key.step == missing[m].key.step) {
            one->results[i] = missing[m++];
        }
    }
}

tk_lease_row tk_turn_lease(const turn *t, const tk_ready_row *row) {
    const tk_worker *w = t->worker;
    return (tk_lease_row){
        .task_id = row->task_id,
        .step = row->step,
        .worker = w->id,
        .attempt = tk_attempt_next(row->attempts),
        .token = (int64_t)(tk_random_next(w->engine.random) >> 2),
        .enqueued_us = row->enqueued_us,
        .claimed_us = row->enqueued_us > t->now_us ? row->enqueued_us : t->now_us,
    };
}

static tasker_status keep(turn *t, const tk_ready_row *row, const tk_ending *by, keepings *k,
                          keeping *one, tasker_error *error) {
    tk_lease_row lease = tk_turn_lease(t, row);
    fill_missing(k, one);
    tk_held *held =
        tk_held_new(by->known, &((const tk_held *)by->owner)->task, &lease, 0, one->results, NULL);
    if (held == NULL) {
        return tk_nomem(error);
    }
    t->made[t->made_count++] = held;
    t->bytes += held->arena.used_bytes;
    t->slots--;
    t->sticky_count++;
    k->leases[k->lease_count++] = lease;
    return TASKER_OK;
}

/* Places what the endings freed: kept here, or in the queue for anybody. */
tasker_status tk_turn_place(turn *t, tasker_error *error) {
    tk_worker *w = t->worker;
    tk_store *store = w->engine.store;
    keepings k = {.missing_count = 0};
    tk_ready_row *rest = tk_arena_array(&w->arena, t->moved.ready_count, sizeof(*rest));
    if (rest == NULL) {
        return tk_nomem(error);
    }
    uint32_t count = 0;
    tasker_status status = choose(t, &k, error);
    for (uint32_t i = 0; status == TASKER_OK && i < t->moved.ready_count; i++) {
        const tk_ready_row *row = &t->moved.ready[i];
        if (k.rows[i].results != NULL && t->bytes < TK_CLAIM_BYTES_MAX) {
            status = keep(t, row, t->moved.ready_by[i], &k, &k.rows[i], error);
            if (TK_MUTANT(16) && t->slots == 0) {
                rest[count++] = *row; /* a kept step waits in the queue as well */
            }
        } else {
            rest[count++] = *row;
        }
    }
    if (status == TASKER_OK && k.lease_count > 0) {
        status = tk_store_call(store, lease_insert, k.leases, k.lease_count, error);
    }
    if (status == TASKER_OK && count > 0) {
        status = tk_store_call(store, ready_insert, rest, count, error);
    }
    return status;
}
