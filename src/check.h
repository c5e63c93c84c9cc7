/*
 * check.h - the parts of the store check.
 *
 *   check.c (the store, page by page) ─► check_task.c (a task) ─► check_step.c (a step)
 */
#ifndef TK_CHECK_H
#define TK_CHECK_H

#include "history.h"

/* A check under way. */
typedef struct tk_checker {
    tk_engine *engine;
    tk_check *check;
    bool at_rest;
    bool nomem;
    tk_arena arena; /* of the whole check */
    tk_arena chunk; /* of the tasks in hand */
    const tk_worker_row *workers;
    uint32_t worker_count;
    tk_count_row *counted; /* tasks by template and state as they are; `to` is the state */
    uint32_t counted_count, counted_room;
    uint64_t leases, queued; /* live rows seen: in lease, in ready and later */
} tk_checker;

/* tk_check_full: no more problems can be kept. */
bool tk_check_full(const tk_checker *c);

/* tk_check_problem keeps a broken rule; view NULL: of the store. */
void tk_check_problem(tk_checker *c, const char *rule, const tk_view *view, const char *format, ...)
    TK_PRINTF(4, 5);

/* tk_check_step_problem is the same about a step; the detail begins with its name. */
void tk_check_step_problem(tk_checker *c, const char *rule, const tk_view *view, uint32_t step,
                           const char *format, ...) TK_PRINTF(5, 6);

/* tk_check_task looks at one task, its view arranged. */
void tk_check_task(tk_checker *c, const tk_view *view);

/* tk_check_steps looks at each step of a task whose progress fits its template. */
void tk_check_steps(tk_checker *c, const tk_view *view);

#endif
