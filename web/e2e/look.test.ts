// What every page has to be: safe, readable for everybody, small, and usable when there is much.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserOpen, pageOpen } from "./browser";
import { PAYLOADS } from "./payloads";
import { type Scene, sceneOpen } from "./scene";
import { until, World } from "./world";

let scene: Scene;
let browser: Browser;

beforeAll(async () => {
  scene = await sceneOpen();
  browser = await browserOpen();
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await scene?.world.leave();
});

async function settled(page: Page): Promise<void> {
  await page.locator("main :is(.panel, .empty, .tile)").first().waitFor();
  await page.waitForTimeout(250);
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run: () => Promise<{ violations: Violation[] }> };
    };
    return (await axe.run()).violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      nodes: nodes.slice(0, 3).map(({ html }) => ({ html: html.slice(0, 160) })),
    }));
  });
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id} ${nodes.map(({ html }) => html).join(" | ")}`);
}

describe("every page", () => {
  it.each(["light", "dark"] as const)("is accessible, %s", async (colorScheme) => {
    const { page, problems } = await pageOpen(browser, { colorScheme, reducedMotion: "reduce" });
    const found: string[] = [];
    for (const [name, hash] of scene.pages) {
      await page.goto("about:blank");
      await page.goto(`${scene.world.address}/${hash}`);
      await settled(page);
      found.push(...(await seriousFindings(page)).map((finding) => `${name}: ${finding}`));
    }
    expect(found).toEqual([]);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  it.each([360, 1280, 2560])("fits into a width of %d pixels", async (width) => {
    const { page } = await pageOpen(browser, { viewport: { width, height: 900 } });
    const wide: string[] = [];
    for (const [name, hash] of scene.pages) {
      await page.goto("about:blank");
      await page.goto(`${scene.world.address}/${hash}`);
      await settled(page);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) {
        wide.push(`${name} by ${overflow}`);
      }
    }
    expect(wide).toEqual([]);
    await page.context().close();
  });
});

describe("what opens over a page", () => {
  it("is accessible", async () => {
    const { page, problems } = await pageOpen(browser, { reducedMotion: "reduce" });
    const found: string[] = [];
    const look = async (what: string) => {
      await page.waitForTimeout(200);
      found.push(...(await seriousFindings(page)).map((finding) => `${what}: ${finding}`));
    };
    await page.goto(`${scene.world.address}/#/tasks?state=blocked_by_failures`);
    await settled(page);
    await page.keyboard.press("?");
    await look("help");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Filter" }).click();
    await look("filter");
    await page.getByLabel("Choose all that are loaded").check();
    await page.getByRole("button", { name: "Retry…" }).click();
    await look("preview");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "API key" }).click();
    await look("key");
    const task = scene.pages.find(([name]) => name === "task-step")?.[1] ?? "";
    await page.goto("about:blank");
    await page.goto(`${scene.world.address}/${task}`);
    await page.getByRole("button", { name: "Run again…" }).click();
    await look("run again");
    await page.keyboard.press("Escape");
    await page.locator(".side").getByRole("button", { name: "Resolve…" }).click();
    await look("resolve");
    expect(found).toEqual([]);
    expect(problems).toEqual([]);
    await page.context().close();
  });
});

describe("the first view", () => {
  it("is under 100 kB, and there soon", async () => {
    const { page } = await pageOpen(browser);
    let bytes = 0;
    page.on("requestfinished", (request) => {
      const path = new URL(request.url()).pathname;
      if (path === "/" || path.startsWith("/assets/")) {
        void request.sizes().then((sizes) => {
          bytes += sizes.responseBodySize;
        });
      }
    });
    const began = Date.now();
    await page.goto(scene.world.address);
    await page.locator(".tile-value").first().waitFor();
    const took = Date.now() - began;
    await page.waitForTimeout(1000);
    console.log(`the first view: ${bytes} bytes, usable after ${took} ms`);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(100_000);
    expect(took).toBeLessThan(10_000);
    await page.context().close();
  });
});

describe("a task of 1,000 steps", () => {
  it("is drawn in groups, and the one that failed is found in its group", async () => {
    const { page, problems } = await pageOpen(browser);
    const hash = scene.pages.find(([name]) => name === "task-wide")?.[1];
    await page.goto(`${scene.world.address}/${hash}`);
    const group = page.locator(".node.many", { hasText: "997" });
    await until("few nodes", async () => {
      const nodes = await page.locator(".node").count();
      return nodes >= 3 && nodes <= 80;
    });
    await page.locator(".why").getByRole("button", { name: "part_501" }).first().click();
    await page.locator(".side .error-view", { hasText: "the machine is broken" }).first().waitFor();
    await group.or(page.locator(".node.many")).first().click();
    await page.getByText(/\d+ steps of this group/).waitFor();
    await page.getByRole("tab", { name: "Timeline" }).click();
    await page.locator(".timeline-row").first().waitFor();
    expect(await page.locator(".timeline-row").count()).toBeLessThan(120);
    expect(problems).toEqual([]);
    await page.context().close();
  });
});

describe("hostile text", () => {
  it("is text in every place", async () => {
    const { world } = scene;
    const gates = world.gates("hostile");
    gates.open("broken");
    const long = `${"x".repeat(500_000)}</script><img src=x onerror=hit()>`;
    const folder = JSON.parse(gates.context).folder as string;
    const members = PAYLOADS.map((text, index) => [`${index} ${text}`, text]);
    const context = JSON.stringify({
      ...Object.fromEntries(members),
      folder,
      says: PAYLOADS.join("\n"),
      echo: long,
    });
    const [first = "", second = ""] = PAYLOADS;
    const marks = [
      "--tag",
      first,
      "--initiator",
      second,
      "--reason",
      PAYLOADS.join(" ").slice(0, 900),
    ];
    const task = world.submit("e2e/mend", context, ...marks);
    await until("the failure", () => world.tasker("show", task).includes("blocked"));
    const { page, problems } = await pageOpen(browser);
    await page.addInitScript(() => {
      Object.assign(globalThis, { hit: () => Object.assign(globalThis, { wasHit: true }) });
    });
    const step = `${task.slice(0, 32)}0001`;
    const places = [
      "#/tasks",
      `#/tasks?${new URLSearchParams({ tag: first })}`,
      `#/tasks?${new URLSearchParams({ name: second, namespace: PAYLOADS[2] ?? "" })}`,
      "#/failures",
      ...["graph", "timeline", "steps", "data", "history"].map(
        (view) => `#/tasks/${task}?view=${view}&step=${step}`,
      ),
      `#/tasks/${encodeURIComponent(first)}`,
      `#/templates/${PAYLOADS.slice(0, 3).map(encodeURIComponent).join("/")}`,
    ];
    for (const place of places) {
      await page.goto("about:blank");
      await page.goto(`${world.address}/${place}`);
      await page.locator("main :is(.panel, .empty, .trouble)").first().waitFor();
      await page.waitForTimeout(200);
      const hit = await page.evaluate(() => "wasHit" in globalThis);
      expect(hit, place).toBe(false);
      expect(
        await page.locator("main :is(img, iframe, script, object, embed)").count(),
        place,
      ).toBe(0);
    }
    await page.goto(`${world.address}/#/tasks/${task}?step=${step}`);
    await page.locator(".side .error-view", { hasText: "<script>" }).first().waitFor();
    expect(problems).toEqual([]);
    await page.context().close();
  });
});

describe("a server that asks for a key", () => {
  it("is answered with one, and forgets it when the key is wrong", async () => {
    const world = new World(["web/e2e/templates"]);
    try {
      const words = [
        "key",
        "create",
        "--name",
        "web",
        "--permissions",
        "tasks:*,steps:*,templates:read,system:*",
      ];
      const key = /\S{20,}/.exec(world.tasker(...words))?.[0] ?? "";
      await world.serve();
      const { page } = await pageOpen(browser);
      await page.goto(world.address);
      const dialog = page.locator("dialog[open]");
      await dialog.getByLabel("Key").fill(`${key}x`);
      await dialog.getByRole("button", { name: "Use this key" }).click();
      await page.locator("dialog[open]", { hasText: "A key is in use" }).waitFor();
      await dialog.getByLabel("Key").fill(key);
      await dialog.getByRole("button", { name: "Use this key" }).click();
      await page.locator(".tile-value").first().waitFor();
      await page.locator(".live-live").waitFor();
      await page.context().close();
    } finally {
      await world.leave();
    }
  });
});
