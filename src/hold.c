/*
 * hold.c - makes held steps of claimed rows: the template, the ancestors' results, the last failure.
 *
 *   claim (rows of the store) ──► [hold.c] ──► tk_held ──► ready ring
 */
#include "turn.h"

/* What the claims of one turn need, read set at a time. */
typedef struct needs {
    const tk_known **knowns; /* by claim */
    tk_result_row *results;  /* of all claims, one behind the other */
    uint32_t result_count;
    tk_step_key *again; /* keys of the claims that are no first attempts */
    int32_t *bases;
    tk_attempt_row *failures;
    bool *failed;
    uint32_t again_count;
} needs;

static tasker_status find_templates(tk_engine *engine, tk_arena *arena, const tk_claim_row *rows,
                                    uint32_t count, needs *n, tasker_error *error) {
    n->knowns = tk_arena_array(arena, count, sizeof(*n->knowns));
    if (n->knowns == NULL) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        tasker_status status =
            tk_catalog_get(engine, rows[i].task.template_id, &n->knowns[i], error);
        if (status != TASKER_OK) {
            return status;
        }
        tk_steps ancestors = n->knowns[i]->template->steps[rows[i].lease.step].ancestors;
        n->result_count += ancestors.count;
        n->again_count += rows[i].lease.attempt > 1;
    }
    return TASKER_OK;
}

static bool list_needs(tk_arena *arena, const tk_claim_row *rows, uint32_t count, needs *n) {
    n->results = tk_arena_array(arena, n->result_count, sizeof(*n->results));
    n->again = tk_arena_array(arena, n->again_count, sizeof(*n->again));
    n->bases = tk_arena_array(arena, n->again_count, sizeof(*n->bases));
    n->failures = tk_arena_array(arena, n->again_count, sizeof(*n->failures));
    n->failed = tk_arena_array(arena, n->again_count, sizeof(*n->failed));
    if (n->results == NULL || n->again == NULL || n->bases == NULL || n->failures == NULL ||
        n->failed == NULL) {
        return false;
    }
    uint32_t at = 0;
    uint32_t again = 0;
    for (uint32_t i = 0; i < count; i++) {
        const tk_lease_row *lease = &rows[i].lease;
        tk_steps ancestors = n->knowns[i]->template->steps[lease->step].ancestors;
        for (uint32_t k = 0; k < ancestors.count; k++) {
            n->results[at++].key = (tk_step_key){lease->task_id, ancestors.numbers[k]};
        }
        if (lease->attempt > 1) {
            n->again[again++] = (tk_step_key){lease->task_id, lease->step};
        }
    }
    return true;
}

static tasker_status read_needs(tk_engine *engine, tk_arena *arena, needs *n, tasker_error *error) {
    tk_store *store = engine->store;
    tasker_status status = TASKER_OK;
    if (n->result_count > 0) {
        status = tk_store_call(store, results, arena, n->results, n->result_count, error);
    }
    if (status == TASKER_OK && n->again_count > 0) {
        status = tk_store_call(store, attempt_bases, n->again, n->again_count, n->bases, error);
    }
    if (status == TASKER_OK && n->again_count > 0) {
        status = tk_store_call(store, last_failures, arena, n->again, n->again_count, n->failures,
                               n->failed, error);
    }
    return status == TASKER_OK ? tk_store_call(store, sync, error) : status;
}

tasker_status tk_claims_hold(tk_engine *engine, tk_arena *arena, const tk_claim_row *rows,
                             uint32_t count, tk_held **made, uint32_t *made_count,
                             tasker_error *error) {
    needs n = {.result_count = 0};
    *made_count = 0;
    tasker_status status = find_templates(engine, arena, rows, count, &n, error);
    if (status == TASKER_OK && !list_needs(arena, rows, count, &n)) {
        status = tk_nomem(error);
    }
    if (status == TASKER_OK) {
        status = read_needs(engine, arena, &n, error);
    }
    uint32_t at = 0;
    uint32_t again = 0;
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        const tk_claim_row *row = &rows[i];
        int32_t base = 0;
        const tk_attempt_row *failure = NULL;
        if (row->lease.attempt > 1) {
            base = n.bases[again];
            failure = n.failed[again] ? &n.failures[again] : NULL;
            again++;
        }
        made[i] = tk_held_new(n.knowns[i], &row->task, &row->lease, base, &n.results[at], failure);
        at += n.knowns[i]->template->steps[row->lease.step].ancestors.count;
        if (made[i] == NULL) {
            return tk_nomem(error);
        }
        ++*made_count;
    }
    return status;
}
