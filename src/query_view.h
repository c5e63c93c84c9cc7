/*
 * query_view.h - one task with all its rows, arranged for readers: query, history and check.
 *
 *   task, state ────────────────────┐
 *   ready, lease, later ─► places ─┼─► tk_view ─► JSON of the task, history, invariants
 *   attempt, act ───────────────────┘
 *
 * A view trusts no row: numbers that the template does not have are left out of the steps, so that a
 * damaged store can be read and checked.
 */
#ifndef TK_QUERY_VIEW_H
#define TK_QUERY_VIEW_H

#include "engine.h"
#include "state.h"

/* One step, by number. */
typedef struct tk_view_step {
    const tk_template_step *step; /* a hole has present = false */
    tk_step_mark mark;
    tk_step_state state;
    const tk_place_row *place;       /* its live row, or NULL */
    const tk_attempt_row **attempts; /* in order of n */
    uint32_t attempt_count;
    int32_t base;    /* attempt number at the newest retry by an operator, or 0 */
    uint32_t claims; /* since then, with the running one; by-hand rows do not count */
    const tk_attempt_row *satisfying; /* the newest that children see, or NULL */
    const tk_attempt_row *failure;    /* the newest error or loss, or NULL */
} tk_view_step;

typedef struct tk_view {
    tk_task_row task;
    tk_state_row state;
    const tk_known *known;
    tk_progress progress;
    tk_place_row *places;
    uint32_t place_count;
    tk_attempt_row *attempts; /* in order of n */
    uint32_t attempt_count;
    tk_act_row *acts; /* in order of n */
    uint32_t act_count;
    tk_view_step *steps; /* by number, as many as the template has */
    uint32_t step_count;
    tk_task_counts counts; /* at the time of reading: what is due counts as ready */
    tk_task_state word;    /* by the rows alone */
    tk_execution execution;
} tk_view;

/* What to load beside task and state. */
enum {
    TK_VIEW_PLACES = 1,
    TK_VIEW_ATTEMPTS = 2,
    TK_VIEW_PAYLOADS = 4, /* attempts with result, error and metadata */
    TK_VIEW_ACTS = 8,
    TK_VIEW_ALL = 15
};

/* tk_view_load reads a task within the open transaction. NOTFOUND when there is none. */
tasker_status tk_view_load(tk_engine *engine, tk_arena *arena, const tk_uuid *id, unsigned parts,
                           tk_view *view, tasker_error *error);

/* The same in steps, for many tasks at once: heads, then request for each, one sync, then arrange for
 * each. `views` keeps its place until the sync. */
tasker_status tk_view_heads(tk_engine *engine, tk_arena *arena, const tk_uuid *ids, uint32_t count,
                            tk_view *views, bool *found, tasker_error *error);
tasker_status tk_view_request(tk_engine *engine, tk_arena *arena, unsigned parts, tk_view *view,
                              tasker_error *error);

/* tk_view_arrange fills steps and counts; view->known is set. false: out of memory. */
bool tk_view_arrange(tk_arena *arena, int64_t now_us, tk_view *view);

/* tk_view_order lists the present steps: those without parents first, a step behind its parents, by
 * number within a level. *order from the arena. false: out of memory. */
bool tk_view_order(tk_arena *arena, const tk_view *view, const uint16_t **order, uint32_t *count);

/* tk_attempt_claimed: a worker had it, as opposed to a row made by hand. */
static inline bool tk_attempt_claimed(const tk_attempt_row *row) {
    return row->outcome >= TK_OUTCOME_OK && row->outcome <= TK_OUTCOME_CANCELLED;
}

static inline bool tk_attempt_satisfies(const tk_attempt_row *row) {
    return row->outcome == TK_OUTCOME_OK || row->outcome == TK_OUTCOME_COMPLETED ||
           row->outcome == TK_OUTCOME_RESOLVED;
}

static inline bool tk_attempt_failed(const tk_attempt_row *row) {
    return row->outcome == TK_OUTCOME_ERROR || row->outcome == TK_OUTCOME_LOST;
}

/* --- JSON of parts: query_step.c, query_result.c ---------------------------------------------- */

/* tk_query_step_write adds a step from '{' on, the caller closes it: the readiness row and more
 * (contract 5.3, 7.4). */
void tk_query_step_write(tk_buf *buf, const tk_view *view, uint32_t step, int64_t now_us);

/* tk_query_outcome_word returns "ok", "error", "lost", …; static. */
const char *tk_query_outcome_word(int32_t outcome);

/* tk_query_attempts_write adds the member "attempts_list" of one step. */
void tk_query_attempts_write(tk_buf *buf, const tk_view_step *step);

/* tk_query_result_write adds how an attempt ended in the shape of contract 3.7. */
void tk_query_result_write(tk_buf *buf, const tk_attempt_row *row);

/* tk_query_task_write adds the members of a task without context and steps, from '{' on; the caller
 * closes the object. */
void tk_query_task_write(tk_buf *buf, const tk_view *view);

void tk_query_member_uuid(tk_buf *buf, const char *name, const tk_uuid *id);

#endif
