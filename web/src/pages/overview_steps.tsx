// The steps that take longest, and those that fail most often.

import { ask, pathOf } from "../api/client";
import type { Bottlenecks, StepFigures } from "../api/types";
import { useResource } from "../lib/resource";
import { hrefOf } from "../lib/route";
import { count, duration } from "../lib/time";
import { Text } from "../ui/text";

const LEAST = 5; // attempts, below which a figure says little
const LISTED = 6;

/** `tick` changes when figures may have. */
export function Steps({ minutes, tick }: { minutes: number; tick: string }) {
  const path = pathOf("/v1/analytics/bottlenecks", {
    minutes,
    limit: LISTED,
    min_executions: LEAST,
  });
  const data = useResource((signal) => ask<Bottlenecks>(path, { signal }), `${path} ${tick}`).data;
  const { slow_steps: slow = [], failing_steps: failing = [] } = data.value ?? {};
  return (
    <>
      <Panel id="slow" title="Slowest steps" steps={slow} quiet="No step ran often enough yet." />
      <Panel id="failing" title="Failing steps" steps={failing} quiet="No step fails." />
    </>
  );
}

interface PanelProps {
  id: string;
  title: string;
  steps: StepFigures[];
  quiet: string;
}

function Panel({ id, title, steps, quiet }: PanelProps) {
  return (
    <section class="panel" aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
      </header>
      {steps.length === 0 ? (
        <p class="quiet">{quiet}</p>
      ) : (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Step</th>
                <th scope="col" class="number">
                  P50
                </th>
                <th scope="col" class="number">
                  P95
                </th>
                <th scope="col" class="number minor">
                  Attempts
                </th>
                <th scope="col" class="number">
                  Failed
                </th>
              </tr>
            </thead>
            <tbody>
              {steps.map((step) => (
                <Row
                  key={`${step.namespace}/${step.name}:${step.version} ${step.step}`}
                  step={step}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ step }: { step: StepFigures }) {
  const figure = (ms: number | null | undefined) => (ms == null ? "" : duration(ms));
  return (
    <tr>
      <td>
        <a href={hrefOf(["templates", step.namespace, step.name, step.version])}>
          <Text>{step.step}</Text>
        </a>
        <small class="faint">
          <Text>{`${step.namespace}/${step.name}`}</Text>
        </small>
      </td>
      <td class="number">{figure(step.step_ms?.p50)}</td>
      <td class="number">{figure(step.step_ms?.p95)}</td>
      <td class="number minor">{count(step.steps)}</td>
      <td class={step.failed_steps > 0 ? "number alarm-text" : "number"}>
        {count(step.failed_steps)}
      </td>
    </tr>
  );
}
