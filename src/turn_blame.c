/*
 * turn_blame.c - what a turn does next after the store has refused it for what is stored.
 *
 *   refused ──► without what else it did: outcomes are saved first ──► fewer of them ──► one
 *                                                       ──► that one is given up (abandon.c)
 *
 * One row that should not be there must not keep a worker from its other work.
 */
#include "turn_parts.h"

#define CAREFUL_TURNS 64 /* with one want each, after a refused claim */

/* The first outcome ends its claim in another way, and is gone; a store that fails keeps it. */
static void give_up_first(tk_worker *w, const tasker_error *why) {
    tk_held *held = w->unsaved[0];
    if (tk_lease_give_up(&w->engine, &held->lease, why->message, NULL) != TASKER_OK) {
        return;
    }
    pthread_mutex_lock(&w->mutex);
    w->stats.refused++;
    tk_held_settle(w, held);
    pthread_mutex_unlock(&w->mutex);
    w->unsaved_count--;
    memmove(w->unsaved, w->unsaved + 1, w->unsaved_count * sizeof(*w->unsaved));
    w->strikes = 0;
    __atomic_store_n(&w->look, true, __ATOMIC_RELEASE); /* its step may be in the queue again */
}

void tk_turn_blame(const turn *t, const tasker_error *why) {
    tk_worker *w = t->worker;
    if (t->sent == 0) {
        w->without = t->part;
        if (t->part == TK_PART_CLAIM && w->careful == 0) {
            w->careful = CAREFUL_TURNS;
        }
    } else if (t->without != (TK_PART_DUE | TK_PART_CLAIM)) {
        w->without = TK_PART_DUE | TK_PART_CLAIM;
    } else if (t->sent > 1) {
        w->batch_max = t->sent / 2;
    } else if (++w->strikes >= TK_STRIKES_MAX) {
        give_up_first(w, why);
    }
}
