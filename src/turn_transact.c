/*
 * turn_transact.c - the transaction of a turn: what it asks, and what it saves.
 *
 *   long way     lock, fence, due, heads ─ sync ─ states, leases ─ claim ─ beat ─ COMMIT
 *   short way    advance, due, heads ─ sync ─ leases ─ claim ─ beat ─ COMMIT
 *     blind      advance, (due, heads,) leases, beat, COMMIT
 *
 * The long way is for everything; the short one for successes in chains (advance.c), where the store has it.
 * Blind is a turn that claims nothing, because the queue had nothing: all of it is one journey.
 */
#include "turn_parts.h"

static tasker_status give_back(turn *t, tasker_error *error) {
    tk_worker *w = t->worker;
    if (t->return_count == 0) {
        return TASKER_OK;
    }
    return tk_leases_return(&w->engine, &w->arena, t->returns, t->return_readies, t->return_count,
                            t->endings, t->ending_count, t->returned, error);
}

void tk_turn_forget_made(turn *t) {
    for (uint32_t i = 0; i < t->made_count; i++) {
        tk_held_release(t->made[i]);
    }
    t->made_count = 0;
}

/* What others are to be told: that this worker holds steps, and that it wants to be woken. Behind the
 * claim, so that both are true when they are seen. What changes for the quieter waits for its time. */
static bool news(turn *t) {
    tk_worker *w = t->worker;
    pthread_mutex_lock(&w->mutex);
    t->holding = t->made_count > 0 || w->held_count > 0;
    pthread_mutex_unlock(&w->mutex);
    t->asleep = t->slots > 0 && (t->blind ? w->asleep : t->short_claim);
    return (t->holding && !w->holding) || (t->asleep && !w->asleep);
}

static tasker_status beat(turn *t, tasker_error *error) {
    tk_worker *w = t->worker;
    bool told = !news(t) || !w->engine.store->driver->many_workers;
    t->beat = !told || t->mono_us >= w->next_beat_mono_us;
    if (!t->beat) {
        return TASKER_OK;
    }
    return TK_MUTANT(18) /* 18: the dead work on */
               ? TASKER_OK
               : tk_store_call(w->engine.store, worker_beat, w->id, t->asleep, t->holding, error);
}

static bool may_claim(const turn *t) {
    return t->slots > 0 && (t->without & TK_PART_CLAIM) == 0 && t->bytes < TK_CLAIM_BYTES_MAX;
}

/* Who has told others that it wants to be woken, and found nothing at its last claim, need not wait for
 * what the queue has. */
static bool may_be_blind(const turn *t) {
    const tk_worker *w = t->worker;
    bool saves = t->ending_count > 0 ? t->advanced && (t->offer == NULL || t->takes) : t->takes;
    return saves && w->asleep && w->top_class == INT32_MIN;
}

static bool looks(const turn *t) {
    const tk_worker *w = t->worker;
    bool due = w->next_due_us > 0 && w->next_due_us <= t->now_us;
    return !t->blind || w->woken || due || t->mono_us >= w->next_glance_mono_us;
}

/* Asks what is due, and what the queue has. */
static tasker_status look(turn *t, tasker_error *error) {
    tk_worker *w = t->worker;
    tk_store *store = w->engine.store;
    tasker_status status = TASKER_OK;
    t->looked = true;
    if (!w->stopping && (t->without & TK_PART_DUE) == 0) {
        t->part = TK_PART_DUE;
        status =
            tk_store_call(store, due_move, t->now_us, TK_DUE_MAX, &t->due, &t->next_due_us, error);
    }
    if (status == TASKER_OK && may_claim(t)) {
        status = tk_store_call(store, heads, &w->arena, &t->heads, &t->head_count, error);
    }
    return status;
}

/* What a turn wants to know before it decides, in one journey: its outcomes' tasks and fences, what is
 * due, what the queue has. On the short way the outcomes need no answer. */
static tasker_status ask(turn *t, tk_completion **asked, tasker_error *error) {
    tk_worker *w = t->worker;
    tasker_status status = TASKER_OK;
    if (w->detour == 0) {
        status = tk_advance(&w->engine, &w->arena, t->endings, t->ending_count, t->now_us,
                            &t->moved, &t->advanced, error);
    }
    if (status == TASKER_OK && !t->advanced) {
        status = tk_complete_ask(&w->engine, &w->arena, t->endings, t->ending_count, t->now_us,
                                 &t->moved, asked, error);
    }
    t->blind = may_be_blind(t);
    if (status == TASKER_OK && looks(t)) {
        status = look(t, error);
    }
    return status == TASKER_OK && !t->blind ? tk_store_call(w->engine.store, sync, error) : status;
}

static tasker_status transact(turn *t, tasker_error *error) {
    tk_worker *w = t->worker;
    tk_completion *asked = NULL;
    tasker_status status = tk_turn_offer(t, error);
    if (status == TASKER_OK) {
        status = tk_turn_gather(t, error);
    }
    if (status == TASKER_OK) {
        status = give_back(t, error);
    }
    if (status == TASKER_OK) {
        status = ask(t, &asked, error);
    }
    if (status == TASKER_OK) {
        status = tk_complete_answer(asked, error);
    }
    if (status == TASKER_OK) {
        status = tk_turn_take(t, error);
    }
    if (status == TASKER_OK) {
        status = tk_turn_place(t, error);
    }
    if (status == TASKER_OK && may_claim(t) && !t->blind) {
        t->part = TK_PART_CLAIM;
        status = tk_turn_claim(t, error);
    }
    if (status == TASKER_OK) {
        status = beat(t, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(w->engine.store, commit, error);
    }
    if (status != TASKER_OK) {
        w->engine.store->driver->rollback(w->engine.store);
    }
    return status;
}

/* Once more the long way, when the short one found something else than was expected. */
tasker_status tk_turn_transact(turn *t, tasker_error *error) {
    tk_worker *w = t->worker;
    const turn before = *t;
    w->detour -= w->detour > 0;
    tasker_status status = transact(t, error);
    if (!t->advanced || !tk_status_refused(status)) {
        return status;
    }
    tk_turn_forget_made(t);
    *t = before;
    w->detour = TK_DETOUR;
    return transact(t, error);
}
