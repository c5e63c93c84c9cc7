import { describe, expect, it } from "vitest";
import { windowOf } from "../src/ui/list";

describe("the window of a list", () => {
  it("draws what is seen and a little around", () => {
    expect(windowOf(1_000_000, 44, 44_000, 800)).toEqual({ from: 988, to: 1031 });
  });

  it("stays within the list", () => {
    expect(windowOf(5, 44, 0, 800)).toEqual({ from: 0, to: 5 });
    expect(windowOf(0, 44, 0, 800)).toEqual({ from: 0, to: 0 });
    expect(windowOf(10, 44, 100_000, 800)).toEqual({ from: 10, to: 10 });
  });
});
