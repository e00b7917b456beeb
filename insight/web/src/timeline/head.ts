// Above the rows, on the same axis: how many lanes worked, and the times.

import type { Bucket } from "../analysis.ts";
import { step, time } from "../format.ts";
import type { State } from "../state.ts";
import { mix, theme, waitColour } from "../theme.ts";
import { xOf, type Scale } from "./bars.ts";
import type { Painter } from "./painter.ts";

export const HEAD = 84;
const PLOT = 56, TOP = 6;

/** The most lanes that worked or could have. */
export function mostLanes(utilisation: Bucket[]): number {
  return utilisation.reduce((most, { working, lock, waiting, capacity }) => Math.max(most, working + lock + waiting, capacity), 0) || 1;
}

export function drawHead(painter: Painter, state: State, scale: Scale): void {
  const { utilisation } = state.analysis;
  const { from, to } = state.model.header;
  const most = state.shared.lanes ?? mostLanes(utilisation);
  const y = (lanes: number): number => TOP + PLOT - (lanes / most) * PLOT;
  const right = scale.x + scale.width;
  painter.text(scale.x - 10, TOP + 5, String(Math.round(most)), theme.soft, "right");
  painter.text(scale.x - 10, TOP + PLOT - 3, "0", theme.soft, "right");
  painter.text(22, TOP + 8, "Lanes", theme.ink, "left", true);
  const legend: [string, string][] = [["working", theme.accent], ["waiting for a lock", waitColour(0, theme)], ["waiting for others", waitColour(1, theme)]];
  legend.forEach(([label, colour], i) => {
    painter.rect(22, TOP + 20 + i * 14, 8, 8, colour);
    painter.text(35, TOP + 24 + i * 14, label, theme.soft);
  });
  painter.clip(scale.x, 0, scale.width, HEAD, () => {
    const width = (to - from) / Math.max(utilisation.length, 1);
    const layers: [string, (i: number) => number][] = [
      [mix(theme.page, waitColour(1, theme), 0.45), (i) => utilisation[i]!.working + utilisation[i]!.lock + utilisation[i]!.waiting],
      [mix(theme.page, waitColour(0, theme), 0.8), (i) => utilisation[i]!.working + utilisation[i]!.lock],
      [theme.accent, (i) => utilisation[i]!.working],
    ];
    const first = Math.max(Math.floor((scale.from - from) / width), 0), last = Math.min(Math.ceil((scale.to - from) / width), utilisation.length);
    const outline = (value: (i: number) => number): number[] => {
      const points: number[] = [];
      for (let i = first; i < last; i++) points.push(xOf(scale, from + i * width), y(value(i)), xOf(scale, from + (i + 1) * width), y(value(i)));
      return points;
    };
    if (last > first) {
      const ends = [xOf(scale, from + last * width), y(0), xOf(scale, from + first * width), y(0)];
      for (const [colour, value] of layers) painter.area([...outline(value), ...ends], colour);
      painter.lines(outline((i) => utilisation[i]!.capacity), theme.ink, 1);
    }
    for (const tick of ticks(scale, from)) {
      painter.rect(tick.x, TOP, 1, PLOT + 6, mix(theme.page, theme.line, 0.7));
      if (tick.x + 40 < right) painter.text(tick.x + 4, HEAD - 11, tick.label, theme.soft);
    }
  });
  painter.rect(scale.x, TOP + PLOT, scale.width, 1, theme.line);
}

/** Round times, counted from the start of the run. When the visible part is small, all but one show how far they are from that one. */
export function ticks(scale: Scale, origin: number): { x: number; label: string }[] {
  const range = scale.to - scale.from;
  const every = step(range, scale.width / 110);
  const first = Math.ceil((scale.from - origin) / every);
  const last = Math.floor((scale.to - origin) / every);
  const unit: [number, string] = every >= 1e9 ? [1e9, "s"] : every >= 1e6 ? [1e6, "ms"] : every >= 1e3 ? [1e3, "µs"] : [1, "ns"];
  const digits = Math.max(0, -Math.floor(Math.log10(every / unit[0]) + 1e-9));
  const near = Math.abs(first * every) / unit[0] >= 1e5;
  const result: { x: number; label: string }[] = [];
  for (let i = first; i <= last; i++) {
    const at = i === 0 ? 0 : i * every;
    const value = (ns: number) => `${(ns / unit[0]).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit[1]}`;
    const label = !near ? value(at) : i === first ? exact(at) : `+${value(at - first * every)}`;
    result.push({ x: Math.round(xOf(scale, origin + at)), label });
  }
  return result;
}

const exact = (ns: number): string => (ns >= 1e9 ? `${(ns / 1e9).toFixed(6)} s` : ns >= 1e6 ? `${(ns / 1e6).toFixed(3)} ms` : time(ns));
