// Runs a step again, or declares it done.

import { useState } from "preact/hooks";
import { stepAct } from "../api/acts";
import { Payload } from "../api/decode";
import type { Step, TaskDetail } from "../api/types";
import { jsonProblem } from "../lib/edit";
import { taskEnded } from "../lib/states";
import { ActDialog, JsonEditor } from "../ui/act";
import { Icon } from "../ui/bits";

type Which = "retry" | "resolve" | "complete";

const RETRIED = new Set(["error", "waiting_for_retry"]);
const CLOSED = new Set(["complete", "cancelled", "resolved_manually"]);

export function StepActions(props: { task: TaskDetail; step: Step; done: () => void }) {
  const { task, step, done } = props;
  const [which, setWhich] = useState<Which | null>(null);
  const [result, setResult] = useState("null");
  if (taskEnded(task.state) || CLOSED.has(step.current_state)) {
    return null;
  }
  const close = () => setWhich(null);
  const ids = [task.task_uuid, step.step_uuid] as const;
  const problem = jsonProblem(result);
  return (
    <div class="actions">
      {RETRIED.has(step.current_state) && (
        <button type="button" class="primary" onClick={() => setWhich("retry")}>
          <Icon name="retry" /> Retry
        </button>
      )}
      <button type="button" onClick={() => setWhich("resolve")}>
        Resolve…
      </button>
      <button type="button" onClick={() => setWhich("complete")}>
        Complete…
      </button>
      {which === "retry" && (
        <ActDialog
          title={`Retry ${step.name}`}
          text="The step runs again as soon as a worker is free, with all its attempts."
          verb="Retry"
          close={close}
          act={async (reason) => {
            await stepAct(...ids, "reset_for_retry", reason);
            done();
            return `${step.name} runs again`;
          }}
        />
      )}
      {(which === "resolve" || which === "complete") && (
        <ActDialog
          title={`${which === "resolve" ? "Resolve" : "Complete"} ${step.name}`}
          text={
            which === "resolve"
              ? "The step counts as done by hand, and the task goes on. Its children see the result given here."
              : "The result given here is recorded as if the handler had returned it."
          }
          verb={which === "resolve" ? "Resolve" : "Complete"}
          close={close}
          act={async (reason) => {
            if (problem !== null) {
              throw new Error(problem);
            }
            const act = which === "resolve" ? "resolve_manually" : "complete_manually";
            await stepAct(...ids, act, reason, new Payload(result));
            done();
            return `${step.name} is done by hand`;
          }}
        >
          <JsonEditor label="Result, as JSON" value={result} error={problem} onChange={setResult} />
        </ActDialog>
      )}
    </div>
  );
}
