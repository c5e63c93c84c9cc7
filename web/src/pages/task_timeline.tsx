// When each attempt of each step waited and ran.

import { useMemo } from "preact/hooks";
import type { Change, Step } from "../api/types";
import { now } from "../lib/clock";
import type { Resource } from "../lib/resource";
import { duration, mark } from "../lib/time";
import { type Bar, type Line, percent, type Timeline, ticksOf, timelineOf } from "../lib/timeline";
import { visible } from "../lib/visible";
import { Loading, Trouble } from "../ui/bits";
import { List } from "../ui/list";
import { Text } from "../ui/text";

const ROW = 28;

interface Props {
  history: Resource<Change[]>;
  chosen: Step | null;
  select: (uuid: string) => void;
}

export function TimelineView({ history, chosen, select }: Props) {
  const changes = history.data.value;
  const still = useMemo(() => (changes ? timelineOf(changes, 0) : null), [changes]);
  const moves = still?.lines.some((line) => line.bars.some((bar) => bar.to === null)) ?? false;
  if (still === null || changes === null) {
    const error = history.error.value;
    return error ? <Trouble error={error} retry={() => void history.refresh()} /> : <Loading />;
  }
  const timeline: Timeline = moves ? { ...still, to: Math.max(still.to, now.value) } : still;
  const span = timeline.to - timeline.from;
  return (
    <section class="panel timeline" aria-label="Timeline">
      <div class="timeline-axis" aria-hidden="true">
        <span />
        <div>
          {ticksOf(span, innerWidth < 700 ? 3 : 6).map((tick) => (
            <i key={tick} style={{ left: `${(100 * tick) / span}%` }}>
              {mark(tick)}
            </i>
          ))}
        </div>
      </div>
      <List
        count={timeline.lines.length}
        rowHeight={ROW}
        row={(index) => {
          const line = timeline.lines[index];
          return (
            line && (
              <Row
                key={line.uuid}
                line={line}
                timeline={timeline}
                chosen={line.uuid === chosen?.step_uuid}
                select={select}
              />
            )
          );
        }}
      />
      <p class="legend-line faint">
        <span class="legend">
          <i class="bar-wait" /> waits
        </span>
        <span class="legend">
          <i class="fill-done" /> complete
        </span>
        <span class="legend">
          <i class="fill-failed" /> failed
        </span>
        <span class="legend">
          <i class="fill-running" /> runs
        </span>
      </p>
    </section>
  );
}

function wordsOf(bar: Bar, end: number): string {
  const what = bar.kind === "run" ? `attempt ${bar.attempt}: ${visible(bar.text)}` : bar.text;
  const where = bar.worker === null || bar.kind === "wait" ? "" : `, worker ${bar.worker}`;
  return `${what}, ${duration((bar.to ?? end) - bar.from)}${where}`;
}

interface RowProps {
  line: Line;
  timeline: Timeline;
  chosen: boolean;
  select: (uuid: string) => void;
}

function Row({ line, timeline, chosen, select }: RowProps) {
  return (
    <div class={chosen ? "timeline-row current" : "timeline-row"} style={{ height: `${ROW}px` }}>
      <button type="button" class="link" onClick={() => select(line.uuid)}>
        <Text>{line.step}</Text>
      </button>
      <div class="timeline-bars">
        {line.bars.map((bar) => {
          const left = percent(bar.from, timeline);
          const width = percent(bar.to ?? timeline.to, timeline) - left;
          const words = wordsOf(bar, timeline.to);
          return (
            <i
              key={`${bar.kind} ${bar.from}`}
              role="img"
              class={bar.kind === "wait" ? "bar-wait" : `fill-${bar.look}`}
              style={{ left: `${left}%`, width: `max(${bar.kind === "run" ? 3 : 0}px, ${width}%)` }}
              title={words}
              aria-label={words}
            />
          );
        })}
      </div>
    </div>
  );
}
