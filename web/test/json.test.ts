import { describe, expect, it } from "vitest";
import { body } from "../src/api/acts";
import { Payload } from "../src/api/decode";
import { jsonProblem } from "../src/lib/edit";
import { brief, member, parse, print } from "../src/lib/json";

describe("a payload", () => {
  it("keeps numbers of any size, order and repeated members", () => {
    const text = '{"b":18446744073709551616,"10":1.50,"2":-0,"a":1E+400,"a":[]}';
    const printed = print(parse(text));
    expect(printed.replace(/\s/g, "")).toBe(text);
  });

  it("is indented", () => {
    expect(print(parse('{"a":[1,{}],"s":"x"}'))).toBe(
      '{\n  "a": [\n    1,\n    {}\n  ],\n  "s": "x"\n}',
    );
  });

  it("finds the last member of a name", () => {
    expect(member(parse('{"a":1,"a":2}'), "a")).toEqual({ kind: "number", text: "2" });
    expect(member(parse("[]"), "a")).toBeUndefined();
  });

  it("has a brief reading", () => {
    expect(brief(parse("[1,2]"))).toBe("[2]");
    expect(brief(parse(`"${"x".repeat(100)}"`), 5)).toBe('"xxxxx…"');
    expect(brief(parse("1.50"))).toBe("1.50");
  });
});

describe("a body", () => {
  it("takes payloads as they are written and leaves out what is empty", () => {
    const context = new Payload('{"n":18446744073709551616}');
    expect(body({ context, reason: "", actor: null })).toBe(
      '{"context":{"n":18446744073709551616}}',
    );
    expect(body({ reason: 'a "b"' })).toBe('{"reason":"a \\"b\\""}');
  });
});

describe("edited JSON", () => {
  it("is told where it is wrong", () => {
    expect(jsonProblem('{"a": 1}')).toBeNull();
    expect(jsonProblem('{\n  "a": x\n}')).toBe("line 2, character 8: expected a JSON value");
    expect(jsonProblem("[1]", "object")).toBe("expected an object, {…}");
    expect(jsonProblem(' {"a":1} ', "object")).toBeNull();
  });
});
