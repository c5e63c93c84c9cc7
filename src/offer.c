/*
 * offer.c - a submission of this process that a worker's turn stores, and may claim at once.
 *
 *   submit.c ──► offer ──► [turn's transaction: stored, then claimed with the rest] ──► commit
 *      ▲                                                                                 │
 *      └── "stored", or "not by me": the submitter stores it itself, with the same ids ◄─┘
 *
 * It saves the commit between a submission and the claim of its first step. It changes no answer: what
 * the turn does not commit, for whatever reason, is stored as if it had never been offered.
 */
#include "turn_parts.h"

/* As a freed step is kept: while a slot is free and nothing waits in the queue. What bypassed steps have
 * left would have to be read. */
static bool may_take(const turn *t) {
    const tk_worker *w = t->worker;
    const tk_request *q = &t->offer->submission->items[0];
    bool may = t->offered <= t->slots && w->top_class == INT32_MIN && q->bypassed_count == 0 &&
               w->sticky_run < TK_STICKY_RUN_MAX;
    for (uint32_t i = 0; may && i < t->offered; i++) {
        may = tk_skill_has(&w->skill, t->offered_steps[i].queue, t->offered_steps[i].handler);
    }
    return may;
}

static tasker_status insert(turn *t, tasker_error *error) {
    tk_engine *engine = &t->worker->engine;
    tasker_status status =
        tk_submission_insert(engine, t->offer->submission, &t->offered_steps, &t->offered, error);
    if (status != TASKER_OK || t->offered == 0) {
        return status;
    }
    t->takes = may_take(t);
    return t->takes
               ? TASKER_OK
               : tk_store_call(engine->store, ready_insert, t->offered_steps, t->offered, error);
}

tasker_status tk_turn_take(turn *t, tasker_error *error) {
    tk_worker *w = t->worker;
    if (!t->takes) {
        return TASKER_OK;
    }
    const tk_request *q = &t->offer->submission->items[0];
    tk_lease_row *leases = tk_arena_array(&w->arena, t->offered, sizeof(*leases));
    if (leases == NULL) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < t->offered; i++) {
        leases[i] = tk_turn_lease(t, &t->offered_steps[i]);
        tk_held *held = tk_held_new(q->answer.known, &q->row, &leases[i], 0, NULL, NULL);
        if (held == NULL) {
            return tk_nomem(error);
        }
        t->made[t->made_count++] = held;
        t->bytes += held->arena.used_bytes;
        t->slots--;
    }
    return tk_store_call(w->engine.store, lease_insert, leases, t->offered, error);
}

tasker_status tk_turn_offer(turn *t, tasker_error *error) {
    tk_store *store = t->worker->engine.store;
    tasker_status status = tk_store_call(store, begin, TK_STORE_WRITE, error);
    if (status != TASKER_OK || t->offer == NULL) {
        return status;
    }
    status = insert(t, error);
    if (status == TASKER_OK) {
        return status;
    }
    store->driver->rollback(store); /* the outcomes are not to suffer for it */
    t->offer = NULL;
    return status == TASKER_STORE ? status : tk_store_call(store, begin, TK_STORE_WRITE, error);
}

bool tk_turn_took_offer(const turn *t) {
    uint32_t taken = 0;
    for (uint32_t i = 0; t->offer != NULL && i < t->made_count; i++) {
        taken += tk_uuid_equal(&t->made[i]->lease.task_id, &t->offer->submission->items[0].row.id);
    }
    return taken == t->offered;
}

/* --- between threads --- */

static tk_offer *take(tk_worker *worker) {
    pthread_mutex_lock(&worker->mutex);
    tk_offer *offer = worker->offer;
    worker->offer = NULL;
    pthread_mutex_unlock(&worker->mutex);
    return offer;
}

static void answer(tk_offer *offer, tk_offer_state state) {
    pthread_mutex_lock(&offer->mutex);
    offer->state = state;
    pthread_cond_signal(&offer->answered);
    pthread_mutex_unlock(&offer->mutex); /* the last that is seen of it here */
}

void tk_turn_take_offer(turn *t) {
    t->waiting = take(t->worker);
    t->offer = t->waiting;
}

void tk_turn_answer_offer(turn *t, bool committed, bool took) {
    if (t->waiting == NULL) {
        return;
    }
    committed =
        committed || TK_MUTANT(24); /* 24: a submission is answered though it was not stored */
    answer(t->waiting, !committed || t->offer == NULL ? TK_OFFER_REFUSED
                       : took                         ? TK_OFFER_TAKEN
                                                      : TK_OFFER_STORED);
    t->waiting = NULL;
}

void tk_offers_open(tk_worker *worker, bool open) {
    pthread_mutex_lock(&worker->mutex);
    worker->takes_offers = open;
    pthread_mutex_unlock(&worker->mutex);
    tk_offer *late = open ? NULL : take(worker);
    if (late != NULL) {
        answer(late, TK_OFFER_REFUSED);
    }
}

tasker_status tk_offer_open(tk_offer *offer, tk_submission *submission, tasker_error *error) {
    *offer = (tk_offer){.submission = submission};
    if (pthread_mutex_init(&offer->mutex, NULL) != 0) {
        return tk_nomem(error);
    }
    if (pthread_cond_init(&offer->answered, NULL) != 0) {
        pthread_mutex_destroy(&offer->mutex);
        return tk_nomem(error);
    }
    return TASKER_OK;
}

void tk_offer_close(tk_offer *offer) {
    pthread_cond_destroy(&offer->answered);
    pthread_mutex_destroy(&offer->mutex);
}

bool tk_offer_place(tk_worker *worker, tk_offer *offer) {
    if (__atomic_load_n(&worker->sleep, __ATOMIC_SEQ_CST) != TK_ASLEEP) {
        return false; /* a turn is under way: its end would have to be waited for */
    }
    pthread_mutex_lock(&worker->mutex);
    bool placed = worker->takes_offers && worker->offer == NULL;
    if (placed) {
        worker->offer = offer;
    }
    pthread_mutex_unlock(&worker->mutex);
    return placed;
}

tk_offer_state tk_offer_wait(tk_offer *offer) {
    pthread_mutex_lock(&offer->mutex);
    while (offer->state == TK_OFFER_OPEN) {
        pthread_cond_wait(&offer->answered, &offer->mutex);
    }
    pthread_mutex_unlock(&offer->mutex);
    return offer->state;
}
