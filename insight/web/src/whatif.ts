// What if: the predicted time on 1 to 64 lanes, of the run and of a changed program.

import type { Analysis, Point, WhatIf } from "./analysis.ts";
import { append, el, svg } from "./dom.ts";
import { counted, percent, shown, step, time } from "./format.ts";
import type { State } from "./state.ts";

/** Predictions of one kind of change, by how strong it is. */
interface Family {
  label: string;
  /** Strengths, from the unchanged program on, and their predictions. `null`: the unchanged program. */
  stops: { strength: number; prediction: WhatIf | null }[];
  /** How a strength is said. */
  say: (strength: number) => string;
  /** Whether strengths between those that were simulated make sense. */
  between: boolean;
}

export function families(analysis: Analysis): Family[] {
  const found = new Map<string, Family>();
  for (const whatIf of analysis.what_ifs) {
    const quoted = `“${shown(whatIf.name ?? whatIf.lock ?? "", 40)}”`;
    const [label, strength, say, between]: [string, number, Family["say"], boolean] =
      whatIf.kind === "faster" ? [`${quoted} faster`, whatIf.factor ?? Infinity, (k) => (k === Infinity ? "taking no time" : `${Number(k.toFixed(2))} times faster`), true]
      : whatIf.kind === "finer" ? [`${quoted} split finer`, whatIf.pieces ?? 1, (k) => `split into ${k}`, false]
      : whatIf.kind === "without_lock" ? [`lock ${quoted} gone`, 2, () => "without the lock", false]
      : whatIf.kind === "lanes" ? ["other number of lanes", whatIf.lanes ?? 1, (k) => counted(k, "lane"), false]
      : [`${quoted} moved off the executor`, 2, () => "moved", false];
    const key = `${whatIf.kind} ${whatIf.name ?? whatIf.lock ?? ""}`;
    let family = found.get(key);
    if (family === undefined) found.set(key, (family = { label, stops: [{ strength: 1, prediction: null }], say, between }));
    family.stops.push({ strength, prediction: whatIf });
  }
  for (const family of found.values()) family.stops.sort((a, b) => a.strength - b.strength);
  return [...found.values()];
}

interface Shown { ns: number; lower: number; upper: number; curve: Point[]; simulated: boolean; strength: number }

/** The prediction at a place of the slider: a stop, or between two. There it is a mean by the inverse of the strength, in which a phase's time is linear. */
function at(analysis: Analysis, family: Family, position: number): Shown {
  const base = baseline(analysis);
  const value = (stop: Family["stops"][number]): Shown => stop.prediction === null ? { ...base, strength: 1 }
    : { ns: stop.prediction.ns, lower: stop.prediction.lower_ns, upper: stop.prediction.upper_ns, curve: stop.prediction.curve, simulated: true, strength: stop.strength };
  const low = Math.floor(position), part = position - low;
  const a = value(family.stops[low]!);
  if (part < 1e-6) return a;
  const b = value(family.stops[low + 1]!);
  const strength = 1 / (1 / a.strength + (1 / b.strength - 1 / a.strength) * part);
  const mean = (x: number, y: number): number => x + (y - x) * part;
  const other = new Map(b.curve.map((point) => [point.lanes, point]));
  const curve = a.curve.flatMap((point) => {
    const next = other.get(point.lanes);
    return next === undefined ? [] : [{ lanes: point.lanes, ns: mean(point.ns, next.ns), lower_ns: mean(point.lower_ns, next.lower_ns), upper_ns: mean(point.upper_ns, next.upper_ns), beyond: point.beyond || next.beyond }];
  });
  return { ns: mean(a.ns, b.ns), lower: mean(a.lower, b.lower), upper: mean(a.upper, b.upper), curve, simulated: false, strength };
}

/** The unchanged program: the point of the curve that is nearest to what was measured. */
function baseline(analysis: Analysis): Omit<Shown, "strength"> {
  const inside = analysis.curve.filter((point) => !point.beyond);
  const point = inside[inside.length - 1];
  return { ns: analysis.totals.wall_ns, lower: point?.lower_ns ?? analysis.totals.wall_ns, upper: point?.upper_ns ?? analysis.totals.wall_ns, curve: analysis.curve, simulated: true };
}

export class WhatIfChart {
  readonly element = el("section", { id: "what-if" }, el("h2", {}, "What if"));
  private readonly analysis: Analysis;
  private readonly families: Family[];
  private readonly select = el("select", { "aria-label": "Change of the program" });
  private readonly slider = el("input", { type: "range", "aria-label": "Strength of the change", min: 0, value: 0 });
  private readonly said = el("output", { class: "prediction", "aria-live": "polite" });
  private readonly ticks = el("div", { class: "ticks", "aria-hidden": "true" });
  private readonly chart = el("div", { class: "chart" });

  constructor(state: State) {
    const { analysis } = state;
    this.analysis = analysis;
    this.families = families(analysis);
    if (analysis.curve.length === 0) {
      append(this.element, el("p", { class: "soft" }, "No time was predicted: the spans lack threads or parents."));
      return;
    }
    append(this.select, ...this.families.map((family, i) => el("option", { value: i }, family.label)));
    this.select.addEventListener("change", () => this.open());
    this.slider.addEventListener("input", () => this.draw());
    if (this.families.length > 0) append(this.element, el("div", { class: "toolbar" }, el("label", {}, "If ", this.select)), el("div", { class: "slider" }, this.slider, this.ticks));
    append(this.element, this.said, this.chart, el("p", { class: "soft about" }, "Predicted time on 1 to 64 lanes, with its bounds. Hollow points are beyond what was measured, or beyond the physical cores."));
    this.set(analysis.findings.find((finding) => finding.what_if !== null)?.what_if ?? 0);
  }

  /** Shows a what-if of the analysis, and brings it into view. */
  choose(whatIf: number): void {
    this.set(whatIf);
    this.element.scrollIntoView({ block: "center" });
    this.slider.focus({ preventScroll: true });
  }

  private set(whatIf: number): void {
    const wanted = this.analysis.what_ifs[whatIf];
    const at = this.families.findIndex((family) => family.stops.some(({ prediction }) => prediction === wanted));
    this.select.value = String(Math.max(at, 0));
    this.open();
    const stop = this.families[at]?.stops.findIndex(({ prediction }) => prediction === wanted);
    if (stop !== undefined) this.slider.value = String(stop);
    this.draw();
  }

  /** Gives the slider the stops of the chosen change. */
  private open(): void {
    const family = this.families[Number(this.select.value)];
    if (family === undefined) return;
    const last = family.stops.length - 1;
    this.slider.max = String(last);
    this.slider.step = family.between ? "0.05" : "1";
    this.slider.value = String(last);
    this.ticks.replaceChildren(...family.stops.map(({ prediction, strength }, i) => {
      const text = family.say(strength).replace(" times faster", "×").replace("split into ", "÷").replace("taking no", "no");
      const tick = el("span", {}, prediction === null ? "as it is" : text);
      tick.style.left = `${(100 * i) / last}%`;
      return tick;
    }));
    this.draw();
  }

  private draw(): void {
    const { analysis, said } = this;
    const family = this.families[Number(this.select.value)];
    const position = Number(this.slider.value);
    const now = family === undefined || position === 0 ? null : at(analysis, family, position);
    const wall = analysis.totals.wall_ns;
    said.replaceChildren();
    if (now === null) append(said, el("b", {}, time(wall)), " as recorded");
    else {
      const gain = wall - now.ns;
      append(said, el("b", {}, time(now.ns)), ` ${gain >= 0 ? "−" : "+"}${percent(Math.abs(gain), wall)}, ${family!.say(now.strength)}`,
        el("span", { class: "soft" }, ` bounds ${time(now.lower)} to ${time(now.upper)}${now.simulated ? "" : "; between two simulated strengths"}`));
    }
    this.slider.setAttribute("aria-valuetext", said.textContent ?? "");
    this.chart.replaceChildren(drawChart(analysis.curve, now?.curve ?? null));
  }
}

const WIDTH = 560, HEIGHT = 250, LEFT = 80, RIGHT = 14, TOP = 12, BOTTOM = 34;

function drawChart(base: Point[], changed: Point[] | null): SVGSVGElement {
  const all = [...base, ...(changed ?? [])];
  const most = Math.max(...all.map((point) => Math.min(point.upper_ns, point.ns * 1.5)), 1);
  const lanesMost = Math.max(...all.map((point) => point.lanes), 2);
  const x = (lanes: number): number => LEFT + (Math.log2(lanes) / Math.log2(lanesMost)) * (WIDTH - LEFT - RIGHT);
  const y = (ns: number): number => HEIGHT - BOTTOM - (Math.min(ns, most) / most) * (HEIGHT - TOP - BOTTOM);
  const text = `Predicted time by lanes. As recorded: ${summary(base)}.${changed === null ? "" : ` Changed: ${summary(changed)}.`}`;
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": text });
  for (let ns = 0, every = step(most, 4); ns <= most; ns += every) {
    append(picture, svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(ns), y2: y(ns) }), svg("text", { x: LEFT - 8, y: y(ns) + 4, "text-anchor": "end" }, ns === 0 ? "0" : time(ns)));
  }
  for (let lanes = 1; lanes <= lanesMost; lanes *= 2) append(picture, svg("text", { x: x(lanes), y: HEIGHT - BOTTOM + 17, "text-anchor": "middle" }, String(lanes)));
  append(picture, svg("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 3, "text-anchor": "middle" }, "lanes"));
  const series = (points: Point[], kind: string): void => {
    const lower = points.map((point) => `${x(point.lanes)},${y(point.lower_ns)}`), upper = points.map((point) => `${x(point.lanes)},${y(point.upper_ns)}`);
    append(picture, svg("polygon", { class: `band ${kind}`, points: [...upper, ...lower.reverse()].join(" ") }));
    const inside = points.filter((point) => !point.beyond), beyond = points.filter((point, i) => point.beyond || points[i + 1]?.beyond === true);
    for (const [part, dashes] of [[inside, ""], [beyond, " beyond"]] as const) {
      append(picture, svg("polyline", { class: `line ${kind}${dashes}`, points: part.map((point) => `${x(point.lanes)},${y(point.ns)}`).join(" ") }));
    }
    for (const point of points) {
      const note = `${counted(point.lanes, "lane")}: ${time(point.ns)}, ${time(point.lower_ns)} to ${time(point.upper_ns)}${point.beyond ? "; beyond what was measured" : ""}`;
      append(picture, svg("circle", { class: `point ${kind}${point.beyond ? " beyond" : ""}`, cx: x(point.lanes), cy: y(point.ns), r: 3.5 }, svg("title", {}, note)));
    }
  };
  series(base, changed === null ? "now" : "before");
  if (changed !== null) series(changed, "now");
  return picture;
}

function summary(points: Point[]): string {
  return points.filter((point) => Number.isInteger(Math.log2(point.lanes))).map((point) => `${time(point.ns)} on ${point.lanes}`).join(", ");
}
