// One task: what it is, how far it is, why it waits, and what can be done about it.

import { useEffect } from "preact/hooks";
import { ask } from "../api/client";
import { decode } from "../api/decode";
import { follow } from "../api/stream";
import type { Change, Running, Step, TaskDetail, Why } from "../api/types";
import { now } from "../lib/clock";
import { useKeys } from "../lib/keys";
import { useResource } from "../lib/resource";
import { go, hrefOf, replace, route } from "../lib/route";
import { taskEnded } from "../lib/states";
import { duration, millis } from "../lib/time";
import { Ago, At, Copy, Loading, State, Trouble } from "../ui/bits";
import { JsonView } from "../ui/json";
import { Progress } from "../ui/progress";
import { Text } from "../ui/text";
import { TaskActions } from "./task_actions";
import { TaskGraph } from "./task_graph";
import { History } from "./task_history";
import { StepPanel } from "./task_step";
import { TimelineView } from "./task_timeline";
import { WhyBox } from "./task_why";

const VIEWS: [string, string][] = [
  ["graph", "Graph"],
  ["timeline", "Timeline"],
  ["steps", "Steps"],
  ["data", "Data"],
  ["history", "History"],
];

/** The task with a newer snapshot of its states laid over it. */
export function overlay(task: TaskDetail, running: Running): TaskDetail {
  const news = new Map(running.steps.map((step) => [step.step_uuid, step]));
  const counts = Object.fromEntries(
    Object.entries(running.counts).filter(([name, value]) => name in task && value !== null),
  );
  return {
    ...task,
    ...counts,
    state: running.state,
    execution_status: running.execution_status,
    steps: task.steps.map((step) => {
      const change = news.get(step.step_uuid);
      return change
        ? { ...step, current_state: change.current_state, attempt: change.attempt }
        : step;
    }),
  };
}

/** Left and right go from tab to tab, as readers of screens expect. */
function arrows(event: KeyboardEvent): void {
  const here = event.currentTarget as HTMLElement;
  const next =
    event.key === "ArrowRight"
      ? here.nextElementSibling
      : event.key === "ArrowLeft"
        ? here.previousElementSibling
        : null;
  if (next instanceof HTMLElement) {
    next.focus();
    next.click();
  }
}

function pathFor(uuid: string): string {
  return `/v1/tasks/${encodeURIComponent(uuid)}`;
}

function useTask(uuid: string, withHistory: boolean) {
  const path = pathFor(uuid);
  const task = useResource((signal) => ask<TaskDetail>(path, { signal }), `task ${uuid}`, 500);
  const why = useResource((signal) => ask<Why>(`${path}/why`, { signal }), `why ${uuid}`, 1000);
  const history = useResource(
    (signal) => ask<Change[]>(`${path}/history`, { signal }),
    `history ${uuid}`,
    1000,
    withHistory,
  );
  useEffect(() => {
    const all = [task, why, history];
    return follow(`/v1/events?task_uuid=${encodeURIComponent(uuid)}`, {
      opened: (again) => {
        if (again) {
          for (const resource of all) {
            void resource.refresh();
          }
        }
      },
      event: (event) => {
        if (event.kind === "running" && task.data.value) {
          const running = decode(event.data) as Running;
          const known = task.data.value;
          task.data.value = overlay(known, running);
          if (running.state !== known.state) {
            for (const resource of all) {
              resource.soon();
            }
          }
          return;
        }
        for (const resource of all) {
          resource.soon();
        }
      },
    });
  }, [uuid, task, why, history]);
  return { task, why, history };
}

export function TaskPage({ uuid }: { uuid: string }) {
  const { query } = route.value;
  const view = VIEWS.find(([word]) => word === query.get("view"))?.[0] ?? "graph";
  const { task, why, history } = useTask(uuid, view === "timeline" || view === "history");
  const data = task.data.value;
  const chosen = data?.steps.find((step) => step.step_uuid === query.get("step")) ?? null;
  const show = (change: { view?: string; step?: string | null }) =>
    replace(
      hrefOf(["tasks", uuid], {
        view: change.view ?? (view === "graph" ? undefined : view),
        step: change.step === null ? undefined : (change.step ?? chosen?.step_uuid),
      }),
    );
  const move = (by: number) => {
    const steps = data?.steps ?? [];
    const index = steps.findIndex((step) => step.step_uuid === chosen?.step_uuid);
    const next = steps[Math.max(0, Math.min(steps.length - 1, index + by))];
    if (next) {
      show({ step: next.step_uuid });
    }
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    Escape: () => show({ step: null }),
    u: () => go("#/tasks"),
  });
  useEffect(() => {
    if (data) {
      document.title = `${data.name} · Tasker`;
    }
  }, [data?.name]);
  const refresh = () => {
    void task.refresh();
    void why.refresh();
    void history.refresh();
  };
  if (data === null) {
    const error = task.error.value;
    return error ? <Trouble error={error} retry={refresh} /> : <Loading />;
  }
  const select = (step: Step | null) => show({ step: step === null ? null : step.step_uuid });
  return (
    <div class="page">
      <Head task={data} />
      <TaskActions task={data} done={refresh} />
      {why.data.value && !taskEnded(data.state) && (
        <WhyBox why={why.data.value} select={(step) => show({ step })} />
      )}
      <div class="tabs" role="tablist" aria-label="Views">
        {VIEWS.map(([word, label]) => (
          <button
            key={word}
            type="button"
            role="tab"
            id={`tab-${word}`}
            aria-selected={word === view}
            aria-controls="view"
            tabIndex={word === view ? 0 : -1}
            onKeyDown={arrows}
            onClick={() => show({ view: word })}
          >
            {label}
          </button>
        ))}
      </div>
      <div class={chosen ? "split with-side" : "split"}>
        <div id="view" class="view" role="tabpanel" aria-labelledby={`tab-${view}`}>
          {view === "graph" && <TaskGraph task={data} chosen={chosen} select={select} />}
          {view === "timeline" && (
            <TimelineView history={history} chosen={chosen} select={(step) => show({ step })} />
          )}
          {view === "steps" && <StepTable steps={data.steps} chosen={chosen} select={select} />}
          {view === "data" && <Data task={data} />}
          {view === "history" && <History history={history} />}
        </div>
        {chosen && (
          <StepPanel
            key={chosen.step_uuid}
            task={data}
            step={chosen}
            why={why.data.value?.steps.find((step) => step.step_uuid === chosen.step_uuid) ?? null}
            close={() => select(null)}
            done={refresh}
          />
        )}
      </div>
    </div>
  );
}

function Head({ task }: { task: TaskDetail }) {
  const end = task.completed_at ?? (taskEnded(task.state) ? task.updated_at : null);
  const took = (end === null ? now.value : millis(end)) - millis(task.created_at);
  const template = hrefOf(["templates", task.namespace, task.name, task.version]);
  return (
    <header class="task-summary">
      <div class="page-head">
        <h1>
          <a href={hrefOf(["tasks"], { namespace: task.namespace })} class="faint">
            <Text>{task.namespace}</Text>
          </a>
          <span class="faint"> / </span>
          <Text>{task.name}</Text>
        </h1>
        <State state={task.state} />
        <Progress task={task} />
      </div>
      <dl class="facts">
        <Fact label="Task">
          <code>{task.task_uuid}</code> <Copy text={task.task_uuid} what="the task's id" />
        </Fact>
        <Fact label="Template">
          <a href={template}>
            {task.version}, revision {task.template_revision}
          </a>
        </Fact>
        <Fact label="Created">
          <At at={task.created_at} /> (<Ago at={task.created_at} />)
        </Fact>
        <Fact label={end === null ? "Has taken" : "Took"}>{duration(took)}</Fact>
        {task.next_at && !end && (
          <Fact label="Goes on">
            <Ago at={task.next_at} />
          </Fact>
        )}
        {task.priority !== 0 && <Fact label="Priority">{String(task.priority)}</Fact>}
        {task.initiator && (
          <Fact label="By">
            <Text>{task.initiator}</Text>
          </Fact>
        )}
        {task.source_system && (
          <Fact label="From">
            <Text>{task.source_system}</Text>
          </Fact>
        )}
        {task.reason && (
          <Fact label="Reason">
            <Text>{task.reason}</Text>
          </Fact>
        )}
        {task.tags.length > 0 && (
          <Fact label="Tags">
            {task.tags.map((tag) => (
              <a key={tag} class="tag" href={hrefOf(["tasks"], { tag })}>
                <Text max={40}>{tag}</Text>
              </a>
            ))}
          </Fact>
        )}
        <Fact label="Correlated">
          <a href={hrefOf(["tasks"], { correlation_id: task.correlation_id })}>
            {task.correlation_id === task.task_uuid ? "tasks that name this one" : "same origin"}
          </a>
          {task.parent_correlation_id && (
            <>
              {" · "}
              <a href={hrefOf(["tasks"], { correlation_id: task.parent_correlation_id })}>parent</a>
            </>
          )}
        </Fact>
      </dl>
    </header>
  );
}

function Fact({ label, children }: { label: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Data({ task }: { task: TaskDetail }) {
  const withResult = task.steps.filter((step) => !step.result.isNull);
  return (
    <>
      <section class="panel">
        <header class="panel-head">
          <h2>Context</h2>
        </header>
        <JsonView payload={task.context} label="Context" />
      </section>
      <section class="panel">
        <header class="panel-head">
          <h2>Results</h2>
        </header>
        {withResult.length === 0 && <p class="quiet">No step has returned a result yet.</p>}
        {withResult.slice(0, 200).map((step) => (
          <details key={step.step_uuid} open={withResult.length <= 8}>
            <summary>
              <Text>{step.name}</Text>
            </summary>
            <JsonView payload={step.result} label={`Result of ${step.name}`} />
          </details>
        ))}
        {withResult.length > 200 && (
          <p class="quiet">Choose a step in the graph to see the results of the others.</p>
        )}
      </section>
    </>
  );
}

export function StepTable(props: {
  steps: Step[];
  chosen: Step | null;
  select: (step: Step) => void;
}) {
  const shown = props.steps.slice(0, 300);
  return (
    <section class="panel scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Step</th>
            <th scope="col" class="minor">
              Handler
            </th>
            <th scope="col" class="number">
              Attempts
            </th>
            <th scope="col" class="minor">
              Changed
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((step) => (
            <tr
              key={step.step_uuid}
              class={step.step_uuid === props.chosen?.step_uuid ? "current" : undefined}
            >
              <td>
                <State state={step.current_state} />
              </td>
              <td>
                <button type="button" class="link" onClick={() => props.select(step)}>
                  <Text>{step.name}</Text>
                </button>
                {step.error && (
                  <small class="error-line">
                    <Text max={160}>{step.error.message ?? ""}</Text>
                  </small>
                )}
              </td>
              <td class="minor">
                <Text>{step.callable}</Text>
              </td>
              <td class="number">
                {step.attempts}
                <span class="faint">/{step.max_attempts}</span>
              </td>
              <td class="minor">
                <Ago at={step.updated_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {props.steps.length > shown.length && (
        <p class="quiet">
          {props.steps.length - shown.length} more steps: choose a group in the graph.
        </p>
      )}
    </section>
  );
}
