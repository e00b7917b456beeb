// The top of the page: what weakens the findings, the sentences, and the numbers behind them.

import type { Analysis } from "./analysis.ts";
import { append, el } from "./dom.ts";
import { count, counted, date, factor, percent, plural, shown, time } from "./format.ts";
import { markdown } from "./markdown.ts";
import type { State } from "./state.ts";
import { onTheme, switchTheme, theme } from "./theme.ts";
import { defaultSpans, link, longestOf, sentence } from "./words.ts";

export function header(state: State): HTMLElement {
  const { header } = state.model;
  const facts = [date(header.base), machine(state), counted(header.lanes.length, "thread")];
  return heading("Heirloom report", header.program, facts, () => markdown(state));
}

/** The head of a page, with its buttons. */
export function heading(kind: string, title: string, facts: string[], copied: () => string): HTMLElement {
  const themeButton = el("button", { type: "button", onclick: switchTheme });
  const label = (): void => {
    themeButton.textContent = theme.dark ? "Light" : "Dark";
    themeButton.setAttribute("aria-label", theme.dark ? "Switch to light colours" : "Switch to dark colours");
  };
  label();
  onTheme(label);
  const said = el("output", { class: "said" });
  const copy = el("button", { type: "button", onclick: () => void copyText(copied()).then((done) => {
    said.textContent = done ? "Copied" : "The browser doesn't allow copying";
    setTimeout(() => (said.textContent = ""), 3000);
  }) }, "Copy as Markdown");
  return el("header", {},
    el("div", {}, el("p", { class: "kicker" }, kind), el("h1", {}, el("bdi", {}, shown(title, 80))), el("p", { class: "facts" }, facts.filter((fact) => fact !== "").join(" · "))),
    el("div", { class: "actions" }, said, copy, themeButton));
}

export function machine(state: State): string {
  const { cpus, cores } = state.model.header;
  const parts = [];
  if (cpus !== null && cpus > 0) parts.push(cpus === 1 ? "1 CPU" : `${Number(cpus.toFixed(1))} CPUs`);
  if (cores !== null && cores > 0) parts.push(counted(cores, "physical core"));
  return parts.join(", ");
}

/** How many of the lanes worked, on average: `3.1 of 4 lanes at work`. */
export function atWork({ busy_lanes, capacity_lanes }: Analysis["totals"]): string {
  const capacity = Number(capacity_lanes.toFixed(1));
  return `${busy_lanes.toFixed(1)} of ${capacity} ${plural(capacity, "lane")} at work`;
}

/** Clipboards are only there in some contexts; a selected text can be copied in all. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { readonly: true, class: "offscreen" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function verdict(state: State): HTMLElement {
  const { analysis } = state;
  const section = el("section", { class: "verdict", "aria-label": "Verdict" });
  if (analysis.notes.length > 0) {
    const list = el("ul", {});
    for (const note of analysis.notes) list.append(el("li", {}, ...sentence(state, note.text, noteSpans(state, note.kind))));
    section.append(el("div", { class: "notes" }, el("h2", {}, "What weakens these findings"), list));
  }
  const words = el("div", { class: "sentences" });
  analysis.sentences.forEach((text, i) => words.append(el("p", {}, ...sentence(state, text, defaultSpans(state, i)))));
  append(section, words, figures(state));
  return section;
}

function noteSpans(state: State, kind: string): number[] {
  return kind === "open" ? state.flagged("open") : kind === "dropped" ? state.flagged("dropped") : [];
}

function figures(state: State): HTMLElement {
  const { totals, lost, names } = state.analysis;
  const { paths } = state.model;
  const steps = (path: number): number[] => [...paths[path]!.span.subarray(0, 20)].filter((span) => span >= 0);
  const slowest = state.spans(names.slice(0, 8).map((row) => row.slowest));
  const blamed = state.spans(lost.flatMap((cause) => cause.blamed.flatMap(({ spans }) => spans))).slice(0, 20);
  const list = el("dl", { class: "figures" });
  // What no span in particular is behind leads to the slowest ones.
  const figure = (label: string, value: string, detail: string, spans: number[]): void => {
    append(list, el("div", {}, el("dt", {}, label), el("dd", {}, link(state, value, `${label} ${value}`, spans.length > 0 ? spans : slowest), el("small", {}, detail))));
  };
  figure("Wall time", time(totals.wall_ns), "first start to last end", steps(1));
  figure("Lanes at work", totals.busy_lanes.toFixed(1), `of ${Number(totals.capacity_lanes.toFixed(1))}, on average`, slowest);
  figure("Capacity lost", percent(totals.lost_ns, totals.capacity_ns), time(totals.lost_ns), blamed);
  figure("Critical path", time(totals.critical_ns), `${percent(totals.critical_ns, totals.wall_ns)} of the wall time`, steps(0));
  figure("Parallelism", totals.parallelism.toFixed(1), "work ÷ critical path", steps(0));
  if (totals.speed_up !== null) figure("Speed-up", factor(totals.speed_up), "against one lane", slowest);
  if (totals.untraced_ns !== null) figure("Untraced CPU", time(totals.untraced_ns), "outside of spans", untraced(state));
  if ((totals.page_faults ?? 0) > 0) figure("Page faults", count(totals.page_faults!), "minor and major", []);
  const missing = [totals.dropped > 0 ? `${count(totals.dropped)} missing` : "", totals.open > 0 ? `${count(totals.open)} open` : ""].filter((text) => text !== "");
  const flagged = [...state.flagged("open"), ...state.flagged("dropped")].slice(0, 20);
  figure("Spans", count(totals.spans), missing.length > 0 ? missing.join(", ") : "none missing", flagged);
  return list;
}

/** The longest span of the thread that computed most outside of spans: what is untraced ran beside it. */
function untraced(state: State): number[] {
  const { lanes } = state.analysis;
  const most = Math.max(...lanes.map((lane) => lane.untraced_ns ?? 0));
  const thread = lanes.find((lane) => most > 0 && lane.untraced_ns === most);
  return thread === undefined ? [] : longestOf(state, thread);
}
