// One template: its graph, its steps, and the tasks that were made of it.

import { useState } from "preact/hooks";
import { ask, pathOf } from "../api/client";
import type { Payload } from "../api/decode";
import type { Counts, TemplateDetail, TemplateStep } from "../api/types";
import { LazyGraph } from "../dag/lazy";
import { member, parse } from "../lib/json";
import { useResource } from "../lib/resource";
import { hrefOf } from "../lib/route";
import { TASK_STATES } from "../lib/states";
import { count, duration } from "../lib/time";
import { Ago, Command, Loading, State, Trouble } from "../ui/bits";
import { JsonView } from "../ui/json";
import { Text } from "../ui/text";

interface Props {
  namespace: string;
  name: string;
  version: string;
}

interface Data {
  template: TemplateDetail;
  counts: Counts;
}

function callableOf(handler: Payload): string {
  try {
    const callable = member(parse(handler.text), "callable");
    return callable?.kind === "string" ? callable.value : "";
  } catch {
    return "";
  }
}

export function TemplatePage({ namespace, name, version }: Props) {
  const path = `/v1/templates/${[namespace, name, version].map(encodeURIComponent).join("/")}`;
  const resource = useResource(async (signal): Promise<Data> => {
    const [template, counts] = await Promise.all([
      ask<TemplateDetail>(path, { signal }),
      ask<Counts>(pathOf("/v1/counts", { namespace, name }), { signal }),
    ]);
    return { template, counts };
  }, path);
  const [chosen, setChosen] = useState<string | null>(null);
  const data = resource.data.value;
  if (data === null) {
    const error = resource.error.value;
    return error ? <Trouble error={error} retry={() => void resource.refresh()} /> : <Loading />;
  }
  const { template, counts } = data;
  const steps = template.steps.map((step) => ({
    id: step.name,
    name: step.name,
    state: "pending",
    parents: step.dependencies,
    note: callableOf(step.handler),
  }));
  const detail = template.steps.find((step) => step.name === chosen) ?? null;
  return (
    <div class="page">
      <header class="page-head">
        <h1>
          <a href="#/templates" class="faint">
            <Text>{namespace}</Text>
          </a>
          <span class="faint"> / </span>
          <Text>{name}</Text>
        </h1>
        <span class="faint">
          version <Text>{version}</Text>, revision {template.revision}, registered{" "}
          <Ago at={template.created_at} />
        </span>
      </header>
      {template.description && (
        <p>
          <Text max={2000}>{template.description}</Text>
        </p>
      )}
      <div class="uses">
        {TASK_STATES.map((state) => (
          <a key={state} href={hrefOf(["tasks"], { state, namespace, name })}>
            <State state={state} /> {count(counts.tasks[state] ?? 0)}
          </a>
        ))}
      </div>
      <div class={detail ? "split with-side" : "split"}>
        <div class="view">
          <section class="panel graph-panel" aria-label="Graph">
            <LazyGraph
              steps={steps}
              selected={chosen}
              onSelect={(members) => setChosen(members[0]?.id ?? null)}
              plain
            />
          </section>
        </div>
        {detail && <StepSide step={detail} />}
      </div>
      <div class="columns">
        <section class="panel">
          <header class="panel-head">
            <h2>Submit one</h2>
          </header>
          <Command text={`tasker submit ${namespace}/${name}:${version} --context '{}'`} />
        </section>
        {template.input_schema && !template.input_schema.isNull && (
          <section class="panel">
            <header class="panel-head">
              <h2>Context</h2>
            </header>
            <JsonView payload={template.input_schema} label="Schema of the context" />
          </section>
        )}
      </div>
    </div>
  );
}

function StepSide({ step }: { step: TemplateStep }) {
  const { retry } = step;
  return (
    <aside class="panel side" aria-label={`Step ${step.name}`}>
      <header class="panel-head">
        <h2>
          <Text>{step.name}</Text>
        </h2>
      </header>
      {step.description && (
        <p>
          <Text max={2000}>{step.description}</Text>
        </p>
      )}
      <dl class="facts narrow">
        <div>
          <dt>Handler</dt>
          <dd>
            <Text>{callableOf(step.handler)}</Text>
          </dd>
        </div>
        <div>
          <dt>After</dt>
          <dd>
            <Text max={400}>{step.dependencies.join(", ") || "nothing: it starts at once"}</Text>
          </dd>
        </div>
        <div>
          <dt>Attempts</dt>
          <dd>
            {retry.retryable ? `${retry.max_attempts}, ${retry.backoff} backoff` : "one"}
            {retry.retryable &&
              `, ${duration(retry.backoff_base_ms)} to ${duration(retry.max_backoff_ms)}`}
          </dd>
        </div>
        {step.timeout_seconds !== null && (
          <div>
            <dt>Time limit</dt>
            <dd>{duration(step.timeout_seconds * 1000)}</dd>
          </div>
        )}
      </dl>
      <JsonView payload={step.handler} label="Handler" />
    </aside>
  );
}
