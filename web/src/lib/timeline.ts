// When each attempt of each step waited and ran, read from the history of a task.

import type { Change } from "../api/types";
import type { Look } from "./states";
import { millis } from "./time";

export interface Bar {
  kind: "wait" | "run";
  look: Look;
  from: number; // milliseconds
  to: number | null; // null: it goes on
  attempt: number;
  worker: number | null;
  text: string;
}

export interface Line {
  step: string;
  uuid: string;
  bars: Bar[];
}

export interface Timeline {
  from: number;
  to: number;
  lines: Line[];
}

/** What an attempt's end was, by the state it went to. */
function endOf(change: Change): { look: Look; text: string } {
  if (change.to === "enqueued_for_orchestration" || change.to === "complete") {
    return { look: "done", text: "complete" };
  }
  if (change.to === "cancelled") {
    return { look: "ended", text: "cancelled" };
  }
  if (change.to === "resolved_manually") {
    return { look: "manual", text: "resolved" };
  }
  return { look: "failed", text: change.error?.message ?? "failed" };
}

class LineReader {
  readonly bars: Bar[] = [];
  private open: Bar | null = null;

  take(change: Change): void {
    const at = millis(change.at);
    this.close(change, at);
    if (change.to === "enqueued" || change.to === "waiting_for_retry") {
      this.begin("wait", at, change, change.to === "enqueued" ? "ready" : "retry");
    } else if (change.to === "in_progress") {
      this.begin("run", at, change, "running");
    }
  }

  private begin(kind: Bar["kind"], from: number, change: Change, look: Look): void {
    this.open = {
      kind,
      look,
      from,
      to: null,
      attempt: change.attempt ?? 0,
      worker: change.worker ?? null,
      text: look === "ready" ? "waits for a worker" : look === "retry" ? "waits to retry" : "runs",
    };
    this.bars.push(this.open);
  }

  private close(change: Change, at: number): void {
    if (this.open === null) {
      return;
    }
    this.open.to = at;
    if (this.open.kind === "run") {
      Object.assign(this.open, endOf(change));
    }
    this.open = null;
  }
}

export function timelineOf(changes: Change[], nowMs: number): Timeline {
  const readers = new Map<string, { uuid: string; reader: LineReader }>();
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const change of changes) {
    const at = millis(change.at);
    from = Math.min(from, at);
    to = Math.max(to, at);
    if (change.entity === "step" && change.step !== undefined) {
      const known = readers.get(change.step) ?? {
        uuid: change.step_uuid ?? "",
        reader: new LineReader(),
      };
      readers.set(change.step, known);
      known.reader.take(change);
    }
  }
  const lines = [...readers].map(([step, { uuid, reader }]) => ({
    step,
    uuid,
    bars: reader.bars.filter((bar) => bar.to === null || bar.to > bar.from || bar.kind === "run"),
  }));
  const goesOn = lines.some((line) => line.bars.some((bar) => bar.to === null));
  return { from, to: Math.max(goesOn ? nowMs : to, from + 1), lines };
}

/** Where a time is between two others, in percent. */
export function percent(at: number, timeline: Timeline): number {
  return (100 * (at - timeline.from)) / (timeline.to - timeline.from);
}

/** Round distances for the axis, at most `most` of them. */
export function ticksOf(spanMs: number, most = 6): number[] {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400];
  const candidates = [
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    ...steps.map((seconds) => seconds * 1000),
  ];
  const gap =
    candidates.find((candidate) => spanMs / candidate <= most) ??
    Math.ceil(spanMs / most / 86_400_000) * 86_400_000;
  const ticks: number[] = [];
  for (let at = 0; at <= spanMs && ticks.length <= most; at += gap) {
    ticks.push(at);
  }
  return ticks;
}
