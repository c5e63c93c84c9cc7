import { browserOpen, pageOpen } from "./browser.ts";

const [, , name, hash, width = "1280", height = "800", scheme = "light", act] = process.argv;
const b = await browserOpen();
const { page, problems } = await pageOpen(b, {
  viewport: { width: +width, height: +height },
  colorScheme: scheme as "light",
});
await page.goto(`${process.env.BASE ?? "http://127.0.0.1:18080"}/${hash}`);
await page.waitForTimeout(+(process.env.WAIT ?? 900));
if (act) {
  await page.evaluate(act);
  await page.waitForTimeout(400);
}
await page.screenshot({ path: `/tmp/web/${name}.png`, fullPage: process.env.FULL === "1" });
console.log(problems);
await b.close();
