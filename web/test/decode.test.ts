import { describe, expect, it } from "vitest";
import { check, decode, JsonError, type Payload } from "../src/api/decode";

describe("decode", () => {
  it("reads what the server says of a task", () => {
    const text = '{"task_uuid":"u","total_steps":4,"tags":["a"],"completed_at":null,"ok":true}';
    expect({ ...(decode(text) as object) }).toEqual({
      task_uuid: "u",
      total_steps: 4,
      tags: ["a"],
      completed_at: null,
      ok: true,
    });
  });

  it("keeps a payload as the very text it came as", () => {
    const context = '{"n": 18446744073709551616, "d":1.50,"2":1,"1":2, "n":0.1e400}';
    const read = decode(`{"context":${context},"result":null}`) as Record<string, Payload>;
    expect(read["context"]?.text).toBe(context);
    expect(read["result"]?.isNull).toBe(true);
  });

  it("gives members with dangerous names no power", () => {
    const read = decode('{"__proto__":{"polluted":1},"constructor":2}') as Record<string, unknown>;
    expect(read["constructor"]).toBe(2);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.getPrototypeOf(read)).toBeNull();
  });

  it("reads escapes and surrogates", () => {
    expect(decode('["\\u0041\\n\\"\\ud83d\\ude00"]')).toEqual(['A\n"😀']);
  });

  it.each([
    ["", "the JSON ends too early", 0],
    ["[1,]", "expected a JSON value", 3],
    ['{"a" 1}', "expected :", 5],
    ["[01]", "expected ]", 2],
    ['["a\nb"]', "a control character stands in a string", 1],
    ['"\\x"', "a string has an escape that JSON does not know", 0],
    ["{} {}", "something follows the JSON", 3],
    ['"abc', "the JSON ends too early", 4],
    ["nul", "expected a JSON value", 0],
  ])("refuses %j: %s", (text, message, at) => {
    const error = (() => {
      try {
        check(text);
        return null;
      } catch (problem) {
        return problem as JsonError;
      }
    })();
    expect(error).toBeInstanceOf(JsonError);
    expect(error?.message).toContain(message);
    expect(error?.at).toBe(at);
  });
});
