// The graph of a task or a template: nodes are buttons, edges are drawn behind them. Its places depend
// on the steps and their parents only, so nothing moves while states change.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { lookOf, wordOf } from "../lib/states";
import { visible } from "../lib/visible";
import { Icon, Loading, StateIcon } from "../ui/bits";
import { Text } from "../ui/text";
import { type GraphNode, type GraphStep, group } from "./group";
import { type Direction, type Layout, layout, NODE_HEIGHT, NODE_WIDTH } from "./layout";

export interface NodeStep extends GraphStep {
  note: string; // below the name: how long, how often
}

interface Props {
  steps: NodeStep[];
  selected: string | null; // id of a step
  onSelect: (steps: NodeStep[]) => void;
  plain?: boolean; // of a template: without states
}

const NARROW = 720;
const SCALE_LEAST = 0.35;
const WORST = [
  "failed",
  "retry",
  "running",
  "ready",
  "pending",
  "manual",
  "ended",
  "done",
] as const;

/** The state that a group shows: the one that most asks for attention. */
export function worstOf(steps: GraphStep[]): string {
  for (const look of WORST) {
    const found = steps.find((step) => lookOf(step.state) === look);
    if (found) {
      return found.state;
    }
  }
  return "pending";
}

function structureOf(steps: GraphStep[]): string {
  return steps.map((step) => `${step.id}<${step.parents.join(",")}`).join(";");
}

export default function Graph({ steps, selected, onSelect, plain }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [zoom, setZoom] = useState<number | null>(null);
  useEffect(() => {
    const element = box.current;
    if (!element) {
      return;
    }
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  const direction: Direction = width < NARROW ? "TB" : "LR";
  const structure = structureOf(steps);
  const { groups, places } = useMemo(() => {
    const nodes = group(steps);
    return { groups: nodes, places: layout(nodes, direction) };
  }, [structure, direction]);
  const byId = new Map(steps.map((step) => [step.id, step]));
  const nodes = groups.map((node) => ({
    ...node,
    steps: node.steps.map((step) => byId.get(step.id) ?? step),
  }));
  const fit = Math.max(SCALE_LEAST, Math.min(1, (width - 2) / places.width));
  const scale = zoom ?? fit;
  const change = (factor: number) =>
    setZoom(Math.max(SCALE_LEAST, Math.min(2, Math.round(scale * factor * 100) / 100)));
  return (
    <div class="graph">
      <div class="graph-tools">
        {plain ? <span class="faint">{steps.length} steps</span> : <Legend steps={steps} />}
        <button type="button" class="icon-button" aria-label="Smaller" onClick={() => change(0.8)}>
          <Icon name="minus" />
        </button>
        <button type="button" class="icon-button" aria-label="Larger" onClick={() => change(1.25)}>
          <Icon name="plus" />
        </button>
        <button type="button" class="icon-button" aria-label="Fit" onClick={() => setZoom(null)}>
          <Icon name="fit" />
        </button>
      </div>
      <div ref={box} class="graph-box">
        {width === 0 ? (
          <Loading />
        ) : (
          <Drawing
            nodes={nodes}
            placed={places}
            scale={scale}
            selected={selected}
            onSelect={onSelect}
            plain={plain ?? false}
          />
        )}
      </div>
    </div>
  );
}

/** How many steps are in which state. */
function Legend({ steps }: { steps: GraphStep[] }) {
  const counts = new Map<string, number>();
  for (const { state } of steps) {
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return (
    <span class="graph-legend">
      {[...counts].map(([state, number]) => (
        <span key={state} class={`state look-${lookOf(state)}`}>
          <StateIcon state={state} /> {number} {wordOf(state)}
        </span>
      ))}
    </span>
  );
}

interface DrawingProps extends Pick<Props, "selected" | "onSelect"> {
  nodes: GraphNode<NodeStep>[];
  placed: Layout;
  scale: number;
  plain: boolean;
}

function Drawing({ nodes, placed, scale, selected, onSelect, plain }: DrawingProps) {
  const states = new Map(nodes.map((node) => [node.id, worstOf(node.steps)]));
  const at = new Map(placed.nodes.map((place) => [place.id, place]));
  return (
    <div
      class="graph-size"
      style={{ width: `${placed.width * scale}px`, height: `${placed.height * scale}px` }}
    >
      <div
        class="graph-plane"
        style={{
          width: `${placed.width}px`,
          height: `${placed.height}px`,
          transform: `scale(${scale})`,
        }}
      >
        <svg class="edges" width={placed.width} height={placed.height} aria-hidden="true">
          {placed.edges.map((edge) => (
            <path
              key={`${edge.from} ${edge.to}`}
              d={edge.path}
              class={plain ? "edge" : `edge edge-${lookOf(states.get(edge.from) ?? "")}`}
            />
          ))}
        </svg>
        {nodes.map((node) => {
          const place = at.get(node.id);
          return (
            place && (
              <NodeButton
                key={node.id}
                node={node}
                x={place.x}
                y={place.y}
                selected={node.steps.some((step) => step.id === selected)}
                onSelect={() => onSelect(node.steps)}
                plain={plain}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

interface NodeProps {
  node: GraphNode<NodeStep>;
  x: number;
  y: number;
  selected: boolean;
  onSelect: () => void;
  plain: boolean;
}

function NodeButton({ node, x, y, selected, onSelect, plain }: NodeProps) {
  const [first] = node.steps;
  if (!first) {
    return null;
  }
  const many = node.steps.length > 1;
  const state = worstOf(node.steps);
  const note = many ? countsOf(node.steps, plain) : first.note;
  return (
    <button
      type="button"
      class={`node${plain ? "" : ` node-${lookOf(state)}`}${selected ? " selected" : ""}${many ? " many" : ""}`}
      style={{
        left: `${x}px`,
        top: `${y}px`,
        width: `${NODE_WIDTH}px`,
        height: `${NODE_HEIGHT}px`,
      }}
      aria-pressed={selected}
      title={
        many ? `${node.steps.length} steps such as ${visible(first.name)}` : visible(first.name)
      }
      onClick={onSelect}
    >
      {!plain && <StateIcon state={state} />}
      <span class="node-name">
        <Text max={80}>{first.name}</Text>
        {!plain && <span class="sr">, {wordOf(state)}</span>}
      </span>
      {many && <span class="node-many">×{node.steps.length}</span>}
      <span class="node-note">{note}</span>
    </button>
  );
}

function countsOf(steps: GraphStep[], plain: boolean): string {
  if (plain) {
    return `${steps.length} steps`;
  }
  const counts = new Map<string, number>();
  for (const step of steps) {
    const word = wordOf(step.state);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, number]) => `${number} ${word}`).join(", ");
}
