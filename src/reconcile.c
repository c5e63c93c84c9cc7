/*
 * reconcile.c - what the store says that a worker has, against what it remembers; and whether the
 * other workers still live.
 *
 * A lease that only the store knows (the answer of its claim was lost) is given back. A step that only
 * memory knows was revoked by a cancel, a resolution, or by who took this worker for dead: unstarted,
 * it leaves the ring; running, its outcome will be refused.
 *
 * Death is judged by own observation, counted in own committed beats, never by a stored time: a worker
 * whose beat stood still over TK_DEATH_BEATS of them, or over TK_DEATH_BEATS_GONE while its session was
 * gone. After an own reconnect sessions tell nothing for a while: the server may have lost them all. Who
 * is judged dead is disconnected first, as a stopped process may hold locks without an end.
 */
#include "turn.h"

#define RECONCILE_LEASES_MAX (4 * TK_HELD_MAX)

/* Is the lease one of a step that this worker holds? Marks it as seen. Under the mutex. */
static bool seen(tk_worker *w, const tk_lease_row *lease) {
    tk_held *held = tk_held_find(w, lease->token);
    bool same = held != NULL && held->state != TK_HELD_GONE && held->lease.step == lease->step &&
                tk_uuid_equal(&held->lease.task_id, &lease->task_id);
    if (same) {
        held->round = w->round;
    }
    return same;
}

static tasker_status return_foreign(tk_worker *w, tk_arena *arena, const tk_lease_row *leases,
                                    uint32_t count, tasker_error *error) {
    if (count == 0) {
        return TASKER_OK;
    }
    tk_ready_row *readies = tk_arena_array(arena, count, sizeof(*readies));
    bool *returned = tk_arena_array(arena, count, sizeof(*returned));
    if (readies == NULL || returned == NULL) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        const tk_known *known = NULL;
        int32_t class = 0;
        tasker_status status =
            tk_verb_known(&w->engine, arena, &leases[i].task_id, &known, &class, error);
        if (status != TASKER_OK) {
            return status;
        }
        readies[i] = tk_ready_of(known, &leases[i].task_id, leases[i].step, class,
                                 leases[i].attempt - 1, leases[i].enqueued_us);
    }
    return tk_leases_return(&w->engine, arena, leases, readies, count, returned, error);
}

/* Drops the steps that only memory knows. Outcomes on their way are judged by the fence. */
static void drop_gone(tk_worker *w) {
    pthread_mutex_lock(&w->mutex);
    for (uint32_t i = 0; i < TK_HELD_BUCKETS; i++) {
        for (tk_held *held = w->buckets[i]; held != NULL;) {
            tk_held *next = held->next;
            bool open = held->state == TK_HELD_WAITING || held->state == TK_HELD_RUNNING;
            if (open && held->round != w->round) {
                if (held->state == TK_HELD_RUNNING || tk_ring_remove(&w->ready, held)) {
                    tk_held_settle(w, held);
                } /* else a host thread is taking it now: the next look will find it running */
            }
            held = next;
        }
    }
    pthread_mutex_unlock(&w->mutex);
}

static tasker_status compare(tk_worker *w, tk_arena *arena, tasker_error *error) {
    tk_lease_row *leases = NULL;
    uint32_t lease_count = 0;
    tasker_status status = tk_store_call(w->engine.store, worker_leases, arena, w->id,
                                         RECONCILE_LEASES_MAX, &leases, &lease_count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(w->engine.store, sync, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    uint32_t foreign = 0;
    pthread_mutex_lock(&w->mutex);
    w->round++;
    for (uint32_t i = 0; i < lease_count; i++) {
        if (!seen(w, &leases[i]) && !TK_MUTANT(8)) { /* 8: leases of a lost answer stay */
            leases[foreign++] = leases[i];
        }
    }
    pthread_mutex_unlock(&w->mutex);
    return return_foreign(w, arena, leases, foreign, error);
}

tasker_status tk_reconcile(tk_worker *worker, tasker_error *error) {
    tk_arena arena = {0};
    tasker_status status = tk_store_call(worker->engine.store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = compare(worker, &arena, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(worker->engine.store, commit, error);
    }
    if (status == TASKER_OK) {
        drop_gone(worker);
    } else {
        worker->engine.store->driver->rollback(worker->engine.store);
    }
    tk_arena_release(&arena);
    return status;
}

/* --- the others --- */

static tk_peer *peer_of(tk_worker *w, int32_t id) {
    for (uint32_t i = 0; i < w->peer_count; i++) {
        if (w->peers[i].id == id) {
            return &w->peers[i];
        }
    }
    if (w->peer_count == TK_PEERS_MAX) {
        return NULL;
    }
    w->peers[w->peer_count] = (tk_peer){.id = id, .beat = -1};
    return &w->peers[w->peer_count++];
}

static void forget_gone_peers(tk_worker *w, const tk_worker_row *rows, uint32_t count) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < w->peer_count; i++) {
        bool there = false;
        for (uint32_t k = 0; k < count; k++) {
            there = there || rows[k].id == w->peers[i].id;
        }
        if (there) {
            w->peers[kept++] = w->peers[i];
        }
    }
    w->peer_count = kept;
}

/* What this look says of a peer; true: it is dead. */
static bool judge(const tk_worker *w, tk_peer *peer, const tk_worker_row *row) {
    if (peer->beat != row->beat) {
        *peer = (tk_peer){.id = row->id, .beat = row->beat, .seen_at = w->beats};
    }
    if (row->connected || w->beats < w->trusting_at) {
        peer->gone = false;
    } else if (!peer->gone) {
        peer->gone = true;
        peer->gone_at = w->beats;
    }
    return w->beats - peer->seen_at >= TK_DEATH_BEATS ||
           (peer->gone && w->beats - peer->gone_at >= TK_DEATH_BEATS_GONE);
}

/* Its steps are free then, and the next turn looks at them. */
static tasker_status bury(tk_worker *w, const tk_worker_row *row, tasker_error *error) {
    tk_store *store = w->engine.store;
    bool gone = false;
    bool done = false;
    tasker_status status = tk_store_call(store, begin, TK_STORE_READ, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, worker_cut, row->id, row->beat, &gone, error);
    }
    status = tk_verb_finish(&w->engine, status, error);
    if (status == TASKER_OK && gone) {
        status = tk_recover(&w->engine, row->id, row->beat, &done, error);
    }
    if (done) {
        __atomic_store_n(&w->look, true, __ATOMIC_RELEASE);
        store->driver->wake(store);
    }
    return status;
}

static tasker_status watch(tk_worker *w, const tk_worker_row *row, tasker_error *error) {
    tk_peer *peer = peer_of(w, row->id);
    if (peer == NULL || !judge(w, peer, row)) {
        return TASKER_OK; /* NULL: more workers than one can watch: others will */
    }
    return bury(w, row, error);
}

tasker_status tk_peers_watch(tk_worker *worker, tasker_error *error) {
    tk_arena arena = {0};
    tk_worker_row *rows = NULL;
    uint32_t count = 0;
    tasker_status status = tk_store_call(worker->engine.store, begin, TK_STORE_READ, error);
    if (status == TASKER_OK) {
        status = tk_store_call(worker->engine.store, worker_list, &arena, &rows, &count, error);
    }
    status = tk_verb_finish(&worker->engine, status, error);
    if (status == TASKER_OK) {
        forget_gone_peers(worker, rows, count);
        worker->company = false;
    }
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        if (rows[i].id != worker->id) {
            worker->company = worker->company || rows[i].holding;
            status = watch(worker, &rows[i], error);
        }
    }
    tk_arena_release(&arena);
    return status;
}
