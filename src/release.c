/*
 * release.c - gives claimed steps back that nobody began.
 *
 *   turn.c, reconcile.c ──► [release.c] ──► ready, with the attempts and the time of before
 */
#include "engine.h"

/* The tasks of all, in one sorted round. */
static tasker_status lock_tasks(tk_engine *engine, tk_arena *arena, const tk_lease_row *leases,
                                uint32_t count, const tk_ending *endings, uint32_t ending_count,
                                tasker_error *error) {
    uint32_t all = count + ending_count;
    tk_uuid *ids = tk_arena_array(arena, all, sizeof(*ids));
    tk_state_row *states = tk_arena_array(arena, all, sizeof(*states));
    bool *found = tk_arena_array(arena, all, sizeof(*found));
    if (ids == NULL || states == NULL || found == NULL) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = leases[i].task_id;
    }
    for (uint32_t i = 0; i < ending_count; i++) {
        ids[count + i] = endings[i].lease.task_id;
    }
    all = tk_ids_sort(ids, all);
    return tk_store_call(engine->store, state_lock, arena, ids, all, states, found, error);
}

tasker_status tk_leases_return(tk_engine *engine, tk_arena *arena, const tk_lease_row *leases,
                               tk_ready_row *readies, uint32_t count, const tk_ending *endings,
                               uint32_t ending_count, bool *returned, tasker_error *error) {
    tasker_status status = lock_tasks(engine, arena, leases, count, endings, ending_count, error);
    if (status == TASKER_OK) {
        status =
            tk_store_call(engine->store, lease_return, leases, readies, count, returned, error);
    }
    return status == TASKER_OK ? tk_store_call(engine->store, sync, error) : status;
}
