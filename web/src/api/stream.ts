// Server-sent events over fetch (EventSource cannot send a key), with reconnection behind the last
// event. A stream that is silent for longer than the server's comments come is taken for dead.

import { signal } from "@preact/signals";
import { ApiError, errorOf, headers, keyNeeded } from "./client";

export interface StreamEvent {
  kind: string;
  data: string;
  id: string | null;
}

/** Splits text/event-stream into events, whatever the portions it comes in. */
export class EventParser {
  private rest = "";
  private kind = "message";
  private data: string[] = [];
  private id: string | null = null;

  constructor(private readonly emit: (event: StreamEvent) => void) {}

  push(text: string): void {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      this.line(line);
    }
  }

  private line(line: string): void {
    if (line === "") {
      this.dispatch();
      return;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") {
      this.kind = value;
    } else if (name === "data") {
      this.data.push(value);
    } else if (name === "id") {
      this.id = value;
    }
  }

  private dispatch(): void {
    if (this.data.length > 0) {
      this.emit({ kind: this.kind, data: this.data.join("\n"), id: this.id });
    }
    this.kind = "message";
    this.data = [];
    this.id = null;
  }
}

/** Waiting time before the n-th try to connect again (1 = the first): doubled up to 5 s, spread. */
export function delayOf(tries: number, noise: number): number {
  const full = Math.min(5000, 250 * 2 ** Math.min(10, tries - 1));
  return full / 2 + (noise * full) / 2;
}

export type Connection = "idle" | "connecting" | "live" | "lost";

/** How the streams are; the shell shows "lost". */
export const connection = signal<Connection>("idle");

const SILENCE_MS = 40_000;
const HIDDEN_MS = 30_000;

export interface StreamHandlers {
  event(event: StreamEvent): void;
  /** The stream begins or has begun again: what is shown may be old. */
  opened(again: boolean): void;
}

/** Follows /v1/events until the returned function is called. */
export function follow(path: string, handlers: StreamHandlers): () => void {
  const stream = new Stream(path, handlers);
  return () => stream.stop();
}

class Stream {
  private stopped = false;
  private abort = new AbortController();
  private lastId: string | null = null;
  private tries = 0;
  private openedBefore = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly onVisibility = () => this.visibility();
  private readonly offKey: () => void;

  constructor(
    private readonly path: string,
    private readonly handlers: StreamHandlers,
  ) {
    document.addEventListener("visibilitychange", this.onVisibility);
    this.offKey = keyNeeded.subscribe((needed) => {
      if (!needed) {
        this.restart();
      }
    });
  }

  stop(): void {
    this.stopped = true;
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.offKey();
    this.pause();
    connection.value = "idle";
  }

  /** A page that nobody sees gives its connection back; browsers have only a few to one server. */
  private visibility(): void {
    clearTimeout(this.hiddenTimer);
    if (document.hidden) {
      this.hiddenTimer = setTimeout(() => this.pause(), HIDDEN_MS);
    } else if (this.abort.signal.aborted) {
      this.restart();
    }
  }

  private pause(): void {
    clearTimeout(this.timer);
    clearTimeout(this.hiddenTimer);
    this.abort.abort();
  }

  private restart(): void {
    if (this.stopped) {
      return;
    }
    this.pause();
    this.abort = new AbortController();
    this.tries = 0;
    void this.run(this.abort);
  }

  private async run(abort: AbortController): Promise<void> {
    while (!abort.signal.aborted) {
      if (connection.value !== "lost") {
        connection.value = "connecting";
      }
      try {
        await this.read(abort.signal);
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) {
          keyNeeded.value = true;
          return;
        }
        if (error instanceof ApiError && error.status === 400) {
          this.lastId = null; // a cursor of another store
        }
      }
      if (abort.signal.aborted) {
        return;
      }
      this.tries++;
      connection.value = this.tries > 1 ? "lost" : "connecting";
      await this.sleep(delayOf(this.tries, Math.random()));
    }
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.timer = setTimeout(resolve, ms);
    });
  }

  private async read(outer: AbortSignal): Promise<void> {
    const inner = new AbortController();
    const end = () => inner.abort();
    outer.addEventListener("abort", end, { once: true });
    let silence = setTimeout(end, SILENCE_MS);
    try {
      const resume: Record<string, string> =
        this.lastId === null ? {} : { "Last-Event-ID": this.lastId };
      const response = await fetch(this.path, {
        headers: headers({ Accept: "text/event-stream", ...resume }),
        signal: inner.signal,
        cache: "no-store",
      });
      if (!response.ok || response.body === null) {
        throw errorOf(response.status, await response.text());
      }
      this.opened();
      const parser = new EventParser((event) => this.take(event));
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) {
          return;
        }
        clearTimeout(silence);
        silence = setTimeout(end, SILENCE_MS);
        parser.push(decoder.decode(value, { stream: true }));
      }
    } finally {
      clearTimeout(silence);
      outer.removeEventListener("abort", end);
      inner.abort();
    }
  }

  private opened(): void {
    this.tries = 0;
    connection.value = "live";
    const again = this.openedBefore;
    this.openedBefore = true;
    this.handlers.opened(again);
  }

  private take(event: StreamEvent): void {
    if (event.id !== null) {
      this.lastId = event.id;
    }
    this.handlers.event(event);
  }
}
