/*
 * turn_parts.h - a turn while it runs, shared by turn*.c, outcomes.c, keep.c and offer.c only.
 */
#ifndef TK_TURN_PARTS_H
#define TK_TURN_PARTS_H

#include "turn.h"

/* One turn. Everything but `unsaved` is forgotten when it fails. */
typedef struct turn {
    tk_worker *worker;
    int64_t now_us, mono_us;
    tk_ending *endings; /* of unsaved[], those that are no give-backs */
    uint32_t ending_count, sent;
    tk_lease_row *returns; /* the give-backs */
    tk_ready_row *return_readies;
    bool *returned;
    uint32_t return_count;
    tk_moved moved;
    tk_offer *waiting;                 /* a submitter for its answer, or NULL */
    tk_offer *offer;                   /* the same, while this turn's transaction has it */
    const tk_ready_row *offered_steps; /* those of its steps that can begin */
    uint32_t offered;
    bool takes;     /* this turn leases them at once */
    uint32_t slots; /* that may still be filled */
    tk_held **made; /* claimed or kept, not yet shown */
    uint32_t made_count, sticky_count;
    bool left_behind;       /* outcomes whose tasks others hold */
    bool advanced;          /* the outcomes take the short way */
    bool looked;            /* at what is due and at the queue */
    bool blind;             /* nothing is claimed: what the queue has is known behind the commit */
    size_t bytes;           /* that made[] holds */
    uint32_t without, part; /* tk_part: left out; the one that is being done, or 0 */
    tk_head *heads;         /* of the queue, before the outcomes' steps came */
    uint32_t head_count, due;
    bool beat, asleep, holding, short_claim;
    int64_t next_due_us;
    int32_t top_class;
} turn;

/* turn_transact.c: all that a turn does in the store; made[] is filled. An error leaves everything there as
 * it was, or unknown (STORE); then made[] is to be forgotten. */
tasker_status tk_turn_transact(turn *t, tasker_error *error);
void tk_turn_forget_made(turn *t);

/* outcomes.c. tk_turn_gather chooses what is sent, within the turn's transaction; tk_turn_settle forgets
 * what was sent, behind its commit. */
tasker_status tk_turn_gather(turn *t, tasker_error *error);
void tk_turn_settle(turn *t);

/* tk_turn_save_minutes saves the rates and latencies when it is time to. They are no reason for a turn to
 * fail: what cannot be saved is left out. Transactions of its own. */
void tk_turn_save_minutes(tk_worker *w, int64_t mono_us);

/* offer.c. tk_turn_take_offer takes what is offered; tk_turn_offer begins the turn's transaction with
 * it; tk_turn_take leases its steps if it may; tk_turn_took_offer: all of it that can begin is among made[]; tk_turn_answer_offer tells the
 * submitter, once. */
void tk_turn_take_offer(turn *t);
tasker_status tk_turn_offer(turn *t, tasker_error *error);
tasker_status tk_turn_take(turn *t, tasker_error *error);
bool tk_turn_took_offer(const turn *t);
void tk_turn_answer_offer(turn *t, bool committed, bool took);

/* tk_turn_lease is the first lease of a step that this worker begins past the queue. */
tk_lease_row tk_turn_lease(const turn *t, const tk_ready_row *row);

/* tk_turn_place places what the endings freed: kept by this worker, or in the queue for anybody. Within
 * the turn's transaction: keep.c. */
tasker_status tk_turn_place(turn *t, tasker_error *error);

/* tk_turn_sees: the queue has steps for this worker. */
bool tk_turn_sees(turn *t);

/* tk_turn_claim fills what slots are left. Within the turn's transaction: turn_claim.c. */
tasker_status tk_turn_claim(turn *t, tasker_error *error);

/* tk_turn_blame decides what the next turn does otherwise, after what is stored has refused this one:
 * turn_blame.c. Own transactions. */
void tk_turn_blame(const turn *t, const tasker_error *why);

#endif
