// Where the nodes and edges are drawn; by dagre, which is loaded with the first graph.

import dagre from "@dagrejs/dagre";
import type { GraphNode } from "./group";

export const NODE_WIDTH = 196;
export const NODE_HEIGHT = 50;

export interface Placed {
  id: string;
  x: number; // left
  y: number; // top
}

export interface Edge {
  from: string;
  to: string;
  path: string;
}

export interface Layout {
  width: number;
  height: number;
  nodes: Placed[];
  edges: Edge[];
}

export type Direction = "LR" | "TB";

export function layout(nodes: GraphNode[], direction: Direction): Layout {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({
    rankdir: direction,
    nodesep: direction === "LR" ? 18 : 22,
    ranksep: direction === "LR" ? 44 : 36,
    marginx: 12,
    marginy: 12,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) {
    graph.setNode(node.id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  }
  for (const node of nodes) {
    for (const parent of node.parents) {
      graph.setEdge(parent, node.id);
    }
  }
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width,
    height,
    nodes: nodes.map(({ id }) => {
      const { x, y } = graph.node(id) as { x: number; y: number };
      return { id, x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
    }),
    edges: graph.edges().map(({ v, w }) => ({
      from: v,
      to: w,
      path: pathOf((graph.edge(v, w) as { points: Point[] }).points),
    })),
  };
}

interface Point {
  x: number;
  y: number;
}

/** A soft line through the middles of the pieces between the points. */
export function pathOf(points: Point[]): string {
  const [first, ...rest] = points;
  if (!first) {
    return "";
  }
  const text = (point: Point) => `${point.x.toFixed(1)} ${point.y.toFixed(1)}`;
  let path = `M${text(first)}`;
  rest.forEach((point, index) => {
    const next = rest[index + 1];
    path += next
      ? ` Q${text(point)} ${text({ x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 })}`
      : ` L${text(point)}`;
  });
  return path;
}
