// What can be done to a task, as its state allows.

import { useState } from "preact/hooks";
import { rerun, taskAct } from "../api/acts";
import { Payload } from "../api/decode";
import type { TaskDetail } from "../api/types";
import { jsonProblem } from "../lib/edit";
import { parse, print } from "../lib/json";
import { go, hrefOf } from "../lib/route";
import { taskBlocked, taskEnded } from "../lib/states";
import { ActDialog, JsonEditor } from "../ui/act";
import { Icon } from "../ui/bits";

type Which = "retry" | "cancel" | "resolve" | "fail" | "rerun";

function pretty(payload: Payload): string {
  try {
    return print(parse(payload.text));
  } catch {
    return payload.text;
  }
}

export function TaskActions({ task, done }: { task: TaskDetail; done: () => void }) {
  const [which, setWhich] = useState<Which | null>(null);
  const ended = taskEnded(task.state);
  const blocked = taskBlocked(task.state);
  const button = (act: Which, label: string, primary = false) => (
    <button type="button" class={primary ? "primary" : undefined} onClick={() => setWhich(act)}>
      {act === "retry" && <Icon name="retry" />}
      {label}
    </button>
  );
  return (
    <div class="actions" role="toolbar" aria-label="What can be done">
      {!ended && task.failed_steps > 0 && button("retry", "Retry failed steps", true)}
      {blocked && button("resolve", "Resolve…")}
      {!ended && button("cancel", "Cancel…")}
      {blocked && button("fail", "Give up…")}
      {button("rerun", "Run again…")}
      {which && which !== "rerun" && (
        <Ask which={which} task={task} close={() => setWhich(null)} done={done} />
      )}
      {which === "rerun" && <Rerun task={task} close={() => setWhich(null)} />}
    </div>
  );
}

const TEXTS = {
  retry: {
    act: "retry_failed_steps",
    title: "Retry the failed steps",
    text: "Every failed step runs again, with all its attempts.",
    verb: "Retry",
    said: "The failed steps run again",
  },
  cancel: {
    act: "cancel",
    title: "Cancel the task",
    text: "No step of it is started any more; what a running handler returns is refused. Completed steps stay as they are.",
    verb: "Cancel the task",
    said: "The task is cancelled",
  },
  resolve: {
    act: "resolve_manually",
    title: "Resolve the task",
    text: "All that is open counts as done by hand. Nothing more runs.",
    verb: "Resolve",
    said: "The task is resolved",
  },
  fail: {
    act: "fail",
    title: "Give the task up",
    text: "Its open steps are cancelled, its state is error for good.",
    verb: "Give up",
    said: "The task is given up",
  },
} as const;

interface AskProps {
  which: keyof typeof TEXTS;
  task: TaskDetail;
  close: () => void;
  done: () => void;
}

function Ask({ which, task, close, done }: AskProps) {
  const { act, title, text, verb, said } = TEXTS[which];
  return (
    <ActDialog
      title={title}
      text={text}
      verb={verb}
      danger={which === "cancel" || which === "fail"}
      close={close}
      act={async (reason) => {
        await taskAct(task.task_uuid, act, reason);
        done();
        return said;
      }}
    />
  );
}

function Rerun({ task, close }: { task: TaskDetail; close: () => void }) {
  const original = pretty(task.context);
  const [text, setText] = useState(original);
  const problem = jsonProblem(text, "object");
  return (
    <ActDialog
      title="Run again"
      text="A new task of the same template. Its context may be changed; numbers stay as they are written."
      verb="Run"
      wide
      close={close}
      act={async (reason) => {
        if (problem !== null && text !== original) {
          throw new Error(problem);
        }
        const context = text === original ? null : new Payload(text);
        const { task_uuid } = await rerun(task.task_uuid, context, reason);
        go(hrefOf(["tasks", task_uuid]));
        return "A new task was submitted";
      }}
    >
      {task.context.isNull ? (
        <p class="faint">The key does not allow to see the context; it is used as it is.</p>
      ) : (
        <JsonEditor label="Context" value={text} error={problem} onChange={setText} />
      )}
    </ActDialog>
  );
}
