/*
 * history.h - the states that a task and its steps went through, derived from the ledger.
 */
#ifndef TK_HISTORY_H
#define TK_HISTORY_H

#include "query_view.h"

/* One transition. */
typedef struct tk_timeline_entry {
    int64_t at_us;
    int64_t n;    /* of the ledger's row that tells it; 0: a live row, which has no place yet */
    int32_t step; /* or TK_ACT_NO_STEP: the task's */
    int32_t from; /* tk_task_state or tk_step_state; TK_TIMELINE_NOTHING: it began */
    int32_t to;
    const char *event;
    int32_t attempt, worker;       /* 0: none */
    const tk_attempt_row *failure; /* the failed attempt that it tells of, or NULL */
    const tk_act_row *act;         /* whose deed it was, or NULL */
} tk_timeline_entry;

#define TK_TIMELINE_NOTHING (-1)

/* A history is called a timeline here: tk_history() writes one as JSON. */
typedef struct tk_timeline {
    tk_timeline_entry *entries; /* in order of time and cause */
    uint32_t count, room;
    uint32_t blocked;    /* how often the task came to rest in blocked_by_failures */
    const char *broken;  /* NULL, or what the rows do not explain: a static sentence */
    int32_t broken_step; /* the step it is about, or TK_ACT_NO_STEP */
} tk_timeline;

/* tk_timeline_derive replays a view's rows. Errors of attempts (TK_VIEW_PAYLOADS) tell whether a
 * failed step was to be tried again where nothing that followed does. false: out of memory. */
bool tk_timeline_derive(tk_arena *arena, const tk_view *view, tk_timeline *timeline);

/* --- history_events.c: what happened, in order -------------------------------------------------- */

typedef enum tk_event_kind {
    TK_EVENT_ENQUEUE = 0, /* became claimable at a time that its row tells (a retry, a run_at) */
    TK_EVENT_CLAIM,
    TK_EVENT_END, /* an attempt row */
    TK_EVENT_ACT
} tk_event_kind;

typedef struct tk_event {
    int64_t at_us; /* never before its cause, also where clocks differed */
    int64_t n;     /* of its row, INT64_MAX of a live one */
    tk_event_kind kind;
    uint16_t step;
    int32_t attempt, worker;
    const tk_attempt_row *row; /* of END */
    const tk_act_row *act;     /* of ACT */
} tk_event;

/* tk_timeline_events lists everything behind the submission. *events from the arena. false: out of
 * memory. */
bool tk_timeline_events(tk_arena *arena, const tk_view *view, tk_event **events, uint32_t *count);

/* --- history_route.c: the states between two rests ---------------------------------------------- */

typedef struct tk_hop {
    tk_task_state to;
    const char *event;
} tk_hop;

#define TK_HOPS_MAX 8 /* the longest way: waiting_for_retry to resolved_manually has six */

/* tk_hop_next is the next state on the way to `target`; `retried`: an operator retried a step. */
tk_hop tk_hop_next(tk_task_state from, tk_task_state target, bool retried);

#endif
