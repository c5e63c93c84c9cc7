// What a person can do to tasks and steps.

import { ask } from "./client";
import { Payload } from "./decode";
import type { Task } from "./types";

export type TaskAct = "cancel" | "resolve_manually" | "fail" | "retry_failed_steps";
export type StepAct = "reset_for_retry" | "resolve_manually" | "complete_manually";

/** JSON text of an object; a Payload goes in as the text it is, null members are left out. */
export function body(members: Record<string, string | Payload | null>): string {
  const words = Object.entries(members)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => {
      const text = value instanceof Payload ? value.text : JSON.stringify(value);
      return `${JSON.stringify(name)}:${text}`;
    });
  return `{${words.join(",")}}`;
}

function taskPath(uuid: string): string {
  return `/v1/tasks/${encodeURIComponent(uuid)}`;
}

export function taskAct(uuid: string, act: TaskAct, reason: string): Promise<Task> {
  return ask<Task>(taskPath(uuid), {
    method: "PATCH",
    body: body({ action_type: act, reason }),
  });
}

export function stepAct(
  task: string,
  step: string,
  act: StepAct,
  reason: string,
  result: Payload | null = null,
): Promise<unknown> {
  return ask(`${taskPath(task)}/workflow_steps/${encodeURIComponent(step)}`, {
    method: "PATCH",
    body: body({ action_type: act, reason, result }),
  });
}

export function rerun(
  uuid: string,
  context: Payload | null,
  reason: string,
): Promise<{ task_uuid: string }> {
  return ask(`${taskPath(uuid)}/rerun`, { method: "POST", body: body({ context, reason }) });
}
