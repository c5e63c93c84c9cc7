// Every page at three widths, light and dark, into build/screenshots.
//
//   npm run screenshots [WORD]    those whose names contain the word

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { browserOpen, pageOpen } from "./browser";
import { type Scene, sceneOpen } from "./scene";

const WIDTHS: [number, number][] = [
  [360, 740],
  [1280, 800],
  [2560, 1440],
];
const folder = fileURLToPath(new URL("../../build/screenshots", import.meta.url));
const word = process.argv[2] ?? "";

async function shoot(page: Page, scene: Scene, suffix: string): Promise<void> {
  for (const [name, hash] of scene.pages.filter(([known]) => known.includes(word))) {
    await page.goto("about:blank");
    await page.goto(`${scene.world.address}/${hash}`);
    await page.locator("main :is(.panel, .empty, .tile)").first().waitFor();
    await page.waitForTimeout(500);
    await page.screenshot({ path: `${folder}/${name}-${suffix}.png` });
  }
}

mkdirSync(folder, { recursive: true });
const scene = await sceneOpen();
const browser = await browserOpen();
try {
  for (const [width, height] of WIDTHS) {
    for (const colorScheme of ["light", "dark"] as const) {
      const { page, problems } = await pageOpen(browser, {
        viewport: { width, height },
        colorScheme,
      });
      await shoot(page, scene, `${width}-${colorScheme}`);
      await page.context().close();
      if (problems.length > 0) {
        console.error(problems.join("\n"));
        process.exitCode = 1;
      }
    }
  }
  console.log(`the pictures are in ${folder}`);
} finally {
  await browser.close();
  await scene.world.leave();
}
