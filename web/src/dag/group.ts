// A graph that a person can read: when there are too many steps, those that play the same part become
// one node. First twins (the same parents and the same children), then chains (one after the other), at
// last whole levels.

export interface GraphStep {
  id: string;
  name: string;
  state: string;
  parents: string[]; // names
}

export interface GraphNode<S extends GraphStep = GraphStep> {
  id: string;
  steps: S[];
  parents: string[]; // ids of nodes
}

export const NODES_MAX = 80;
const TWINS_LEAST = 3;
const CHAIN_LEAST = 3;

type Nodes<S extends GraphStep> = Map<string, GraphNode<S>>;

export function group<S extends GraphStep>(steps: S[], limit = NODES_MAX): GraphNode<S>[] {
  let nodes = singles(steps);
  for (let before = Infinity; nodes.size > limit && nodes.size < before; ) {
    before = nodes.size;
    nodes = merge(nodes, twins(nodes));
    if (nodes.size > limit) {
      nodes = merge(nodes, chains(nodes));
    }
  }
  if (nodes.size > limit) {
    nodes = merge(nodes, levels(nodes, limit));
  }
  return [...nodes.values()];
}

function singles<S extends GraphStep>(steps: S[]): Nodes<S> {
  const ids = new Map(steps.map((step) => [step.name, step.id]));
  return new Map(
    steps.map((step) => [
      step.id,
      {
        id: step.id,
        steps: [step],
        parents: step.parents.map((name) => ids.get(name)).filter((id) => id !== undefined),
      },
    ]),
  );
}

export function childrenOf(nodes: Iterable<GraphNode>): Map<string, string[]> {
  const children = new Map<string, string[]>();
  for (const node of nodes) {
    for (const parent of node.parents) {
      const known = children.get(parent);
      if (known) {
        known.push(node.id);
      } else {
        children.set(parent, [node.id]);
      }
    }
  }
  return children;
}

/** Which group each node goes into; a node that is alone may be missing. */
type Plan = Map<string, string>;

function twins<S extends GraphStep>(nodes: Nodes<S>): Plan {
  const children = childrenOf(nodes.values());
  const families = new Map<string, string[]>();
  for (const node of nodes.values()) {
    const key = `${[...node.parents].sort()}|${[...(children.get(node.id) ?? [])].sort()}`;
    const family = families.get(key);
    if (family) {
      family.push(node.id);
    } else {
      families.set(key, [node.id]);
    }
  }
  return planOf([...families.values()].filter((family) => family.length >= TWINS_LEAST));
}

function chains<S extends GraphStep>(nodes: Nodes<S>): Plan {
  const children = childrenOf(nodes.values());
  const follower = (id: string): string | undefined => {
    const next = children.get(id);
    const only = next?.length === 1 ? next[0] : undefined;
    return only !== undefined && nodes.get(only)?.parents.length === 1 ? only : undefined;
  };
  const followers = new Set([...nodes.keys()].map(follower));
  const runs: string[][] = [];
  for (const id of nodes.keys()) {
    if (followers.has(id)) {
      continue;
    }
    const run = [id];
    for (let next = follower(id); next !== undefined; next = follower(next)) {
      run.push(next);
    }
    if (run.length >= CHAIN_LEAST) {
      runs.push(run);
    }
  }
  return planOf(runs);
}

/** By the longest way from a root; levels next to each other share a node when there are too many. */
function levels<S extends GraphStep>(nodes: Nodes<S>, limit: number): Plan {
  const depths = depthsOf(nodes);
  const portion = Math.ceil((Math.max(...depths.values()) + 1) / limit);
  return new Map([...depths].map(([id, depth]) => [id, `level ${Math.floor(depth / portion)}`]));
}

export function depthsOf(nodes: ReadonlyMap<string, { parents: string[] }>): Map<string, number> {
  const depths = new Map<string, number>();
  const waiting = [...nodes.keys()];
  // Without recursion: a chain may be longer than the stack.
  while (waiting.length > 0) {
    const id = waiting[waiting.length - 1] as string;
    const parents = nodes.get(id)?.parents ?? [];
    const open = depths.has(id) ? [] : parents.filter((p) => nodes.has(p) && !depths.has(p));
    if (open.length > 0 && waiting.length < 1_000_000) {
      waiting.push(...open);
      continue;
    }
    waiting.pop();
    depths.set(id, Math.max(-1, ...parents.map((parent) => depths.get(parent) ?? -1)) + 1);
  }
  return depths;
}

function planOf(groups: string[][]): Plan {
  const plan: Plan = new Map();
  for (const members of groups) {
    for (const id of members) {
      plan.set(id, `group ${members[0]}`);
    }
  }
  return plan;
}

function merge<S extends GraphStep>(nodes: Nodes<S>, plan: Plan): Nodes<S> {
  const merged: Nodes<S> = new Map();
  const target = (id: string) => plan.get(id) ?? id;
  for (const node of nodes.values()) {
    const id = target(node.id);
    const known = merged.get(id) ?? { id, steps: [], parents: [] };
    known.steps.push(...node.steps);
    for (const parent of node.parents.map(target)) {
      if (parent !== id && !known.parents.includes(parent)) {
        known.parents.push(parent);
      }
    }
    merged.set(id, known);
  }
  return merged;
}
