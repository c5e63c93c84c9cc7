/*
 * hold.c - makes held steps of claimed rows: the template, the ancestors' results, the last failure.
 *
 *   claim (rows of the store) ──► [hold.c] ─┬─► tk_held ──► ready ring
 *                                           └─► back into the queue
 *
 * Back goes what this build has no template for, and what would be too much to hold; it stays ready,
 * behind the others. A row of a step that its template does not have is dropped.
 */
#include "turn.h"

#define READ_RESULTS_MAX 256 /* ancestors' results read at a time: beyond the bound at most these */

/* What some claims need, read set at a time. */
typedef struct needs {
    tk_arena arena;
    const tk_claim_row **rows; /* of the claims, in their order */
    const tk_known **knowns;
    uint32_t count;
    tk_result_row *results; /* of all claims, one behind the other */
    uint32_t result_count;
    tk_step_key *again; /* keys of the claims that are no first attempts */
    int32_t *bases;
    tk_attempt_row *failures;
    bool *failed;
    uint32_t again_count;
} needs;

/* The claims of a call, sorted out. */
typedef struct sorted {
    const tk_claim_row **mine;
    const tk_known **knowns; /* of the same index */
    const tk_claim_row **back;
    uint32_t mine_count, back_count;
} sorted;

static tk_steps ancestors_of(const tk_known *known, const tk_claim_row *row) {
    return known->template->steps[row->lease.step].ancestors;
}

/* --- sorted out --- */

static tk_ready_row ready_of(const tk_claim_row *row) {
    return (tk_ready_row){
        .task_id = row->lease.task_id,
        .step = row->lease.step,
        .deps = row->deps,
        .queue = row->queue,
        .handler = row->handler,
        .class = row->class,
        .attempts = row->lease.attempt - 1,
        .enqueued_us = row->lease.enqueued_us,
    };
}

/* Puts claims back; their leases are of this very transaction, so that no lock is needed. */
static tasker_status put_back(tk_engine *engine, tk_arena *arena, const tk_claim_row **rows,
                              uint32_t count, tasker_error *error) {
    tk_lease_row *leases = tk_arena_array(arena, count, sizeof(*leases));
    tk_ready_row *readies = tk_arena_array(arena, count, sizeof(*readies));
    bool *returned = tk_arena_array(arena, count, sizeof(*returned));
    if (leases == NULL || readies == NULL || returned == NULL) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        leases[i] = rows[i]->lease;
        readies[i] = ready_of(rows[i]);
    }
    tasker_status status =
        tk_store_call(engine->store, lease_return, leases, readies, count, returned, error);
    return status == TASKER_OK ? tk_store_call(engine->store, sync, error) : status;
}

static tasker_status drop(tk_engine *engine, tk_arena *arena, const tk_claim_row *row,
                          tasker_error *error) {
    tk_step_key key = {row->lease.task_id, row->lease.step};
    tk_ready_row was = {.step = 0};
    bool deleted = false;
    tk_lease_log(engine, &row->lease, true, "its template has no such step");
    tasker_status status = put_back(engine, arena, &row, 1, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, ready_delete, &key, 1, &was, &deleted, error);
    }
    return status == TASKER_OK ? tk_store_call(engine->store, sync, error) : status;
}

static tasker_status sort_out(tk_engine *engine, tk_arena *arena, const tk_claim_row *rows,
                              uint32_t count, sorted *s, tasker_error *error) {
    s->mine = tk_arena_array(arena, count, sizeof(*s->mine));
    s->knowns = tk_arena_array(arena, count, sizeof(*s->knowns));
    s->back = tk_arena_array(arena, count, sizeof(*s->back));
    if (s->mine == NULL || s->knowns == NULL || s->back == NULL) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        const tk_known *known = NULL;
        tasker_status status = tk_catalog_get(engine, rows[i].task.template_id, &known, error);
        if (tk_status_refused(status)) {
            s->back[s->back_count++] = &rows[i];
            continue;
        }
        if (status == TASKER_OK && tk_template_has(known->template, rows[i].lease.step)) {
            s->knowns[s->mine_count] = known;
            s->mine[s->mine_count++] = &rows[i];
        } else if (status == TASKER_OK) {
            status = drop(engine, arena, &rows[i], error);
        }
        if (status != TASKER_OK) {
            return status;
        }
    }
    return TASKER_OK;
}

/* --- what is needed --- */

/* As many claims from `from` on as need no more than READ_RESULTS_MAX results; at least one. */
static void begin_needs(needs *n, const sorted *s, uint32_t from) {
    *n = (needs){.rows = &s->mine[from], .knowns = &s->knowns[from]};
    for (uint32_t i = from; i < s->mine_count; i++) {
        uint32_t count = ancestors_of(s->knowns[i], s->mine[i]).count;
        if (n->count > 0 && n->result_count + count > READ_RESULTS_MAX) {
            break;
        }
        n->count++;
        n->result_count += count;
        n->again_count += s->mine[i]->lease.attempt > 1;
    }
}

static bool list_needs(needs *n) {
    n->results = tk_arena_array(&n->arena, n->result_count, sizeof(*n->results));
    n->again = tk_arena_array(&n->arena, n->again_count, sizeof(*n->again));
    n->bases = tk_arena_array(&n->arena, n->again_count, sizeof(*n->bases));
    n->failures = tk_arena_array(&n->arena, n->again_count, sizeof(*n->failures));
    n->failed = tk_arena_array(&n->arena, n->again_count, sizeof(*n->failed));
    if (n->results == NULL || n->again == NULL || n->bases == NULL || n->failures == NULL ||
        n->failed == NULL) {
        return false;
    }
    uint32_t at = 0;
    uint32_t again = 0;
    for (uint32_t i = 0; i < n->count; i++) {
        const tk_lease_row *lease = &n->rows[i]->lease;
        tk_steps ancestors = ancestors_of(n->knowns[i], n->rows[i]);
        for (uint32_t k = 0; k < ancestors.count; k++) {
            n->results[at++].key = (tk_step_key){lease->task_id, ancestors.numbers[k]};
        }
        if (lease->attempt > 1) {
            n->again[again++] = (tk_step_key){lease->task_id, lease->step};
        }
    }
    return true;
}

static tasker_status read_needs(tk_engine *engine, needs *n, tasker_error *error) {
    tk_store *store = engine->store;
    if (!list_needs(n)) {
        return tk_nomem(error);
    }
    if (n->result_count == 0 && n->again_count == 0) {
        return TASKER_OK;
    }
    tasker_status status = TASKER_OK;
    if (n->result_count > 0) {
        status = tk_store_call(store, results, &n->arena, n->results, n->result_count, error);
    }
    if (status == TASKER_OK && n->again_count > 0) {
        status = tk_store_call(store, attempt_bases, n->again, n->again_count, n->bases, error);
    }
    if (status == TASKER_OK && n->again_count > 0) {
        status = tk_store_call(store, last_failures, &n->arena, n->again, n->again_count,
                               n->failures, n->failed, error);
    }
    return status == TASKER_OK ? tk_store_call(store, sync, error) : status;
}

/* --- held --- */

/* Makes steps of what was read, until there is enough. */
static tasker_status make(const needs *n, tk_hold *hold, uint32_t *made, tasker_error *error) {
    uint32_t at = 0;
    uint32_t again = 0;
    *made = 0;
    for (uint32_t i = 0; i < n->count && !hold->full; i++) {
        const tk_claim_row *row = n->rows[i];
        int32_t base = 0;
        const tk_attempt_row *failure = NULL;
        if (row->lease.attempt > 1) {
            base = n->bases[again];
            failure = n->failed[again] ? &n->failures[again] : NULL;
            again++;
        }
        tk_held *held =
            tk_held_new(n->knowns[i], &row->task, &row->lease, base, &n->results[at], failure);
        if (held == NULL) {
            return tk_nomem(error);
        }
        at += ancestors_of(n->knowns[i], row).count;
        hold->made[hold->made_count++] = held;
        hold->bytes += held->arena.used_bytes;
        hold->full = hold->bytes >= TK_CLAIM_BYTES_MAX;
        ++*made;
    }
    return TASKER_OK;
}

tasker_status tk_claims_hold(tk_engine *engine, tk_arena *arena, const tk_claim_row *rows,
                             uint32_t count, tk_hold *hold, tasker_error *error) {
    sorted s = {.mine_count = 0};
    tasker_status status = sort_out(engine, arena, rows, count, &s, error);
    uint32_t done = 0;
    hold->passed = count - s.mine_count;
    while (status == TASKER_OK && done < s.mine_count && !hold->full) {
        needs n;
        uint32_t made = 0;
        begin_needs(&n, &s, done);
        status = read_needs(engine, &n, error);
        if (status == TASKER_OK) {
            status = make(&n, hold, &made, error);
        }
        tk_arena_release(&n.arena);
        done += made;
    }
    for (; status == TASKER_OK && done < s.mine_count; done++) {
        s.back[s.back_count++] = s.mine[done];
    }
    return status == TASKER_OK && s.back_count > 0
               ? put_back(engine, arena, s.back, s.back_count, error)
               : status;
}
