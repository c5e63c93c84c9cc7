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
    edges: graph.edges().map(({ v, w }) => {
      const { points } = graph.edge(v, w) as { points: Point[] };
      const ends = [graph.node(v) as Point, graph.node(w) as Point] as const;
      return { from: v, to: w, path: pathOf(...ends, points.slice(1, -1), direction) };
    }),
  };
}

interface Point {
  x: number;
  y: number;
}

/** A soft line from the side of one node to the side of another. `between` are the points that it has to
 * pass to keep clear of others; a single one is on the way between neighbours and says nothing. */
export function pathOf(from: Point, to: Point, between: Point[], direction: Direction): string {
  const across = direction === "LR";
  const out = across
    ? { x: from.x + NODE_WIDTH / 2, y: from.y }
    : { x: from.x, y: from.y + NODE_HEIGHT / 2 };
  const into = across
    ? { x: to.x - NODE_WIDTH / 2, y: to.y }
    : { x: to.x, y: to.y - NODE_HEIGHT / 2 };
  const text = (x: number, y: number) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  let path = `M${text(out.x, out.y)}`;
  let last = out;
  for (const point of [...(between.length > 1 ? between : []), into]) {
    const x = (last.x + point.x) / 2;
    const y = (last.y + point.y) / 2;
    path += across
      ? ` C${text(x, last.y)} ${text(x, point.y)} ${text(point.x, point.y)}`
      : ` C${text(last.x, y)} ${text(point.x, y)} ${text(point.x, point.y)}`;
    last = point;
  }
  return path;
}
