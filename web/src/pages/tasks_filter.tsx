// The conditions of the list of tasks. They are in the address, so that a view can be kept and sent.

import { useState } from "preact/hooks";
import { ask } from "../api/client";
import type { Template } from "../api/types";
import { type Field, type Filter, parseSearch, printSearch } from "../lib/filter";
import { useResource } from "../lib/resource";
import { go, hrefOf } from "../lib/route";
import { lookOf, TASK_STATES, wordOf } from "../lib/states";
import { Icon, StateIcon } from "../ui/bits";
import { Text } from "../ui/text";

const LABELS: Record<Field, string> = {
  state: "State",
  namespace: "Namespace",
  name: "Template",
  version: "Version",
  tag: "Tag",
  correlation_id: "Correlation id",
  idempotency_key: "Idempotency key",
  initiator: "Initiator",
  source_system: "Source",
  created_after: "Created after",
  created_before: "Created before",
};

const SPANS: [string, number][] = [
  ["15 min", 15],
  ["1 h", 60],
  ["24 h", 1440],
  ["7 d", 10_080],
];

function show(filter: Filter): void {
  go(hrefOf(["tasks"], filter));
}

function without(filter: Filter, field: Field): Filter {
  const { [field]: _gone, ...rest } = filter;
  return rest;
}

export function Filters({ filter }: { filter: Filter }) {
  const [open, setOpen] = useState(false);
  const fields = (Object.keys(filter) as Field[]).filter((field) => field !== "state");
  return (
    <div class="filters">
      <fieldset class="segments">
        <legend class="sr">State</legend>
        <button
          type="button"
          aria-pressed={filter.state === undefined}
          onClick={() => show(without(filter, "state"))}
        >
          All
        </button>
        {TASK_STATES.map((state) => (
          <button
            key={state}
            type="button"
            class={`look-${lookOf(state)}`}
            aria-pressed={filter.state === state}
            onClick={() => show({ ...filter, state })}
          >
            <StateIcon state={state} />
            {wordOf(state)}
          </button>
        ))}
      </fieldset>
      <div class="chips">
        {fields.map((field) => (
          <span key={field} class="chip">
            <span class="faint">{LABELS[field]}</span> <Text max={60}>{filter[field] ?? ""}</Text>
            <button
              type="button"
              class="icon-button"
              aria-label={`Take away: ${LABELS[field]}`}
              onClick={() => show(without(filter, field))}
            >
              <Icon name="close" />
            </button>
          </span>
        ))}
        <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name={open ? "minus" : "plus"} /> Filter
        </button>
      </div>
      {open && <Form filter={filter} close={() => setOpen(false)} />}
    </div>
  );
}

function Form({ filter, close }: { filter: Filter; close: () => void }) {
  const [draft, setDraft] = useState<Filter>(filter);
  const templates = useResource(
    (signal) => ask<Template[]>("/v1/templates", { signal }),
    "templates",
  ).data.value;
  const set = (field: Field, value: string) =>
    setDraft(value === "" ? without(draft, field) : { ...draft, [field]: value });
  const names = new Set(
    (templates ?? [])
      .filter((template) => !draft.namespace || template.namespace === draft.namespace)
      .map((template) => template.name),
  );
  const input = (field: Field, list?: string) => (
    <label class="field" key={field}>
      {LABELS[field]}
      <input
        value={draft[field] ?? ""}
        list={list}
        placeholder={field.startsWith("created_") ? "2026-01-31T08:00:00Z" : undefined}
        onInput={(event) => set(field, event.currentTarget.value)}
      />
    </label>
  );
  return (
    <form
      class="panel filter-form"
      onSubmit={(event) => {
        event.preventDefault();
        close();
        show(draft);
      }}
    >
      <datalist id="namespaces-known">
        {[...new Set((templates ?? []).map((template) => template.namespace))].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <datalist id="names-known">
        {[...names].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {input("namespace", "namespaces-known")}
      {input("name", "names-known")}
      {input("tag")}
      {input("idempotency_key")}
      {input("correlation_id")}
      {input("initiator")}
      {input("created_after")}
      {input("created_before")}
      <fieldset class="segments">
        <legend>Created within</legend>
        {SPANS.map(([label, minutes]) => (
          <button
            key={label}
            type="button"
            onClick={() =>
              set("created_after", new Date(Date.now() - minutes * 60_000).toISOString())
            }
          >
            {label}
          </button>
        ))}
      </fieldset>
      <label class="field wide">
        All of it as words
        <input
          value={printSearch(draft)}
          onChange={(event) => setDraft(parseSearch(event.currentTarget.value))}
        />
      </label>
      <footer>
        <button type="button" onClick={() => show({})}>
          Clear
        </button>
        <button type="submit" class="primary">
          Show
        </button>
      </footer>
    </form>
  );
}
