/*
 * turn_claim.c - the part of a turn that fills free slots from the queue.
 *
 *   heads ──► claim.c: whose turn is it? ──► claim ──► hold.c ──► held steps, shown after the commit
 *
 * What cannot be held here goes back within the same transaction, and the next in the queue are
 * claimed in its place, a few times.
 */
#include "turn_parts.h"

#define ROUNDS_MAX 16 /* claims of one turn, while some of each go back */

static tasker_status plan(turn *t, tk_want **wants, uint32_t *count, tasker_error *error) {
    tk_worker *w = t->worker;
    if (!tk_claim_plan(&w->arena, t->heads, t->head_count, &w->skill, t->slots, t->now_us, wants,
                       count, &t->top_class)) {
        return tk_nomem(error);
    }
    if (w->careful > 0 && *count > 1) { /* one of them is refused: the others get their turns */
        (*wants)[0] = (*wants)[w->careful % *count];
        *count = 1;
    }
    w->careful -= w->careful > 0;
    return TASKER_OK;
}

static tasker_status claim_round(turn *t, const tk_want *wants, uint32_t want_count, uint32_t slots,
                                 tk_hold *hold, tasker_error *error) {
    tk_worker *w = t->worker;
    tk_claim_row *rows = NULL;
    uint32_t count = 0;
    int64_t token = (int64_t)(tk_random_next(w->engine.random) >> 2);
    tasker_status status = tk_store_call(w->engine.store, claim, &w->arena, wants, want_count,
                                         slots, w->id, token, t->now_us, &rows, &count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(w->engine.store, sync, error);
    }
    t->short_claim = count < slots;
    *hold = (tk_hold){.made = &t->made[t->made_count], .bytes = t->bytes};
    if (status == TASKER_OK && count > 0) {
        status = tk_claims_hold(&w->engine, &w->arena, rows, count, hold, error);
    }
    t->made_count += hold->made_count;
    t->bytes = hold->bytes;
    return status;
}

bool tk_turn_sees(turn *t) {
    tk_want *wants = NULL;
    uint32_t count = 0;
    return tk_claim_plan(&t->worker->arena, t->heads, t->head_count, &t->worker->skill, t->slots,
                         t->now_us, &wants, &count, &t->top_class) &&
           count > 0;
}

tasker_status tk_turn_claim(turn *t, tasker_error *error) {
    tk_want *wants = NULL;
    uint32_t want_count = 0;
    uint32_t slots = t->slots;
    tasker_status status = plan(t, &wants, &want_count, error);
    t->short_claim = true;
    for (int round = 0; status == TASKER_OK && want_count > 0 && round < ROUNDS_MAX; round++) {
        tk_hold hold = {.made = NULL};
        status = claim_round(t, wants, want_count, slots, &hold, error);
        slots -= hold.made_count;
        if (hold.passed == 0 || hold.full || slots == 0) {
            break;
        }
    }
    return status;
}
