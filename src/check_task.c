/*
 * check_task.c - the rules that a task as a whole keeps; see check.c for the list.
 */
#include "check.h"

/* --- acts --- */

static bool ends_task(const tk_act_row *act) {
    return act->kind == TK_ACT_CANCELLED || act->kind == TK_ACT_FAILED ||
           (act->kind == TK_ACT_RESOLVED && act->step == TK_ACT_NO_STEP);
}

/* The state that an ending act leaves. */
static int32_t state_after(const tk_act_row *act) {
    switch (act->kind) {
    case TK_ACT_CANCELLED:
        return TK_TASK_CANCELLED;
    case TK_ACT_FAILED:
        return TK_TASK_ERROR;
    default:
        return TK_TASK_RESOLVED;
    }
}

static const tk_act_row *ending_act(const tk_view *view) {
    for (uint32_t i = 0; i < view->act_count; i++) {
        if (ends_task(&view->acts[i])) {
            return &view->acts[i];
        }
    }
    return NULL;
}

static void check_state_acts(tk_checker *c, const tk_view *view, const tk_act_row *end,
                             uint32_t blocked) {
    int32_t state = view->state.state;
    bool ended = state == TK_TASK_CANCELLED || state == TK_TASK_ERROR || state == TK_TASK_RESOLVED;
    if (ended != (end != NULL) || (end != NULL && state_after(end) != state)) {
        tk_check_problem(c, "state-acts", view, "the state %" PRId32 " and the acts do not agree",
                         state);
    }
    uint32_t told = 0;
    for (uint32_t i = 0; i < view->act_count; i++) {
        told += view->acts[i].kind == TK_ACT_BLOCKED;
    }
    if (told != blocked) {
        tk_check_problem(c, "state-acts", view,
                         "the task was blocked %" PRIu32 " times, %" PRIu32 " acts say so", blocked,
                         told);
    }
}

static void check_after_end(tk_checker *c, const tk_view *view, const tk_act_row *end) {
    for (uint32_t i = 0; i < view->attempt_count; i++) {
        const tk_attempt_row *row = &view->attempts[i];
        bool revoked = row->outcome == TK_OUTCOME_CANCELLED;
        if ((row->n > end->n && !revoked) || row->claimed_us > end->acted_us) {
            tk_check_problem(c, "after-end", view,
                             "step number %u: attempt %" PRId32 " came after the task's end",
                             row->step, row->attempt);
        }
    }
    for (uint32_t i = 0; i < view->act_count; i++) {
        if (view->acts[i].n > end->n) {
            tk_check_problem(c, "after-end", view,
                             "an act of kind %" PRId32 " came after the task's end",
                             view->acts[i].kind);
        }
    }
}

/* --- order --- */

typedef struct order {
    int64_t n;
    int64_t time_us;
    bool n_wrong, time_wrong;
} order;

static void follow(order *o, int64_t n, int64_t time_us) {
    o->n_wrong = o->n_wrong || n <= o->n;
    o->time_wrong = o->time_wrong || time_us < o->time_us;
    o->n = n;
    o->time_us = time_us > o->time_us ? time_us : o->time_us;
}

static bool attempt_times_wrong(const tk_view *view, const tk_attempt_row *row) {
    return row->enqueued_us < view->task.created_us || row->claimed_us < row->enqueued_us ||
           row->finished_us < row->claimed_us;
}

static bool place_times_wrong(const tk_view *view, const tk_place_row *place) {
    switch (place->place) {
    case TK_PLACE_READY:
        return place->enqueued_us < view->task.created_us;
    case TK_PLACE_LEASE:
        return place->enqueued_us < view->task.created_us || place->claimed_us < place->enqueued_us;
    default:
        return false;
    }
}

static void check_order(tk_checker *c, const tk_view *view) {
    order o = {.n = view->task.n, .time_us = view->task.created_us};
    uint32_t act = 0;
    for (uint32_t i = 0; i < view->attempt_count; i++) {
        const tk_attempt_row *row = &view->attempts[i];
        while (act < view->act_count && view->acts[act].n <= row->n) {
            follow(&o, view->acts[act].n, view->acts[act].acted_us);
            act++;
        }
        follow(&o, row->n, row->finished_us);
        o.time_wrong = o.time_wrong || attempt_times_wrong(view, row);
    }
    for (; act < view->act_count; act++) {
        follow(&o, view->acts[act].n, view->acts[act].acted_us);
    }
    for (uint32_t i = 0; i < view->place_count; i++) {
        o.time_wrong = o.time_wrong || place_times_wrong(view, &view->places[i]);
    }
    if (o.n_wrong) {
        tk_check_problem(c, "ledger-order", view,
                         "two rows have the same place in the ledger, or one before the task's");
    }
    if (o.time_wrong || view->state.updated_us < o.time_us) {
        tk_check_problem(c, "time-order", view,
                         "the times of its rows run backwards in the order of the ledger");
    }
}

/* --- live rows --- */

static void check_places(tk_checker *c, const tk_view *view) {
    uint32_t *rows = tk_arena_array(&c->chunk, view->step_count, sizeof(*rows));
    if (rows == NULL) {
        c->nomem = true;
        return;
    }
    for (uint32_t i = 0; i < view->place_count; i++) {
        const tk_place_row *place = &view->places[i];
        if (place->place == TK_PLACE_LEASE) {
            c->leases++;
        } else {
            c->queued++;
        }
        if (place->step < view->step_count) {
            rows[place->step]++;
        } else {
            tk_check_problem(c, "live-place", view,
                             "a live row names step number %u, which the "
                             "template does not have",
                             place->step);
        }
    }
    for (uint32_t i = 0; i < view->step_count; i++) {
        uint32_t due = view->steps[i].mark == TK_MARK_LIVE;
        if (rows[i] != due) {
            tk_check_step_problem(c, "live-place", view, i,
                                  "it has %" PRIu32 " rows in ready, lease and later, expected "
                                  "%" PRIu32,
                                  rows[i], due);
        }
    }
}

static void check_at_rest(tk_checker *c, const tk_view *view) {
    if (view->state.state == TK_TASK_RUNNING || view->place_count > 0) {
        tk_check_problem(c, "at-rest", view,
                         "it is still open: state %" PRId32 ", %" PRIu32 " live rows",
                         view->state.state, view->place_count);
    }
}

void tk_check_task(tk_checker *c, const tk_view *view) {
    const char *unsound = tk_progress_sound(&view->progress, view->known->template);
    if (unsound != NULL) {
        tk_check_problem(c, "progress-sound", view, "%s", unsound);
    }
    check_places(c, view);
    check_order(c, view);
    if (c->at_rest) {
        check_at_rest(c, view);
    }
    const tk_act_row *end = ending_act(view);
    if (end != NULL) {
        check_after_end(c, view, end);
    }
    tk_timeline timeline;
    if (!tk_timeline_derive(&c->chunk, view, &timeline)) {
        c->nomem = true;
        return;
    }
    check_state_acts(c, view, end, timeline.blocked);
    if (timeline.broken != NULL && timeline.broken_step >= 0) {
        tk_check_step_problem(c, "history-gap", view, (uint32_t)timeline.broken_step, "%s",
                              timeline.broken);
    } else if (timeline.broken != NULL) {
        tk_check_problem(c, "history-gap", view, "%s", timeline.broken);
    }
    tk_check_steps(c, view);
}
