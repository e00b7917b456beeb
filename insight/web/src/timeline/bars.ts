// Draws bars of one row. Bars that are narrower than a pixel are merged: a pixel then shows how much of it they cover.

import type { Bars } from "../data.ts";

/** The part of time that is drawn, and where. */
export interface Scale {
  from: number;
  to: number;
  /** The left end of the plot, and its width, in pixels. */
  x: number;
  width: number;
}

export const xOf = (scale: Scale, time: number): number => scale.x + ((time - scale.from) / (scale.to - scale.from)) * scale.width;

/** Bars of this many pixels are drawn one by one. */
const WIDE = 1.5;
/** Levels of cover of a pixel. */
export const LEVELS = 4;

/** The first bar of a part of a table that ends after a time. */
export function firstAfter(bars: Bars, low: number, high: number, time: number): number {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bars.end[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first bar from `at` on that starts at a time or later. Near ones are found fast. */
function firstFrom(start: Float64Array, at: number, high: number, time: number): number {
  let step = 1, low = at;
  while (low + step < high && start[low + step]! < time) {
    low += step;
    step *= 2;
  }
  let end = Math.min(low + step, high);
  while (low < end) {
    const middle = (low + end) >> 1;
    if (start[middle]! < time) low = middle + 1;
    else end = middle;
  }
  return low;
}

/**
 * Visits the visible bars of a row: `wide` for each that has its own place, `narrow` for runs of pixels with several: their colour
 * is that of one of the longest bars in them, and their level says how much of them is covered.
 */
export function visit(
  bars: Bars, row: number, scale: Scale, colour: (bar: number) => number,
  wide: (bar: number, x: number, w: number) => void,
  narrow: (x: number, w: number, colour: number, level: number, bar: number) => void,
): void {
  const { start, end, sum } = bars;
  const high = bars.first[row + 1]!;
  const perPixel = (scale.to - scale.from) / scale.width;
  let i = firstAfter(bars, bars.first[row]!, high, scale.from);
  let runX = 0, runEnd = -1, runColour = -1, runLevel = 0, runBar = -1;
  const flush = (): void => {
    if (runEnd >= 0) narrow(scale.x + runX, runEnd - runX, runColour, runLevel, runBar);
    runEnd = -1;
  };
  while (i < high && start[i]! < scale.to) {
    const x = (start[i]! - scale.from) / perPixel;
    const w = (end[i]! - start[i]!) / perPixel;
    if (w >= WIDE) {
      flush();
      const left = Math.max(x, -2), right = Math.min(x + w, scale.width + 2);
      wide(i, scale.x + left, right - left);
      i++;
      continue;
    }
    const pixel = Math.max(Math.floor(x), 0);
    const next = firstFrom(start, i, high, scale.from + (pixel + 1) * perPixel);
    // Bars of a row don't overlap, so only the last one that starts in a pixel can leave it: it has a place of its own.
    const isWide = next - 1 > i && end[next - 1]! - start[next - 1]! >= WIDE * perPixel;
    const until = isWide ? next - 1 : Math.max(next, i + 1);
    const cover = Math.min((sum[until]! - sum[i]!) / perPixel, 1);
    const level = Math.min(Math.floor(cover * LEVELS), LEVELS - 1);
    let longest = i;
    const step = Math.max((until - i) >> 2, 1);
    for (let j = i + step; j < until; j += step) if (end[j]! - start[j]! > end[longest]! - start[longest]!) longest = j;
    const tint = colour(longest);
    if (runEnd === pixel && tint === runColour && level === runLevel) runEnd = pixel + 1;
    else {
      flush();
      [runX, runEnd, runColour, runLevel, runBar] = [pixel, pixel + 1, tint, level, longest];
    }
    i = until;
  }
  flush();
}
