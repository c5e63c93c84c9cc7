import { describe, expect, it } from "vitest";
import type { Change } from "../src/api/types";
import { percent, ticksOf, timelineOf } from "../src/lib/timeline";

const at = (ms: number) => new Date(ms).toISOString();
const change = (ms: number, to: string, more: Partial<Change> = {}): Change => ({
  at: at(ms),
  n: 1,
  entity: "step",
  step: "pay",
  step_uuid: "u1",
  from: null,
  to,
  event: "",
  ...more,
});

describe("the timeline", () => {
  const changes = [
    change(0, "pending", { entity: "task" }),
    change(0, "pending"),
    change(0, "enqueued"),
    change(10, "in_progress", { attempt: 1, worker: 3 }),
    change(30, "enqueued_as_error_for_orchestration", {
      attempt: 1,
      error: { message: "declined" },
    }),
    change(30, "waiting_for_retry", { attempt: 1 }),
    change(90, "pending"),
    change(90, "enqueued"),
    change(91, "in_progress", { attempt: 2 }),
    change(100, "enqueued_for_orchestration", { attempt: 2 }),
    change(100, "complete", { attempt: 2 }),
  ];

  it("shows when each attempt waited and ran", () => {
    const { lines, from, to } = timelineOf(changes, 5000);
    expect([from, to]).toEqual([0, 100]);
    expect(lines.length).toBe(1);
    expect(lines[0]?.bars.map((bar) => [bar.kind, bar.look, bar.from, bar.to])).toEqual([
      ["wait", "ready", 0, 10],
      ["run", "failed", 10, 30],
      ["wait", "retry", 30, 90],
      ["wait", "ready", 90, 91],
      ["run", "done", 91, 100],
    ]);
    expect(lines[0]?.bars[1]?.text).toBe("declined");
    expect(lines[0]?.bars[1]?.worker).toBe(3);
  });

  it("goes on to now while a step runs", () => {
    const timeline = timelineOf(changes.slice(0, 4), 200);
    expect(timeline.to).toBe(200);
    expect(timeline.lines[0]?.bars.at(-1)?.to).toBeNull();
    expect(percent(100, timeline)).toBe(50);
  });

  it("has few and round ticks", () => {
    expect(ticksOf(100)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(ticksOf(90_000)).toEqual([0, 15_000, 30_000, 45_000, 60_000, 75_000, 90_000]);
    expect(ticksOf(40 * 86_400_000).length).toBeLessThanOrEqual(7);
  });
});
