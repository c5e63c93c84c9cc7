// The time that "12 s ago" is told by: one tick a second for the whole page, none while it is hidden.

import { signal } from "@preact/signals";

export const now = signal(Date.now());

export function clockStart(): void {
  setInterval(() => {
    if (!document.hidden) {
      now.value = Date.now();
    }
  }, 1000);
}
