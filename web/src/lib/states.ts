// The states as people see them: eight looks, each with a colour, a shape and a word, so that none is
// told by colour alone.

export type Look =
  | "done"
  | "running"
  | "ready"
  | "pending"
  | "retry"
  | "failed"
  | "ended"
  | "manual";

const LOOKS: Record<string, Look> = {
  complete: "done",
  all_complete: "done",
  in_progress: "running",
  steps_in_process: "running",
  processing: "running",
  running: "running",
  enqueued_for_orchestration: "running",
  evaluating_results: "running",
  enqueued: "ready",
  ready: "ready",
  enqueuing_steps: "ready",
  has_ready_steps: "ready",
  initializing: "ready",
  waiting_for_retry: "retry",
  waiting_for_dependencies: "pending",
  pending: "pending",
  error: "failed",
  blocked_by_failures: "failed",
  enqueued_as_error_for_orchestration: "failed",
  cancelled: "ended",
  resolved_manually: "manual",
};

const WORDS: Record<string, string> = {
  complete: "complete",
  in_progress: "running",
  steps_in_process: "running",
  enqueued: "ready",
  waiting_for_retry: "waits to retry",
  waiting_for_dependencies: "waits",
  blocked_by_failures: "blocked",
  resolved_manually: "resolved",
  enqueuing_steps: "ready",
  evaluating_results: "evaluating",
};

export function lookOf(state: string): Look {
  return LOOKS[state] ?? "pending";
}

export function wordOf(state: string): string {
  return WORDS[state] ?? state.replaceAll("_", " ");
}

/** What is stored of a task; what lists and counts are filtered by. */
export const TASK_STATES = [
  "running",
  "blocked_by_failures",
  "complete",
  "cancelled",
  "error",
  "resolved_manually",
] as const;

const RESTING = new Set(["complete", "cancelled", "error", "resolved_manually"]);

export function taskEnded(state: string): boolean {
  return RESTING.has(state);
}

export function taskBlocked(state: string): boolean {
  return state === "blocked_by_failures";
}
