/*
 * progress.h - a task's progress: three bytes per step (state, parents still open), and what an
 * event does to them. Every rule of the DAG's movement is here, and nowhere else.
 *
 *   open_steps   = pending + live + failed
 *   live         = has one row in `ready`, `lease` or `later`
 *   blocked      ⇔ nothing is live, something is failed
 *   complete     ⇔ open_steps = 0 by successes or by hand
 *
 * Pure: no clock, no store. The caller owns the bytes.
 */
#ifndef TK_PROGRESS_H
#define TK_PROGRESS_H

#include "template.h"

#define TK_PROGRESS_STEP_BYTES 3
#define TK_PROGRESS_PAGE_STEPS 256 /* steps per page; page 0 stands in task_state */

/* A step as stored in progress. */
typedef enum tk_step_mark {
    TK_MARK_PENDING = 0,  /* some parent is open */
    TK_MARK_LIVE = 1,     /* in ready, lease or later */
    TK_MARK_COMPLETE = 2, /* by its handler, or completed by hand */
    TK_MARK_FAILED = 3,   /* will not run again by itself */
    TK_MARK_CANCELLED = 4,
    TK_MARK_RESOLVED = 5, /* by hand (also bypassed) */
    TK_MARK_ABSENT = 6    /* this revision has no step of that number */
} tk_step_mark;

/* A task as stored in task_state. */
typedef enum tk_task_mark {
    TK_TASK_NONE = 0, /* only in counters: "from nothing" */
    TK_TASK_RUNNING = 1,
    TK_TASK_COMPLETE = 2,
    TK_TASK_BLOCKED = 3,
    TK_TASK_CANCELLED = 4,
    TK_TASK_ERROR = 5,
    TK_TASK_RESOLVED = 6
} tk_task_mark;

/* A task's state while a verb works on it. `bytes` has step_count × 3 bytes, all pages joined. */
typedef struct tk_progress {
    tk_task_mark state;
    int32_t open_steps, failed_steps;
    uint8_t *bytes;
    uint32_t step_count;
} tk_progress;

/* Steps that an event made claimable; `numbers` has room for the template's step_count. */
typedef struct tk_freed {
    uint16_t *numbers;
    uint32_t count;
} tk_freed;

/* tk_progress_step writes a step as it stands in the bytes, with so many open parents. */
void tk_progress_step(uint8_t bytes[TK_PROGRESS_STEP_BYTES], tk_step_mark mark, uint32_t open);

tk_step_mark tk_progress_mark(const tk_progress *progress, uint32_t step);
uint32_t tk_progress_parents_open(const tk_progress *progress, uint32_t step);
uint32_t tk_progress_count(const tk_progress *progress, tk_step_mark mark);

static inline bool tk_mark_satisfied(tk_step_mark mark) {
    return mark == TK_MARK_COMPLETE || mark == TK_MARK_RESOLVED;
}

/* tk_progress_begin writes a new task's bytes. `bypassed` steps are resolved from the start; the
 * steps without open parents are live, in `freed` (ascending). */
void tk_progress_begin(tk_progress *progress, const tk_template *template, tk_steps bypassed,
                       tk_freed *freed);

/* tk_progress_satisfy closes an open step (mark COMPLETE or RESOLVED; it was pending, live or
 * failed) and adds the children that this frees to `freed`, marking them live. */
void tk_progress_satisfy(tk_progress *progress, const tk_template *template, uint32_t step,
                         tk_step_mark mark, tk_freed *freed);

/* tk_progress_remark makes a complete step resolved by hand; nothing else moves. */
static inline void tk_progress_remark(tk_progress *progress, uint32_t step) {
    assert(tk_mark_satisfied(tk_progress_mark(progress, step)));
    progress->bytes[(size_t)step * TK_PROGRESS_STEP_BYTES] = TK_MARK_RESOLVED;
}

/* tk_progress_fail marks a live step failed. */
void tk_progress_fail(tk_progress *progress, uint32_t step);

/* tk_progress_revive marks a failed step live again. */
void tk_progress_revive(tk_progress *progress, uint32_t step);

/* tk_progress_end marks every open step `mark` (CANCELLED or RESOLVED); open and failed become 0. */
void tk_progress_end(tk_progress *progress, tk_step_mark mark);

/* tk_progress_settle derives the task's state of a task that is running or blocked from its steps:
 * RUNNING, BLOCKED or COMPLETE; other states stay. Returns true when it changed. */
bool tk_progress_settle(tk_progress *progress);

/* tk_progress_fits: the bytes have as many steps as the template; tk_progress_open_to: that step is open,
 * and closing it leaves no child with fewer than no parents. Stored bytes are asked before they are
 * worked on; tk_progress_open_to asks for those that fit. */
bool tk_progress_fits(const tk_progress *progress, const tk_template *template);
bool tk_progress_open_to(const tk_progress *progress, const tk_template *template, uint32_t step);

/* tk_progress_sound checks the bytes against a recount: parents open, open_steps, failed_steps, the
 * state. NULL when sound, else a static sentence (for store check and the simulation). */
const char *tk_progress_sound(const tk_progress *progress, const tk_template *template);

#endif
