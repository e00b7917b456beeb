// The comparison of two programs: sentences, two timelines on one scale, and a table of names. `insight/src/html/comparison.rs` has its data.

import { address } from "./address.ts";
import type { Analysis } from "./analysis.ts";
import { bytesOf, decode } from "./data.ts";
import { Details } from "./details.ts";
import { append, el, name } from "./dom.ts";
import { count, cut, shown, time } from "./format.ts";
import { code, prose } from "./markdown.ts";
import { link, State, type Shared } from "./state.ts";
import { numeric, table, type Column } from "./table.ts";
import { SERIES } from "./theme.ts";
import { mostLanes } from "./timeline/head.ts";
import { keys, toolbar } from "./timeline/toolbar.ts";
import { Timeline } from "./timeline/view.ts";
import { atWork, heading, machine } from "./verdict.ts";
import { toTimeline } from "./words.ts";

/** A figure of both sides. */
interface Figure {
  label: string; a_ns: number; b_ns: number;
  /** `b / a - 1`, and its interval. */
  change: number | null; interval: [number, number] | null;
  verdict: "more" | "less" | "noise" | "unknown";
}
interface NameRow { counts: [number, number]; own: Figure; median: Figure }
interface Side { runs: number; file: string }
interface Comparison { sentences: string[]; sides: [Side, Side]; figures: Figure[]; names: NameRow[] }

const LABELS = ["A", "B"] as const;

async function side(key: string): Promise<ConstructorParameters<typeof State>> {
  const [spans, analysis] = await Promise.all([bytesOf(`spans-${key}`), bytesOf(`analysis-${key}`)]);
  return [decode(spans), JSON.parse(new TextDecoder().decode(analysis)) as Analysis];
}

/** Shows the comparison instead of an element. */
export async function comparison(wait: HTMLElement): Promise<void> {
  const [bytes, ...sides] = await Promise.all([bytesOf("comparison"), side("a"), side("b")]);
  const compared = JSON.parse(new TextDecoder().decode(bytes)) as Comparison;
  const all = ({ own }: NameRow): number => own.a_ns + own.b_ns;
  const shared: Shared = {
    length: Math.max(...sides.map(([{ header }]) => header.to - header.from)),
    lanes: Math.max(...sides.map(([, { utilisation }]) => mostLanes(utilisation))),
    coloured: compared.names.slice().sort((x, y) => all(y) - all(x)).map(({ own }) => own.label),
  };
  const states = sides.map(([model, analysis]) => new State(model, analysis, shared));
  link(states);
  const programs = [...new Set(states.map((state) => shown(state.model.header.program, 60)))];
  document.title = `${programs.join(" and ")} – Heirloom comparison`;
  const views = states.map((state, i) => new Timeline(state, `Timeline of ${LABELS[i]}`, states.length));
  const details = states.map((state, i) => new Details(state, i === 0 ? "a" : "b", ` of ${LABELS[i]}`));
  const machines = states.map(machine);
  const facts = machines[0] === machines[1] ? [machines[0]!] : machines.map((text, i) => `${LABELS[i]}: ${text === "" ? "unknown machine" : text}`);
  const section = el("section", { id: "timeline" }, el("h2", {}, "Timelines"), toolbar(views, [...LABELS]));
  views.forEach((view, i) => append(section, about(states[i]!, compared.sides[i]!, LABELS[i]!), view.element));
  append(section, keys(), el("div", { class: "columns" }, ...details.map((of) => of.element)));
  wait.replaceWith(el("main", {},
    heading("Heirloom comparison", programs.join(" and "), facts, () => markdown(compared)),
    verdict(states, compared), section, names(states, compared), capacity(compared)));
  address(details);
}

/** What a timeline is of. */
function about(state: State, { runs, file }: Side, label: string): HTMLElement {
  const { totals } = state.analysis;
  const which = runs === 1 ? "one run" : `${count(runs)} runs, of which the median one is drawn`;
  const facts = `${time(totals.wall_ns)}, ${atWork(totals)}; ${which}: `;
  return el("h3", { class: "side" }, el("b", {}, label), el("span", { class: "soft" }, facts, el("bdi", {}, shown(file, 60))));
}

/** Lights a name in all timelines, or no name if it was lit. */
function light(states: State[], label: string): void {
  const [first] = states as [State];
  const lit = first.exact && first.query === label;
  first.search(lit ? "" : label, !lit);
}

function nameButton(states: State[], label: string): HTMLElement {
  const press = (event: Event): void => {
    event.stopPropagation();
    light(states, label);
    if (states[0]!.exact) toTimeline();
  };
  return el("button", { type: "button", class: "link code", title: "Light it in both timelines", onclick: press }, name(shown(label, 60)));
}

function verdict(states: State[], { sentences, figures }: Comparison): HTMLElement {
  const known = new Set(states.flatMap((state) => state.model.header.names));
  const words = el("div", { class: "sentences" });
  for (const text of sentences) {
    words.append(el("p", {}, ...text.split(/(`[^`]*`)/).filter((part) => part !== "").map((part) => {
      const inner = part.slice(1, -1);
      return part.startsWith("`") && known.has(inner) ? nameButton(states, inner) : shown(part, 2000);
    })));
  }
  const [wall, work, ...lost] = figures;
  const moved = lost.filter(({ a_ns, b_ns }) => a_ns !== b_ns).sort((x, y) => Math.abs(y.b_ns - y.a_ns) - Math.abs(x.b_ns - x.a_ns)).slice(0, 3);
  const list = el("dl", { class: "figures" });
  for (const figure of [wall, work, ...moved]) {
    if (figure === undefined) continue;
    append(list, el("div", {}, el("dt", {}, capital(figure.label)),
      el("dd", {}, el("span", { class: "figure" }, `${time(figure.a_ns)} → ${time(figure.b_ns)}`), el("small", {}, change(figure), figure.interval === null ? "" : ` (${interval(figure)})`))));
  }
  return el("section", { class: "verdict", "aria-label": "Verdict" }, words, list);
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A ratio in percent, with its sign. */
function percent(ratio: number): string {
  const value = ratio * 100, size = Math.abs(value);
  if (size < 0.05) return "0";
  return `${value < 0 ? "−" : "+"}${size.toFixed(size < 1000 ? 1 : 0)}`;
}

const change = ({ change }: Figure): string => (change === null ? "–" : `${percent(change)} %`);

const interval = ({ interval, verdict }: Figure): string =>
  interval === null ? "–" : `${verdict === "noise" ? "noise: " : ""}${percent(interval[0])} to ${percent(interval[1])} %`;

/** The columns of a change. */
function changes<T>(of: (row: T) => Figure): Column<T>[] {
  return [
    numeric("Change", (row) => of(row).change ?? Infinity, (_, row) => el("span", { class: of(row).verdict }, change(of(row)))),
    { head: "95 % interval", key: (row) => of(row).interval?.[0] ?? Infinity, numeric: true, about: "Of the ratio of the medians, by bootstrap over the runs", cell: (row) => el("span", { class: of(row).verdict }, interval(of(row))) },
  ];
}

function names(states: State[], { names, sides }: Comparison): HTMLElement {
  const rows = new Map<string, HTMLElement>();
  const mark = (label: string, row: HTMLElement): void => {
    const lit = states[0]!.exact && states[0]!.query === label;
    row.classList.toggle("lit", lit);
    row.querySelector("button")?.setAttribute("aria-pressed", String(lit));
  };
  states[0]!.listen((what) => {
    if (what === "search") rows.forEach((row, label) => mark(label, row));
  });
  const swatch = (label: string): HTMLElement => {
    const square = el("span", { class: "swatch" });
    const state = states.find((state) => state.nameIndex.has(label));
    square.style.backgroundColor = SERIES[state?.series[state.nameIndex.get(label) ?? -1] ?? SERIES.length - 1]!;
    return square;
  };
  const of = (at: 0 | 1, figure: (row: NameRow) => number, text: (value: number) => string) => (row: NameRow) => (row.counts[at] === 0 ? "–" : text(figure(row)));
  const pair = (head: string, figures: [(row: NameRow) => number, (row: NameRow) => number], text: (value: number) => string, about: string): Column<NameRow>[] =>
    ([0, 1] as const).map((at) => ({ head: `${head} ${LABELS[at]}`, key: figures[at], numeric: true, about, cell: of(at, figures[at], text) }));
  const more = (row: NameRow): number => row.own.b_ns - row.own.a_ns;
  const columns: Column<NameRow>[] = [
    { head: "Name", key: (row) => row.own.label, cell: (row) => el("span", { class: "with-swatch" }, swatch(row.own.label), nameButton(states, row.own.label)) },
    ...pair("Time in", [(row) => row.own.a_ns, (row) => row.own.b_ns], time, "Time in these spans and in no span inside them, without waits: the median of the runs"),
    numeric("Difference", (row) => Math.abs(more(row)), (_, row) => `${more(row) > 0 ? "+" : ""}${time(more(row)).replace("-", "−")}`, "Of the time, by its size"),
    ...changes<NameRow>((row) => row.own),
    ...pair("Median", [(row) => row.median.a_ns, (row) => row.median.b_ns], time, "Of the durations of its spans: the median of the runs"),
    numeric("Its change", (row) => row.median.change ?? Infinity, (_, row) => el("span", { class: row.median.verdict, title: interval(row.median) }, change(row.median)), "Of the median duration"),
    ...pair("Count", [(row) => row.counts[0], (row) => row.counts[1]], count, "Spans of a run: the median of the runs"),
  ];
  const few = sides.some(({ runs }) => runs < 3);
  return el("section", { id: "names" }, el("h2", {}, "Names"),
    el("p", { class: "soft about" }, `A click on a row lights its name in both timelines.${few ? " At least three runs on each side are needed for an interval." : ""}`),
    table("Names", columns, names, 3, (element, row) => {
      const { label } = row.own;
      rows.set(label, element);
      element.addEventListener("click", () => light(states, label));
      mark(label, element);
    }));
}

function capacity({ figures }: Comparison): HTMLElement {
  const columns: Column<Figure>[] = [
    { head: "Figure", key: (row) => row.label, cell: (row) => capital(row.label) },
    numeric("A", (row) => row.a_ns, time), numeric("B", (row) => row.b_ns, time),
    ...changes<Figure>((row) => row),
  ];
  return el("section", { id: "figures" }, el("h2", {}, "Where the capacity went"), table("Where the capacity went", columns, figures, 1));
}

/** The comparison for an issue, in 2 KB. */
function markdown({ sentences, names }: Comparison): string {
  const lines = [cut(sentences.map(prose).join(" "), 900), "", "| time in | A | B | change | 95 % interval |", "|---|--:|--:|--:|---|"];
  for (const { own, counts: [a, b] } of names.slice(0, 8)) {
    const cells = [a > 0 ? time(own.a_ns) : "–", b > 0 ? time(own.b_ns) : "–", change(own), interval(own)];
    lines.push(`| ${code(own.label).replaceAll("|", "\\|")} | ${cells.join(" | ")} |`);
  }
  return cut(lines.join("\n"), 2048);
}
