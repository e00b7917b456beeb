// Builds ../src/html/report.js and report.css, or with `--compare` fails if they differ from what is built.
import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../src/html");
const { outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: { report: "src/main.ts" },
  outdir: target,
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome103", "firefox113", "safari16.4"],
  charset: "ascii",
  legalComments: "none",
  write: false,
});
const compare = process.argv.includes("--compare");
let size = 0;
for (const { path, contents } of outputFiles) {
  size += contents.length;
  if (!compare) writeFileSync(path, contents);
  else if (!readFileSync(path).equals(contents)) {
    console.error(`${path} isn't what its source gives: run \`npm run build\` in insight/web and commit the result`);
    process.exitCode = 1;
  }
}
console.log(`the bundle has ${size} bytes`);
if (size > 300_000) {
  console.error("the bundle may have 300,000 bytes at most");
  process.exitCode = 1;
}
