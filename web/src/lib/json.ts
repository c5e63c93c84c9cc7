// A payload as a tree that keeps what was written: numbers as text, members in order, twice if twice.

import { Scanner } from "../api/decode";

export type Node =
  | { kind: "object"; entries: [string, Node][] }
  | { kind: "array"; items: Node[] }
  | { kind: "string"; value: string }
  | { kind: "number"; text: string }
  | { kind: "word"; text: "true" | "false" | "null" };

function node(scan: Scanner): Node {
  switch (scan.text[scan.at]) {
    case "{": {
      const entries: [string, Node][] = [];
      scan.elements("}", () => {
        const name = scan.string();
        scan.space();
        scan.need(":");
        scan.space();
        entries.push([name, node(scan)]);
      });
      return { kind: "object", entries };
    }
    case "[": {
      const items: Node[] = [];
      scan.elements("]", () => items.push(node(scan)));
      return { kind: "array", items };
    }
    case '"':
      return { kind: "string", value: scan.string() };
    case "t":
      scan.word("true");
      return { kind: "word", text: "true" };
    case "f":
      scan.word("false");
      return { kind: "word", text: "false" };
    case "n":
      scan.word("null");
      return { kind: "word", text: "null" };
    default:
      return { kind: "number", text: scan.number() };
  }
}

/** Reads JSON text; throws JsonError. */
export function parse(text: string): Node {
  const scan = new Scanner(text);
  scan.space();
  const read = node(scan);
  scan.end();
  return read;
}

export function sizeOf(value: Node): number {
  return value.kind === "object"
    ? value.entries.length
    : value.kind === "array"
      ? value.items.length
      : 0;
}

/** JSON text again, indented; numbers as they were written. */
export function print(value: Node, indent = ""): string {
  const inner = `${indent}  `;
  switch (value.kind) {
    case "object": {
      const lines = value.entries.map(
        ([name, item]) => `${inner}${JSON.stringify(name)}: ${print(item, inner)}`,
      );
      return lines.length > 0 ? `{\n${lines.join(",\n")}\n${indent}}` : "{}";
    }
    case "array": {
      const lines = value.items.map((item) => inner + print(item, inner));
      return lines.length > 0 ? `[\n${lines.join(",\n")}\n${indent}]` : "[]";
    }
    case "string":
      return JSON.stringify(value.value);
    default:
      return value.text;
  }
}

/** The member of an object, the last one of its name; undefined when there is none. */
export function member(value: Node, name: string): Node | undefined {
  return value.kind === "object"
    ? value.entries.findLast(([known]) => known === name)?.[1]
    : undefined;
}

/** A short reading for one line: {4}, [12], "text", 1.50. */
export function brief(value: Node, length = 60): string {
  switch (value.kind) {
    case "object":
      return value.entries.length === 0 ? "{}" : `{${value.entries.length}}`;
    case "array":
      return value.items.length === 0 ? "[]" : `[${value.items.length}]`;
    case "string":
      return JSON.stringify(
        value.value.length > length ? `${value.value.slice(0, length)}…` : value.value,
      );
    default:
      return value.text;
  }
}
