// Sentences whose figures and names lead to their spans.

import type { Analysis, Lane } from "./analysis.ts";
import { el, name } from "./dom.ts";
import { shown } from "./format.ts";
import type { State } from "./state.ts";

/** A button that shows the spans behind what it says. Plain text if there are none. */
export function link(state: State, content: Node | string, title: string, spans: number[], kind = "figure"): Node {
  if (spans.length === 0) return el("span", { class: kind }, content);
  const label = spans.length === 1 ? `${title}: show its span` : `${title}: show its ${spans.length} spans`;
  const button = el("button", { type: "button", class: `link ${kind}`, title: shown(label), onclick: () => goTo(state, title, spans) }, content);
  return button;
}

/** Shows spans in the timeline, and brings it into view. */
export function goTo(state: State, title: string, spans: number[]): void {
  state.showGroup(title, spans);
  toTimeline();
}

/** Brings the timeline into view. */
export function toTimeline(): void {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.getElementById("timeline")?.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
}

/** The spans that a name in a sentence means: those that are to blame under that name, or its longest. */
export function spansOfName(state: State, text: string): number[] {
  const { analysis } = state;
  for (const { blamed } of analysis.lost) {
    for (const blame of blamed) if ((blame.name === text || blame.lock === text) && blame.spans.length > 0) return state.spans(blame.spans);
  }
  const found = analysis.names.find((row) => row.name === text);
  return found === undefined ? [] : state.spans([found.slowest]);
}

/** The longest span of a thread. None if it has no span. */
export function longestOf(state: State, thread: Lane): number[] {
  const { spans, header } = state.model;
  const lane = header.lanes.findIndex((lane) => lane.id === String(thread.thread_id) && (header.processes[lane.process]?.[0] ?? thread.pid) === thread.pid);
  let longest = -1;
  for (let span = 0; span < spans.count; span++) {
    if (spans.lane[span] === lane && (longest < 0 || spans.end[span]! - spans.start[span]! > spans.end[longest]! - spans.start[longest]!)) longest = span;
  }
  return longest < 0 ? [] : [longest];
}

const FIGURE = /(\d+ (?:min \d\d s|h \d\d min)|\d[\d,.]*(?:\s?(?:%|ns|µs|us|ms|s|min|times)(?![\w]))?)/;

/** A sentence with links. `figures` are the spans of figures that no evidence names. */
export function sentence(state: State, text: string, figures: number[]): Node[] {
  // A span's name may be hostile, and may have backticks itself: what looks odd is shown as it is.
  const evidence = state.analysis.findings.flatMap((finding) => finding.evidence);
  return text.split(/(`[^`]*`)/).flatMap((part): Node[] => {
    if (part.length > 2 && part.startsWith("`") && part.endsWith("`")) {
      const inner = part.slice(1, -1);
      return [link(state, name(shown(inner, 60)), inner, spansOfName(state, inner), "code")];
    }
    return shown(part || " ", 2000).split(FIGURE).map((piece, i): Node => {
      if (i % 2 === 0) return document.createTextNode(part === "" ? "" : piece);
      const figure = piece.replace(/[.,]$/, "");
      const known = evidence.find(({ value }) => value === figure);
      const node = link(state, figure, figure, known === undefined ? figures : state.spans(known.spans));
      if (figure === piece) return node;
      return el("span", {}, node, piece.slice(figure.length));
    });
  });
}

/** The spans behind the figures of each sentence, as far as no evidence names them. */
export function defaultSpans(state: State, at: number): number[] {
  const analysis: Analysis = state.analysis;
  const blamed = state.spans(analysis.lost.find(({ blamed }) => blamed.length > 0)?.blamed.flatMap(({ spans }) => spans) ?? []);
  const found = state.spans(analysis.findings[0]?.evidence.flatMap(({ spans }) => spans) ?? []);
  const path = [...state.model.paths[0].span.subarray(0, 20)].filter((span) => span >= 0);
  const choices = at === 2 ? [found, path, blamed] : [blamed, found, path];
  return (choices.find((spans) => spans.length > 0) ?? []).slice(0, 20);
}
