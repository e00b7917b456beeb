// Makes the README's picture: `node picture.mjs REPORT.html PICTURE.png`. A report in the light theme, down to its timeline; without the
// tables above the timeline, so that it is no taller than a screen.
import { launch, open } from "./browser.mjs";

const [report, picture] = process.argv.slice(2);
const browser = await launch();
const { page } = await open(browser, report, { width: 1280, height: 1000 });
await page.addStyleTag({ content: "#findings, #lost table { display: none }" }).catch(() => page.evaluate(() => {
  // The page's content policy forbids further styles.
  document.querySelectorAll("#findings, #lost table").forEach((part) => part.remove());
}));
await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
const bottom = await page.evaluate(() => document.getElementById("timeline").getBoundingClientRect().bottom + window.scrollY);
await page.screenshot({ path: picture, fullPage: true, clip: { x: 0, y: 0, width: 1280, height: Math.min(Math.ceil(bottom), 1100) } });
await browser.close();
