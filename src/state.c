/*
 * state.c - the words that readers see, read from what is stored.
 *
 *   task_state, ready, lease, later --counts--> [state.c] --words--> query.c, history_*.c
 *
 * Nothing here is stored: the same rows always read as the same words. The guard tables say which
 * histories can be; the engine itself moves by progress.c.
 */
#include "state.h"

/* --- names --- */

static const char *const task_names[] = {
#define X(name, text) [TK_TASK_STATE_##name] = (text),
    TK_TASK_STATE_MAP(X)
#undef X
};

static const char *const step_names[] = {
#define X(name, text) [TK_STEP_STATE_##name] = (text),
    TK_STEP_STATE_MAP(X)
#undef X
};

const char *tk_task_state_name(tk_task_state state) {
    assert((size_t)state < TK_COUNT_OF(task_names));
    return task_names[state];
}

const char *tk_step_state_name(tk_step_state state) {
    assert((size_t)state < TK_COUNT_OF(step_names));
    return step_names[state];
}

static bool find_name(const char *const *names, size_t count, tk_str word, size_t *index) {
    for (size_t i = 0; i < count; i++) {
        if (tk_str_is(word, names[i])) {
            *index = i;
            return true;
        }
    }
    return false;
}

bool tk_task_state_parse(tk_str word, tk_task_state *state) {
    size_t index = 0;
    if (tk_str_is(word, "in_progress")) {
        *state = TK_TASK_STATE_STEPS_IN_PROCESS;
        return true;
    }
    if (!find_name(task_names, TK_COUNT_OF(task_names), word, &index)) {
        return false;
    }
    *state = (tk_task_state)index;
    return true;
}

bool tk_step_state_parse(tk_str word, tk_step_state *state) {
    size_t index = 0;
    if (!find_name(step_names, TK_COUNT_OF(step_names), word, &index)) {
        return false;
    }
    *state = (tk_step_state)index;
    return true;
}

bool tk_task_state_terminal(tk_task_state state) {
    return state == TK_TASK_STATE_COMPLETE || state == TK_TASK_STATE_ERROR ||
           state == TK_TASK_STATE_CANCELLED || state == TK_TASK_STATE_RESOLVED_MANUALLY;
}

bool tk_step_state_terminal(tk_step_state state) {
    return state == TK_STEP_STATE_COMPLETE || state == TK_STEP_STATE_CANCELLED ||
           state == TK_STEP_STATE_RESOLVED_MANUALLY;
}

/* --- reading --- */

static tk_step_state live_state(tk_place place, uint32_t attempts) {
    switch (place) {
    case TK_PLACE_READY:
        return TK_STEP_STATE_ENQUEUED;
    case TK_PLACE_LEASE:
        return TK_STEP_STATE_IN_PROGRESS;
    case TK_PLACE_LATER:
        return attempts > 0 ? TK_STEP_STATE_WAITING_FOR_RETRY : TK_STEP_STATE_PENDING;
    case TK_PLACE_NONE:
        break;
    }
    return TK_STEP_STATE_PENDING;
}

tk_step_state tk_step_state_of(tk_step_mark mark, tk_place place, uint32_t attempts) {
    switch (mark) {
    case TK_MARK_LIVE:
        return live_state(place, attempts);
    case TK_MARK_COMPLETE:
        return TK_STEP_STATE_COMPLETE;
    case TK_MARK_FAILED:
        return TK_STEP_STATE_ERROR;
    case TK_MARK_CANCELLED:
        return TK_STEP_STATE_CANCELLED;
    case TK_MARK_RESOLVED:
        return TK_STEP_STATE_RESOLVED_MANUALLY;
    case TK_MARK_PENDING:
    case TK_MARK_ABSENT:
        break;
    }
    return TK_STEP_STATE_PENDING;
}

static tk_task_state running_state(const tk_task_counts *counts) {
    if (counts->in_progress + counts->enqueued + counts->ready > 0) {
        return TK_TASK_STATE_STEPS_IN_PROCESS;
    }
    if (counts->waiting_for_retry > 0) {
        return TK_TASK_STATE_WAITING_FOR_RETRY;
    }
    /* Once a step has ended the task has begun and cannot be pending again. */
    bool begun = counts->completed + counts->resolved + counts->failed > 0;
    return counts->scheduled > 0 && !begun ? TK_TASK_STATE_PENDING
                                           : TK_TASK_STATE_WAITING_FOR_DEPENDENCIES;
}

tk_task_state tk_task_state_of(tk_task_mark mark, const tk_task_counts *counts) {
    switch (mark) {
    case TK_TASK_RUNNING:
        return running_state(counts);
    case TK_TASK_COMPLETE:
        return TK_TASK_STATE_COMPLETE;
    case TK_TASK_BLOCKED:
        return TK_TASK_STATE_BLOCKED_BY_FAILURES;
    case TK_TASK_CANCELLED:
        return TK_TASK_STATE_CANCELLED;
    case TK_TASK_ERROR:
        return TK_TASK_STATE_ERROR;
    case TK_TASK_RESOLVED:
        return TK_TASK_STATE_RESOLVED_MANUALLY;
    case TK_TASK_NONE:
        break;
    }
    return TK_TASK_STATE_PENDING;
}

/* A failed step comes first: it needs a person, whatever else still runs. */
tk_execution tk_execution_of(const tk_task_counts *counts) {
    uint32_t done = counts->completed + counts->resolved;
    tk_execution execution = {
        .execution_status = "waiting_for_dependencies",
        .recommended_action = "wait_for_dependencies",
        .health_status = counts->failed > 0 ? "blocked" : "healthy",
    };
    if (counts->failed > 0) {
        execution.execution_status = "blocked_by_failures";
        execution.recommended_action = "handle_failures";
    } else if (counts->ready > 0) {
        execution.execution_status = "has_ready_steps";
        execution.recommended_action = "execute_ready_steps";
    } else if (counts->in_progress + counts->enqueued > 0) {
        execution.execution_status = "processing";
        execution.recommended_action = "wait_for_completion";
    } else if (counts->total > 0 && done == counts->total) {
        execution.execution_status = "all_complete";
        execution.recommended_action = "finalize_task";
    }
    if (counts->total == 0) {
        execution.health_status = "unknown";
    } else {
        uint64_t hundredths =
            ((uint64_t)done * 20000 + counts->total) / (2 * (uint64_t)counts->total);
        execution.completion_percentage = (double)hundredths / 100.0;
    }
    return execution;
}

/* --- the guards --- */

#define TASK(name) (1u << TK_TASK_STATE_##name)
#define STEP(name) (1u << TK_STEP_STATE_##name)

bool tk_task_transition_allowed(tk_task_state from, tk_task_state to) {
    static const unsigned targets[TK_TASK_STATE_COUNT] = {
        [TK_TASK_STATE_PENDING] = TASK(INITIALIZING) | TASK(CANCELLED),
        [TK_TASK_STATE_INITIALIZING] = TASK(ENQUEUING_STEPS) | TASK(COMPLETE) |
                                       TASK(WAITING_FOR_DEPENDENCIES) | TASK(CANCELLED),
        [TK_TASK_STATE_ENQUEUING_STEPS] = TASK(STEPS_IN_PROCESS) | TASK(ERROR) | TASK(CANCELLED),
        [TK_TASK_STATE_STEPS_IN_PROCESS] = TASK(EVALUATING_RESULTS) | TASK(WAITING_FOR_RETRY) |
                                           TASK(COMPLETE) | TASK(ERROR) | TASK(CANCELLED),
        [TK_TASK_STATE_EVALUATING_RESULTS] = TASK(COMPLETE) | TASK(ENQUEUING_STEPS) |
                                             TASK(WAITING_FOR_DEPENDENCIES) |
                                             TASK(BLOCKED_BY_FAILURES) | TASK(CANCELLED),
        [TK_TASK_STATE_WAITING_FOR_DEPENDENCIES] = TASK(EVALUATING_RESULTS) | TASK(CANCELLED),
        [TK_TASK_STATE_WAITING_FOR_RETRY] = TASK(ENQUEUING_STEPS) | TASK(CANCELLED),
        /* the way back after a repair is ours: a person has retried or resolved a step */
        [TK_TASK_STATE_BLOCKED_BY_FAILURES] =
            TASK(EVALUATING_RESULTS) | TASK(ERROR) | TASK(RESOLVED_MANUALLY) | TASK(CANCELLED),
    };
    assert(from < TK_TASK_STATE_COUNT && to < TK_TASK_STATE_COUNT);
    return (targets[from] & 1u << to) != 0;
}

bool tk_step_transition_allowed(tk_step_state from, tk_step_state to) {
    static const unsigned targets[TK_STEP_STATE_COUNT] = {
        [TK_STEP_STATE_PENDING] = STEP(ENQUEUED) | STEP(IN_PROGRESS) | STEP(ERROR) |
                                  STEP(WAITING_FOR_RETRY) | STEP(CANCELLED),
        [TK_STEP_STATE_ENQUEUED] =
            STEP(IN_PROGRESS) | STEP(ERROR) | STEP(WAITING_FOR_RETRY) | STEP(CANCELLED),
        [TK_STEP_STATE_IN_PROGRESS] = STEP(ENQUEUED_FOR_ORCHESTRATION) | STEP(ENQUEUED_AS_ERROR) |
                                      STEP(COMPLETE) | STEP(ERROR) | STEP(WAITING_FOR_RETRY) |
                                      STEP(CANCELLED),
        [TK_STEP_STATE_ENQUEUED_FOR_ORCHESTRATION] = STEP(COMPLETE) | STEP(ERROR) | STEP(CANCELLED),
        [TK_STEP_STATE_ENQUEUED_AS_ERROR] =
            STEP(COMPLETE) | STEP(ERROR) | STEP(WAITING_FOR_RETRY) | STEP(CANCELLED),
        [TK_STEP_STATE_WAITING_FOR_RETRY] = STEP(PENDING) | STEP(CANCELLED),
        [TK_STEP_STATE_ERROR] = STEP(PENDING) | STEP(CANCELLED),
    };
    assert(from < TK_STEP_STATE_COUNT && to < TK_STEP_STATE_COUNT);
    return to == TK_STEP_STATE_RESOLVED_MANUALLY || (targets[from] & 1u << to) != 0;
}
