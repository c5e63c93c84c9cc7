import { describe, expect, it } from "vitest";
import { Payload } from "../src/api/decode";
import type { Step, Task } from "../src/api/types";
import { failuresOf, groupFailures } from "../src/lib/failures";

const task = (name: string, uuid: string) => ({ task_uuid: uuid, namespace: "n", name }) as Task;
const step = (name: string, state: string, type: string | null, second: number) =>
  ({
    step_uuid: `${name}${second}`,
    name,
    current_state: state,
    updated_at: `2026-01-01T00:00:${String(second).padStart(2, "0")}Z`,
    result: new Payload("null"),
    error: type === null ? null : { message: `m${second}`, error_type: type },
  }) as Step;

describe("failures", () => {
  it("that are alike are one group, the largest first, the newest told", () => {
    const failures = [
      ...failuresOf(task("a", "1"), [step("pay", "error", "Declined", 1)]),
      ...failuresOf(task("a", "2"), [
        step("pay", "error", "Timeout", 5),
        step("ship", "complete", null, 6),
      ]),
      ...failuresOf(task("a", "3"), [step("pay", "error", "Declined", 9)]),
    ];
    const groups = groupFailures(failures);
    expect(groups.map((group) => [group.errorClass, group.failures.length])).toEqual([
      ["Declined", 2],
      ["Timeout", 1],
    ]);
    expect(groups[0]?.message).toBe("m9");
    expect(groups[0]?.failures[0]?.task.task_uuid).toBe("3");
  });
});
