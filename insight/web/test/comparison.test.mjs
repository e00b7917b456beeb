// The comparison of two runs in a real browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { contrastOfPage, contrastOfSvg } from "./contrast.mjs";
import { frame, onPage, shots } from "./suite.mjs";

const rows = (page, side) => page.locator(".rows canvas").nth(side);
/** Both pictures. Each differs when what it shows does. */
const pictures = async (page) => {
  await frame(page);
  return Promise.all([0, 1].map((side) => rows(page, side).evaluate((canvas) => canvas.toDataURL())));
};
const range = (page) => page.locator(".range").textContent();
const changed = (now, before) => now.map((picture, i) => picture !== before[i]);

for (const name of ["comparison", "comparison-hostile"]) {
  for (const theme of ["light", "dark"]) {
    onPage(`${name} opens in ${theme} colours, and its text is readable`, name, { theme }, async (page) => {
      await page.screenshot({ path: join(shots, `${name}-${theme}.png`), fullPage: true });
      assert.deepEqual(await page.evaluate(contrastOfPage), []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than 1280 pixels");
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name: "Save the visible part as SVG" }).click();
      const svg = readFileSync(await (await download).path(), "utf8");
      assert.deepEqual(await page.evaluate(contrastOfSvg, svg), []);
      const facts = await page.evaluate((svg) => {
        const root = new DOMParser().parseFromString(svg, "image/svg+xml");
        const ids = [...root.querySelectorAll("[id]")].map((element) => element.id);
        return { error: root.querySelector("parsererror")?.textContent ?? null, foreign: root.querySelectorAll("script, img, image, foreignObject, a").length, sides: [...root.documentElement.children].filter((element) => element.tagName === "svg").length, same: ids.length - new Set(ids).size };
      }, svg);
      assert.deepEqual(facts, { error: null, foreign: 0, sides: 2, same: 0 });
    });
  }
}

onPage("both timelines have one scale, which ends with the longer run", "comparison", {}, async (page) => {
  const ends = await page.evaluate(() => [...document.querySelectorAll("h3.side")].map((side) => side.textContent));
  assert.match(ends[0], /^A233 ms, .* at work; 5 runs, of which the median one is drawn: a\/3\.otlp$/);
  assert.match(ends[1], /^B552 ms, .* at work; one run: b\/1\.otlp$/);
  // 552 ms and a margin of one part in a hundred at both ends.
  assert.equal(await range(page), "563 ms shown");
  // The bar of the root of A ends where its time does on the scale of B: behind it nothing is at a click.
  const box = await rows(page, 0).boundingBox();
  const at = (ms) => 200 + ((ms + 5.52) / 563) * (box.width - 200);
  await rows(page, 0).click({ position: { x: at(225), y: 36 } });
  assert.equal(await page.locator("#details-a h3 .name").textContent(), "run");
  await rows(page, 0).click({ position: { x: at(240), y: 36 } });
  assert.match(await page.locator("#details-a").textContent(), /Select a span of A/);
  await rows(page, 1).click({ position: { x: at(540), y: 36 } });
  assert.equal(await page.locator("#details-b h3 .name").textContent(), "run");
});

onPage("a name has one colour in both timelines", "comparison", {}, async (page) => {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save the visible part as SVG" }).click();
  const svg = readFileSync(await (await download).path(), "utf8");
  const fills = await page.evaluate((svg) => {
    const texts = [...new DOMParser().parseFromString(svg, "image/svg+xml").querySelectorAll("text")].filter((text) => text.textContent === "merge index");
    // The bar is drawn right before its name.
    return texts.map((text) => text.previousElementSibling.getAttribute("fill"));
  }, svg);
  assert.equal(fills.length, 2);
  assert.equal(fills[0], fills[1]);
  assert.match(fills[0], /^#/);
});

onPage("zoom and pan of one side move both", "comparison", {}, async (page) => {
  for (const side of [0, 1]) {
    await page.getByRole("button", { name: "Show the whole run" }).click();
    const [whole, first] = [await range(page), await pictures(page)];
    await rows(page, side).click({ position: { x: 190, y: 12 } });
    await rows(page, side).hover({ position: { x: 500, y: 100 } });
    for (let i = 0; i < 5; i++) await page.mouse.wheel(0, -200);
    await page.waitForFunction((whole) => document.querySelector(".range").textContent !== whole, whole);
    const near = await pictures(page);
    assert.deepEqual(changed(near, first), [true, true], `zoom of side ${side}`);
    await page.keyboard.press("ArrowRight");
    assert.deepEqual(changed(await pictures(page), near), [true, true], `pan of side ${side}`);
    await page.keyboard.press("p");
    assert.equal(await page.getByRole("button", { name: "Critical path", exact: true }).getAttribute("aria-pressed"), "true");
    await page.getByRole("button", { name: "No path" }).click();
  }
  await page.getByRole("button", { name: "Zoom in" }).click();
  await page.getByRole("button", { name: "Show the whole run" }).click();
  assert.equal(await range(page), "563 ms shown");
});

onPage("search looks in both sides and steps through matches", "comparison", {}, async (page) => {
  const before = await pictures(page);
  await page.getByRole("searchbox").fill("THUMBNAIL");
  assert.equal(await page.locator(".matches").textContent(), "1,020 in A, 1,020 in B");
  assert.deepEqual(changed(await pictures(page), before), [true, true]);
  await page.getByRole("button", { name: "Next match" }).click();
  const first = await page.locator("#details-a .id").first().textContent();
  await page.getByRole("button", { name: "Next match" }).click();
  assert.notEqual(await page.locator("#details-a .id").first().textContent(), first);
  // From now on of B, as one of its spans was chosen last.
  await rows(page, 1).click({ position: { x: 1100, y: 36 } });
  await page.getByRole("button", { name: "Previous match" }).click();
  assert.equal(await page.locator("#details-b h3 .name").textContent(), "thumbnail");
  await page.getByRole("searchbox").fill("nothing has this name");
  assert.equal(await page.locator(".matches").textContent(), "no match");
  await page.getByRole("searchbox").fill(first);
  assert.equal(await page.locator(".matches").textContent(), "found the id");
});

onPage("a row lights its name in both timelines, and only that name", "comparison", {}, async (page) => {
  const before = await pictures(page);
  const row = page.locator("#names tbody tr", { has: page.getByText("thumbnail", { exact: true }) });
  const lit = () => page.locator("#names tr.lit").allTextContents();
  await row.locator("td").nth(1).click();
  assert.equal((await lit()).length, 1);
  assert.equal(await row.getByRole("button").getAttribute("aria-pressed"), "true");
  assert.equal(await page.locator(".matches").textContent(), "1,020 in A, 1,020 in B");
  assert.deepEqual(changed(await pictures(page), before), [true, true]);
  // A sorted table still knows the row.
  await page.locator("#names thead button", { hasText: "Median A" }).click();
  assert.match((await lit())[0], /^thumbnail/);
  await row.locator("td").nth(1).click();
  assert.deepEqual(await lit(), []);
  assert.deepEqual(await pictures(page), before);
  // Not `decode` and `encode`, of which it is a part.
  await page.locator("#names tbody").getByRole("button", { name: "code", exact: true }).click();
  assert.equal(await page.locator(".matches").textContent(), "300 in A, 300 in B");
  // A name of the sentences does the same.
  await page.locator(".sentences").getByRole("button", { name: "store" }).click();
  assert.match((await lit())[0], /^store/);
  assert.equal(await page.getByRole("searchbox").inputValue(), "store");
});

onPage("the table sorts by each column", "comparison", {}, async (page) => {
  const heads = page.locator("#names thead button");
  for (let i = 0; i < await heads.count(); i++) {
    await heads.nth(i).click();
    const sorted = await page.locator("#names thead th").nth(i).getAttribute("aria-sort");
    assert.match(sorted, /ascending|descending/);
    await heads.nth(i).click();
    assert.notEqual(await page.locator("#names thead th").nth(i).getAttribute("aria-sort"), sorted);
  }
  await page.locator("#names thead button", { hasText: "Count B" }).click();
  const counts = (await page.locator("#names tbody td:nth-child(11)").allTextContents()).map((text) => Number(text.replaceAll(",", "")));
  assert.deepEqual(counts, counts.slice().sort((a, b) => b - a));
  assert.match(await page.locator("#names tbody").textContent(), /noise: −/);
});

onPage("with fewer than three runs on a side, the page says what an interval needs", "comparison", {}, async (page) => {
  assert.match(await page.locator("#names .about").textContent(), / At least three runs on each side are needed for an interval\.$/);
});

onPage("addresses have a span of each side", "comparison", {}, async (page) => {
  await rows(page, 0).click({ position: { x: 400, y: 36 } });
  await rows(page, 1).click({ position: { x: 400, y: 36 } });
  const hash = await page.evaluate(() => location.hash);
  assert.match(hash, /^#a=[0-9a-f]{16}&b=[0-9a-f]{16}$/);
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  for (const side of ["a", "b"]) assert.equal(await page.locator(`#details-${side} .id`).first().textContent(), new URLSearchParams(hash.slice(1)).get(side));
});

onPage("a name is text, whatever is in it", "comparison-hostile", {}, async (page) => {
  assert.match(await page.title(), /^<\/script><img src=x/);
  assert.equal(await page.locator("img, iframe, object, embed, main script").count(), 0);
  const names = page.locator("#names tbody button.link");
  for (let i = 0; i < await names.count(); i++) {
    await names.nth(i).click();
    await frame(page);
    // Only its own spans.
    const [inA, inB] = (await page.locator("#names tbody tr").nth(i).locator("td").allTextContents()).slice(-2).map((text) => (text === "–" ? "0" : text));
    assert.equal(await page.locator(".matches").textContent(), inA === "0" && inB === "0" ? "no match" : `${inA} in A, ${inB} in B`);
  }
  assert.match(await page.locator("#names").textContent(), /<\/script><img src=x/);
  assert.match(await page.title(), /^<\/script><img src=x/);
  assert.doesNotMatch(await page.evaluate(() => document.body.innerText), /[\u202a-\u202e\u0000\u001b]/u);
});

onPage("the copy has sentences and names in 2 KB", "comparison-hostile", {}, async (page) => {
  await page.evaluate(() => {
    globalThis.copied = null;
    Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text) => void (globalThis.copied = text) } });
  });
  await page.getByRole("button", { name: "Copy as Markdown" }).click();
  await page.getByText("Copied", { exact: true }).waitFor();
  const text = await page.evaluate(() => globalThis.copied);
  assert.ok(Buffer.byteLength(text) <= 2048, `${Buffer.byteLength(text)} bytes`);
  assert.match(text, /^B takes 26 % longer than A/);
  assert.doesNotMatch(text.replace(/`[^`]*`/g, ""), /(^|[^\\])<(img|script|\/script)/);
});

onPage("both sides are reached by keyboard", "comparison", {}, async (page) => {
  const canvases = [];
  for (let i = 0; i < 200; i++) {
    await page.keyboard.press("Tab");
    const label = await page.evaluate(() => (document.activeElement.tagName === "CANVAS" ? document.activeElement.getAttribute("aria-label") : null));
    if (label !== null) canvases.push(label);
    if (canvases.length === 2) break;
  }
  assert.deepEqual(canvases, ["Timeline of A: a row for each thread", "Timeline of B: a row for each thread"]);
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.type), "search");
});
