// What a person does: watch a task go green, read why one failed, mend it, choose, filter, cancel.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserOpen, pageOpen } from "./browser";
import { until, World } from "./world";

let world: World;
let browser: Browser;
let page: Page;
let problems: string[];

beforeAll(async () => {
  world = new World(["web/e2e/templates"]);
  await world.serve();
  await world.work("./web/e2e/handlers.rb");
  browser = await browserOpen();
  ({ page, problems } = await pageOpen(browser, { viewport: { width: 1280, height: 900 } }));
});

afterAll(async () => {
  await browser?.close();
  await world?.leave();
});

const show = (hash: string) => page.goto(`${world.address}/${hash}`);
const node = (name: string) => page.locator(".node", { hasText: name });

async function confirm(verb: string, reason = "by a test"): Promise<void> {
  const dialog = page.locator("dialog[open]");
  await dialog.getByLabel("Reason").fill(reason);
  await dialog.getByRole("button", { name: verb, exact: false }).last().click();
  await dialog.waitFor({ state: "detached" });
}

describe("a task", () => {
  it("goes green step by step while one looks at it", async () => {
    const gates = world.gates("green");
    const task = world.submit("e2e/diamond", gates.context);
    await show(`#/tasks/${task}`);
    await page.locator(".node-running", { hasText: "first" }).waitFor();
    expect(await page.locator(".node-pending").count()).toBe(3);
    gates.open("first");
    await page.locator(".node-done", { hasText: "first" }).waitFor();
    await page.locator(".node-running", { hasText: "left" }).waitFor();
    await page.locator(".node-running", { hasText: "right" }).waitFor();
    gates.open("left", "right", "last");
    await page.locator(".page-head .look-done").first().waitFor();
    await until("four green steps", async () => (await page.locator(".node-done").count()) === 4);
  });

  it("shows a result's big number as it is", async () => {
    await node("last").click();
    await page.locator(".side .json", { hasText: "18446744073709551616" }).waitFor();
  });

  it("has a timeline and a history", async () => {
    await page.getByRole("tab", { name: "Timeline" }).click();
    await page.locator(".timeline-row").nth(3).waitFor();
    const done = page.locator(".timeline-bars .fill-done");
    await until("four attempts", async () => (await done.count()) === 4);
    await page.getByRole("tab", { name: "History" }).click();
    await page.getByRole("searchbox", { name: "Find in the history" }).fill("last complete");
    await until("one line", async () => (await page.locator(".history-row").count()) === 1);
  });

  it("that fails says why, and goes on when it is retried", async () => {
    const gates = world.gates("broken");
    gates.open("broken");
    const task = world.submit("e2e/mend", gates.context);
    await show(`#/tasks/${task}`);
    await page.locator(".why.stuck", { hasText: "the machine is broken" }).waitFor();
    await node("repair").click();
    const side = page.locator(".side");
    await side.locator(".error-view", { hasText: "PermanentError" }).first().waitFor();
    await side.getByText("BROKEN").first().waitFor();
    await side
      .getByText(/Backtrace, \d+ lines/)
      .first()
      .click();
    await side.locator("pre", { hasText: "handlers.rb" }).first().waitFor();
    gates.close("broken");
    await side.getByRole("button", { name: "Retry" }).click();
    await confirm("Retry", "mended by hand");
    await page.locator(".page-head .look-done").first().waitFor();
    await page.getByRole("tab", { name: "History" }).click();
    await page.locator(".history-row", { hasText: "mended by hand" }).first().waitFor();
  });

  it("that is resolved by hand goes on with the result that was given", async () => {
    const gates = world.gates("resolved");
    gates.open("broken");
    const task = world.submit("e2e/mend", gates.context);
    const step = `${task.slice(0, 32)}0001`;
    await show(`#/tasks/${task}?step=${step}`);
    await page.locator(".side").getByRole("button", { name: "Resolve" }).click();
    const editor = page.locator("dialog[open] textarea");
    await editor.fill('{"by": hand}');
    await page.locator("dialog[open]", { hasText: "line 1, character 8" }).waitFor();
    await editor.fill('{"price": 0.10, "n": 18446744073709551616}');
    await confirm("Resolve");
    await page.locator(".side .json", { hasText: "18446744073709551616" }).waitFor();
    await page.locator(".side .json", { hasText: "0.10" }).waitFor();
  });

  it("is cancelled with a reason", async () => {
    const gates = world.gates("cancelled");
    const task = world.submit("e2e/diamond", gates.context);
    await show(`#/tasks/${task}`);
    await page.getByRole("button", { name: "Cancel…" }).click();
    await confirm("Cancel the task", "ordered twice");
    await page.locator(".page-head .look-ended").first().waitFor();
    await page.getByRole("tab", { name: "History" }).click();
    await page.locator(".history-row", { hasText: "ordered twice" }).first().waitFor();
  });

  it("runs again with an edited context", async () => {
    const gates = world.gates("again");
    const context = gates.context.replace("}", ', "echo": 12345678901234567890.10}');
    const task = world.submit("e2e/mend", context, "--wait").split(/\s+/).at(-1) ?? "";
    await show(`#/tasks/${task}`);
    await page.getByRole("button", { name: "Run again…" }).click();
    const editor = page.locator("dialog[open] textarea");
    expect(await editor.inputValue()).toContain("12345678901234567890.10");
    await editor.fill(
      (await editor.inputValue()).replace("12345678901234567890.10", "[1.50, 2e9]"),
    );
    await confirm("Run");
    await until("the new task", () => !page.url().includes(task));
    await page.getByRole("tab", { name: "Data" }).click();
    await page.locator(".json", { hasText: "1.50" }).first().waitFor();
    await page.locator(".json", { hasText: "2e9" }).first().waitFor();
  });
});

describe("the list of tasks", () => {
  it("is filtered by state, and the address keeps the filter", async () => {
    const gates = world.gates("list");
    gates.open("broken");
    for (let i = 0; i < 3; i++) {
      world.submit("e2e/mend", gates.context, "--tag", "listed");
    }
    await show("#/tasks?tag=listed");
    await until("3 tasks", async () => (await page.locator(".task-row .cell-name").count()) === 3);
    await page.getByRole("button", { name: "blocked" }).click();
    await until("the filter", () => page.url().includes("state=blocked_by_failures"));
    await page.reload();
    await page.getByText("3 tasks").waitFor();
  });

  it("retries what was chosen, after it has shown what", async () => {
    await page.getByLabel("Choose all that are loaded").check();
    await page.getByText("3 chosen").waitFor();
    await page.getByRole("button", { name: "Retry…" }).click();
    const listed = page.locator("dialog[open] .preview li");
    await until("3 tasks", async () => (await listed.count()) === 3);
    await confirm("Retry 3");
    await page.getByText("3 tasks retried").waitFor();
  });

  it("cancels what was chosen with the keyboard", async () => {
    await show("#/tasks?tag=listed&state=blocked_by_failures");
    await until("3 tasks", async () => (await page.locator(".task-row .cell-name").count()) === 3);
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.getByText("2 chosen").waitFor();
    await page.getByRole("button", { name: "Cancel…" }).click();
    await confirm("Cancel 2");
    await until("1 left", async () => (await page.locator(".task-row .cell-name").count()) === 1);
  });

  it("shows a new task at once", async () => {
    await show("#/tasks");
    await page.locator(".task-row .cell-name").first().waitFor();
    const task = world.submit("e2e/diamond", world.gates("new").context);
    await page.locator(`.cell-name[href="#/tasks/${task}"]`).waitFor();
  });

  it("finds a task by the id of its step", async () => {
    const task = world.submit("e2e/mend", world.gates("find").context);
    await page.keyboard.press("/");
    await page.keyboard.type(`${task.slice(0, 32)}0002`);
    await page.keyboard.press("Enter");
    await until("the task", () => page.url().endsWith(`#/tasks/${task}`));
  });
});

describe("failures", () => {
  it("are grouped, and a group is mended at once", async () => {
    const gates = world.gates("group");
    gates.open("broken");
    const context = gates.context.replace("}", ', "says": "out of paper"}');
    world.submit("e2e/mend", context);
    await show("#/failures");
    const group = page.locator(".failure", { hasText: "PermanentError" });
    await group.getByText("out of paper").waitFor();
    gates.close("broken");
    await group.getByRole("button", { name: /^Retry/ }).click();
    await confirm("Retry");
    await until("it is gone", async () => (await page.getByText("out of paper").count()) === 0);
  });
});

describe("the server", () => {
  it("is missed when it goes, and what is shown is right when it is back", async () => {
    const gates = world.gates("regain");
    const task = world.submit("e2e/diamond", gates.context);
    await show(`#/tasks/${task}`);
    await page.locator(".node-running", { hasText: "first" }).waitFor();
    await world.endServer();
    await page.getByText("The server does not answer").waitFor();
    gates.open("first", "left", "right", "last");
    await world.serve();
    await until("green", async () => (await page.locator(".node-done").count()) === 4, 30);
    await page.getByText("The server does not answer").waitFor({ state: "detached" });
  });

  it("is asked nothing while nothing changes", async () => {
    await show("#/");
    await page.locator(".tile").first().waitFor();
    await page.waitForTimeout(1500);
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.waitForTimeout(3000);
    expect(asked).toEqual([]);
  });

  it("was never asked for anything that the page did not allow", () => {
    expect(problems).toEqual([]);
  });
});
