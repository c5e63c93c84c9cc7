/*
 * sweep.c - ends what dead workers held.
 *
 *   turn.c: "worker 7 stood still" ─► [sweep.c] ─► complete.c: `lost` ─► ready again, without backoff
 *
 * A transaction per TK_RECOVER_LEASES leases; each begins by taking the dead worker's row at the beat
 * at which it was judged dead, so that one that lives after all keeps everything. Leases are read
 * after that, and only those that the fence still finds are acted on.
 *
 * One that the store refuses to end is found by going one by one, and abandoned (abandon.c). One whose
 * template this build cannot read is left, with the worker's row, for a worker that can.
 */
#include "minute.h"

/* How a chunk is taken; when what is stored refuses one way, the next is tried. */
typedef enum insistence {
    ALL_AT_ONCE = 0,
    ONE_BY_ONE,
    AS_LOST,  /* one is abandoned, recorded as lost */
    ONLY_GONE /* one is abandoned, and that is all */
} insistence;

/* The recovery of one worker. */
typedef struct recovery {
    tk_engine *engine;
    tk_arena arena; /* of one chunk */
    int32_t worker;
    int64_t beat;
    bool own;          /* its row is gone already: nothing to take, nothing to remove */
    bool taken, empty; /* by the last chunk; nothing is left that can be ended */
    uint32_t left;     /* leases whose template cannot be read here */
    insistence insist;
    tasker_error why;       /* of the last refusal */
    const tk_ending *ended; /* by the chunk in hand */
    uint32_t ended_count;
} recovery;

/* Lists the endings of those leases that can be ended here: *count of them, behind each other. */
static tasker_status list_endings(recovery *r, const tk_lease_row *leases, uint32_t lease_count,
                                  tk_ending **endings, uint32_t *count, tasker_error *error) {
    tk_uuid *ids = tk_arena_array(&r->arena, lease_count, sizeof(*ids));
    tk_task_row *tasks = tk_arena_array(&r->arena, lease_count, sizeof(*tasks));
    bool *found = tk_arena_array(&r->arena, lease_count, sizeof(*found));
    *endings = tk_arena_array(&r->arena, lease_count, sizeof(**endings));
    *count = 0;
    if (ids == NULL || tasks == NULL || found == NULL || *endings == NULL) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < lease_count; i++) {
        ids[i] = leases[i].task_id;
    }
    tk_store *store = r->engine->store;
    tasker_status status =
        tk_store_call(store, task_load, &r->arena, ids, lease_count, tasks, found, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    for (uint32_t i = 0; status == TASKER_OK && i < lease_count; i++) {
        tk_ending *ending = &(*endings)[*count];
        *ending = (tk_ending){
            .lease = leases[i],
            .class = tasks[i].priority,
            .kind = TK_OUTCOME_LOST,
            .failure = {.retryable = true, .lost = true, .retry_after_ms = -1},
            .error = TK_ERROR_TEXT("the worker died or gave the step back before it ended",
                                   "WorkerLost"),
        };
        if (found[i]) {
            status = tk_catalog_get(r->engine, tasks[i].template_id, &ending->known, error);
        }
        if (tk_status_refused(status)) {
            status = TASKER_OK;
        } else {
            ++*count;
        }
    }
    return status;
}

static tasker_status end_as_lost(recovery *r, tk_ending *endings, uint32_t count,
                                 tasker_error *error) {
    tk_engine *engine = r->engine;
    tk_moved moved = {0};
    tasker_status status = TASKER_OK;
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        if (endings[i].known == NULL) {
            status = tk_verb_missing(&endings[i].lease.task_id, error);
        }
    }
    if (status == TASKER_OK) {
        status = tk_complete(engine, &r->arena, endings, count, tk_clock_now(engine->clock), &moved,
                             error);
    }
    if (status == TASKER_OK && moved.ready_count > 0) {
        status = tk_store_call(engine->store, ready_insert, moved.ready, moved.ready_count, error);
    }
    r->ended = endings;
    r->ended_count = count;
    return status;
}

/* Behind the commit. */
static void add_up(const recovery *r) {
    for (uint32_t i = 0; r->engine->minutes != NULL && i < r->ended_count; i++) {
        const tk_ending *ending = &r->ended[i];
        if (ending->accepted) {
            tk_minutes_lost(r->engine->minutes, ending->known->id, &ending->lease,
                            ending->finished_us);
        }
    }
}

/* Ends what the worker's leases allow to be ended, at most a chunk of it. */
static tasker_status recover_some(recovery *r, tasker_error *error) {
    tk_store *store = r->engine->store;
    tk_lease_row *leases = NULL;
    tk_ending *endings = NULL;
    uint32_t lease_count = 0;
    uint32_t count = 0;
    uint32_t limit = r->left + (r->insist == ALL_AT_ONCE ? TK_RECOVER_LEASES : 1);
    tasker_status status = tk_store_call(store, worker_leases, &r->arena, r->worker, limit, &leases,
                                         &lease_count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status == TASKER_OK) {
        status = list_endings(r, leases, lease_count, &endings, &count, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    r->left = lease_count - count;
    r->empty = count == 0 && lease_count < limit;
    if (count == 0) {
        return lease_count > 0 || r->own ? TASKER_OK
                                         : tk_store_call(store, worker_delete, r->worker, error);
    }
    if (r->insist < AS_LOST) {
        return end_as_lost(r, endings, count, error);
    }
    bool only_gone = r->insist == ONLY_GONE;
    status = tk_lease_abandon(r->engine, &r->arena, &endings[0].lease, only_gone, error);
    if (status == TASKER_OK) {
        tk_lease_log(r->engine, &endings[0].lease, only_gone, r->why.message);
    }
    return status;
}

static tasker_status recover_chunk(recovery *r, tasker_error *error) {
    tk_store *store = r->engine->store;
    r->taken = r->own;
    r->empty = false;
    r->ended_count = 0;
    tasker_status status = tk_store_call(store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK && !r->own) {
        status = tk_store_call(store, worker_take, r->worker, r->beat, &r->taken, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status == TASKER_OK && r->taken) {
        status = recover_some(r, error);
    }
    status = tk_verb_finish(r->engine, status, error);
    if (status == TASKER_OK) {
        add_up(r);
    }
    r->ended_count = 0;
    tk_arena_release(&r->arena);
    return status;
}

static tasker_status recover(recovery *r, tasker_error *error) {
    r->taken = true;
    while (r->taken && !r->empty) {
        tasker_error why = {0};
        tasker_status status = recover_chunk(r, &why);
        if (tk_status_refused(status) && r->insist < ONLY_GONE) {
            r->insist++;
            r->why = r->insist == AS_LOST ? why : r->why;
        } else if (status != TASKER_OK) {
            if (error != NULL) {
                *error = why;
            }
            return status;
        } else if (r->insist >= AS_LOST) {
            r->insist = ONE_BY_ONE; /* the next one may be sound */
        }
    }
    return TASKER_OK;
}

tasker_status tk_recover(tk_engine *engine, int32_t worker, int64_t beat, bool *done,
                         tasker_error *error) {
    recovery r = {.engine = engine, .worker = worker, .beat = beat};
    tasker_status status = recover(&r, error);
    *done = status == TASKER_OK && r.empty && r.left == 0;
    if (*done) {
        tk_log_line(engine->log, TASKER_LOG_INFO, "worker %" PRId32 " is gone: its steps are free",
                    worker);
    }
    return status;
}

tasker_status tk_recover_own(tk_engine *engine, int32_t worker, tasker_error *error) {
    recovery r = {.engine = engine, .worker = worker, .own = true};
    return recover(&r, error);
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
