// What failed and needs a person, by template, step and class of error; repaired a group at a time.

import { useEffect, useState } from "preact/hooks";
import { ask, pathOf } from "../api/client";
import { follow } from "../api/stream";
import type { Page, Step, Task } from "../api/types";
import { each } from "../lib/each";
import { type Failure, type FailureGroup, failuresOf, groupFailures } from "../lib/failures";
import { useResource } from "../lib/resource";
import { hrefOf } from "../lib/route";
import { count, things } from "../lib/time";
import { Ago, Empty, Icon, Loading, Trouble } from "../ui/bits";
import { ErrorView } from "../ui/error";
import { Text } from "../ui/text";
import { type BulkAct, Preview } from "./tasks_bulk";

const TASKS_MAX = 200; // the newest; their steps are read one task at a time
const LISTED = 10;

interface Data {
  groups: FailureGroup[];
  total: number;
  exact: boolean;
  read: number;
}

async function load(signal: AbortSignal): Promise<Data> {
  const query = { state: "blocked_by_failures", limit: TASKS_MAX };
  const page = await ask<Page>(pathOf("/v1/tasks", query), { signal });
  const failures: Failure[] = [];
  await each(page.tasks, async (task) => {
    const path = `/v1/tasks/${task.task_uuid}/workflow_steps`;
    failures.push(...failuresOf(task, await ask<Step[]>(path, { signal })));
  });
  return {
    groups: groupFailures(failures),
    total: page.pagination?.total_count ?? page.tasks.length,
    exact: page.pagination?.total_exact ?? page.next === null,
    read: page.tasks.length,
  };
}

export function Failures() {
  const resource = useResource(load, "failures", 5000);
  useEffect(
    () =>
      follow("/v1/events?kind=act", {
        opened: (again) => {
          if (again) {
            void resource.refresh();
          }
        },
        event: () => resource.soon(),
      }),
    [resource],
  );
  const data = resource.data.value;
  if (data === null) {
    const error = resource.error.value;
    return error ? <Trouble error={error} retry={() => void resource.refresh()} /> : <Loading />;
  }
  return (
    <div class="page">
      <header class="page-head">
        <h1>Failures</h1>
        <span class="faint">
          {things(data.total, "blocked task", data.exact)}
          {data.read < data.total && `; of the newest ${count(data.read)}:`}
        </span>
      </header>
      {data.groups.length === 0 ? (
        <Empty title="Nothing is blocked" command="tasker list --state blocked_by_failures">
          <p>A task that a failed step holds up is shown here, beside those that failed alike.</p>
        </Empty>
      ) : (
        data.groups.map((group) => (
          <Group key={group.key} group={group} done={() => void resource.refresh()} />
        ))
      )}
    </div>
  );
}

function tasksOf(group: FailureGroup): Task[] {
  return [...new Map(group.failures.map(({ task }) => [task.task_uuid, task])).values()];
}

function Group({ group, done }: { group: FailureGroup; done: () => void }) {
  const [act, setAct] = useState<BulkAct | null>(null);
  const tasks = tasksOf(group);
  const newest = group.failures[0];
  const finish = () => {
    setAct(null);
    done();
  };
  return (
    <section class="panel failure" aria-label={`${group.errorClass} in ${group.step}`}>
      <header class="panel-head">
        <h2>
          <span class="failure-count">{count(tasks.length)}</span> <Text>{group.errorClass}</Text>
        </h2>
        <span class="failure-where">
          <Text>{group.step}</Text>{" "}
          <a
            class="faint"
            href={hrefOf(["tasks"], { namespace: group.namespace, name: group.name })}
          >
            <Text>{`${group.namespace}/${group.name}`}</Text>
          </a>
        </span>
        <div class="actions">
          <button type="button" class="primary" onClick={() => setAct("retry_failed_steps")}>
            <Icon name="retry" /> Retry {count(tasks.length)}…
          </button>
          <button type="button" onClick={() => setAct("cancel")}>
            Cancel…
          </button>
        </div>
      </header>
      {newest?.step.error && <ErrorView error={newest.step.error} untitled />}
      <ul class="failure-tasks">
        {group.failures.slice(0, LISTED).map(({ task, step }) => (
          <li key={step.step_uuid}>
            <a href={hrefOf(["tasks", task.task_uuid], { step: step.step_uuid })}>
              <code>{task.task_uuid}</code>
            </a>{" "}
            <span class="faint">
              <Ago at={step.updated_at} />
            </span>
          </li>
        ))}
        {group.failures.length > LISTED && (
          <li class="faint">and {count(group.failures.length - LISTED)} more</li>
        )}
      </ul>
      {act && <Preview act={act} chosen={tasks} close={() => setAct(null)} done={finish} />}
    </section>
  );
}
