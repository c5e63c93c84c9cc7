// The graph of a task, and the list of a group that was chosen in it.

import { useState } from "preact/hooks";
import type { Step, TaskDetail } from "../api/types";
import type { NodeStep } from "../dag/graph";
import { LazyGraph } from "../dag/lazy";
import { now } from "../lib/clock";
import { lookOf } from "../lib/states";
import { duration, millis, relative } from "../lib/time";
import { StepTable } from "./task";

/** What stands below a step's name. */
export function noteOf(step: Step, nowMs: number): string {
  const words: string[] = [];
  const look = lookOf(step.current_state);
  if (look === "running" && step.last_attempted_at) {
    words.push(`for ${duration(nowMs - millis(step.last_attempted_at))}`);
  } else if (step.completed_at && step.last_attempted_at && look === "done") {
    words.push(duration(millis(step.completed_at) - millis(step.last_attempted_at)));
  } else if (look === "retry" && step.next_retry_at) {
    words.push(`again ${relative(millis(step.next_retry_at), nowMs)}`);
  }
  if (step.attempts > 1 || look === "failed") {
    words.push(`attempt ${step.attempts} of ${Math.max(step.attempts, step.max_attempts)}`);
  }
  return words.join(" · ");
}

interface Props {
  task: TaskDetail;
  chosen: Step | null;
  select: (step: Step | null) => void;
}

const ATTENTION = ["failed", "retry", "running", "ready", "pending", "manual", "ended", "done"];

export function TaskGraph({ task, chosen, select }: Props) {
  const [group, setGroup] = useState<ReadonlySet<string> | null>(null);
  const steps: NodeStep[] = task.steps.map((step) => ({
    id: step.step_uuid,
    name: step.name,
    state: step.current_state,
    parents: step.parents,
    note: noteOf(step, now.value),
  }));
  const choose = (members: NodeStep[]) => {
    if (members.length > 1) {
      setGroup(new Set(members.map((member) => member.id)));
      return;
    }
    setGroup(null);
    select(task.steps.find((step) => step.step_uuid === members[0]?.id) ?? null);
  };
  const listed = group
    ? task.steps
        .filter((step) => group.has(step.step_uuid))
        .sort(
          (a, b) =>
            ATTENTION.indexOf(lookOf(a.current_state)) - ATTENTION.indexOf(lookOf(b.current_state)),
        )
    : [];
  return (
    <>
      <section class="panel graph-panel" aria-label="Graph">
        <LazyGraph steps={steps} selected={chosen?.step_uuid ?? null} onSelect={choose} />
      </section>
      {group && (
        <>
          <h2 class="group-title">{listed.length} steps of this group</h2>
          <StepTable steps={listed} chosen={chosen} select={select} />
        </>
      )}
    </>
  );
}
