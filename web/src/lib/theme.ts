// Light, dark, or what the system says.

import { effect, signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";
const KEY = "tasker.theme";
const ORDER: Theme[] = ["auto", "light", "dark"];

function stored(): Theme {
  const word = localStorage.getItem(KEY);
  return ORDER.find((theme) => theme === word) ?? "auto";
}

export const theme = signal<Theme>(stored());

export function themeStart(): void {
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
    localStorage.setItem(KEY, theme.value);
  });
}

export function themeNext(): void {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] ?? "auto";
}

/** A colour of the style sheet as it is now, for what is drawn on a canvas. */
export function colour(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
