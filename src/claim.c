/*
 * claim.c - whose turn it is: from the heads of the queue to what a worker claims.
 *
 * Namespaces share a worker round-robin: each that has work gets an equal part of the free slots, and
 * what one leaves goes to the others. Within a namespace the head with the highest priority + 0.1 per
 * hour of waiting goes first (contract 6.7), among equals the oldest. Pure.
 */
#include <stdlib.h>

#include "engine.h"

#define HOUR_US INT64_C(3600000000)

typedef struct candidate {
    const tk_head *head;
    int64_t rank;  /* ten times the priority, plus one per hour, in millionths */
    uint32_t turn; /* of its namespace: 0 goes first */
} candidate;

bool tk_skill_has(const tk_skill *skill, int32_t queue, int32_t handler) {
    bool ours = skill->queue_count == 0;
    for (uint32_t i = 0; i < skill->queue_count && !ours; i++) {
        ours = skill->queues[i] == queue;
    }
    for (uint32_t i = 0; ours && i < skill->handler_count; i++) {
        if (skill->handlers[i] == handler) {
            return true;
        }
    }
    return false;
}

static int64_t rank_of(const tk_head *head, int64_t now_us) {
    int64_t waited_us = now_us > head->enqueued_us ? now_us - head->enqueued_us : 0;
    return (int64_t)head->class * 10 * 1000000 + waited_us / (HOUR_US / 1000000);
}

static int compare_candidates(const void *a, const void *b) {
    const candidate *x = a;
    const candidate *y = b;
    if (x->turn != y->turn) {
        return x->turn < y->turn ? -1 : 1;
    }
    if (x->head->queue != y->head->queue) {
        return x->head->queue < y->head->queue ? -1 : 1;
    }
    if (x->rank != y->rank) {
        return x->rank > y->rank ? -1 : 1;
    }
    return x->head->seq < y->head->seq ? -1 : x->head->seq > y->head->seq;
}

/* Gives each namespace its place in the rotation; returns how many there are. */
static uint32_t take_turns(candidate *candidates, uint32_t count, uint32_t rotation) {
    uint32_t queues = 0;
    for (uint32_t i = 0; i < count; i++) { /* heads come sorted by queue */
        if (i > 0 && candidates[i].head->queue != candidates[i - 1].head->queue) {
            queues++;
        }
        candidates[i].turn = queues;
    }
    queues += count > 0;
    for (uint32_t i = 0; i < count; i++) {
        candidates[i].turn = (candidates[i].turn + queues - rotation % queues) % queues;
    }
    return queues;
}

/* Mutant 53: a cursor that never goes back. */
static int64_t past_of(const tk_head *head) {
    static int64_t newest;
    if (!TK_MUTANT(53)) {
        return 0;
    }
    newest = head->seq > newest ? head->seq : newest;
    return newest - 1;
}

static tk_want want_of(const candidate *c, uint32_t limit) {
    return (tk_want){c->head->queue, c->head->handler, c->head->class, past_of(c->head), limit};
}

bool tk_claim_plan(tk_arena *arena, const tk_head *heads, uint32_t head_count,
                   const tk_skill *skill, uint32_t slots, int64_t now_us, tk_want **wants,
                   uint32_t *want_count, int32_t *top_class) {
    *want_count = 0;
    *top_class = INT32_MIN;
    candidate *candidates = tk_arena_array(arena, head_count, sizeof(*candidates));
    *wants = tk_arena_array(arena, 2 * (size_t)head_count, sizeof(**wants));
    if (candidates == NULL || *wants == NULL) {
        return false;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < head_count; i++) {
        if (tk_skill_has(skill, heads[i].queue, heads[i].handler)) {
            candidates[count++] = (candidate){&heads[i], rank_of(&heads[i], now_us), 0};
            *top_class = heads[i].class > *top_class ? heads[i].class : *top_class;
        }
    }
    if (count == 0 || slots == 0) {
        return true;
    }
    uint32_t queues = take_turns(candidates, count, skill->rotation);
    qsort(candidates, count, sizeof(*candidates), compare_candidates);
    uint32_t share = (slots + queues - 1) / queues;
    for (uint32_t i = 0; i < count; i++) { /* everyone's share first */
        (*wants)[(*want_count)++] = want_of(&candidates[i], share);
    }
    for (uint32_t i = 0; queues > 1 && i < count; i++) { /* then what is left */
        (*wants)[(*want_count)++] = want_of(&candidates[i], slots);
    }
    return true;
}
