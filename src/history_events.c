/*
 * history_events.c - a task's rows as events in one order: ends of attempts and acts by their place in
 * the ledger, claims and enqueuings in between by their times.
 *
 * A claim has no row of its own: its time stands in the row of its end, or in the lease. It is put
 * behind what made its step claimable, whatever the clocks of several workers said.
 */
#include <stdlib.h>

#include "history.h"

typedef struct sorter {
    const tk_view *view;
    tk_event *events;
    uint32_t count;
    int64_t now_us;    /* the latest time so far, in order of n */
    int64_t *since_us; /* by step: not claimable before */
} sorter;

static int64_t later_of(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static void add(sorter *s, tk_event event) {
    s->events[s->count++] = event;
}

static int64_t earlier_of(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* The two events before the end of a claim; of a live row the end is at INT64_MAX. */
static void add_claim(sorter *s, tk_event end, int64_t enqueued_us, int64_t claimed_us) {
    tk_event event = end;
    event.row = NULL;
    event.kind = TK_EVENT_ENQUEUE;
    event.at_us = earlier_of(later_of(enqueued_us, s->since_us[end.step]), end.at_us);
    add(s, event);
    if (claimed_us > 0) {
        event.kind = TK_EVENT_CLAIM;
        event.at_us = earlier_of(later_of(claimed_us, event.at_us), end.at_us);
        add(s, event);
    }
}

static void add_end(sorter *s, const tk_attempt_row *row) {
    s->now_us = later_of(s->now_us, row->finished_us);
    if (row->step >= s->view->step_count) {
        return;
    }
    tk_event end = {.at_us = s->now_us,
                    .n = row->n,
                    .kind = TK_EVENT_END,
                    .step = row->step,
                    .attempt = row->attempt,
                    .worker = row->worker,
                    .row = row};
    if (tk_attempt_claimed(row)) {
        add_claim(s, end, row->enqueued_us, later_of(row->claimed_us, 1));
    }
    add(s, end);
    s->since_us[row->step] = s->now_us;
    if (tk_attempt_satisfies(row)) {
        tk_steps children = s->view->known->template->steps[row->step].children;
        for (uint32_t i = 0; i < children.count; i++) {
            s->since_us[children.numbers[i]] = s->now_us;
        }
    }
}

static void add_act(sorter *s, const tk_act_row *act) {
    s->now_us = later_of(s->now_us, act->acted_us);
    bool of_step = act->step >= 0 && (uint32_t)act->step < s->view->step_count;
    if (of_step) {
        s->since_us[act->step] = s->now_us;
    }
    add(s, (tk_event){.at_us = s->now_us,
                      .n = act->n,
                      .kind = TK_EVENT_ACT,
                      .step = of_step ? (uint16_t)act->step : 0,
                      .attempt = act->attempt,
                      .act = act});
}

static void add_place(sorter *s, const tk_place_row *place) {
    if (place->step >= s->view->step_count ||
        (place->place != TK_PLACE_READY && place->place != TK_PLACE_LEASE)) {
        return;
    }
    bool leased = place->place == TK_PLACE_LEASE;
    tk_event live = {.at_us = INT64_MAX,
                     .n = INT64_MAX,
                     .step = place->step,
                     .attempt = leased ? place->attempts : 0,
                     .worker = leased ? place->worker : 0};
    add_claim(s, live, place->enqueued_us, leased ? later_of(place->claimed_us, 1) : 0);
}

static int compare_events(const void *a, const void *b) {
    const tk_event *left = a;
    const tk_event *right = b;
    if (left->at_us != right->at_us) {
        return left->at_us < right->at_us ? -1 : 1;
    }
    if (left->n != right->n) {
        return left->n < right->n ? -1 : 1;
    }
    if (left->kind != right->kind) {
        return left->kind < right->kind ? -1 : 1;
    }
    return left->step < right->step ? -1 : left->step > right->step;
}

bool tk_timeline_events(tk_arena *arena, const tk_view *view, tk_event **events, uint32_t *count) {
    sorter s = {.view = view, .now_us = view->task.created_us};
    size_t room = (size_t)3 * view->attempt_count + view->act_count + (size_t)2 * view->place_count;
    s.events = tk_arena_array(arena, room, sizeof(*s.events));
    s.since_us = tk_arena_array(arena, view->step_count, sizeof(*s.since_us));
    if (s.events == NULL || s.since_us == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < view->step_count; i++) {
        s.since_us[i] = view->task.created_us;
    }
    uint32_t row = 0;
    uint32_t act = 0;
    while (row < view->attempt_count || act < view->act_count) {
        if (act == view->act_count ||
            (row < view->attempt_count && view->attempts[row].n < view->acts[act].n)) {
            add_end(&s, &view->attempts[row++]);
        } else {
            add_act(&s, &view->acts[act++]);
        }
    }
    for (uint32_t i = 0; i < view->place_count; i++) {
        add_place(&s, &view->places[i]);
    }
    if (s.count > 0) {
        qsort(s.events, s.count, sizeof(*s.events), compare_events);
    }
    *events = s.events;
    *count = s.count;
    return true;
}
