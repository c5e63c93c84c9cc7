// Failures that are alike: the same template, step and class of error.

import type { Step, Task } from "../api/types";
import { millis } from "./time";

export interface Failure {
  task: Task;
  step: Step;
}

export interface FailureGroup {
  key: string;
  namespace: string;
  name: string;
  step: string;
  errorClass: string;
  message: string; // of the newest
  newest: number;
  failures: Failure[]; // the newest first
}

/** The steps of a task that failed for good. */
export function failuresOf(task: Task, steps: Step[]): Failure[] {
  return steps.filter((step) => step.current_state === "error").map((step) => ({ task, step }));
}

export function groupFailures(failures: Failure[]): FailureGroup[] {
  const groups = new Map<string, FailureGroup>();
  const at = (failure: Failure) => millis(failure.step.updated_at);
  for (const failure of [...failures].sort((a, b) => at(b) - at(a))) {
    const { task, step } = failure;
    const errorClass = step.error?.error_type ?? "unknown";
    const key = JSON.stringify([task.namespace, task.name, step.name, errorClass]);
    const known = groups.get(key);
    if (known) {
      known.failures.push(failure);
      continue;
    }
    groups.set(key, {
      key,
      namespace: task.namespace,
      name: task.name,
      step: step.name,
      errorClass,
      message: step.error?.message ?? "",
      newest: at(failure),
      failures: [failure],
    });
  }
  return [...groups.values()].sort((a, b) => b.failures.length - a.failures.length);
}
