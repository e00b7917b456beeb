// Measures reports of a million spans: `node speed.mjs FILE..`. Opening time, then frames while it zooms and pans; then screenshots in both
// themes, in the folder `shots` beside the file. Fails beyond the limits: open in 3 s; frames 20 ms in the median, 60 ms in the 99th percentile.
import { launch, open } from "./browser.mjs";
import { mkdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The labels of the predicted curve that are cut off at its left. */
const cutLabels = (page) => page.evaluate(() => [...document.querySelectorAll("#what-if svg text")].filter((label) => label.getBBox().x < 0).map((label) => label.textContent));

/** The whole page, as it opens. */
async function screenshots(page, file) {
  const shots = join(dirname(file), "shots");
  mkdirSync(shots, { recursive: true });
  await page.getByRole("button", { name: "Show the whole run" }).click();
  await page.evaluate(() => {
    document.querySelector(".rows").scrollTop = 0;
    document.activeElement.blur();
  });
  for (const theme of ["light", "dark"]) {
    if (theme === "dark") await page.getByRole("button", { name: "Switch to dark colours" }).click();
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await page.screenshot({ path: join(shots, `${basename(file, ".html")}-${theme}.png`), fullPage: true });
  }
}

const browser = await launch();
for (const file of process.argv.slice(2)) {
  const { page, problems } = await open(browser, file, { ready: false });
  await page.waitForSelector("html[data-ready]", { timeout: 60_000 });
  // From the start of the navigation to the frame that shows the page.
  const opened = await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now())))));
  await page.evaluate(() => document.getElementById("timeline").scrollIntoView());
  const frames = await page.evaluate(async () => {
    const canvas = document.querySelector(".rows canvas");
    const box = canvas.getBoundingClientRect();
    canvas.focus({ preventScroll: true });
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    // From frame to frame, so that the time has painting in it too.
    const times = [];
    let last = await frame();
    const step = async (event) => {
      canvas.dispatchEvent(event);
      const now = await frame();
      times.push(now - last);
      last = now;
    };
    const wheel = (deltaY, shiftKey = false) => new WheelEvent("wheel", { deltaY, shiftKey, clientX: box.left + box.width * 0.45, clientY: box.top + 200, bubbles: true, cancelable: true });
    for (let i = 0; i < 60; i++) await step(wheel(-80));
    for (let i = 0; i < 40; i++) await step(wheel(60, true));
    for (let i = 0; i < 60; i++) await step(wheel(80));
    document.querySelector(".rows").scrollTop = 400;
    for (let i = 0; i < 60; i++) await step(wheel(i % 2 === 0 ? -30 : 28));
    for (let i = 0; i < 40; i++) await step(wheel(-50, true));
    return times.sort((a, b) => a - b);
  });
  const at = (part) => frames[Math.min(Math.floor(frames.length * part), frames.length - 1)];
  const size = statSync(file).size;
  await screenshots(page, file);
  problems.push(...(await cutLabels(page)).map((label) => `cut off: ${label}`));
  console.log(`${basename(file)}: ${(size / 1e6).toFixed(1)} MB, open after ${(opened / 1e3).toFixed(2)} s; ${frames.length} frames: median ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms`);
  const most = file.includes("random") ? 30e6 : 18e6;
  if (opened > 3000 || at(0.5) > 20 || at(0.99) > 60 || size > most || problems.length > 0) {
    console.error("beyond the limits", problems);
    process.exitCode = 1;
  }
  await page.close();
}
await browser.close();
