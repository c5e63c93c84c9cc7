// A store with something of everything in it, for the pictures and for the tests that look at every page.

import { until, World } from "./world";

export interface Scene {
  world: World;
  /** Where to look, by name. */
  pages: [string, string][];
}

const WIDE = 998;

/** 1,000 steps: one, many beside each other, one. */
function wideTemplate(): string {
  const parts = Array.from({ length: WIDE }, (_none, index) => `part_${index + 1}`);
  const step = (name: string, handler: string, dependencies: string[]) =>
    `  - {name: ${name}, handler: {callable: "E2e::${handler}"}, dependencies: [${dependencies}]}\n`;
  return [
    'name: wide\nnamespace_name: e2e\nversion: "1.0.0"\ndescription: A thousand steps\nsteps:\n',
    step("split", "Echo", []),
    ...parts.map((part, index) => step(part, index === 500 ? "Mend" : "Echo", ["split"])),
    step("join", "Echo", parts),
  ].join("");
}

function order(simulate: object): string {
  return JSON.stringify({
    order_id: "A-1001",
    customer: { id: 42, email: "customer@shop.example" },
    items: [
      { sku: "TEA-100", quantity: 2 },
      { sku: "MUG-BLUE", quantity: 1 },
    ],
    payment: { method: "card", token: "tok_4242" },
    shipping: {
      method: "express",
      address: {
        street: "1 Harbour Street",
        city: "Porto",
        postal_code: "4050-253",
        country: "PT",
      },
    },
    simulate,
  });
}

export async function sceneOpen(): Promise<Scene> {
  const folders = ["web/e2e/templates", "examples/ruby"];
  const world = new World(folders, { "wide.yaml": wideTemplate() });
  await world.serve();
  await world.work("./web/e2e/all.rb");
  const shop = "order_fulfillment/business_workflow";
  for (let i = 1; i <= 6; i++) {
    world.submit("tree_workflow/hierarchical_tree", `{"even_number": ${2 * i}}`);
    world.submit("mixed_dag_workflow/complex_dag", '{"even_number": 6}');
    world.submit("test_errors/error_testing", "{}");
    world.submit(shop, order({}), "--tag", "eu");
  }
  const broken = world.gates("wide");
  broken.open("broken");
  const wide = world.submit("e2e/wide", broken.context);
  const declined = world.submit(shop, order({ declined: true }), "--tag", "eu", "--tag", "vip");
  world.submit(shop, order({ declined: true }));
  const tried = world
    .submit(shop, order({ payment_failures: 2 }), "--wait")
    .split(/\s+/)
    .at(-1);
  const gates = world.gates("scene");
  gates.open("first", "left");
  const diamond = world.submit("e2e/diamond", gates.context, "--priority", "5");
  const paces = { validate_order: 200, reserve_inventory: 400, process_payment: 28_000 };
  const running = world.submit(shop, order({ pace_ms: paces }), "--tag", "eu");
  await until("the wide task", () => world.tasker("show", wide).includes("blocked"), 60);
  const step = (task: string, number: number) =>
    `${task.slice(0, 32)}${number.toString(16).padStart(4, "0")}`;
  return {
    world,
    pages: [
      ["overview", "#/"],
      ["tasks", "#/tasks"],
      ["tasks-filtered", "#/tasks?state=blocked_by_failures&namespace=test_errors"],
      ["tasks-none", "#/tasks?tag=nothing"],
      ["task-running", `#/tasks/${running}`],
      ["task-diamond", `#/tasks/${diamond}`],
      ["task-step", `#/tasks/${declined}?step=${step(declined, 3)}`],
      ["task-timeline", `#/tasks/${tried}?view=timeline`],
      ["task-steps", `#/tasks/${declined}?view=steps`],
      ["task-data", `#/tasks/${declined}?view=data`],
      ["task-history", `#/tasks/${declined}?view=history`],
      ["task-wide", `#/tasks/${wide}`],
      ["failures", "#/failures"],
      ["templates", "#/templates"],
      ["template", "#/templates/mixed_dag_workflow/complex_dag/1.0.0"],
      ["workers", "#/workers"],
      ["nowhere", "#/nowhere"],
    ],
  };
}
