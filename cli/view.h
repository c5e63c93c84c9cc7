/*
 * view.h - tasks and steps the way the store tells them (JSON), as plain facts; and how people see
 * them.
 */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include "json_view.h"
#include "table.h"

typedef struct step_facts {
    tk_str name, state, uuid;
    tk_json result, error;                  /* NONE or NULL when there is none */
    int64_t attempts, attempts_max;         /* since an operator's retry */
    int64_t attempt;                        /* the number of the newest one; never restarts */
    int64_t started_us, ended_us, retry_us; /* 0: not */
} step_facts;

typedef struct task_facts {
    tk_str uuid, namespace_name, name, version, state, status;
    tk_json json, steps;
    int64_t created_us, completed_us;
    int64_t starts_us; /* no step starts earlier; 0: at once */
    int64_t steps_total, steps_done, steps_running;
    bool rests;      /* nothing moves any more by itself */
    bool ended_well; /* complete, or resolved by hand */
} task_facts;

/* Texts live in the arena. */
step_facts view_step_facts(tk_arena *arena, tk_json step);
task_facts view_task_facts(tk_arena *arena, tk_json task);

/* The words that `task list --state` takes; ended by NULL. */
extern const char *const view_task_states[];

/* view_state_color and view_state_sign: how a state looks. */
out_color view_state_color(tk_str state);
const char *view_state_sign(const out *o, tk_str state);

/* view_attempts writes "1 of 2", and after a retry "1 of 2, 3 in all"; "-" before the first. */
void view_attempts(tk_buf *buf, const step_facts *step);

/* view_step_time writes how long a step ran, runs, or waits yet; empty when it did not begin. */
void view_step_time(tk_buf *buf, const step_facts *step, int64_t now_us);

/* view_field shows "  name        value" on a line; nothing when the value is empty. */
void view_field(out *o, const char *name, tk_str value);

/* view_moment writes "2026-11-24 00:23:44.777 UTC, 3 s ago", or "in 3 s". */
void view_moment(tk_buf *buf, int64_t time_us, int64_t now_us);

/* view_task_title shows "orders/fulfil  STATE  3 of 4 steps, 2.5 s  UUID" on one line; a terminal that
 * is too narrow gets no UUID. */
void view_task_title(out *o, const task_facts *task, int64_t now_us);

/* view_steps adds one row per step to a table with view_step_columns. */
extern const table_column view_step_columns[];
void view_step_row(table *t, const out *o, tk_arena *arena, const step_facts *step, int64_t now_us);

/* view_failure_text is the message of a step's last failure, or empty. */
tk_str view_failure_text(tk_arena *arena, const step_facts *step);

/* view_repairs shows the commands for a blocked task, ready to be pasted. */
void view_repairs(out *o, tk_arena *arena, const task_facts *task);

#endif
