// A browser whose pages are watched: what goes wrong in them, and what leaves them, becomes a problem.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { chromium } from "playwright-core";

export function launch() {
  const executablePath = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
  // Root, as which CI runs, has no sandbox there.
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
}

/** Opens a report. `problems` fills up with console errors, exceptions, dialogs, and requests that leave the page. */
export async function open(browser, file, { theme = "light", hash = "", ready = true, width = 1280, height = 900 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, acceptDownloads: true, reducedMotion: "reduce" });
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("popup", () => problems.push("a popup"));
  const url = `file://${resolve(file)}`;
  page.on("request", (request) => {
    if (!request.url().startsWith("data:") && request.url().split("#")[0] !== url) problems.push(`request: ${request.url()}`);
  });
  await page.goto(url + hash);
  if (ready) await page.waitForSelector("html[data-ready]", { timeout: 30_000 });
  return { page, problems, context };
}
