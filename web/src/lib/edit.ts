// JSON that a person edits: where it is wrong, by line.

import { check, JsonError } from "../api/decode";

/** What is wrong with a text as JSON, or null. */
export function jsonProblem(text: string, want: "object" | "any" = "any"): string | null {
  try {
    check(text);
  } catch (error) {
    if (error instanceof JsonError) {
      const before = text.slice(0, error.at).split("\n");
      const what = error.message.replace(/ \(character \d+\)$/, "");
      return `line ${before.length}, character ${(before.at(-1)?.length ?? 0) + 1}: ${what}`;
    }
    return String(error);
  }
  return want === "object" && !text.trimStart().startsWith("{") ? "expected an object, {…}" : null;
}
