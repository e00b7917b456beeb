// Which bars of a row are drawn by themselves.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { transformSync } from "esbuild";

const source = readFileSync(new URL("../src/timeline/bars.ts", import.meta.url), "utf8");
const { code } = transformSync(source, { loader: "ts", format: "esm" });
const { visit } = await import(`data:text/javascript,${encodeURIComponent(code)}`);

test("a long bar that starts in the pixel of a short one is drawn", () => {
  // A pixel is 10 wide: two short bars and a long one begin in the first.
  const start = Float64Array.of(1, 3, 5, 80), end = Float64Array.of(2, 4, 75, 81);
  const sum = Float64Array.of(0, 1, 2, 72, 73);
  const drawn = [];
  visit({ start, end, sum, first: Uint32Array.of(0, 4) }, 0, { from: 0, to: 100, x: 0, width: 10 }, () => 0,
    (bar, x, width) => drawn.push(["wide", bar, x, width]),
    (x, width) => drawn.push(["narrow", x, width]));
  assert.deepEqual(drawn, [["narrow", 0, 1], ["wide", 2, 0.5, 7], ["narrow", 8, 1]]);
});
