// One step beside the graph: its error, result and attempts, and what can be done.

import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../api/client";
import type { Attempt, Step, StepDetail, TaskDetail, WaitingStep } from "../api/types";
import { useResource } from "../lib/resource";
import { duration, millis } from "../lib/time";
import { At, Command, Copy, Icon, State, Trouble } from "../ui/bits";
import { ErrorView } from "../ui/error";
import { JsonView } from "../ui/json";
import { Text } from "../ui/text";
import { StepActions } from "./task_step_actions";

interface Props {
  task: TaskDetail;
  step: Step;
  why: WaitingStep | null;
  close: () => void;
  done: () => void;
}

export function StepPanel({ task, step, why, close, done }: Props) {
  const path = `/v1/tasks/${task.task_uuid}/workflow_steps/${step.step_uuid}`;
  const detail = useResource(
    (signal) => ask<StepDetail>(path, { signal }),
    `step ${step.step_uuid}`,
  );
  const version = `${step.updated_at} ${step.current_state} ${step.attempts}`;
  useEffect(() => detail.soon(), [version]);
  const attempts = detail.data.value?.attempts_list ?? [];
  const panel = useRef<HTMLElement>(null);
  // Below the graph, as on a telephone, it has to be brought into sight.
  useEffect(() => panel.current?.scrollIntoView({ block: "nearest" }), []);
  return (
    <aside ref={panel} class="panel side" aria-label={`Step ${step.name}`}>
      <header class="panel-head">
        <h2>
          <Text>{step.name}</Text>
        </h2>
        <button type="button" class="icon-button" aria-label="Close the step" onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      <p class="side-state">
        <State state={step.current_state} />
        <span class="faint">
          attempt {step.attempts} of {Math.max(step.attempts, step.max_attempts)}
        </span>
      </p>
      {why && !["nothing", "operator"].includes(why.waits_for) && (
        <div class="why">
          <p>
            <Text max={600}>{why.text}</Text>
          </p>
          {why.next && <Command text={why.next} />}
        </div>
      )}
      <StepActions task={task} step={step} done={done} />
      {step.error && <ErrorView error={step.error} />}
      {!step.result.isNull && (
        <section>
          <h3>Result</h3>
          <JsonView payload={step.result} label="Result" />
        </section>
      )}
      <section>
        <h3>Attempts</h3>
        {detail.error.value && attempts.length === 0 && <Trouble error={detail.error.value} />}
        {attempts.length === 0 ? (
          <p class="faint">None has ended yet.</p>
        ) : (
          <ol class="attempts">
            {[...attempts].reverse().map((attempt) => (
              <AttemptView key={attempt.attempt} attempt={attempt} />
            ))}
          </ol>
        )}
      </section>
      <dl class="facts narrow">
        <div>
          <dt>Handler</dt>
          <dd>
            <Text>{step.callable}</Text>
          </dd>
        </div>
        <div>
          <dt>Step</dt>
          <dd>
            <code>{step.step_uuid}</code> <Copy text={step.step_uuid} what="the step's id" />
          </dd>
        </div>
        {step.parents.length > 0 && (
          <div>
            <dt>After</dt>
            <dd>
              <Text max={400}>{step.parents.join(", ")}</Text>
            </dd>
          </div>
        )}
      </dl>
    </aside>
  );
}

const OUTCOMES: Record<string, string> = {
  ok: "complete",
  error: "error",
  lost: "error",
  cancelled: "cancelled",
};

function AttemptView({ attempt }: { attempt: Attempt }) {
  const [open, setOpen] = useState(false);
  const began = attempt.claimed_at ?? attempt.enqueued_at;
  const ran = began ? duration(millis(attempt.finished_at) - millis(began)) : null;
  const waited =
    attempt.claimed_at && attempt.enqueued_at
      ? duration(millis(attempt.claimed_at) - millis(attempt.enqueued_at))
      : null;
  return (
    <li>
      <div class="attempt-head">
        <State state={OUTCOMES[attempt.outcome] ?? "resolved_manually"} />
        <span>
          attempt {attempt.attempt}
          {attempt.outcome === "lost" && ", its worker was lost"}
        </span>
        <span class="faint">
          <At at={attempt.finished_at} />
        </span>
      </div>
      <p class="faint">
        {ran && `ran ${ran}`}
        {waited && `, had waited ${waited}`}
        {attempt.worker !== null && `, worker ${attempt.worker}`}
      </p>
      {attempt.error && (
        <>
          <button
            type="button"
            class="link error-line"
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          >
            <Text max={140}>{attempt.error.message ?? "error"}</Text>
          </button>
          {open && <ErrorView error={attempt.error} />}
        </>
      )}
    </li>
  );
}
