/*
 * release.c - gives claimed steps back that nobody began.
 *
 *   turn.c, reconcile.c ──► [release.c] ──► ready, with the attempts and the time of before
 */
#include "engine.h"

tasker_status tk_leases_return(tk_engine *engine, tk_arena *arena, const tk_lease_row *leases,
                               tk_ready_row *readies, uint32_t count, bool *returned,
                               tasker_error *error) {
    tk_uuid *ids = tk_arena_array(arena, count, sizeof(*ids));
    tk_state_row *states = tk_arena_array(arena, count, sizeof(*states));
    bool *found = tk_arena_array(arena, count, sizeof(*found));
    if (ids == NULL || states == NULL || found == NULL) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = leases[i].task_id;
    }
    uint32_t unique = tk_ids_sort(ids, count);
    tasker_status status =
        tk_store_call(engine->store, state_lock, arena, ids, unique, states, found, error);
    if (status == TASKER_OK) {
        status =
            tk_store_call(engine->store, lease_return, leases, readies, count, returned, error);
    }
    return status == TASKER_OK ? tk_store_call(engine->store, sync, error) : status;
}
