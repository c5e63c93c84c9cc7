/*
 * state.h - the words that readers see: 12 task states and 10 step states (contract 4), the events
 * between them with their guards, and how they are read from what is stored.
 *
 * Nothing stores these words: they are a reading of task_state, ready, lease, later, attempt, act.
 */
#ifndef TK_STATE_H
#define TK_STATE_H

#include "progress.h"

#define TK_TASK_STATE_MAP(X)                                                                       \
    X(PENDING, "pending")                                                                          \
    X(INITIALIZING, "initializing")                                                                \
    X(ENQUEUING_STEPS, "enqueuing_steps")                                                          \
    X(STEPS_IN_PROCESS, "steps_in_process")                                                        \
    X(EVALUATING_RESULTS, "evaluating_results")                                                    \
    X(WAITING_FOR_DEPENDENCIES, "waiting_for_dependencies")                                        \
    X(WAITING_FOR_RETRY, "waiting_for_retry")                                                      \
    X(BLOCKED_BY_FAILURES, "blocked_by_failures")                                                  \
    X(COMPLETE, "complete")                                                                        \
    X(ERROR, "error")                                                                              \
    X(CANCELLED, "cancelled")                                                                      \
    X(RESOLVED_MANUALLY, "resolved_manually")

#define TK_STEP_STATE_MAP(X)                                                                       \
    X(PENDING, "pending")                                                                          \
    X(ENQUEUED, "enqueued")                                                                        \
    X(IN_PROGRESS, "in_progress")                                                                  \
    X(ENQUEUED_FOR_ORCHESTRATION, "enqueued_for_orchestration")                                    \
    X(ENQUEUED_AS_ERROR, "enqueued_as_error_for_orchestration")                                    \
    X(WAITING_FOR_RETRY, "waiting_for_retry")                                                      \
    X(COMPLETE, "complete")                                                                        \
    X(ERROR, "error")                                                                              \
    X(CANCELLED, "cancelled")                                                                      \
    X(RESOLVED_MANUALLY, "resolved_manually")

typedef enum tk_task_state {
#define X(name, text) TK_TASK_STATE_##name,
    TK_TASK_STATE_MAP(X)
#undef X
        TK_TASK_STATE_COUNT
} tk_task_state;

typedef enum tk_step_state {
#define X(name, text) TK_STEP_STATE_##name,
    TK_STEP_STATE_MAP(X)
#undef X
        TK_STEP_STATE_COUNT
} tk_step_state;

/* Where a live step's one row is. */
typedef enum tk_place {
    TK_PLACE_NONE = 0,
    TK_PLACE_READY,
    TK_PLACE_LEASE,
    TK_PLACE_LATER
} tk_place;

const char *tk_task_state_name(tk_task_state state);
const char *tk_step_state_name(tk_step_state state);

/* …_parse: false when the word is none; "in_progress" is an alias of steps_in_process for tasks. */
bool tk_task_state_parse(tk_str word, tk_task_state *state);
bool tk_step_state_parse(tk_str word, tk_step_state *state);

bool tk_task_state_terminal(tk_task_state state);
bool tk_step_state_terminal(tk_step_state state);

/* tk_step_state_of reads a step: its mark, the place of its row, and whether it was claimed before
 * (a live step in `later` with attempts waits for a retry; without, for its run_at: pending). */
tk_step_state tk_step_state_of(tk_step_mark mark, tk_place place, uint32_t attempts);

/* What is counted to read a task. */
typedef struct tk_task_counts {
    uint32_t total, pending, ready, enqueued, in_progress, waiting_for_retry, scheduled;
    uint32_t completed, failed, cancelled, resolved;
} tk_task_counts;

/* tk_task_state_of reads a running, blocked or ended task: running with a claimed or claimable step
 * is steps_in_process, with only retries due later waiting_for_retry, with only scheduled roots
 * and nothing ended yet pending, else waiting_for_dependencies. */
tk_task_state tk_task_state_of(tk_task_mark mark, const tk_task_counts *counts);

/* The execution context of contract 5.4 by decision 5's order of precedence. Static texts. */
typedef struct tk_execution {
    const char *execution_status;
    const char *recommended_action;
    const char *health_status;
    double completion_percentage; /* two decimals */
} tk_execution;
tk_execution tk_execution_of(const tk_task_counts *counts);

/* tk_task_transition_allowed and tk_step_transition_allowed are the guard tables of contract 4.1 and
 * 4.2 with decision 6's added edge: may a history go from `from` to `to`? The reading of history and
 * the tests use them. */
bool tk_task_transition_allowed(tk_task_state from, tk_task_state to);
bool tk_step_transition_allowed(tk_step_state from, tk_step_state to);

#endif
