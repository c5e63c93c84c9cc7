/*
 * turn.c - one turn of a worker: what ended is saved, what is due moves, what is free is claimed.
 *
 *   done ring ──► [turn.c] ── complete.c ──► freed steps ─┬─ kept here (sticky): lease
 *                     │                                   └─ ready
 *                     └── claim.c ──► leases ──► ready ring
 *
 * All of it in one transaction: turn_transact.c. What it takes from the done ring stays in `unsaved` until the commit
 * was answered; what it claims is made in memory before the commit and shown to the host after it. An
 * answer that was lost is settled by reconcile.c before the next turn.
 */
#include "turn_parts.h"

#define SHOW_CHUNK 64 /* steps handed to the host at once: each push may meet its threads */

static void raise_floor(tk_worker *w, int64_t now_us, int64_t mono_us) {
    w->now_floor_us = now_us;
    w->now_floor_mono_us = mono_us;
}

/* A clock that was set back is not followed: the time goes on from where it was, so that what waits
 * for a time still becomes due. */
int64_t tk_worker_now(tk_worker *worker) {
    int64_t now_us = tk_clock_now(worker->engine.clock);
    int64_t mono_us = tk_clock_monotonic(worker->engine.clock);
    int64_t aged_us = worker->now_floor_us + (mono_us - worker->now_floor_mono_us);
    raise_floor(worker, now_us > aged_us ? now_us : aged_us, mono_us);
    return worker->now_floor_us;
}

/* --- before the transaction --- */

/* How many more steps this worker wants: its free threads, and what will begin within the window. */
static uint32_t free_slots(tk_worker *w) {
    if (w->stopping) {
        return 0;
    }
    uint32_t waiting = tk_ring_count(&w->ready);
    pthread_mutex_lock(&w->mutex);
    uint32_t want = w->threads > w->in_handler_count ? w->threads - w->in_handler_count : 0;
    int64_t mean_us = w->handler_us_mean;
    uint32_t room = w->held_count < TK_HELD_MAX ? TK_HELD_MAX - w->held_count : 0;
    pthread_mutex_unlock(&w->mutex);
    if (mean_us > 0) {
        int64_t ahead = (int64_t)w->threads * TK_PREFETCH_WINDOW_US / mean_us;
        ahead = ahead < TK_PREFETCH_MAX ? ahead : TK_PREFETCH_MAX;
        int64_t fit = TK_PREFETCH_BYTES / (w->step_bytes_mean + 1);
        want += (uint32_t)(ahead < fit ? ahead : fit);
    }
    want = want > waiting ? want - waiting : 0;
    return want < room ? want : room;
}

/* Fails the attempts of running steps whose time is over. */
static void expire(tk_worker *w, int64_t mono_us) {
    static const tk_failure failure = {.retryable = true, .retry_after_ms = -1};
    const tk_str too_long = TK_ERROR_TEXT("the step ran longer than its time-out", "TimeoutError");
    pthread_mutex_lock(&w->mutex);
    bool look = w->next_deadline_mono_us > 0 && w->next_deadline_mono_us <= mono_us;
    if (look) {
        w->next_deadline_mono_us = 0;
    }
    for (uint32_t i = 0; look && i < TK_HELD_BUCKETS; i++) {
        for (tk_held *held = w->buckets[i]; held != NULL; held = held->next) {
            if (held->state != TK_HELD_RUNNING || held->deadline_mono_us == 0) {
                continue;
            }
            if (held->deadline_mono_us > mono_us) {
                if (w->next_deadline_mono_us == 0 ||
                    held->deadline_mono_us < w->next_deadline_mono_us) {
                    w->next_deadline_mono_us = held->deadline_mono_us;
                }
                continue;
            }
            if (TK_MUTANT(11)) { /* a time-out frees the slot of a handler that still runs */
                held->in_handler = false;
                w->in_handler_count--;
            }
            tk_held_end_static(held, TK_OUTCOME_ERROR, &failure, too_long);
            tk_held_hand_in(w, held);
            held->timed_out = true;
            w->stats.timed_out++;
        }
    }
    pthread_mutex_unlock(&w->mutex);
}

static void take_done(tk_worker *w) {
    void *item = NULL;
    while (w->unsaved_count < TK_TURN_OUTCOMES_MAX &&
           tk_ring_pop(&w->done, 0, &item) == TASKER_OK) {
        w->unsaved[w->unsaved_count++] = item;
    }
}

/* --- after the transaction --- */

/* Hands the new steps to the host; those on their last attempt first, as a claim whose worker died
 * counts. */
static void show(turn *t) {
    tk_worker *w = t->worker;
    pthread_mutex_lock(&w->mutex);
    for (uint32_t i = 0; i < t->made_count; i++) {
        tk_held_add(w, t->made[i]);
        w->stats.claimed++;
        w->step_bytes_mean = (w->step_bytes_mean * 15 + (int64_t)t->made[i]->arena.used_bytes) / 16;
        if (t->made[i]->lease.claimed_us > w->now_floor_us) {
            raise_floor(w, t->made[i]->lease.claimed_us, t->mono_us);
        }
    }
    pthread_mutex_unlock(&w->mutex);
    void *chunk[SHOW_CHUNK];
    uint32_t filled = 0;
    for (uint32_t i = 0; i < t->made_count; i++) {
        const tasker_step *step = &t->made[i]->step;
        bool last = step->attempts_before > 0 && step->attempts_before >= step->attempts_max - 1;
        bool pushed = true;
        if (last) {
            pushed = tk_ring_push(&w->ready, t->made[i], true);
        } else {
            chunk[filled++] = t->made[i];
        }
        if (filled == SHOW_CHUNK || (filled > 0 && i + 1 == t->made_count)) {
            pushed = tk_ring_push_all(&w->ready, chunk, filled) && pushed;
            filled = 0;
        }
        assert(pushed); /* it has room for everything that may be held */
        (void)pushed;
    }
}

/* What a turn that claimed nothing saw of the queue. */
static void glance(turn *t) {
    tk_worker *w = t->worker;
    if (!t->looked) {
        return;
    }
    w->next_glance_mono_us = t->mono_us + TK_GLANCE_US;
    w->sticky_run = 0;
    if (tk_turn_sees(t) && !TK_MUTANT(60)) { /* 60: it is left there */
        w->top_class = t->top_class;
        __atomic_store_n(&w->look, true, __ATOMIC_RELEASE);
    }
}

static void schedule(turn *t) {
    tk_worker *w = t->worker;
    bool found = t->made_count > 0 || t->sent > 0;
    pthread_mutex_lock(&w->mutex);
    bool holding = w->held_count > 0;
    pthread_mutex_unlock(&w->mutex);
    bool more = false; /* who fell asleep looks once more: what came before woke nobody */
    if (t->beat) {
        bool busy = holding || w->company;
        w->next_beat_mono_us = t->mono_us + (busy ? TK_BEAT_US : TK_BEAT_IDLE_US);
        more = t->asleep && !w->asleep && w->engine.store->driver->many_workers && !TK_MUTANT(51);
        w->asleep = t->asleep;
        w->holding = t->holding;
        if (t->mono_us >= w->counted_mono_us + TK_BEAT_US ||
            TK_MUTANT(57)) { /* those in between tell no time */
            w->beats++;
            w->counted_mono_us = t->mono_us;
        }
    } else if (found && w->next_beat_mono_us > t->mono_us + TK_BEAT_US) {
        w->next_beat_mono_us = t->mono_us + TK_BEAT_US;
    }
    w->idle = !found && !holding;
    w->worked = w->worked || found;
    if (w->woken && w->idle) { /* it went to somebody else, who holds it now */
        w->next_watch_mono_us = w->watched_mono_us + TK_WATCH_US;
    }
    w->next_look_mono_us = t->mono_us + (more ? 0 : w->idle ? TK_LOOK_IDLE_US : TK_LOOK_OPEN_US);
    w->next_due_us = t->looked ? t->next_due_us : w->next_due_us;
    if (t->moved.next_due_us > 0 &&
        (w->next_due_us == 0 || t->moved.next_due_us < w->next_due_us)) {
        w->next_due_us = t->moved.next_due_us;
    }
    w->sticky_run += t->sticky_count > 0;
    if (t->blind) {
        glance(t);
    } else if (t->slots > 0 && (t->without & TK_PART_CLAIM) == 0) { /* the queue had its turn */
        w->skill.rotation++;
        w->sticky_run = 0;
        w->top_class = t->short_claim ? INT32_MIN : t->top_class;
    }
}

static void succeed(turn *t) {
    tk_worker *w = t->worker;
    bool took = tk_turn_took_offer(t); /* once shown, the host may let go of them */
    tk_turn_settle(t);
    show(t);
    tk_turn_answer_offer(t, true, took);
    schedule(t);
    w->without = 0;
    w->failures = w->unsettled ? w->failures : 0;
    w->crowded = t->left_behind;
    if (t->moved.tasks_rested > 0) {
        tk_signal_raise(w->engine.signal);
    }
    if (t->moved.ready_count > t->sticky_count) { /* the queue was read before they came */
        __atomic_store_n(&w->look, t->slots > 0 && !w->stopping, __ATOMIC_RELEASE);
        w->engine.store->driver->wake(w->engine.store);
    }
}

static void count_failure(tk_worker *w) {
    w->failures++;
    pthread_mutex_lock(&w->mutex);
    w->stats.turns_failed++;
    pthread_mutex_unlock(&w->mutex);
}

static void fail(turn *t, tasker_status status, const tasker_error *why) {
    tk_worker *w = t->worker;
    tk_turn_forget_made(t);
    count_failure(w);
    if (status == TASKER_STORE) {
        w->crowded = !TK_MUTANT(59); /* 59: each turn waits again */
        w->fate_unknown = true;      /* of the commit perhaps: the leases will tell */
        if (TK_MUTANT(17)) {         /* what was sent without an answer is taken for saved */
            pthread_mutex_lock(&w->mutex);
            for (uint32_t i = 0; i < w->unsaved_count; i++) {
                tk_held_settle(w, w->unsaved[i]);
            }
            pthread_mutex_unlock(&w->mutex);
            w->unsaved_count = 0;
        }
    } else if (status == TASKER_LOST) {
        w->taken_for_dead = true;
    } else if (tk_status_refused(status) && t->offer == NULL) { /* perhaps what was offered */
        tk_turn_blame(t, why);
    }
}

/* --- a turn --- */

static bool nothing_to_do(tk_worker *w, const turn *t) {
    bool look = __atomic_exchange_n(&w->look, false, __ATOMIC_ACQ_REL);
    w->woken = look;
    bool due = w->next_due_us > 0 && w->next_due_us <= t->now_us && !w->stopping;
    return w->unsaved_count == 0 && t->offer == NULL && !look && !due && !w->fate_unknown &&
           t->mono_us < w->next_beat_mono_us && t->mono_us < w->next_look_mono_us;
}

static tasker_status take_another_id(tk_worker *w, tasker_error *error) {
    tk_log_line(w->engine.log, TASKER_LOG_WARN,
                "worker %" PRId32 " was taken for dead: its steps run elsewhere", w->id);
    tasker_status status = tk_recover_own(&w->engine, w->id, error);
    if (status == TASKER_OK) {
        status = tk_worker_register(w, error);
    }
    if (status == TASKER_OK) {
        w->taken_for_dead = false;
        w->fate_unknown = true;
        w->asleep = w->holding = false;
    }
    return status;
}

/* Behind a reconnect others' sessions tell nothing: perhaps all have lost theirs. Not so where a turn failed
 * for another reason, or a busy store would never judge by them. Mutant 58: those who lost theirs are dead. */
static void distrust_sessions(tk_worker *w) {
    const tk_driver *driver = w->engine.store->driver;
    uint64_t session = driver->session == NULL ? 0 : driver->session(w->engine.store);
    if (session == 0 || session != w->session) {
        w->trusting_at = TK_MUTANT(58) ? 0 : w->beats + TK_DEATH_BEATS;
    }
    w->session = session;
}

/* After an answer was lost: the session and its lock first, then what the leases tell. */
static tasker_status begin_anew(tk_worker *w, tasker_error *error) {
    if (!w->taken_for_dead && !w->fate_unknown) {
        return TASKER_OK;
    }
    tasker_status status = w->engine.store->driver->reconnect(w->engine.store, error);
    distrust_sessions(w);
    if (status == TASKER_OK && w->taken_for_dead) {
        status = take_another_id(w, error);
    }
    if (status == TASKER_OK) {
        status = tk_reconcile(w, error);
    }
    w->fate_unknown = status != TASKER_OK;
    return status;
}

static tasker_status run(turn *t, tasker_error *error) {
    tk_worker *w = t->worker;
    tasker_status status = begin_anew(w, error);
    if (status != TASKER_OK) {
        count_failure(w);
        return status;
    }
    t->slots = free_slots(w);
    t->without = w->without;
    if (TK_MUTANT(5) && w->idle && !w->woken) {
        t->slots = 0; /* who sleeps looks only when woken, and a wake-up may be lost */
    }
    tasker_error why = {0};
    status = tk_turn_transact(t, &why);
    if (status == TASKER_OK) {
        succeed(t);
    } else {
        fail(t, status, &why);
        if (error != NULL) {
            *error = why;
        }
    }
    return status;
}

/* After a beat a worker compares its leases and looks at the others; one that is idle and can have no
 * company of another process does so with every second beat. */
static bool looks_around(tk_worker *w) {
    bool quiet = w->idle && w->peer_count == 0 && !w->engine.store->driver->many_workers;
    w->looked_around = !quiet || !w->looked_around;
    return w->looked_around;
}

/* While others hold steps, they are looked at between the beats as well. */
static bool watches(const tk_worker *w, int64_t mono_us) {
    return w->next_watch_mono_us > 0 && w->next_watch_mono_us <= mono_us && !w->fate_unknown;
}

static tasker_status look_at_others(tk_worker *w, int64_t mono_us, tasker_error *error) {
    tasker_status status = tk_peers_watch(w, error);
    w->watched_mono_us = mono_us;
    w->next_watch_mono_us = w->company ? mono_us + TK_WATCH_US : 0;
    if (w->company && w->next_beat_mono_us > mono_us + TK_BEAT_US) {
        w->next_beat_mono_us = mono_us + TK_BEAT_US;
    }
    return status;
}

/* For all processes, by one of them, while there is work. */
static void upkeep(tk_worker *w, int64_t mono_us) {
    if (mono_us < w->next_upkeep_mono_us || !(w->worked || w->company)) {
        return;
    }
    bool elected = false;
    uint32_t skipped = 0;
    tasker_error error = {0};
    tk_store *store = w->engine.store;
    tasker_status status = store->driver->upkeep(store, &elected, &skipped, &error);
    int64_t took_us = tk_clock_monotonic(w->engine.clock) - mono_us;
    int64_t pause_us = took_us * TK_UPKEEP_SHARE;
    w->next_upkeep_mono_us = mono_us + (pause_us > TK_UPKEEP_US ? pause_us : TK_UPKEEP_US);
    w->worked = false;
    if (status == TASKER_OK && (elected || !store->driver->many_workers)) {
        tasker_error ignored;
        (void)tk_minutes_fold(&w->engine, &ignored); /* another time */
    }
    pthread_mutex_lock(&w->mutex);
    w->stats.upkeeps += elected;
    w->stats.upkeeps_skipped += skipped;
    bool told = (skipped > 0 || status != TASKER_OK) && w->stats.upkeeps_skipped % 100 <= skipped;
    pthread_mutex_unlock(&w->mutex);
    if (told) {
        tk_log_line(w->engine.log, TASKER_LOG_WARN,
                    "tables of live steps were not vacuumed, and grow: %s", error.message);
    }
}

/* What a turn does when its own transaction is over. */
static tasker_status look_around(const turn *t, tasker_error *error) {
    tk_worker *worker = t->worker;
    tasker_status status = TASKER_OK;
    bool around = (t->beat && looks_around(worker)) || worker->unsettled;
    if (around) {
        status = tk_reconcile(worker, error);
    }
    if (status == TASKER_OK && (around || watches(worker, t->mono_us))) {
        status = look_at_others(worker, t->mono_us, error);
    }
    if (status != TASKER_OK) {
        worker->fate_unknown = worker->fate_unknown || status == TASKER_STORE;
        worker->unsettled = true;
        count_failure(worker);
    } else if (around && worker->unsettled) {
        worker->unsettled = false;
        worker->failures = 0;
    }
    if (status == TASKER_OK) {
        tk_turn_save_minutes(worker, t->mono_us);
    }
    if (status == TASKER_OK && t->beat) {
        upkeep(worker, t->mono_us);
    }
    return status;
}

tasker_status tk_turn(tk_worker *worker, tasker_error *error) {
    turn t = {
        .worker = worker,
        .now_us = tk_worker_now(worker),
        .mono_us = tk_clock_monotonic(worker->engine.clock),
        .top_class = INT32_MIN,
    };
    tasker_status status = TASKER_OK;
    expire(worker, t.mono_us);
    take_done(worker);
    tk_turn_take_offer(&t);
    if (!nothing_to_do(worker, &t)) {
        tk_arena_reset(&worker->arena);
        status = run(&t, error);
    }
    tk_turn_answer_offer(&t, false, false);
    return status == TASKER_OK ? look_around(&t, error) : status;
}

bool tk_worker_gathers(tk_worker *worker) {
    return tk_ring_count(&worker->ready) > 0 && tk_ring_count(&worker->done) < TK_GATHER_MAX;
}

int64_t tk_worker_wait_us(tk_worker *worker) {
    if (__atomic_load_n(&worker->look, __ATOMIC_ACQUIRE)) {
        return 0;
    }
    if (worker->failures > 0) { /* a store that fails is not hammered, whatever waits */
        return TK_FAILURE_PAUSE_US << (worker->failures < 6 ? worker->failures - 1 : 5);
    }
    bool full = worker->unsaved_count == TK_TURN_OUTCOMES_MAX; /* a turn could take no more */
    if (tk_ring_count(&worker->done) > 0 && !(full && worker->crowded)) {
        return 0;
    }
    if (worker->unsaved_count > 0) {
        return worker->crowded ? TK_CROWDED_US : 0;
    }
    int64_t mono_us = tk_clock_monotonic(worker->engine.clock);
    int64_t until_us = worker->next_look_mono_us < worker->next_beat_mono_us
                           ? worker->next_look_mono_us
                           : worker->next_beat_mono_us;
    if (worker->next_watch_mono_us > 0 && worker->next_watch_mono_us < until_us) {
        until_us = worker->next_watch_mono_us;
    }
    if (worker->next_minutes_mono_us > 0 && worker->next_minutes_mono_us < until_us) {
        until_us = worker->next_minutes_mono_us;
    }
    pthread_mutex_lock(&worker->mutex);
    int64_t deadline_us = worker->next_deadline_mono_us;
    pthread_mutex_unlock(&worker->mutex);
    until_us = deadline_us > 0 && deadline_us < until_us ? deadline_us : until_us;
    int64_t wait_us = until_us > mono_us ? until_us - mono_us : 0;
    if (worker->next_due_us > 0 && !worker->stopping) {
        int64_t due_us = worker->next_due_us - tk_worker_now(worker);
        wait_us = due_us < wait_us ? due_us : wait_us;
    }
    return wait_us > 0 ? wait_us : 0;
}
