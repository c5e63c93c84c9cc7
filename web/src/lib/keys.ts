// The keyboard: single keys, and pairs that begin with g. Pages add theirs while they are shown; keys
// typed into a field are text.

import { useEffect, useRef } from "preact/hooks";

export type Keys = Record<string, (event: KeyboardEvent) => void>;

const stack: { current: Keys }[] = [];
let prefix = "";
let prefixTimer: ReturnType<typeof setTimeout> | undefined;

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function press(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) {
    return;
  }
  if (typing(event.target) || document.querySelector("dialog[open]") !== null) {
    return;
  }
  const key = prefix + event.key;
  clearTimeout(prefixTimer);
  prefix = "";
  for (const layer of [...stack].reverse()) {
    const act = layer.current[key];
    if (act) {
      event.preventDefault();
      act(event);
      return;
    }
  }
  if (event.key === "g") {
    prefix = "g ";
    prefixTimer = setTimeout(() => {
      prefix = "";
    }, 1200);
  }
}

export function keysStart(): void {
  addEventListener("keydown", press);
}

/** Binds keys while the component is shown; the newest layer is asked first. */
export function useKeys(keys: Keys): void {
  const layer = useRef(keys);
  layer.current = keys;
  useEffect(() => {
    stack.push(layer);
    return () => {
      stack.splice(stack.indexOf(layer), 1);
    };
  }, []);
}
