/*
 * history_route.c - which states a task passes from one rest to the next, by the guard table's edges.
 */
#include "history.h"

static tk_hop hop_from_evaluating(tk_task_state target) {
    switch (target) {
    case TK_TASK_STATE_COMPLETE:
        return (tk_hop){TK_TASK_STATE_COMPLETE, "AllStepsSuccessful"};
    case TK_TASK_STATE_WAITING_FOR_DEPENDENCIES:
        return (tk_hop){TK_TASK_STATE_WAITING_FOR_DEPENDENCIES, "NoDependenciesReady"};
    case TK_TASK_STATE_BLOCKED_BY_FAILURES:
    case TK_TASK_STATE_RESOLVED_MANUALLY:
    case TK_TASK_STATE_ERROR:
        return (tk_hop){TK_TASK_STATE_BLOCKED_BY_FAILURES, "PermanentFailure"};
    default:
        return (tk_hop){TK_TASK_STATE_ENQUEUING_STEPS, "ReadyStepsFound"};
    }
}

static tk_hop hop_from_initializing(tk_task_state target) {
    if (target == TK_TASK_STATE_COMPLETE) {
        return (tk_hop){TK_TASK_STATE_COMPLETE, "NoStepsFound"};
    }
    if (target == TK_TASK_STATE_WAITING_FOR_DEPENDENCIES) {
        return (tk_hop){TK_TASK_STATE_WAITING_FOR_DEPENDENCIES, "NoDependenciesReady"};
    }
    return (tk_hop){TK_TASK_STATE_ENQUEUING_STEPS, "ReadyStepsFound"};
}

static tk_hop hop_from_process(tk_task_state target) {
    if (target == TK_TASK_STATE_WAITING_FOR_RETRY) {
        return (tk_hop){TK_TASK_STATE_WAITING_FOR_RETRY, "StepFailed"};
    }
    if (target == TK_TASK_STATE_ERROR) {
        return (tk_hop){TK_TASK_STATE_ERROR, "Fail"};
    }
    return (tk_hop){TK_TASK_STATE_EVALUATING_RESULTS,
                    target == TK_TASK_STATE_COMPLETE ? "AllStepsCompleted" : "StepCompleted"};
}

static tk_hop hop_from_blocked(tk_task_state target, bool retried) {
    if (target == TK_TASK_STATE_RESOLVED_MANUALLY) {
        return (tk_hop){TK_TASK_STATE_RESOLVED_MANUALLY, "ManualResolution"};
    }
    if (target == TK_TASK_STATE_ERROR) {
        return (tk_hop){TK_TASK_STATE_ERROR, "GiveUp"};
    }
    return (tk_hop){TK_TASK_STATE_EVALUATING_RESULTS, retried ? "StepReset" : "StepResolved"};
}

tk_hop tk_hop_next(tk_task_state from, tk_task_state target, bool retried) {
    if (target == TK_TASK_STATE_CANCELLED) {
        return (tk_hop){TK_TASK_STATE_CANCELLED, "Cancel"};
    }
    switch (from) {
    case TK_TASK_STATE_PENDING:
        return (tk_hop){TK_TASK_STATE_INITIALIZING, "Start"};
    case TK_TASK_STATE_INITIALIZING:
        return hop_from_initializing(target);
    case TK_TASK_STATE_ENQUEUING_STEPS:
        return (tk_hop){TK_TASK_STATE_STEPS_IN_PROCESS, "StepsEnqueued"};
    case TK_TASK_STATE_STEPS_IN_PROCESS:
        return hop_from_process(target);
    case TK_TASK_STATE_EVALUATING_RESULTS:
        return hop_from_evaluating(target);
    case TK_TASK_STATE_WAITING_FOR_DEPENDENCIES:
        return (tk_hop){TK_TASK_STATE_EVALUATING_RESULTS, "DependenciesReady"};
    case TK_TASK_STATE_WAITING_FOR_RETRY:
        return (tk_hop){TK_TASK_STATE_ENQUEUING_STEPS, "RetryReady"};
    case TK_TASK_STATE_BLOCKED_BY_FAILURES:
        return hop_from_blocked(target, retried);
    default:
        return (tk_hop){target, "Change"}; /* an ended task does not move: the guard says so */
    }
}
