// Small things that every page uses: states, times, copying, empty places.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { ApiError } from "../api/client";
import { now } from "../lib/clock";
import { type Look, lookOf, wordOf } from "../lib/states";
import { exact, local, millis, relative } from "../lib/time";

const SHAPES: Record<Look, string> = {
  done: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm3.6 5.3-4.2 4.5a.9.9 0 0 1-1.3 0L4.4 9a.9.9 0 0 1 1.3-1.2l1 1.1 3.6-3.8a.9.9 0 0 1 1.3 1.2Z",
  running:
    "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1ZM6.5 5.1l4.7 2.5a.5.5 0 0 1 0 .9l-4.7 2.5a.5.5 0 0 1-.7-.5V5.5a.5.5 0 0 1 .7-.4Z",
  ready:
    "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.6a5.4 5.4 0 1 1 0 10.8A5.4 5.4 0 0 1 8 2.6Zm0 2.9a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5Z",
  pending: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.6a5.4 5.4 0 1 1 0 10.8A5.4 5.4 0 0 1 8 2.6Z",
  retry:
    "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.6a5.4 5.4 0 1 1 0 10.8A5.4 5.4 0 0 1 8 2.6Zm-.8 1.9v3.9l2.7 2 .9-1.3-2-1.5V4.5H7.2Z",
  failed:
    "M5.3 1 1 5.3v5.4L5.3 15h5.4l4.3-4.3V5.3L10.7 1H5.3Zm.8 3.8L8 6.7l1.9-1.9 1.3 1.3L9.3 8l1.9 1.9-1.3 1.3L8 9.3l-1.9 1.9-1.3-1.3L6.7 8 4.8 6.1l1.3-1.3Z",
  ended: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1ZM4.6 7.1h6.8v1.8H4.6V7.1Z",
  manual:
    "M8 .8.8 8 8 15.2 15.2 8 8 .8Zm3.2 6L7.7 10.4a.8.8 0 0 1-1.2 0L5 8.9l1.2-1.2 1 1 2.8-3L11.2 6.8Z",
};

/** The icon of a state. A word stands beside it, or it is named by `label`. */
export function StateIcon({ state, label }: { state: string; label?: boolean }) {
  const look = lookOf(state);
  return (
    <svg
      class={`state-icon look-${look}`}
      viewBox="0 0 16 16"
      role={label ? "img" : undefined}
      aria-label={label ? wordOf(state) : undefined}
      aria-hidden={label ? undefined : "true"}
    >
      <path d={SHAPES[look]} fill="currentColor" fill-rule="evenodd" />
    </svg>
  );
}

export function State({ state }: { state: string }) {
  return (
    <span class={`state look-${lookOf(state)}`} title={state}>
      <StateIcon state={state} />
      <span>{wordOf(state)}</span>
    </span>
  );
}

/** "12 s ago", counted on; the exact time in both zones on hover. */
export function Ago({ at }: { at: string | null }) {
  if (at === null) {
    return <span class="faint">never</span>;
  }
  return (
    <time dateTime={at} title={exact(at)}>
      {relative(millis(at), now.value)}
    </time>
  );
}

/** The viewer's time of day; UTC on hover. */
export function At({ at }: { at: string }) {
  return (
    <time dateTime={at} title={exact(at)}>
      {local(millis(at), now.value)}
    </time>
  );
}

export function Copy({ text, what }: { text: string; what: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await copyText(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return (
    <button
      type="button"
      class="icon-button copy"
      title={`Copy ${what}`}
      aria-label={done ? "Copied" : `Copy ${what}`}
      onClick={(event) => {
        event.stopPropagation();
        void copy();
      }}
    >
      <Icon name={done ? "check" : "copy"} />
    </button>
  );
}

/** Without HTTPS browsers offer no clipboard but the old way. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

/** A command of the shell, ready to be copied. */
export function Command({ text }: { text: string }) {
  return (
    <div class="command">
      <code>{text}</code>
      <Copy text={text} what="the command" />
    </div>
  );
}

/** A place with nothing in it says what to do next. */
export function Empty(props: { title: string; children?: ComponentChildren; command?: string }) {
  return (
    <div class="empty">
      <h2>{props.title}</h2>
      {props.children}
      {props.command && <Command text={props.command} />}
    </div>
  );
}

const ADVICE: Record<string, string> = {
  unreachable: "It is asked again as soon as it answers. Does it run? tasker serve",
  unauthorized: "The server asks for an API key.",
  forbidden: "The key does not allow this.",
  notfound: "It may have been pruned, or the key must not see it.",
};

/** What went wrong, what to do, and a way to try again. */
export function Trouble({ error, retry }: { error: ApiError; retry?: () => void }) {
  return (
    <div class="trouble" role="alert">
      <strong>{error.message}</strong>
      {ADVICE[error.code] && <p>{ADVICE[error.code]}</p>}
      {error.requestId && <p class="faint">request {error.requestId}</p>}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Loading() {
  return (
    <div class="loading" role="status">
      <span class="sr">Loading</span>
      <i />
      <i />
      <i />
    </div>
  );
}

const ICONS = {
  copy: "M5 2h7a2 2 0 0 1 2 2v7h-1.5V4a.5.5 0 0 0-.5-.5H5V2ZM3.5 5h6A1.5 1.5 0 0 1 11 6.5v6A1.5 1.5 0 0 1 9.5 14h-6A1.5 1.5 0 0 1 2 12.5v-6A1.5 1.5 0 0 1 3.5 5Zm0 1.5v6h6v-6h-6Z",
  check: "m6.5 12.5-4-4L3.6 7.4l2.9 2.9 6-6.2 1.1 1.1-7.1 7.3Z",
  close:
    "m4.2 3.1 3.8 3.8 3.8-3.8 1.1 1.1L9.1 8l3.8 3.8-1.1 1.1L8 9.1l-3.8 3.8-1.1-1.1L6.9 8 3.1 4.2l1.1-1.1Z",
  search:
    "M7 2a5 5 0 0 1 4 8l3 3-1.1 1.1-3-3A5 5 0 1 1 7 2Zm0 1.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7Z",
  light:
    "M8 4.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7ZM7.3 1h1.4v2H7.3V1Zm0 12h1.4v2H7.3v-2ZM1 7.3h2v1.4H1V7.3Zm12 0h2v1.4h-2V7.3ZM2.6 3.6l1-1L5 4 4 5 2.6 3.6ZM11 12l1-1 1.4 1.4-1 1L11 12Zm1.4-9.4 1 1L12 5l-1-1 1.4-1.4ZM4 11l1 1-1.4 1.4-1-1L4 11Z",
  dark: "M6.5 2A6 6 0 1 0 14 9.6 5 5 0 0 1 6.5 2Z",
  auto: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Zm0 1.5v9a4.5 4.5 0 0 0 0-9Z",
  help: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13ZM8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3Zm-.8 7.2h1.6v1.6H7.2v-1.6ZM8 4.3c1.5 0 2.6 1 2.6 2.3 0 1-.6 1.5-1.2 2-.5.3-.6.5-.6.9v.1H7.2v-.3c0-1 .6-1.5 1.1-1.9.5-.3.7-.5.7-.8 0-.5-.4-.8-1-.8s-1 .4-1 1H5.4c0-1.5 1.1-2.5 2.6-2.5Z",
  right: "m6 3 5 5-5 5-1.1-1.1L8.8 8 4.9 4.1 6 3Z",
  retry: "M8 2.5c1.7 0 3.2.8 4.2 2V2.5h1.5v4.7H9V5.7h2.2A4 4 0 1 0 12 8.5h1.5A5.5 5.5 0 1 1 8 2.5Z",
  plus: "M7.2 3h1.6v4.2H13v1.6H8.8V13H7.2V8.8H3V7.2h4.2V3Z",
  minus: "M3 7.2h10v1.6H3V7.2Z",
  fit: "M2 2h4v1.5H3.5V6H2V2Zm8 0h4v4h-1.5V3.5H10V2ZM2 10h1.5v2.5H6V14H2v-4Zm10.5 0H14v4h-4v-1.5h2.5V10Z",
  key: "M10.5 2a3.5 3.5 0 1 1-3.3 4.7L6 7.9V9.5H4.5V11H3v1.5H1.5v-2L7 5.2A3.5 3.5 0 0 1 10.5 2Zm.8 2a1.2 1.2 0 1 0 0 2.4 1.2 1.2 0 0 0 0-2.4Z",
} as const;

export type IconName = keyof typeof ICONS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={ICONS[name]} fill="currentColor" fill-rule="evenodd" />
    </svg>
  );
}
