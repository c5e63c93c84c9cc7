import { describe, expect, it } from "vitest";
import { bytes, count, duration, exact, mark, millis, relative, things } from "../src/lib/time";

describe("a length of time", () => {
  it.each([
    [0, "0 µs"],
    [0.0124, "12 µs"],
    [1, "1.0 ms"],
    [9.96, "10.0 ms"],
    [999.4, "999 ms"],
    [1000, "1.00 s"],
    [59_900, "59.9 s"],
    [60_000, "1 min"],
    [61_500, "1 min 1 s"],
    [3_600_000, "1 h"],
    [90_061_000, "1 d 1 h"],
    [-5, "0 µs"],
  ])("%d ms is %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe("a place on an axis", () => {
  it("has no zeros behind the point", () => {
    expect([0, 5000, 2500, 10, 1, 60_000].map(mark)).toEqual([
      "0",
      "5 s",
      "2.50 s",
      "10 ms",
      "1 ms",
      "1 min",
    ]);
  });
});

describe("a time", () => {
  it("keeps its microseconds", () => {
    expect(millis("1970-01-01T00:00:01.000250Z")).toBe(1000.25);
    expect(millis("1970-01-01T00:00:01Z")).toBe(1000);
  });

  it("is told by its distance", () => {
    expect(relative(1000, 2000)).toBe("now");
    expect(relative(0, 119_000)).toBe("1 min ago");
    expect(relative(5_000_000, 0)).toBe("in 1 h");
  });

  it("says UTC on hover", () => {
    expect(exact("2026-11-24T03:41:21.238410Z")).toContain("2026-11-24 03:41:21.238410 UTC");
  });
});

describe("numbers", () => {
  it("tell when they are a lower bound", () => {
    expect(count(10_000, false)).toMatch(/^10.000\+$/);
    expect(count(7)).toBe("7");
    expect([things(1, "step"), things(0, "step")]).toEqual(["1 step", "0 steps"]);
  });

  it("of bytes have a unit", () => {
    expect(bytes(0)).toBe("0 B");
    expect(bytes(1536)).toBe("1.5 KiB");
    expect(bytes(24 * 1024 * 1024)).toBe("24 MiB");
  });
});
