// How far a task is, by the states of its steps.

import type { Task } from "../api/types";
import type { Look } from "../lib/states";

type Counted = Pick<
  Task,
  | "total_steps"
  | "completed_steps"
  | "resolved_steps"
  | "in_progress_steps"
  | "ready_steps"
  | "enqueued_steps"
  | "waiting_for_retry_steps"
  | "failed_steps"
  | "cancelled_steps"
>;

export function sharesOf(task: Counted): [Look, number][] {
  const shares: [Look, number][] = [
    ["done", task.completed_steps],
    ["manual", task.resolved_steps],
    ["running", task.in_progress_steps],
    ["retry", task.waiting_for_retry_steps],
    ["failed", task.failed_steps],
    ["ended", task.cancelled_steps],
  ];
  return shares.filter(([, steps]) => steps > 0);
}

export function Progress({ task }: { task: Counted }) {
  const done = task.completed_steps + task.resolved_steps;
  const total = Math.max(1, task.total_steps);
  return (
    <span class="progress" title={`${done} of ${task.total_steps} steps are done`}>
      <span class="progress-bar" aria-hidden="true">
        {sharesOf(task).map(([look, steps]) => (
          <i key={look} class={`fill-${look}`} style={{ width: `${(100 * steps) / total}%` }} />
        ))}
      </span>
      <span class="progress-text">
        {done}
        <span class="faint">/{task.total_steps}</span>
      </span>
    </span>
  );
}
