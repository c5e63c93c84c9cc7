// Every state that the task and its steps went through.

import { useMemo, useState } from "preact/hooks";
import type { Change } from "../api/types";
import type { Resource } from "../lib/resource";
import { wordOf } from "../lib/states";
import { duration, exact, millis } from "../lib/time";
import { Empty, Loading, StateIcon, Trouble } from "../ui/bits";
import { List } from "../ui/list";
import { Text } from "../ui/text";

const ROW = 34;

function fits(change: Change, words: string): boolean {
  const text = [change.entity, change.step, change.to, change.event, change.actor, change.reason]
    .filter((word) => word !== undefined)
    .join(" ")
    .toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

export function History({ history }: { history: Resource<Change[]> }) {
  const [words, setWords] = useState("");
  const changes = history.data.value;
  const shown = useMemo(
    () => (changes ?? []).filter((change) => words === "" || fits(change, words)),
    [changes, words],
  );
  if (changes === null) {
    const error = history.error.value;
    return error ? <Trouble error={error} retry={() => void history.refresh()} /> : <Loading />;
  }
  const since = millis(changes[0]?.at ?? "");
  return (
    <section class="panel history" aria-label="History">
      <header class="panel-head">
        <h2>{shown.length.toLocaleString()} changes</h2>
        <input
          type="search"
          placeholder="Find a step, state or person"
          aria-label="Find in the history"
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
      </header>
      {shown.length === 0 && <Empty title="Nothing in the history is like that" />}
      <List
        count={shown.length}
        rowHeight={ROW}
        row={(index) => {
          const change = shown[index];
          return change && <Row key={index} change={change} since={since} />;
        }}
      />
    </section>
  );
}

function Row({ change, since }: { change: Change; since: number }) {
  return (
    <div class="history-row" style={{ height: `${ROW}px` }}>
      <time dateTime={change.at} title={exact(change.at)}>
        +{duration(millis(change.at) - since)}
      </time>
      <span class={change.entity === "task" ? "history-who faint" : "history-who"}>
        {change.step === undefined ? "the task" : <Text>{change.step}</Text>}
      </span>
      <span class="history-what" title={change.event}>
        <StateIcon state={change.to} /> {wordOf(change.to)}
        {change.attempt !== undefined && <span class="faint"> attempt {change.attempt}</span>}
      </span>
      <span class="history-more">
        {change.error && (
          <span class="error-line">
            <Text max={200}>{change.error.message ?? ""}</Text>
          </span>
        )}
        {change.actor && (
          <>
            by <Text>{change.actor}</Text>{" "}
          </>
        )}
        {change.reason && <Text>{change.reason}</Text>}
        {change.worker !== undefined && !change.error && (
          <span class="faint">worker {change.worker}</span>
        )}
      </span>
    </div>
  );
}
