/*
 * sweep.c - ends what dead workers held.
 *
 *   turn.c: "worker 7 stood still" ─► [sweep.c] ─► complete.c: `lost` ─► ready again, without backoff
 *
 * A transaction per TK_RECOVER_LEASES leases; each begins by taking the dead worker's row at the beat
 * at which it was judged dead, so that one that lives after all keeps everything. Leases are read
 * after that, and only those that the fence still finds are acted on.
 */
#include "engine.h"

static tasker_status endings_of(tk_engine *engine, tk_arena *arena, const tk_lease_row *leases,
                                uint32_t count, tk_ending **endings, tasker_error *error) {
    tk_uuid *ids = tk_arena_array(arena, count, sizeof(*ids));
    tk_task_row *tasks = tk_arena_array(arena, count, sizeof(*tasks));
    bool *found = tk_arena_array(arena, count, sizeof(*found));
    *endings = tk_arena_array(arena, count, sizeof(**endings));
    if (ids == NULL || tasks == NULL || found == NULL || *endings == NULL) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = leases[i].task_id;
    }
    tasker_status status =
        tk_store_call(engine->store, task_load, arena, ids, count, tasks, found, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        if (!found[i]) {
            return tk_fail(error, TASKER_STORE,
                           "a lease names a task that is not there: run "
                           "`tasker store check`");
        }
        (*endings)[i] = (tk_ending){
            .lease = leases[i],
            .class = tasks[i].priority,
            .kind = TK_OUTCOME_LOST,
            .failure = {.retryable = true, .lost = true, .retry_after_ms = -1},
            .error = TK_ERROR_TEXT("the worker died or gave the step back before it ended",
                                   "WorkerLost"),
        };
        status = tk_catalog_get(engine, tasks[i].template_id, &(*endings)[i].known, error);
    }
    return status;
}

static tasker_status recover_some(tk_engine *engine, tk_arena *arena, int32_t worker, bool *empty,
                                  tasker_error *error) {
    tk_lease_row *leases = NULL;
    uint32_t count = 0;
    tasker_status status = tk_store_call(engine->store, worker_leases, arena, worker,
                                         TK_RECOVER_LEASES, &leases, &count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    *empty = count == 0;
    if (status != TASKER_OK) {
        return status;
    }
    if (count == 0) {
        return tk_store_call(engine->store, worker_delete, worker, error);
    }
    tk_ending *endings = NULL;
    tk_moved moved = {0};
    status = endings_of(engine, arena, leases, count, &endings, error);
    if (status == TASKER_OK) {
        status =
            tk_complete(engine, arena, endings, count, tk_clock_now(engine->clock), &moved, error);
    }
    if (status == TASKER_OK && moved.ready_count > 0) {
        status = tk_store_call(engine->store, ready_insert, moved.ready, moved.ready_count, error);
    }
    return status;
}

static tasker_status recover_chunk(tk_engine *engine, int32_t worker, int64_t beat, bool *taken,
                                   bool *empty, tasker_error *error) {
    tk_arena arena = {0};
    *taken = false;
    *empty = false;
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, worker_take, worker, beat, taken, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    if (status == TASKER_OK && *taken) {
        status = recover_some(engine, &arena, worker, empty, error);
    }
    status = tk_verb_finish(engine, status, error);
    tk_arena_release(&arena);
    return status;
}

tasker_status tk_recover(tk_engine *engine, int32_t worker, int64_t beat, bool *done,
                         tasker_error *error) {
    *done = false;
    bool taken = true;
    bool empty = false;
    while (taken && !empty) {
        tasker_status status = recover_chunk(engine, worker, beat, &taken, &empty, error);
        if (status != TASKER_OK) {
            return status;
        }
    }
    *done = empty;
    if (*done) {
        tk_log_line(engine->log, TASKER_LOG_INFO, "worker %" PRId32 " is gone: its steps are free",
                    worker);
    }
    return TASKER_OK;
}

tasker_status tk_recover_all(tk_engine *engine, tasker_error *error) {
    tk_arena arena = {0};
    tk_worker_row *workers = NULL;
    uint32_t count = 0;
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_READ, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, worker_list, &arena, &workers, &count, error);
    }
    status = tk_verb_finish(engine, status, error);
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        bool done = false;
        status = tk_recover(engine, workers[i].id, workers[i].beat, &done, error);
    }
    tk_arena_release(&arena);
    return status;
}
