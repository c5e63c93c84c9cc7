// Retries or cancels many tasks, after it has shown which.

import { useState } from "preact/hooks";
import { type TaskAct, taskAct } from "../api/acts";
import type { Task } from "../api/types";
import { each } from "../lib/each";
import { taskBlocked, taskEnded, wordOf } from "../lib/states";
import { count, things } from "../lib/time";
import { StateIcon } from "../ui/bits";
import { Dialog } from "../ui/dialog";
import { Text } from "../ui/text";
import { notify } from "../ui/toast";
import type { TaskList } from "./tasks_load";

const LISTED = 50;
const CHOSEN_MAX = 1000;

export type BulkAct = Extract<TaskAct, "cancel" | "retry_failed_steps">;

const ACTS: Record<BulkAct, { verb: string; past: string; fits: (task: Task) => boolean }> = {
  retry_failed_steps: {
    verb: "Retry",
    past: "retried",
    fits: (task) => taskBlocked(task.state) || task.failed_steps > 0,
  },
  cancel: { verb: "Cancel", past: "cancelled", fits: (task) => !taskEnded(task.state) },
};

interface Props {
  list: TaskList;
  chosen: Task[];
  choose: (tasks: Task[]) => void;
}

export function Bulk({ list, chosen, choose }: Props) {
  const [act, setAct] = useState<BulkAct | null>(null);
  if (chosen.length === 0) {
    return null;
  }
  const none = () => choose([]);
  const { tasks, done } = list.state.value;
  const more = chosen.length >= tasks.length && !done && tasks.length < CHOSEN_MAX;
  return (
    <div class="bulk" role="toolbar" aria-label="What is chosen">
      <strong>{count(chosen.length)} chosen</strong>
      <button type="button" onClick={() => setAct("retry_failed_steps")}>
        Retry…
      </button>
      <button type="button" onClick={() => setAct("cancel")}>
        Cancel…
      </button>
      {more && (
        <button type="button" class="link" onClick={() => void list.upTo(CHOSEN_MAX).then(choose)}>
          All that fit, up to {count(CHOSEN_MAX)}
        </button>
      )}
      <button type="button" class="link" onClick={none}>
        None
      </button>
      {act && (
        <Preview
          act={act}
          chosen={chosen}
          close={() => setAct(null)}
          done={() => {
            setAct(null);
            none();
            list.restart();
          }}
        />
      )}
    </div>
  );
}

interface PreviewProps {
  act: BulkAct;
  chosen: Task[];
  close: () => void;
  done: () => void;
}

export function Preview({ act, chosen, close, done }: PreviewProps) {
  const { verb, past, fits } = ACTS[act];
  const [reason, setReason] = useState("");
  const [progress, setProgress] = useState<number | null>(null);
  const [failed, setFailed] = useState<{ item: Task; error: Error }[]>([]);
  const affected = chosen.filter(fits);
  const left = chosen.length - affected.length;
  const run = async (event: Event) => {
    event.preventDefault();
    setProgress(0);
    const errors = await each(affected, (t) => taskAct(t.task_uuid, act, reason), setProgress);
    notify(`${things(affected.length - errors.length, "task")} ${past}`);
    setProgress(null);
    setFailed(errors);
    if (errors.length === 0) {
      done();
    }
  };
  return (
    <Dialog
      title={`${verb} ${count(affected.length)} of ${things(chosen.length, "task")}`}
      onClose={close}
    >
      <form onSubmit={(event) => void run(event)}>
        {left > 0 && (
          <p>
            {count(left)} {left === 1 ? "is" : "are"} left alone: nothing there to{" "}
            {verb.toLowerCase()}.
          </p>
        )}
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
        <ul class="preview" tabIndex={0} aria-label="Tasks">
          {affected.slice(0, LISTED).map((task) => (
            <li key={task.task_uuid}>
              <StateIcon state={task.state} />
              <span>
                <Text>{`${task.namespace}/${task.name}`}</Text>{" "}
                <code class="faint">{task.task_uuid}</code>
              </span>
              <span class="faint">{wordOf(task.state)}</span>
            </li>
          ))}
        </ul>
        {affected.length > LISTED && <p>and {count(affected.length - LISTED)} more</p>}
        {failed.length > 0 && (
          <div class="trouble" role="alert">
            <strong>{count(failed.length)} did not work</strong>
            {failed.slice(0, 5).map(({ item, error }) => (
              <p key={item.task_uuid}>
                <code>{item.task_uuid}</code> <Text>{error.message}</Text>
              </p>
            ))}
          </div>
        )}
        <label class="field">
          Reason, kept in the history
          <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <footer>
          {progress !== null && (
            <progress max={affected.length} value={progress} aria-label="Progress" />
          )}
          <button type="button" onClick={failed.length > 0 ? done : close}>
            {failed.length > 0 ? "Close" : "Leave as it is"}
          </button>
          <button
            type="submit"
            class="primary"
            disabled={affected.length === 0 || progress !== null || failed.length > 0}
          >
            {verb} {count(affected.length)}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
