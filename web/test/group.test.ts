import { describe, expect, it } from "vitest";
import { depthsOf, type GraphStep, group } from "../src/dag/group";
import { layout } from "../src/dag/layout";

const step = (name: string, parents: string[] = [], state = "pending"): GraphStep => ({
  id: name,
  name,
  state,
  parents,
});
const many = (count: number, of: (index: number) => GraphStep) =>
  Array.from({ length: count }, (_none, index) => of(index));

describe("a graph", () => {
  it("is drawn step by step while it is small", () => {
    const nodes = group(many(80, (i) => step(`s${i}`, i > 0 ? [`s${i - 1}`] : [])));
    expect(nodes.length).toBe(80);
    expect(nodes[1]?.parents).toEqual(["s0"]);
  });

  it("of 1,000 parallel steps becomes three nodes", () => {
    const steps = [
      step("start"),
      ...many(998, (i) => step(`part${i}`, ["start"])),
      step(
        "end",
        many(998, (i) => step(`part${i}`)).map((part) => part.name),
      ),
    ];
    const nodes = group(steps);
    expect(nodes.map((node) => node.steps.length)).toEqual([1, 998, 1]);
    expect(nodes[2]?.parents).toEqual([nodes[1]?.id]);
  });

  it("of 1,000 steps in a row becomes one node", () => {
    const nodes = group(many(1000, (i) => step(`s${i}`, i > 0 ? [`s${i - 1}`] : [])));
    expect(nodes.map((node) => node.steps.length)).toEqual([1000]);
    expect(nodes[0]?.parents).toEqual([]);
  });

  it("of parallel chains folds the chains, then what is alike", () => {
    const steps = [step("start")];
    for (let lane = 0; lane < 100; lane++) {
      steps.push(...many(9, (i) => step(`${lane}.${i}`, i > 0 ? [`${lane}.${i - 1}`] : ["start"])));
    }
    expect(group(steps).map((node) => node.steps.length)).toEqual([1, 900]);
  });

  it("without a pattern has no more nodes than are allowed, no circle, and every step", () => {
    const steps = many(1000, (i) =>
      step(
        `s${i}`,
        [i - 1 - ((i * 7) % 5), i - 1 - ((i * 13) % 11)]
          .filter((parent) => parent >= 0)
          .map((parent) => `s${parent}`),
      ),
    );
    const nodes = group(steps, 80);
    expect(nodes.length).toBeLessThanOrEqual(80);
    expect(nodes.flatMap((node) => node.steps).length).toBe(1000);
    const depths = depthsOf(new Map(nodes.map((node) => [node.id, node])));
    for (const node of nodes) {
      for (const parent of node.parents) {
        expect(depths.get(parent)).toBeLessThan(depths.get(node.id) ?? 0);
      }
    }
  });

  it("has places for all nodes and a line for each edge", () => {
    const nodes = group([step("a"), step("b", ["a"]), step("c", ["a"]), step("d", ["b", "c"])]);
    const across = layout(nodes, "LR");
    expect(across.nodes.length).toBe(4);
    expect(across.edges.map((edge) => `${edge.from}${edge.to}`).sort()).toEqual([
      "ab",
      "ac",
      "bd",
      "cd",
    ]);
    const down = layout(nodes, "TB");
    expect(down.height).toBeGreaterThan(down.width / 2);
    expect(down.edges[0]?.path).toMatch(/^M[\d.]+ [\d.]+ C/);
  });
});
