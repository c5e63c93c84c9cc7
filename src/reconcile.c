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

/* Leases that only the store knows. */
typedef struct foreign {
    tk_arena arena;
    tk_lease_row *leases;
    tk_ready_row *readies; /* of the same index */
    uint32_t count;
} foreign;

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

/* Lists those that may go back: one of a template that this build cannot read stays for a worker that
 * can. So does one that names no step of it. */
static tasker_status list_foreign(tk_worker *w, foreign *f, tasker_error *error) {
    uint32_t kept = 0;
    f->readies = tk_arena_array(&f->arena, f->count, sizeof(*f->readies));
    if (f->readies == NULL) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < f->count; i++) {
        const tk_lease_row *lease = &f->leases[i];
        const tk_known *known = NULL;
        int32_t class = 0;
        tasker_status status =
            tk_verb_known(&w->engine, &f->arena, &lease->task_id, &known, &class, error);
        if (status == TASKER_OK && tk_template_has(known->template, lease->step)) {
            f->readies[kept] = tk_ready_of(known, &lease->task_id, lease->step, class,
                                           lease->attempt - 1, lease->enqueued_us);
            f->leases[kept++] = *lease;
        } else if (!tk_status_refused(status) && status != TASKER_OK) {
            return status;
        }
    }
    f->count = kept;
    return TASKER_OK;
}

static tasker_status return_foreign(tk_worker *w, foreign *f, tasker_error *error) {
    bool *returned = tk_arena_array(&f->arena, f->count, sizeof(*returned));
    if (returned == NULL) {
        return tk_nomem(error);
    }
    return f->count == 0 ? TASKER_OK
                         : tk_leases_return(&w->engine, &f->arena, f->leases, f->readies, f->count,
                                            NULL, 0, returned, error);
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

static tasker_status compare(tk_worker *w, foreign *f, tasker_error *error) {
    tk_store *store = w->engine.store;
    uint32_t lease_count = 0;
    tasker_status status = tk_store_call(store, worker_leases, &f->arena, w->id,
                                         RECONCILE_LEASES_MAX, &f->leases, &lease_count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    pthread_mutex_lock(&w->mutex);
    w->round++;
    for (uint32_t i = 0; i < lease_count; i++) {
        if (!seen(w, &f->leases[i]) && !TK_MUTANT(8)) { /* 8: leases of a lost answer stay */
            f->leases[f->count++] = f->leases[i];
        }
    }
    pthread_mutex_unlock(&w->mutex);
    status = list_foreign(w, f, error);
    return status == TASKER_OK ? return_foreign(w, f, error) : status;
}

/* What is stored refuses one of them: each goes back by itself, and that one is given up. */
static tasker_status return_one_by_one(tk_worker *w, foreign *f, tasker_error *error) {
    tk_store *store = w->engine.store;
    tasker_status status = TASKER_OK;
    for (uint32_t i = 0; status == TASKER_OK && i < f->count; i++) {
        foreign one = {.leases = &f->leases[i], .readies = &f->readies[i], .count = 1};
        tasker_error why = {0};
        status = tk_store_call(store, begin, TK_STORE_WRITE, &why);
        if (status == TASKER_OK) {
            status = return_foreign(w, &one, &why);
        }
        status = tk_verb_finish(&w->engine, status, &why);
        if (tk_status_refused(status)) {
            status = tk_lease_give_up(&w->engine, &one.leases[0], why.message, &why);
        }
        if (status != TASKER_OK && error != NULL) {
            *error = why;
        }
        tk_arena_release(&one.arena);
    }
    return status;
}

tasker_status tk_reconcile(tk_worker *worker, tasker_error *error) {
    foreign f = {.count = 0};
    tasker_error why = {0};
    tasker_status status = tk_store_call(worker->engine.store, begin, TK_STORE_WRITE, &why);
    if (status == TASKER_OK) {
        status = compare(worker, &f, &why);
    }
    status = tk_verb_finish(&worker->engine, status, &why);
    if (tk_status_refused(status) && f.count > 0) {
        status = return_one_by_one(worker, &f, &why);
    }
    if (status == TASKER_OK) {
        drop_gone(worker);
    } else if (error != NULL) {
        *error = why;
    }
    tk_arena_release(&f.arena);
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
    if (TK_MUTANT(54) && row->started_us + 10 * TK_BEAT_US < tk_clock_now(w->engine.clock)) {
        return true; /* a stored time decides */
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
