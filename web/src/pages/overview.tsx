// How everything is: what runs, waits and fails now, and how it went over the last while.

import { useEffect } from "preact/hooks";
import { ask, pathOf } from "../api/client";
import { decode } from "../api/decode";
import { follow } from "../api/stream";
import type { Counts, Performance, Template, Worker } from "../api/types";
import { now } from "../lib/clock";
import { useResource } from "../lib/resource";
import { hrefOf, replace, route } from "../lib/route";
import { count, duration, mark, millis, things } from "../lib/time";
import { Empty, Loading, State, Trouble } from "../ui/bits";
import { Chart } from "../ui/chart";
import { Namespaces } from "./overview_namespaces";
import { Queues } from "./overview_queues";
import { Steps } from "./overview_steps";
import { isWell } from "./workers";

const SPANS: { word: string; label: string; minutes: number }[] = [
  { word: "15m", label: "15 min", minutes: 15 },
  { word: "1h", label: "1 h", minutes: 60 },
  { word: "24h", label: "24 h", minutes: 1440 },
  { word: "7d", label: "7 d", minutes: 10_080 },
];

interface Data {
  counts: Counts;
  templates: Template[];
}

async function load(signal: AbortSignal): Promise<Data> {
  const [counts, templates] = await Promise.all([
    ask<Counts>("/v1/counts", { signal }),
    ask<Template[]>("/v1/templates", { signal }),
  ]);
  return { counts, templates };
}

function same(one: Counts, other: Counts): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

export function Overview() {
  const word = route.value.query.get("span") ?? "1h";
  const span = SPANS.find((known) => known.word === word) ?? SPANS[1];
  const minutes = span?.minutes ?? 60;
  const resource = useResource(load, "overview");
  const workers = useResource(
    (signal) => ask<Worker[]>("/v1/workers", { signal }),
    "workers",
    2000,
  );
  // A chart of an hour need not move every second.
  const performance = useResource(
    (signal) => ask<Performance>(pathOf("/v1/analytics/performance", { minutes }), { signal }),
    `performance ${minutes}`,
    Math.max(2000, (minutes * 60_000) / 400),
  );
  useEffect(
    () =>
      follow("/v1/events?kind=counts", {
        opened: (again) => {
          if (again) {
            void resource.refresh();
            void workers.refresh();
            void performance.refresh();
          }
        },
        event: (event) => {
          const known = resource.data.value;
          if (event.kind !== "counts" || known === null) {
            return;
          }
          const counts = decode(event.data) as Counts;
          if (!same(counts, known.counts)) {
            resource.data.value = { ...known, counts };
            workers.soon();
            performance.soon();
          }
        },
      }),
    [resource, workers, performance],
  );

  const data = resource.data.value;
  if (data === null) {
    const error = resource.error.value;
    return error ? <Trouble error={error} retry={() => void resource.refresh()} /> : <Loading />;
  }
  if (data.templates.length === 0 && (data.counts.tasks["total"] ?? 0) === 0) {
    return <FirstSteps />;
  }
  return (
    <div class="page">
      <h1 class="sr">Overview</h1>
      <Tiles counts={data.counts} workers={workers.data.value} />
      <section class="panel" aria-label="Charts">
        <header class="panel-head">
          <h2>How it went</h2>
          <fieldset class="segments">
            <legend class="sr">Over how long</legend>
            {SPANS.map((known) => (
              <button
                key={known.word}
                type="button"
                aria-pressed={known.word === span?.word}
                onClick={() => replace(hrefOf([], { span: known.word }))}
              >
                {known.label}
              </button>
            ))}
          </fieldset>
        </header>
        {performance.data.value ? (
          <Charts performance={performance.data.value} minutes={minutes} />
        ) : performance.error.value ? (
          <Trouble error={performance.error.value} retry={() => void performance.refresh()} />
        ) : (
          <Loading />
        )}
      </section>
      <div class="columns pairs">
        <Queues queues={data.counts.queues} />
        <Namespaces counts={data.counts} templates={data.templates} />
        <Steps minutes={minutes} tick={performance.data.value?.to ?? ""} />
      </div>
    </div>
  );
}

function FirstSteps() {
  return (
    <Empty
      title="Nothing is here yet"
      command="tasker template put my_templates && tasker submit my_namespace/my_task --context '{}'"
    >
      <p>
        Register templates and submit a task; a worker that has the handlers runs its steps. Or let
        the examples show it: <code>make demo</code>
      </p>
    </Empty>
  );
}

interface TileProps {
  label: string;
  value: string;
  note?: string | undefined;
  href?: string;
  state?: string;
  alarm?: boolean;
}

function Tile({ label, value, note, href, state, alarm }: TileProps) {
  const content = (
    <>
      <span class="tile-label">{state ? <State state={state} /> : label}</span>
      <span class="tile-value">{value}</span>
      <span class="tile-note">{note ?? "\u00a0"}</span>
    </>
  );
  const look = alarm ? "tile alarm" : "tile";
  return href ? (
    <a class={look} href={href}>
      {content}
    </a>
  ) : (
    <div class={look}>{content}</div>
  );
}

function Tiles({ counts, workers }: { counts: Counts; workers: Worker[] | null }) {
  const { tasks, steps, queues } = counts;
  const oldest = queues
    .map((queue) => queue.oldest_at)
    .filter((at): at is string => at !== null)
    .sort()[0];
  const running = (workers ?? []).filter(isWell);
  const lost = (workers ?? []).length - running.length;
  const blocked = tasks["blocked_by_failures"] ?? 0;
  return (
    <section class="tiles" aria-label="Now">
      <Tile
        label="running"
        state="running"
        value={count(tasks["running"] ?? 0)}
        note={`tasks · ${things(steps.running, "step")} at work`}
        href={hrefOf(["tasks"], { state: "running" })}
      />
      <Tile
        label="blocked"
        state="blocked_by_failures"
        value={count(blocked)}
        note={blocked > 0 ? "need a person" : "nothing to repair"}
        href="#/failures"
        alarm={blocked > 0}
      />
      <Tile
        label="complete"
        state="complete"
        value={count(tasks["complete"] ?? 0)}
        note={`of ${count(tasks["total"] ?? 0)} tasks`}
        href={hrefOf(["tasks"], { state: "complete" })}
      />
      <Tile
        label="Waiting"
        value={count(steps.ready)}
        note={`steps · ${count(steps.later)} wait for a time`}
      />
      <Tile
        label="Oldest waiting"
        value={oldest ? duration(Math.max(0, now.value - millis(oldest))) : "none"}
        note={oldest ? "has waited" : "all is taken"}
      />
      <Tile
        label="Without a worker"
        value={count(steps.no_worker)}
        note={steps.no_worker > 0 ? "no worker knows their handler" : "every step has one"}
        alarm={steps.no_worker > 0}
        href="#/workers"
      />
      <Tile
        label="Workers"
        value={workers === null ? "…" : count(running.length)}
        note={lost > 0 ? `${lost} do not answer` : running.length > 0 ? "all well" : "none runs"}
        href="#/workers"
        alarm={workers !== null && (lost > 0 || running.length === 0)}
      />
    </section>
  );
}

function Charts({ performance, minutes }: { performance: Performance; minutes: number }) {
  const { portions, total } = performance;
  const at = portions.map((portion) => millis(portion.at) / 1000);
  const to = Math.floor(now.value / 10_000) * 10;
  const frame = { at, from: to - minutes * 60, to };
  const perSecond = (pick: (portion: (typeof portions)[number]) => number) =>
    portions.map((portion) => pick(portion) / performance.portion_seconds);
  const rate = (value: number) => `${value >= 10 ? Math.round(value) : Number(value.toFixed(2))}/s`;
  return (
    <>
      <div class="charts">
        <Chart
          title="Tasks"
          {...frame}
          format={rate}
          series={[
            { label: "submitted", colour: "accent", values: perSecond((p) => p.submitted) },
            {
              label: "completed",
              colour: "done",
              values: perSecond((p) => p.completed),
              fill: true,
            },
          ]}
        />
        <Chart
          title="Steps"
          {...frame}
          format={rate}
          series={[
            { label: "ended", colour: "accent", values: perSecond((p) => p.steps), fill: true },
            { label: "failed", colour: "failed", values: perSecond((p) => p.failed_steps) },
          ]}
        />
        <Latency
          title="A task takes"
          frame={frame}
          pick={(p) => p.task_ms}
          performance={performance}
        />
        <Latency
          title="A step takes"
          frame={frame}
          pick={(p) => p.step_ms}
          performance={performance}
        />
        <Latency
          title="A step waits"
          frame={frame}
          pick={(p) => p.wait_ms}
          performance={performance}
        />
      </div>
      <p class="faint totals">
        In this time: {count(total.submitted)} submitted, {count(total.completed)} completed,{" "}
        {count(total.steps)} attempts of steps, {count(total.failed_steps)} of them failed.
      </p>
    </>
  );
}

interface LatencyProps {
  title: string;
  frame: { at: number[]; from: number; to: number };
  pick: (
    portion: Performance["portions"][number] | Performance["total"],
  ) => Performance["total"]["task_ms"];
  performance: Performance;
}

function Latency({ title, frame, pick, performance }: LatencyProps) {
  const values = (name: "p50" | "p95" | "p99") =>
    performance.portions.map((portion) => pick(portion)?.[name] ?? null);
  const total = pick(performance.total);
  const p50 = total?.p50 ?? null;
  return (
    <Chart
      title={p50 === null ? title : `${title} ${duration(p50)}`}
      {...frame}
      format={mark}
      series={[
        { label: "P99", colour: "p99", values: values("p99"), dash: [2, 3], points: true },
        { label: "P95", colour: "p95", values: values("p95"), dash: [6, 3], points: true },
        { label: "P50", colour: "accent", values: values("p50"), points: true },
      ]}
    />
  );
}
