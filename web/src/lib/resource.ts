// Something that was asked of the server, as it is known now. Refreshing keeps what is shown until the
// new answer is there; many wishes to refresh become one.

import { type Signal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { ApiError } from "../api/client";

export class Resource<T> {
  readonly data: Signal<T | null> = signal(null);
  readonly error: Signal<ApiError | null> = signal(null);
  private abort: AbortController | null = null;
  private again = false;
  private lastMs = Number.NEGATIVE_INFINITY;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;
  /** Nobody looks at it now: it is asked for when somebody does. */
  wanted = true;

  constructor(
    private readonly load: (signal: AbortSignal) => Promise<T>,
    private readonly gapMs = 250,
  ) {}

  /** Asks now; when a question is under way, once more after it. */
  async refresh(): Promise<void> {
    if (this.closed || !this.wanted) {
      return;
    }
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.abort !== null) {
      this.again = true;
      return;
    }
    this.abort = new AbortController();
    const { signal: aborted } = this.abort;
    try {
      const data = await this.load(aborted);
      if (!aborted.aborted) {
        this.data.value = data;
        this.error.value = null;
      }
    } catch (error) {
      if (!aborted.aborted) {
        this.error.value =
          error instanceof ApiError ? error : new ApiError(0, "broken", String(error));
      }
    }
    this.lastMs = performance.now();
    this.abort = null;
    if (this.again) {
      this.again = false;
      this.soon();
    }
  }

  /** Asks within the gap: for events, which come in bursts. */
  soon(): void {
    if (this.closed || !this.wanted || this.timer !== undefined) {
      return;
    }
    const wait = Math.max(30, this.lastMs + this.gapMs - performance.now());
    this.timer = setTimeout(() => void this.refresh(), wait);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.abort?.abort();
  }
}

/** A Resource for as long as the component shows the same thing. */
export function useResource<T>(
  load: (signal: AbortSignal) => Promise<T>,
  what: string,
  gapMs?: number,
  wanted = true,
): Resource<T> {
  const resource = useMemo(() => new Resource(load, gapMs), [what]);
  resource.wanted = wanted;
  useEffect(() => {
    void resource.refresh();
  }, [resource, wanted]);
  useEffect(() => () => resource.close(), [resource]);
  return resource;
}
