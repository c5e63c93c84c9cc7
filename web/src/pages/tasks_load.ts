// The tasks of a filter: loaded page after page behind a cursor, and kept up to date by the stream of
// events. What changed is asked for at most once a second, and only what is shown.

import { signal } from "@preact/signals";
import { ApiError, ask, pathOf } from "../api/client";
import { decode } from "../api/decode";
import { follow, type StreamEvent } from "../api/stream";
import type { Page, Task } from "../api/types";
import type { Filter } from "../lib/filter";

const PAGE = 100;
const ROWS_MAX = 100_000; // kept in memory; more are found by filters
const CHANGED_MAX = 30; // rows asked for one by one; more than these reload the first page
const GAP_MS = 1000;
const FEW = 20; // a server that looks at so many tasks and no more may find few at a time
const ROUNDS_MAX = 200;

interface State {
  tasks: Task[];
  total: number | null;
  exact: boolean;
  loading: boolean;
  done: boolean;
  error: ApiError | null;
  fresh: number; // submitted since, and not shown
}

const NOTHING: State = {
  tasks: [],
  total: null,
  exact: true,
  loading: true,
  done: false,
  error: null,
  fresh: 0,
};

export class TaskList {
  readonly state = signal<State>(NOTHING);
  private next: string | null = null;
  private abort = new AbortController();
  private readonly changed = new Set<string>();
  private readonly shown = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = false;

  constructor(readonly filter: Filter) {}

  /** Loads and follows until the returned function is called. */
  start(): () => void {
    void this.load(true);
    const { namespace } = this.filter;
    const stop = follow(pathOf("/v1/events", { namespace }), {
      opened: (again) => {
        if (again) {
          this.restart();
        }
      },
      event: (event) => this.take(event),
    });
    return () => {
      stop();
      clearTimeout(this.timer);
      this.abort.abort();
    };
  }

  restart(): void {
    this.abort.abort();
    this.abort = new AbortController();
    this.busy = false;
    this.changed.clear();
    void this.load(true);
  }

  more(): void {
    const { done, error } = this.state.value;
    if (!this.busy && !done && (error === null || this.state.value.tasks.length > 0)) {
      void this.load(false);
    }
  }

  /** Loads until so many are here, or all; what is here then. */
  async upTo(most: number): Promise<Task[]> {
    while (this.state.value.tasks.length < most && !this.state.value.done && !this.busy) {
      const before = this.state.value.tasks.length;
      await this.load(false);
      if (this.state.value.tasks.length === before) {
        break; // it failed, or is being loaded anew
      }
    }
    return this.state.value.tasks.slice(0, most);
  }

  private set(part: Partial<State>): void {
    this.state.value = { ...this.state.value, ...part };
  }

  private query(after: string | null, limit = PAGE): Promise<Page> {
    const path = pathOf("/v1/tasks", { ...this.filter, limit, after: after ?? undefined });
    return ask<Page>(path, { signal: this.abort.signal });
  }

  private async load(first: boolean): Promise<void> {
    if (this.busy) {
      return;
    }
    this.busy = true;
    const { signal: aborted } = this.abort;
    this.set({ loading: true });
    try {
      let found = await this.page(first, aborted);
      for (let round = 1; found < FEW && this.next !== null && round < ROUNDS_MAX; round++) {
        found += await this.page(false, aborted);
      }
      this.set({ loading: false });
    } catch (error) {
      if (aborted.aborted) {
        return;
      }
      this.set({ loading: false, error: error instanceof ApiError ? error : broken(error) });
    }
    this.busy = false;
  }

  /** One page more; how many rows it brought. */
  private async page(first: boolean, aborted: AbortSignal): Promise<number> {
    const page = await this.query(first ? null : this.next);
    aborted.throwIfAborted();
    this.next = page.next;
    if (first) {
      this.shown.clear();
    }
    const fresh = page.tasks.filter((task) => !this.shown.has(task.task_uuid));
    for (const task of fresh) {
      this.shown.add(task.task_uuid);
    }
    const tasks = first ? page.tasks : [...this.state.value.tasks, ...fresh];
    this.set({
      tasks,
      error: null,
      done: page.next === null || tasks.length >= ROWS_MAX,
      ...(first ? { fresh: 0 } : {}),
      ...totals(page, tasks),
    });
    return fresh.length;
  }

  private take(event: StreamEvent): void {
    if (event.kind !== "task" && event.kind !== "attempt" && event.kind !== "act") {
      return;
    }
    const { task_uuid: uuid } = decode(event.data) as { task_uuid?: string };
    if (!uuid || (event.kind !== "task" && !this.shown.has(uuid) && !this.filter.state)) {
      return;
    }
    this.changed.add(uuid);
    this.timer ??= setTimeout(() => void this.update(), GAP_MS);
  }

  /** At the top of the page the list is as new as can be; further down rows stay where they are. */
  private async update(): Promise<void> {
    const changed = [...this.changed];
    this.changed.clear();
    try {
      const known = changed.filter((uuid) => this.shown.has(uuid));
      const atTop = scrollY < 200;
      if (atTop || known.length > CHANGED_MAX) {
        this.merge(await this.query(null), atTop);
      } else {
        await this.reread(known);
        this.set({ fresh: this.state.value.fresh + changed.length - known.length });
      }
    } catch {
      // the stream tells when the server is gone; the next event asks again
    }
    this.timer = undefined;
    if (this.changed.size > 0) {
      this.timer = setTimeout(() => void this.update(), GAP_MS);
    }
  }

  private async reread(uuids: string[]): Promise<void> {
    const options = { signal: this.abort.signal };
    const answers = await Promise.all(
      uuids.map((uuid) => ask<Task>(`/v1/tasks/${uuid}/summary`, options).catch(() => null)),
    );
    const news = new Map(
      answers.filter((task) => task !== null).map((task) => [task.task_uuid, task]),
    );
    this.set({
      tasks: this.state.value.tasks.map((task) => news.get(task.task_uuid) ?? task),
    });
  }

  /** The first page anew: what it has replaces what was there as far as it reaches. */
  private merge(page: Page, atTop: boolean): void {
    const { tasks } = this.state.value;
    const news = new Map(page.tasks.map((task) => [task.task_uuid, task]));
    if (!atTop) {
      const fresh = page.tasks.filter((task) => !this.shown.has(task.task_uuid)).length;
      this.set({ tasks: tasks.map((task) => news.get(task.task_uuid) ?? task), fresh });
      return;
    }
    const last = page.tasks.at(-1)?.task_uuid;
    const behind = last === undefined ? [] : tasks.filter((task) => task.task_uuid < last);
    const merged = page.next === null ? page.tasks : [...page.tasks, ...behind];
    if (behind.length === 0) {
      this.next = page.next;
    }
    this.shown.clear();
    for (const task of merged) {
      this.shown.add(task.task_uuid);
    }
    this.set({ tasks: merged, done: this.next === null, fresh: 0, ...totals(page, merged) });
  }
}

/** What the server counted, or at least what is here. */
function totals(page: Page, tasks: Task[]): Partial<State> {
  return page.pagination
    ? { total: page.pagination.total_count, exact: page.pagination.total_exact }
    : { total: tasks.length, exact: page.next === null };
}

function broken(error: unknown): ApiError {
  return new ApiError(0, "broken", String(error));
}
