// A list of any length: only the rows in sight (and some around) are in the page.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

const AROUND = 12;

/** Which rows to draw: all that touch the window, and some around it. */
export function windowOf(
  count: number,
  rowHeight: number,
  top: number,
  height: number,
): { from: number; to: number } {
  const from = Math.max(0, Math.floor(top / rowHeight) - AROUND);
  const to = Math.min(count, Math.ceil((top + height) / rowHeight) + AROUND);
  return { from: Math.min(from, count), to: Math.max(to, Math.min(from, count)) };
}

interface Props {
  count: number;
  rowHeight: number;
  row: (index: number) => ComponentChildren;
  /** Called when the end comes near. */
  onEnd?: (() => void) | undefined;
  /** Scrolled such that it is seen. */
  current?: number;
}

/** Scrolls with the page. */
export function List({ count, rowHeight, row, onEnd, current }: Props) {
  const element = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState({ from: 0, to: Math.min(count, 40) });

  useEffect(() => {
    let frame = 0;
    const measure = () => {
      frame = 0;
      const box = element.current?.getBoundingClientRect();
      if (!box) {
        return;
      }
      const next = windowOf(count, rowHeight, Math.max(0, -box.top), innerHeight);
      setShown((old) => (old.from === next.from && old.to === next.to ? old : next));
      if (box.bottom < innerHeight * 2.5) {
        onEnd?.();
      }
    };
    const soon = () => {
      frame ||= requestAnimationFrame(measure);
    };
    measure();
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
    };
  }, [count, rowHeight, onEnd]);

  useEffect(() => {
    const box = element.current?.getBoundingClientRect();
    if (current === undefined || current < 0 || !box) {
      return;
    }
    const top = box.top + current * rowHeight;
    const header = 170;
    if (top < header) {
      scrollBy(0, top - header);
    } else if (top + rowHeight > innerHeight - 40) {
      scrollBy(0, top + rowHeight - innerHeight + 40);
    }
  }, [current, rowHeight]);

  const to = Math.min(shown.to, count);
  const rows = [];
  for (let index = shown.from; index < to; index++) {
    rows.push(row(index));
  }
  return (
    <div
      ref={element}
      class="list"
      style={{ height: `${count * rowHeight}px` }}
      role="presentation"
    >
      <div
        role="presentation"
        style={{ transform: `translateY(${Math.min(shown.from, count) * rowHeight}px)` }}
      >
        {rows}
      </div>
    </div>
  );
}
