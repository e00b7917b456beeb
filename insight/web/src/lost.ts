// Lost time by cause: one bar of the whole capacity, and a legend with who is to blame.

import { append, el, name } from "./dom.ts";
import { percent, shown, time } from "./format.ts";
import type { State } from "./state.ts";
import { CAUSES } from "./theme.ts";
import { goTo, link, spansOfName } from "./words.ts";

/** Parts of the bar that are wider than this have a label: a part of the whole. */
const LABELLED = 0.06;

export function lostTime(state: State): HTMLElement {
  const { totals, lost } = state.analysis;
  const whole = Math.max(totals.capacity_ns, totals.work_ns + totals.lost_ns, 1);
  const bar = el("div", { class: "bar", role: "group", "aria-label": "The capacity: work, then lost time by cause" });
  const part = (label: string, ns: number, colour: string, kind: string, spans: number[]): void => {
    const share = ns / whole;
    if (share <= 0) return;
    const text = `${label}: ${time(ns)}, ${percent(ns, whole)} of the capacity`;
    const piece = el("button", { type: "button", class: `part ${kind}`, title: text, "aria-label": text, disabled: spans.length === 0 && kind !== "work", onclick: () => spans.length > 0 && goTo(state, text, spans) });
    if (share >= LABELLED) append(piece, el("b", {}, label), el("span", {}, percent(ns, whole)));
    piece.style.flexGrow = String(share);
    piece.style.backgroundColor = colour;
    bar.append(piece);
  };
  part("Work", totals.work_ns, "", "work", state.spans(state.analysis.names.slice(0, 8).map((row) => row.slowest)));
  const causes = lost.filter(({ ns }) => ns > 0);
  for (const { cause, ns, blamed } of causes) {
    const [label, colour] = CAUSES[cause] ?? [cause, "#b9c1cc"];
    part(label, ns, colour, cause, state.spans(blamed.flatMap(({ spans }) => spans)).slice(0, 20));
  }
  const rows = causes.map(({ cause, ns, blamed }) => {
    const [label, colour, explanation] = CAUSES[cause] ?? [cause, "#b9c1cc", ""];
    const swatch = el("span", { class: `swatch ${cause}` });
    swatch.style.backgroundColor = colour;
    const who = el("td", { class: "who" });
    for (const blame of blamed.slice(0, 3)) {
      // A name without spans of its own leads to its longest one.
      const own = state.spans(blame.spans);
      const spans = own.length > 0 ? own : spansOfName(state, blame.name);
      const text = blame.name === "" ? "unknown" : shown(blame.name, 40);
      append(who, el("span", {}, link(state, name(text), `${label}: ${text}`, spans, "code"),
        blame.lock === null ? null : el("span", {}, " with ", name(shown(blame.lock, 40))), el("span", { class: "soft" }, ` ${time(blame.ns)}`)));
    }
    if (blamed.length > 3) who.append(el("span", { class: "soft" }, `and ${blamed.length - 3} more`));
    const spans = state.spans(blamed.flatMap(({ spans }) => spans)).slice(0, 20);
    return el("tr", {}, el("th", { scope: "row" }, swatch, label),
      el("td", { class: "number" }, link(state, percent(ns, whole), `${label} ${percent(ns, whole)}`, spans)), el("td", { class: "number soft" }, time(ns)), who, el("td", { class: "soft" }, explanation));
  });
  const head = el("thead", {}, el("tr", {}, ...["Cause", "Of the capacity", "Time of lanes", "To blame", "Meaning"].map((text, i) => el("th", { scope: "col", class: i === 1 || i === 2 ? "number" : "" }, text))));
  return el("section", { id: "lost" }, el("h2", {}, "Where the capacity went"),
    bar, rows.length > 0 ? el("table", { class: "legend" }, head, el("tbody", {}, ...rows)) : el("p", { class: "soft" }, "No time was lost."));
}
