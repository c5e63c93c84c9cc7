// The workers: which live, what each runs and since when, and what they can run.

import { useEffect, useRef } from "preact/hooks";
import { ask } from "../api/client";
import { follow } from "../api/stream";
import type { Worker } from "../api/types";
import { now } from "../lib/clock";
import { useResource } from "../lib/resource";
import { hrefOf } from "../lib/route";
import { bytes, duration, millis, things } from "../lib/time";
import { Ago, Empty, Loading, Trouble } from "../ui/bits";
import { Text } from "../ui/text";

const STATES: Record<string, string> = {
  runs: "runs",
  silent: "does not answer",
  gone: "is gone",
};

/** A server that does not judge its workers lists those that are not known to be dead. */
export function isWell(worker: Worker): boolean {
  return worker.state === undefined || worker.state === "runs";
}

export function Workers() {
  const resource = useResource((signal) => ask<Worker[]>("/v1/workers", { signal }), "all", 1000);
  const last = useRef<string | null>(null);
  useEffect(
    () =>
      follow("/v1/events?kind=counts", {
        opened: (again) => {
          if (again) {
            void resource.refresh();
          }
        },
        event: (event) => {
          if (event.data !== last.current) {
            last.current = event.data;
            resource.soon();
          }
        },
      }),
    [resource],
  );
  const data = resource.data.value;
  if (data === null) {
    const error = resource.error.value;
    return error ? <Trouble error={error} retry={() => void resource.refresh()} /> : <Loading />;
  }
  return (
    <div class="page">
      <header class="page-head">
        <h1>Workers</h1>
        <span class="faint">
          {things(data.length, "worker")},{" "}
          {things(
            data.reduce((sum, worker) => sum + worker.running, 0),
            "step",
          )}{" "}
          at work
        </span>
      </header>
      {data.length === 0 ? (
        <Empty title="No worker runs" command="tasker-worker -r ./my_handlers.rb">
          <p>Steps wait until a worker that has their handlers is started.</p>
        </Empty>
      ) : (
        <div class="cards">
          {data.map((worker) => (
            <Card key={worker.worker_id} worker={worker} />
          ))}
        </div>
      )}
    </div>
  );
}

function Card({ worker }: { worker: Worker }) {
  const well = isWell(worker);
  return (
    <section class="panel worker" aria-label={`Worker ${worker.worker_id}`}>
      <header class="panel-head">
        <h2>
          <span class={well ? "dot good" : "dot bad"} aria-hidden="true" /> {worker.worker_id} ·{" "}
          <Text>{worker.host}</Text>
        </h2>
        <span class={well ? "faint" : "alarm-text"}>
          {well && worker.running === 0 ? "idle" : (STATES[worker.state ?? "runs"] ?? worker.state)}
        </span>
      </header>
      <dl class="facts">
        <div>
          <dt>Process</dt>
          <dd>{worker.pid}</dd>
        </div>
        <div>
          <dt>Since</dt>
          <dd>
            <Ago at={worker.started_at} />
          </dd>
        </div>
        {worker.memory_bytes != null && (
          <div>
            <dt>Memory</dt>
            <dd>{bytes(worker.memory_bytes)}</dd>
          </div>
        )}
        {worker.lag_ms != null && (
          <div>
            <dt>Lag</dt>
            <dd>{duration(worker.lag_ms)}</dd>
          </div>
        )}
        <div>
          <dt>Namespaces</dt>
          <dd>
            <Text>{worker.namespaces.join(", ") || "all"}</Text>
          </dd>
        </div>
      </dl>
      <Running worker={worker} />
      <details>
        <summary>{worker.handlers.length} handlers</summary>
        <ul class="handlers">
          {worker.handlers.map((handler) => (
            <li key={handler}>
              <Text>{handler}</Text>
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}

function Running({ worker }: { worker: Worker }) {
  if (worker.steps.length === 0) {
    return <p class="quiet">It runs nothing now.</p>;
  }
  return (
    <ul class="running">
      {worker.steps.map((step) => (
        <li key={step.step_uuid}>
          <a href={hrefOf(["tasks", step.task_uuid], { step: step.step_uuid })}>
            <Text>{step.step}</Text>
          </a>
          <small class="faint">
            <Text>{`${step.namespace}/${step.name}`}</Text>
            {step.attempt > 1 && `, attempt ${step.attempt}`}
          </small>
          <span class="running-time">{duration(now.value - millis(step.claimed_at))}</span>
        </li>
      ))}
    </ul>
  );
}
