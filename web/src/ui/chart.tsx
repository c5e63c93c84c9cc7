// A chart over time. uPlot is loaded when the first chart is shown, so that the page need not wait.

import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { colour, theme } from "../lib/theme";

export interface Series {
  label: string;
  colour: string; // of the style sheet
  values: (number | null)[];
  fill?: boolean;
  dash?: number[];
  points?: boolean; // where values may stand alone, which draw no line
}

interface Props {
  title: string;
  at: number[]; // seconds
  from: number;
  to: number;
  series: Series[];
  format: (value: number) => string;
}

const HEIGHT = 150;

/** How much larger than usual everything is: the style sheet enlarges it on large screens. */
function enlargement(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 14;
}

const hours = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const days = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric" });

/** The time below the chart: of the day, or over some days the day. */
function tickOf(at: number, span: number): string {
  return (span > 2 * 86_400 ? days : hours).format(at * 1000);
}

function options(now: () => Props, width: number): uPlot.Options {
  const plot = now();
  const large = enlargement();
  const grid = { stroke: colour("line"), width: 1 };
  const axis = {
    stroke: colour("faint"),
    grid,
    ticks: { show: false },
    font: `${11 * large}px system-ui`,
  };
  return {
    width,
    height: HEIGHT * large,
    cursor: { y: false, points: { size: 5 } },
    legend: { show: false },
    scales: {
      x: { range: () => [now().from, now().to] },
      y: { range: (_plot, _low, high) => [0, Number.isFinite(high) && high > 0 ? high * 1.1 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 26 * large,
        space: 64 * large,
        values: (_plot, splits) => splits.map((at) => tickOf(at, plot.to - plot.from)),
      },
      {
        ...axis,
        size: 66 * large,
        space: 32 * large,
        values: (_plot, splits) => splits.map((value) => plot.format(value)),
      },
    ],
    series: [
      {},
      ...plot.series.map((series) => {
        const stroke = colour(series.colour);
        const line: uPlot.Series = {
          label: series.label,
          stroke,
          width: 1.75,
          points: { show: series.points ?? false, size: 3.5 },
          spanGaps: true,
        };
        if (series.fill) {
          line.fill = stroke.replace(/^rgb\((.*)\)$/, "rgba($1, 0.12)");
        }
        if (series.dash) {
          line.dash = series.dash;
        }
        return line;
      }),
    ],
  };
}

export function Chart(props: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const data = (): uPlot.AlignedData => [
    latest.current.at,
    ...latest.current.series.map((series) => series.values),
  ];
  const look = theme.value;

  useEffect(() => {
    let gone = false;
    let observer: ResizeObserver | undefined;
    void import("uplot").then(({ default: Plot }) => {
      const box = place.current;
      if (gone || box === null) {
        return;
      }
      plot.current = new Plot(
        options(() => latest.current, box.clientWidth),
        data(),
        box,
      );
      observer = new ResizeObserver(() => {
        plot.current?.setSize({ width: box.clientWidth, height: HEIGHT * enlargement() });
      });
      observer.observe(box);
    });
    return () => {
      gone = true;
      observer?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [look]);

  useEffect(() => {
    plot.current?.setData(data());
  }, [props.at, props.series, props.from]);

  return (
    <figure class="chart">
      <figcaption>
        <strong>{props.title}</strong>
        {props.series.map((series) => (
          <span key={series.label} class="legend">
            <i style={{ background: `var(--${series.colour})` }} />
            {series.label}
          </span>
        ))}
      </figcaption>
      <div
        ref={place}
        class="plot"
        style={{ height: `${HEIGHT * enlargement()}px` }}
        role="img"
        aria-label={reading(props)}
      />
    </figure>
  );
}

/** The chart in words, for who does not see it. */
function reading(props: Props): string {
  const last = props.series.map((series) => {
    const value = series.values.findLast((known) => known !== null);
    return `${series.label} ${value === null || value === undefined ? "none" : props.format(value)}`;
  });
  return `${props.title}, last values: ${last.join(", ")}`;
}
