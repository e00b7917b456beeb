// What the browser tests of both pages share. SAMPLES: the folder that `report_samples` wrote; SHOTS: where screenshots go.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open } from "./browser.mjs";

const samples = process.env.SAMPLES ?? "../../target/report";
export const shots = process.env.SHOTS ?? join(samples, "shots");
mkdirSync(shots, { recursive: true });

/** A file that `report_samples` wrote. */
export const sample = (name) => join(samples, name);
export const file = (name) => sample(`${name}.html`);

/** The browser of this file's tests. */
export let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** A test on one page. It fails if anything went wrong in the page, or a request left it. */
export function onPage(promise, name, options, check) {
  test(promise, async () => {
    const { page, problems, context } = await open(browser, file(name), options);
    await check(page, context);
    assert.deepEqual(problems, []);
    await context.close();
  });
}

/** Until what was changed is drawn. */
export const frame = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
