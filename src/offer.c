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

tasker_status tk_turn_offer(turn *t, tasker_error *error) {
    tk_engine *engine = &t->worker->engine;
    tk_store *store = engine->store;
    tasker_status status = tk_store_call(store, begin, TK_STORE_WRITE, error);
    if (status != TASKER_OK || t->offer == NULL) {
        return status;
    }
    status = tk_submission_insert(engine, t->offer->submission, &t->offered, error);
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
