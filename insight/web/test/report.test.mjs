// The report in a real browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { open } from "./browser.mjs";
import { contrastOfPage, contrastOfSvg } from "./contrast.mjs";
import { browser, file, frame, onPage, sample, shots } from "./suite.mjs";

const truth = (name) => JSON.parse(readFileSync(sample(`${name}.json`), "utf8"));
const HOSTILE = `</script><img src=x onerror="document.title='owned'">`;

const rows = (page) => page.locator(".rows canvas");
const range = (page) => page.locator(".range").textContent();
const nanoseconds = (text) => {
  const [, number, unit] = /([\d.]+) (ns|µs|ms|s)/.exec(text);
  return Number(number) * { ns: 1, µs: 1e3, ms: 1e6, s: 1e9 }[unit];
};
const shownTime = async (page) => nanoseconds(await range(page));
const selected = (page) => page.locator("#details h3 .name").last().textContent();
/** Differs when the picture does. */
const picture = async (page) => {
  await frame(page);
  return rows(page).evaluate((canvas) => canvas.toDataURL());
};

for (const name of ["small", "one-lane", "lanes", "hostile", "pipeline", "empty"]) {
  for (const theme of ["light", "dark"]) {
    onPage(`${name} opens in ${theme} colours, and its text is readable`, name, { theme }, async (page) => {
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme);
      await page.screenshot({ path: join(shots, `${name}-${theme}.png`), fullPage: true });
      const faint = await page.evaluate(contrastOfPage);
      assert.deepEqual(faint, []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than 1280 pixels");
      if (name === "empty") return;
      await page.getByRole("button", { name: "Critical path", exact: true }).click();
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name: "Save the visible part as SVG" }).click();
      const svg = readFileSync(await (await download).path(), "utf8");
      assert.deepEqual(await page.evaluate(contrastOfSvg, svg), []);
    });
  }
}

for (const name of ["small", "one-lane", "pipeline"]) {
  onPage(`${name} names one of a thing in the singular`, name, {}, async (page) => {
    const texts = await page.evaluate(() => {
      const labels = [...document.querySelectorAll("[title], [aria-label]")].flatMap((element) => [element.getAttribute("title"), element.getAttribute("aria-label")]);
      const points = [...document.querySelectorAll("svg title")].map((title) => title.textContent);
      return [document.body.innerText, ...labels, ...points].filter((text) => text !== null);
    });
    assert.ok(texts.some((text) => /(^|[^\d.,])1 (span|lane|thread)\b/.test(text)), "nothing is there once");
    const wrong = texts.flatMap((text) => text.match(/(?<![\d.,])1 (spans|lanes|threads|times|cores|CPUs|rows)\b.*/g) ?? []);
    assert.deepEqual(wrong, []);
  });
}

onPage("a span's name is text, whatever is in it", "hostile", {}, async (page) => {
  assert.match(await page.title(), /^<\/script><img src=x/);
  assert.equal(await page.locator("img, iframe, object, embed, main script").count(), 0);
  assert.equal(await page.locator("h1").textContent().then((text) => text.startsWith(HOSTILE)), true);
  // In sentences, legend, tables, flame graph, tooltip and details.
  for (const place of [".sentences", ".legend", "#tables", "#flame"]) assert.match(await page.locator(place).textContent(), /<\/script><img src=x/);
  await page.locator("#tables").getByRole("tab", { name: /Lanes/ }).click();
  assert.match(await page.locator("#tables").textContent(), /<\/script><img src=x/);
  await page.locator(".sentences .code").last().click();
  assert.match(await page.locator("#details").textContent(), /<\/script>/);
  await rows(page).hover({ position: { x: 600, y: 50 } });
  await frame(page);
  assert.match(await page.title(), /^<\/script><img src=x/);
  const text = await page.evaluate(() => document.body.innerText);
  assert.doesNotMatch(text, /[\u202a-\u202e\u0000\u001b]/u, "control characters and changes of direction are shown");
  assert.ok(!text.includes("x".repeat(1000)), "a name of 10 KB is cut");
});

test("the policy stops scripts and requests", async () => {
  const { page, context } = await open(browser, file("small"));
  const blocked = await page.evaluate(async () => {
    let ran = false;
    globalThis.mark = () => (ran = true);
    const script = document.createElement("script");
    script.textContent = "mark()";
    document.body.append(script);
    const image = new Image();
    const failed = new Promise((done) => (image.onerror = () => done(true)));
    image.src = "http://127.0.0.1:9/x.png";
    const fetched = await fetch("data:,x").then(() => true, () => false);
    return { ran, image: await failed, fetched };
  });
  assert.deepEqual(blocked, { ran: false, image: true, fetched: false });
  await context.close();
});

test("without scripts the sentences are there", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`file://${process.cwd()}/${file("hostile")}`.replace(`${process.cwd()}//`, "/"));
  const text = await page.locator("noscript").innerText();
  for (const sentence of truth("hostile").sentences) assert.ok(text.includes(sentence.replace(/\s+/g, " ")), sentence);
  await context.close();
});

onPage("each span's details are those of the run", "small", {}, async (page) => {
  const spans = truth("small").sample;
  assert.ok(spans.length > 50);
  const names = new Map(spans.map((span) => [span.id, span.name]));
  for (const span of spans) {
    await page.evaluate((id) => (location.hash = `#span=${id}`), span.id);
    await page.waitForFunction((id) => document.querySelector("#details .id")?.textContent === id, span.id);
    const details = await page.evaluate(() => Object.fromEntries([...document.querySelectorAll("#details dl > div")].map((row) => [row.children[0].textContent, row.children[1].textContent])));
    assert.equal(await selected(page), span.name);
    assert.ok(details.Duration.endsWith(` ${span.length_ns.toLocaleString("en")} ns`), `${details.Duration}, but ${span.length_ns}`);
    assert.equal(details.Children, String(span.children));
    assert.equal(details.Parent, span.parent === null ? "none" : names.get(span.parent));
    assert.ok((details.Thread ?? details["Started on"]).startsWith(span.lane), span.lane);
    assert.equal(details.State.includes("asynchronous"), details.Polled !== undefined);
  }
});

onPage("an address selects its span", "pipeline", { hash: `#span=${truth("pipeline").sample[40].id}` }, async (page) => {
  const { id, name } = truth("pipeline").sample[40];
  assert.equal(await page.locator("#details .id").first().textContent(), id);
  assert.equal(await selected(page), name);
  assert.ok(await shownTime(page) < 50e6, "the span is zoomed to");
  assert.ok(await page.locator("#timeline").evaluate((section) => section.getBoundingClientRect().top < innerHeight / 2), "the timeline is in view");
});

for (const wanted of ["00000000000000ff", "zz", "<img src=x>"]) {
  onPage(`an address without a span says so: ${wanted}`, "small", { hash: `#span=${encodeURIComponent(wanted)}` }, async (page) => {
    assert.match(await page.getByRole("alert").textContent(), /No span of this report has the id/);
    assert.ok((await page.getByRole("alert").textContent()).includes(wanted));
  });
}

onPage("the wheel zooms where the mouse is, and drags pan", "pipeline", {}, async (page) => {
  const whole = await shownTime(page);
  await rows(page).click({ position: { x: 190, y: 12 } });
  const first = await picture(page);
  await rows(page).hover({ position: { x: 600, y: 120 } });
  for (let i = 0; i < 5; i++) await page.mouse.wheel(0, -200);
  await page.waitForFunction((whole) => document.querySelector(".range").textContent !== whole, `${whole}`);
  const near = await shownTime(page);
  assert.ok(near < whole / 3, `${near} of ${whole}`);
  const before = await picture(page);
  assert.notEqual(before, first);
  const box = await rows(page).boundingBox();
  const drag = async (from, to, y = 120) => {
    await page.mouse.move(box.x + from, box.y + y);
    await page.mouse.down();
    await page.mouse.move(box.x + (from + to) / 2, box.y + y);
    await page.mouse.move(box.x + to, box.y + y);
    await page.mouse.up();
  };
  await drag(900, 500);
  assert.equal(await shownTime(page), near, "a drag keeps the scale");
  assert.notEqual(await picture(page), before, "a drag moves the picture");
  await page.keyboard.down("Shift");
  await drag(500, 600);
  await page.keyboard.up("Shift");
  const part = await shownTime(page);
  assert.ok(part < near / 5, `shift-drag shows a part: ${part} of ${near}`);
  await page.getByRole("button", { name: "Show the whole run" }).click();
  assert.equal(await shownTime(page), whole);
  // On the strip above the rows every drag chooses a part.
  await drag(400, 600, -40);
  assert.ok(await shownTime(page) < whole / 3);
});

onPage("the wheel scrolls the page until the timeline has the focus", "pipeline", {}, async (page) => {
  await page.evaluate(() => document.getElementById("timeline").scrollIntoView());
  const whole = await range(page);
  await page.locator(".head").hover();
  await page.mouse.wheel(0, 300);
  await frame(page);
  assert.equal(await range(page), whole);
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -300);
  await page.keyboard.up("Control");
  await page.waitForFunction((whole) => document.querySelector(".range").textContent !== whole, whole);
});

onPage("everything works by keyboard alone", "pipeline", {}, async (page) => {
  // From the top of the page to the timeline and on to the end; each stop shows that it has the focus.
  const stops = [];
  let canvas = false;
  for (let i = 0; i < 400; i++) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const at = document.activeElement;
      if (at === document.body) return null;
      const label = at.getAttribute("aria-label") ?? at.textContent ?? "";
      return { tag: at.tagName, label: (label.trim() || at.closest("label")?.textContent) ?? "", outline: getComputedStyle(at).outlineStyle, width: getComputedStyle(at).outlineWidth };
    });
    if (stop === null) break;
    stops.push(stop);
    if (stop.tag === "CANVAS") canvas = true;
  }
  assert.ok(canvas && stops.length > 40, `${stops.length} stops`);
  assert.deepEqual(stops.filter((stop) => stop.outline === "none" || stop.width === "0px" || stop.label === ""), []);
  for (const tag of ["SELECT", "INPUT"]) assert.ok(stops.some((stop) => stop.tag === tag), tag);

  await rows(page).focus();
  const whole = await shownTime(page);
  for (const key of ["+", "w", "="]) await page.keyboard.press(key);
  const near = await shownTime(page);
  assert.ok(near < whole / 2);
  const before = await picture(page);
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await picture(page), before);
  await page.keyboard.press("0");
  assert.equal(await shownTime(page), whole);
  await page.keyboard.press("Enter");
  assert.equal(await selected(page), "run");
  await page.keyboard.press("ArrowDown");
  const child = await selected(page);
  assert.equal(child, "list files");
  await page.keyboard.press("]");
  assert.equal(await selected(page), "merge index");
  await page.keyboard.press("[");
  assert.equal(await selected(page), child);
  await page.keyboard.press("Enter");
  assert.ok(await shownTime(page) < whole / 10, "enter zooms to the selection");
  await page.keyboard.press("ArrowUp");
  assert.equal(await selected(page), "run");
  await page.keyboard.press("p");
  assert.equal(await page.getByRole("button", { name: "Critical path", exact: true }).getAttribute("aria-pressed"), "true");
  const tall = await page.locator(".spacer").evaluate((spacer) => spacer.style.height);
  await page.keyboard.press("c");
  assert.notEqual(await page.locator(".spacer").evaluate((spacer) => spacer.style.height), tall);
  await page.keyboard.press("Escape");
  assert.match(await page.locator("#details").textContent(), /Select a span/);
  await page.keyboard.press("/");
  await page.keyboard.type("resize");
  await page.keyboard.press("Enter");
  assert.equal(await selected(page), "resize");
});

onPage("every key that zooms, pans or steps through matches works", "pipeline", {}, async (page) => {
  const press = async (key, times = 1) => {
    for (let i = 0; i < times; i++) await page.keyboard.press(key);
  };
  const clicked = async (x) => {
    await rows(page).click({ position: { x, y: 55 } });
    return selected(page);
  };
  await rows(page).focus();
  const whole = await shownTime(page);
  await press("+", 6);
  const near = await shownTime(page);
  await press("-", 2);
  assert.ok(await shownTime(page) > near * 1.9, "minus shows more");
  await press("-", 20);
  assert.equal(await shownTime(page), whole, "and no more than the run");
  // The second row of the main thread begins with one span and ends with another.
  await press("+", 6);
  await press("ArrowLeft", 60);
  assert.equal(await clicked(340), "list files");
  await press("ArrowRight", 120);
  assert.equal(await clicked(1100), "merge index");
  await press("Escape");
  await page.getByRole("searchbox").fill("thumbnail");
  await rows(page).focus();
  const id = () => page.locator("#details .id").first().textContent();
  await press("n");
  assert.equal(await selected(page), "thumbnail");
  const first = await id();
  await press("n");
  assert.equal(await selected(page), "thumbnail");
  assert.notEqual(await id(), first);
  await press("N");
  assert.equal(await id(), first);
});

/** How many pixels of each column of the strip above the rows have the colour of lanes that work, right of the labels. */
const workingPixels = (page) => page.locator("canvas.head").evaluate((head) => {
  const { width, height } = head;
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [width, height];
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(head, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const accent = [0x1f, 0x5f, 0x99];
  const is = (x, y) => accent.every((value, i) => Math.abs(data[(y * width + x) * 4 + i] - value) < 8);
  return Array.from({ length: width - 200 }, (_, x) => Array.from({ length: height }, (_, y) => is(x + 200, y)).filter(Boolean).length);
});

onPage("the strip above the rows shows how many lanes worked, over time", "pipeline", {}, async (page) => {
  const { utilisation } = truth("pipeline");
  const most = Math.max(...utilisation.map(({ working, lock, waiting, capacity }) => Math.max(working + lock + waiting, capacity)));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  await frame(page);
  const pixels = await workingPixels(page);
  // The run, with a margin of a hundredth on both sides.
  const column = (part) => Math.round(((part + 0.01) / 1.02) * pixels.length);
  const PARTS = 20, PLOT = 56;
  const heights = Array.from({ length: PARTS }, (_, i) => mean(pixels.slice(column(i / PARTS), column((i + 1) / PARTS))));
  const expected = Array.from({ length: PARTS }, (_, i) => (mean(utilisation.slice(i * 20, i * 20 + 20).map(({ working }) => working)) / most) * PLOT);
  assert.equal(utilisation.length, PARTS * 20);
  assert.ok(Math.max(...expected) > 3 * Math.min(...expected), "the run has phases");
  heights.forEach((height, i) => assert.ok(Math.abs(height - expected[i]) < 3, `part ${i}: ${height} pixels, expected ${expected[i]}`));
  // It follows the rows: during the merge, the main thread and at times a server work.
  await page.locator(".sentences").getByRole("button", { name: "merge index" }).first().click();
  await frame(page);
  const zoomed = await workingPixels(page);
  const middle = zoomed.slice(zoomed.length / 4, (zoomed.length * 3) / 4);
  assert.ok(Math.max(...middle) < (3.5 / most) * PLOT && mean(middle) > 0.9 * PLOT / most, `${mean(middle)} pixels`);
});

onPage("search counts, dims and steps through matches", "pipeline", {}, async (page) => {
  const before = await picture(page);
  const search = page.getByRole("searchbox");
  await search.fill("THUMBNAIL");
  assert.equal(await page.locator(".matches").textContent(), "1,020 matches");
  assert.notEqual(await picture(page), before);
  await page.getByRole("button", { name: "Next match" }).click();
  const first = await page.locator("#details .id").first().textContent();
  await page.getByRole("button", { name: "Next match" }).click();
  assert.notEqual(await page.locator("#details .id").first().textContent(), first);
  await page.getByRole("button", { name: "Previous match" }).click();
  assert.equal(await page.locator("#details .id").first().textContent(), first);
  await search.fill("nothing has this name");
  assert.equal(await page.locator(".matches").textContent(), "no match");
  await search.fill(first);
  assert.equal(await page.locator(".matches").textContent(), "found the id");
});

for (const name of ["small", "one-lane", "lanes", "hostile", "pipeline"]) {
  onPage(`every number of the verdict is a link: ${name}`, name, {}, async (page) => {
    const figures = await page.locator(".figures > div").all();
    assert.ok(figures.length >= 7, `${figures.length} figures`);
    for (const figure of figures) assert.equal(await figure.locator("dd button").count(), 1, await figure.textContent());
  });
}

onPage("the untraced CPU time leads to the thread that used it", "pipeline", {}, async (page) => {
  await page.locator(".figures > div", { hasText: "Untraced CPU" }).getByRole("button").click();
  const thread = await page.locator("#details dl > div", { hasText: "Thread" }).first().locator("dd").textContent();
  assert.match(thread, /^rayon-0 /);
});

onPage("the page faults stand among the numbers of the verdict, and say which they are", "pipeline", {}, async (page) => {
  const faults = page.locator(".figures > div", { hasText: "Page faults" });
  assert.equal(await faults.getByRole("button").textContent(), "1,204");
  assert.equal(await faults.locator("small").textContent(), "minor and major");
});

onPage("page faults that weren't sampled are left out", "one-lane", {}, async (page) => {
  assert.equal(await page.locator(".figures > div", { hasText: "Page faults" }).count(), 0);
});

onPage("every figure leads to its spans", "pipeline", {}, async (page) => {
  const figures = await page.locator(".sentences .figure").all();
  assert.ok(figures.length >= 6);
  for (const figure of figures) {
    assert.equal(await figure.evaluate((element) => element.tagName), "BUTTON", await figure.textContent());
  }
  for (const figure of await page.locator(".sentences button, .figures button, .legend button, .bar button:enabled, #findings td button.figure").all()) {
    await page.evaluate(() => history.replaceState(null, "", location.pathname));
    await figure.click();
    assert.match(await page.evaluate(() => location.hash), /^#span=[0-9a-f]{16}$/, await figure.textContent());
  }
});

onPage("a click selects what is there, with arrows to its relatives", "pipeline", {}, async (page) => {
  await rows(page).click({ position: { x: 1000, y: 55 } });
  assert.equal(await selected(page), "merge index");
  const alone = await picture(page);
  await page.locator("#details").getByRole("button", { name: "run" }).click();
  assert.equal(await selected(page), "run");
  assert.notEqual(await picture(page), alone);
  assert.match(await page.locator(".legend").textContent(), /store with cache/);
  // A wait's span, with who held the lock.
  await page.getByRole("tab", { name: /Locks/ }).click();
  await page.locator("#panel td").getByRole("button", { name: "cache" }).click();
  assert.match(await page.locator("#details").textContent(), /waits for a mutex, .*: cache, held by store/);
});

onPage("the lit path changes the picture, and both paths differ", "pipeline", {}, async (page) => {
  const pictures = [];
  for (const name of ["No path", "Critical path", "Observed path"]) {
    await page.getByRole("button", { name, exact: true }).click();
    assert.equal(await page.getByRole("button", { name, exact: true }).getAttribute("aria-pressed"), "true");
    pictures.push(await picture(page));
  }
  assert.equal(new Set(pictures).size, 3);
});

onPage("the slider redraws the curve and marks what was not measured", "pipeline", {}, async (page) => {
  const curve = () => page.locator("#what-if .line.now").first().getAttribute("points");
  const slider = page.getByRole("slider");
  const text = () => page.locator(".prediction").textContent();
  assert.match(await text(), /4 times faster/, "the first finding's what-if is shown at first");
  const first = await curve();
  await slider.focus();
  await page.keyboard.press("ArrowLeft");
  assert.match(await text(), /between two simulated strengths/);
  assert.notEqual(await curve(), first);
  await page.keyboard.press("Home");
  assert.match(await text(), /as recorded/);
  await page.keyboard.press("End");
  assert.match(await text(), /taking no time/);
  assert.ok(nanoseconds(await text()) < nanoseconds(await page.locator(".figures dd").first().textContent()));
  assert.equal(await page.locator("#what-if .point.now.beyond").count(), 6, "points above 8 lanes are hollow");
  assert.equal(await page.locator("#what-if .point.now:not(.beyond)").count(), 7);
  await page.getByLabel("Change of the program").selectOption({ label: "lock “cache” gone" });
  assert.match(await text(), /without the lock/);
  await page.locator("#findings").getByRole("button", { name: "−35 %" }).first().click();
  assert.match(await text(), /4 times faster/);
});

onPage("tables sort by each column", "pipeline", {}, async (page) => {
  for (const tab of ["Names", "Lanes", "Locks", "Tasks"]) {
    await page.getByRole("tab", { name: new RegExp(tab) }).click();
    const heads = page.locator("#panel thead button");
    for (let i = 0; i < await heads.count(); i++) {
      await heads.nth(i).click();
      const sorted = await page.locator("#panel thead th").nth(i).getAttribute("aria-sort");
      assert.match(sorted, /ascending|descending/);
      await heads.nth(i).click();
      assert.notEqual(await page.locator("#panel thead th").nth(i).getAttribute("aria-sort"), sorted);
    }
  }
  await page.getByRole("tab", { name: /Names/ }).click();
  const column = async (at) => page.locator(`#panel tbody tr td:nth-child(${at})`).allTextContents();
  await page.locator("#panel thead button", { hasText: "Count" }).click();
  const counts = (await column(2)).map((text) => Number(text.replaceAll(",", "")));
  assert.deepEqual(counts, counts.slice().sort((a, b) => b - a));
  await page.locator("#panel thead button", { hasText: "Name" }).click();
  const names = await column(1);
  assert.deepEqual(names, names.slice().sort((a, b) => a.localeCompare(b)));
  await page.locator("#panel thead button", { hasText: "Longest" }).click();
  const longest = (await column(8)).map(nanoseconds);
  assert.deepEqual(longest, longest.slice().sort((a, b) => b - a));
  assert.equal(await page.locator("#panel svg.histogram").count(), names.length);
});

onPage("the table of lanes shows how long each waited for a core, as far as that was sampled", "pipeline", {}, async (page) => {
  await page.getByRole("tab", { name: /^Lanes/ }).click();
  const heads = await page.locator("#panel th").allTextContents();
  const cell = (thread) => page.locator("#panel tbody tr", { hasText: thread }).first().locator("td").nth(heads.indexOf("No core")).textContent();
  assert.equal(await cell("rayon-0"), "5.0 %");
  assert.equal(await cell("main"), "–");
});

onPage("the flame graph has both measures, and zooms", "pipeline", {}, async (page) => {
  const flame = page.locator("#flame");
  const texts = async () => (await flame.locator("[role=treeitem]").allTextContents()).join("|");
  const all = await texts();
  assert.match(all, /run.*thumbnail/);
  const width = (name) => flame.getByRole("treeitem", { name: new RegExp(`^${name}:`) }).first().evaluate((piece) => piece.getBoundingClientRect().width);
  const merge = await width("merge index");
  await flame.getByRole("button", { name: "On the critical path" }).click();
  assert.ok(await width("merge index") > merge * 2);
  await flame.getByRole("button", { name: "All spans" }).click();
  await flame.getByRole("treeitem", { name: /^decode:/ }).click();
  assert.equal(await texts(), "decode");
  await flame.getByRole("treeitem", { name: /^decode:/ }).click();
  assert.equal(await selected(page), "decode");
  await flame.getByRole("button", { name: "Show all" }).click();
  assert.equal(await texts(), all);
});

for (const name of ["pipeline", "hostile", "empty"]) {
  test(`the copy has sentences, causes, evidence and machine in 2 KB: ${name}`, async () => {
    const { page, problems, context } = await open(browser, file(name));
    await page.evaluate(() => {
      globalThis.copied = null;
      Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text) => void (globalThis.copied = text) } });
    });
    await page.getByRole("button", { name: "Copy as Markdown" }).click();
    await page.getByText("Copied", { exact: true }).waitFor();
    const text = await page.evaluate(() => globalThis.copied);
    assert.ok(Buffer.byteLength(text) <= 2048, `${Buffer.byteLength(text)} bytes`);
    assert.match(text, /Machine: /);
    if (name === "pipeline") {
      assert.ok(text.includes(truth(name).sentences[0]));
      assert.match(text, /\| Serial \| .* \| 28 % \| `merge index` \|/);
      assert.match(text, /alone for 0\.08 s/);
      assert.match(text, /8 CPUs, 8 physical cores/);
    }
    // No markup outside of code.
    assert.doesNotMatch(text.replace(/`[^`]*`/g, ""), /(^|[^\\])<(img|script|\/script)/);
    assert.deepEqual(problems, []);
    await context.close();
  });
}

onPage("the visible part is a drawing of its own", "hostile", {}, async (page) => {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save the visible part as SVG" }).click();
  const saved = await download;
  assert.equal(saved.suggestedFilename(), "timeline.svg");
  const svg = readFileSync(await saved.path(), "utf8");
  const facts = await page.evaluate((svg) => {
    const root = new DOMParser().parseFromString(svg, "image/svg+xml");
    return { error: root.querySelector("parsererror")?.textContent ?? null, foreign: root.querySelectorAll("script, img, image, foreignObject, a").length, texts: [...root.querySelectorAll("text")].map((text) => text.textContent), rects: root.querySelectorAll("rect").length };
  }, svg);
  assert.equal(facts.error, null);
  assert.equal(facts.foreign, 0);
  assert.ok(facts.rects > 100);
  for (const text of ["run", "main", "list files"]) assert.ok(facts.texts.includes(text), text);
  assert.ok(!svg.includes("<img"));
});

onPage("colours switch by hand too", "small", { theme: "light" }, async (page) => {
  const before = await picture(page);
  await page.getByRole("button", { name: "Switch to dark colours" }).click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  assert.notEqual(await picture(page), before);
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
});

onPage("many lanes are one row each until they are expanded", "lanes", {}, async (page) => {
  const height = () => page.locator(".spacer").evaluate((spacer) => Number.parseFloat(spacer.style.height));
  const folded = await height();
  await page.getByRole("button", { name: "Show all rows" }).click();
  assert.ok(await height() > folded * 2);
  await page.getByRole("button", { name: "Show each lane as one row" }).click();
  assert.ok(await height() <= folded);
  await page.getByRole("tab", { name: /Lanes \(200\)/ }).click();
  assert.equal(await page.locator("#panel tbody tr").count(), 50);
  await page.getByRole("button", { name: "Show all 200 rows" }).click();
  assert.equal(await page.locator("#panel tbody tr").count(), 200);
});

test("a file that was cut off says so", async () => {
  const { writeFileSync } = await import("node:fs");
  const whole = readFileSync(file("small"), "utf8");
  const at = whole.indexOf('<script id="spans"');
  const script = whole.slice(whole.lastIndexOf("<script>"));
  for (const [name, cut] of [["missing", whole.slice(0, at) + script], ["short", `${whole.slice(0, at + 900)}</script>\n${script}`]]) {
    const path = sample(`cut-${name}.html`);
    writeFileSync(path, cut);
    const { page, context } = await open(browser, path, { ready: false });
    await page.getByRole("alert").waitFor();
    assert.match(await page.getByRole("alert").textContent(), /The report can't be shown/);
    await context.close();
  }
});
