import { describe, expect, it } from "vitest";
import { filterOf, isUuid, parseSearch, printSearch, taskOf } from "../src/lib/filter";
import { hrefOf, parseRoute } from "../src/lib/route";

describe("the words of the search field", () => {
  it.each([
    ["state:blocked", { state: "blocked_by_failures" }],
    ["billing/invoice:1.2.0", { namespace: "billing", name: "invoice", version: "1.2.0" }],
    ["billing/", { namespace: "billing" }],
    ["invoice", { name: "invoice" }],
    [
      "ns:billing tag:eu key:order-7",
      { namespace: "billing", tag: "eu", idempotency_key: "order-7" },
    ],
    ['tag:"two words"', { tag: "two words" }],
    ["", {}],
  ])("%s", (text, filter) => {
    expect(parseSearch(text)).toEqual(filter);
  });

  it("are what a filter prints", () => {
    const filter = {
      state: "running",
      namespace: "billing",
      tag: "two words",
      created_after: "2026-01-31T08:00:00Z",
    };
    expect(parseSearch(printSearch(filter))).toEqual(filter);
  });
});

describe("an id", () => {
  it("of a step leads to its task", () => {
    expect(isUuid(" 01a20bc2-fcdc-78fd-8dd6-2a3046620003 ")).toBe(true);
    expect(isUuid("01a20bc2")).toBe(false);
    expect(taskOf("01A20BC2-fcdc-78fd-8dd6-2a3046620003")).toBe(
      "01a20bc2-fcdc-78fd-8dd6-2a3046620000",
    );
  });
});

describe("an address", () => {
  it("holds the filter", () => {
    const href = hrefOf(["tasks"], { state: "running", tag: "a&b=c/d ü", name: undefined });
    const route = parseRoute(href);
    expect(route.path).toEqual(["tasks"]);
    expect(filterOf(route.query)).toEqual({ state: "running", tag: "a&b=c/d ü" });
  });

  it("holds names with any characters", () => {
    const path = ["templates", "a/b", "c?d#e", "1%0"];
    expect(parseRoute(hrefOf(path)).path).toEqual(path);
    expect(parseRoute("#/tasks/%zz").path).toEqual(["tasks", "%zz"]);
  });
});
