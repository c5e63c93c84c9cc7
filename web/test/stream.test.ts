import { describe, expect, it } from "vitest";
import { delayOf, EventParser, type StreamEvent } from "../src/api/stream";

function read(portions: string[]): StreamEvent[] {
  const events: StreamEvent[] = [];
  const parser = new EventParser((event) => events.push(event));
  for (const portion of portions) {
    parser.push(portion);
  }
  return events;
}

describe("the parser of events", () => {
  const text =
    ': hello\n\nid: 7\nevent: task\ndata: {"a":1}\n\nevent: counts\ndata: x\ndata: y\n\n';
  const events = [
    { kind: "task", data: '{"a":1}', id: "7" },
    { kind: "counts", data: "x\ny", id: null },
  ];

  it("reads events, and comments are none", () => {
    expect(read([text])).toEqual(events);
  });

  it("does not mind where the portions end", () => {
    expect(read([...text])).toEqual(events);
    expect(read([...text.replaceAll("\n", "\r\n")])).toEqual(events);
  });

  it("gives nothing of an event that has not ended", () => {
    expect(read(["id: 1\ndata: x\n"])).toEqual([]);
  });
});

describe("the wait before connecting again", () => {
  it("doubles up to 5 s and is spread", () => {
    expect(delayOf(1, 0)).toBe(125);
    expect(delayOf(1, 1)).toBe(250);
    expect(delayOf(3, 1)).toBe(1000);
    expect(delayOf(50, 1)).toBe(5000);
  });
});
