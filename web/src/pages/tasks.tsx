// The list of tasks: filtered by the address, loaded a page at a time, chosen from and acted upon.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Task } from "../api/types";
import { type Filter, filterOf, printSearch } from "../lib/filter";
import { useKeys } from "../lib/keys";
import { go, hrefOf, route } from "../lib/route";
import { count, things } from "../lib/time";
import { Ago, Empty, Loading, State, StateIcon, Trouble } from "../ui/bits";
import { List } from "../ui/list";
import { Progress } from "../ui/progress";
import { Text } from "../ui/text";
import { Bulk } from "./tasks_bulk";
import { Filters } from "./tasks_filter";
import { TaskList } from "./tasks_load";

const ROW = 44;

export function Tasks() {
  const { query } = route.value;
  const filter = filterOf(query);
  const what = printSearch(filter);
  const list = useMemo(() => new TaskList(filter), [what]);
  useEffect(() => list.start(), [list]);
  return (
    <div class="page">
      <header class="page-head">
        <h1>Tasks</h1>
        <Total list={list} />
      </header>
      <Filters filter={filter} />
      <Rows key={what} list={list} filter={filter} />
    </div>
  );
}

function Total({ list }: { list: TaskList }) {
  const { tasks, total: told, exact, fresh, loading } = list.state.value;
  const total =
    told === null || (loading && tasks.length === 0) ? null : Math.max(told, tasks.length);
  return (
    <>
      <span class="faint" role="status">
        {total === null ? "" : things(total, "task", exact)}
      </span>
      {fresh > 0 && (
        <button type="button" class="pill" onClick={() => list.restart()}>
          {count(fresh)} new
        </button>
      )}
    </>
  );
}

function useChoice(tasks: Task[]) {
  const [chosen, setChosen] = useState<ReadonlyMap<string, Task>>(new Map());
  const anchor = useRef<number>(-1);
  const these = (list: Task[]) => setChosen(new Map(list.map((task) => [task.task_uuid, task])));
  const toggle = (index: number, range: boolean) => {
    const next = new Map(chosen);
    const from = range && anchor.current >= 0 ? Math.min(anchor.current, index) : index;
    const to = range && anchor.current >= 0 ? Math.max(anchor.current, index) : index;
    const on = !chosen.has(tasks[index]?.task_uuid ?? "");
    for (const task of tasks.slice(from, to + 1)) {
      if (on) {
        next.set(task.task_uuid, task);
      } else {
        next.delete(task.task_uuid);
      }
    }
    anchor.current = index;
    setChosen(next);
  };
  const all = () => these(chosen.size >= tasks.length ? [] : tasks);
  return { chosen, toggle, all, these, none: () => these([]) };
}

function Rows({ list, filter }: { list: TaskList; filter: Filter }) {
  const { tasks, error, loading, done } = list.state.value;
  const choice = useChoice(tasks);
  const [current, setCurrent] = useState(-1);
  const more = useCallback(() => list.more(), [list]);
  const open = () => {
    const task = tasks[current];
    if (task) {
      go(hrefOf(["tasks", task.task_uuid]));
    }
  };
  useKeys({
    j: () => setCurrent(Math.min(tasks.length - 1, current + 1)),
    k: () => setCurrent(Math.max(0, current - 1)),
    o: open,
    ...(current >= 0 ? { Enter: open } : {}),
    x: (event) => {
      if (current >= 0) {
        choice.toggle(current, event.shiftKey);
      }
    },
    Escape: () => choice.none(),
  });
  if (tasks.length === 0) {
    if (loading) {
      return <Loading />;
    }
    return error ? (
      <Trouble error={error} retry={() => list.restart()} />
    ) : (
      <None filter={filter} />
    );
  }
  return (
    <>
      <Bulk list={list} chosen={[...choice.chosen.values()]} choose={choice.these} />
      <section class="panel tasks" aria-label="Tasks">
        <div class="task-row task-head">
          <input
            type="checkbox"
            aria-label="Choose all that are loaded"
            checked={choice.chosen.size > 0 && choice.chosen.size >= tasks.length}
            onChange={choice.all}
          />
          <span>State</span>
          <span>Task</span>
          <span class="cell-progress">Steps</span>
          <span class="cell-tags">Tags</span>
          <span class="cell-at">Created</span>
          <span class="cell-at">Changed</span>
        </div>
        <List
          count={tasks.length}
          rowHeight={ROW}
          current={current}
          onEnd={more}
          row={(index) => {
            const task = tasks[index];
            return (
              task && (
                <Row
                  key={task.task_uuid}
                  task={task}
                  current={index === current}
                  chosen={choice.chosen.has(task.task_uuid)}
                  toggle={(range) => choice.toggle(index, range)}
                />
              )
            );
          }}
        />
        {error && <Trouble error={error} retry={() => list.more()} />}
        <p class="faint list-end" role="status">
          {done ? "That is all." : loading ? "Loading more" : ""}
        </p>
      </section>
    </>
  );
}

interface RowProps {
  task: Task;
  current: boolean;
  chosen: boolean;
  toggle: (range: boolean) => void;
}

function Row({ task, current, chosen, toggle }: RowProps) {
  const href = hrefOf(["tasks", task.task_uuid]);
  const name = `${task.namespace}/${task.name}`;
  return (
    <div
      class={`task-row${current ? " current" : ""}${chosen ? " chosen" : ""}`}
      style={{ height: `${ROW}px` }}
      aria-current={current ? "true" : undefined}
    >
      <input
        type="checkbox"
        aria-label={`Choose ${name} ${task.task_uuid}`}
        checked={chosen}
        onClick={(event) => toggle(event.shiftKey)}
      />
      <span class="cell-state">
        <State state={task.state} />
      </span>
      <a class="cell-name" href={href} title={`${name}:${task.version} ${task.task_uuid}`}>
        <span class="task-name">
          <Text>{task.name}</Text>
        </span>
        <small>
          <Text>{task.namespace}</Text> · <code>{shortId(task.task_uuid)}</code>
        </small>
      </a>
      <span class="cell-progress">
        <Progress task={task} />
      </span>
      <span class="cell-tags">
        {task.tags.slice(0, 3).map((tag) => (
          <a key={tag} class="tag" href={hrefOf(["tasks"], { tag })}>
            <Text max={24}>{tag}</Text>
          </a>
        ))}
      </span>
      <span class="cell-at">
        <Ago at={task.created_at} />
      </span>
      <span class="cell-at">
        <Ago at={task.updated_at} />
      </span>
    </div>
  );
}

/** The last part but the zeros: the first part of a UUIDv7 is the time, the same for neighbours. */
export function shortId(uuid: string): string {
  return uuid.slice(24, 32);
}

function None({ filter }: { filter: Filter }) {
  const filtered = Object.keys(filter).length > 0;
  if (!filtered) {
    return (
      <Empty title="No task yet" command="tasker submit my_namespace/my_task --context '{}'">
        <p>Submit one, and it appears here at once.</p>
      </Empty>
    );
  }
  return (
    <Empty title="No task is like that">
      <p>
        <StateIcon state="pending" /> Take a condition away, or <a href="#/tasks">see all tasks</a>.
        New tasks that fit appear by themselves.
      </p>
    </Empty>
  );
}
