// What the page shows at the moment: the visible part of time, the selection, what is searched for.

import type { Analysis } from "./analysis.ts";
import { ERROR, findId, OPEN, type Model } from "./data.ts";
import { OTHER, SERIES, type WaitKind, JOIN, LOCK, QUEUE } from "./theme.ts";

export type PathMode = 0 | 1 | 2;

/** What the timelines of several runs have in common. */
export interface Shared {
  /** The length of the longest run. */
  length?: number;
  /** The most lanes that worked or could have worked. */
  lanes?: number;
  /** The names that have colours. */
  coloured?: string[];
}

export class State {
  /** The visible part of time, in nanoseconds after the base. */
  from: number;
  to: number;
  selected = -1;
  /** The spans behind a figure, and what the figure is. */
  group: number[] = [];
  groupTitle = "";
  /** Which path is lit: none, that of the dependencies, or the observed one. */
  path: PathMode = 0;
  query = "";
  /** Whether only names that are the query match. */
  exact = false;
  /** Which names match the query. */
  matches: Uint8Array | null = null;
  matchCount = 0;
  /** The colour of each name. */
  readonly series: Uint8Array;
  /** Names by their text. */
  readonly nameIndex = new Map<string, number>();
  private ids = new Map<string, number>();
  private listeners: ((what: "view" | "selection" | "search") => void)[] = [];

  constructor(readonly model: Model, readonly analysis: Analysis, readonly shared: Shared = {}) {
    const { header } = model;
    [this.from, this.to] = this.whole();
    header.names.forEach((name, i) => this.nameIndex.set(name, i));
    this.series = new Uint8Array(header.names.length).fill(OTHER);
    let colour = 0;
    for (const name of shared.coloured ?? analysis.names.map((row) => row.name)) {
      const index = this.nameIndex.get(name);
      if (colour >= SERIES.length - 1) break;
      if (index !== undefined) this.series[index] = colour;
      // Also a name that only another run has takes its colour.
      if (index !== undefined || shared.coloured !== undefined) colour++;
    }
  }

  whole(): [number, number] {
    const { from, to } = this.model.header;
    const length = Math.max(to - from, this.shared.length ?? 0, 0);
    const margin = Math.max(length * 0.01, 1);
    return [from - margin, from + length + margin];
  }

  listen(listener: (what: "view" | "selection" | "search") => void): void {
    this.listeners.push(listener);
  }

  private tell(what: "view" | "selection" | "search"): void {
    for (const listener of this.listeners) listener(what);
  }

  /** Shows a part of time. It never leaves the run by more than a margin. */
  show(from: number, to: number): void {
    const [first, last] = this.whole();
    const width = Math.min(Math.max(to - from, 20), last - first);
    this.from = Math.min(Math.max((from + to - width) / 2, first), last - width);
    this.to = this.from + width;
    this.tell("view");
  }

  zoom(by: number, around = (this.from + this.to) / 2): void {
    this.show(around - (around - this.from) * by, around + (this.to - around) * by);
  }

  /** Shows spans with a margin, unless they are visible and not tiny. */
  reveal(spans: number[], force = false): void {
    if (spans.length === 0) return;
    const { start, end } = this.model.spans;
    let from = Infinity, to = -Infinity;
    for (const span of spans) {
      from = Math.min(from, start[span]!);
      to = Math.max(to, end[span]!);
    }
    const width = this.to - this.from;
    const visible = from >= this.from && to <= this.to && to - from > width / 200;
    if (visible && !force) return;
    const margin = Math.max((to - from) * (force ? 0.1 : 0.6), 500);
    this.show(from - margin, to + margin);
  }

  select(span: number, reveal = true): void {
    this.selected = span;
    if (!this.group.includes(span)) this.group = [];
    if (reveal && span >= 0) this.reveal([span]);
    this.tell("selection");
  }

  /** Shows the spans behind a figure, and selects the first. */
  showGroup(title: string, spans: number[]): void {
    this.group = spans;
    this.groupTitle = title;
    this.selected = spans[0] ?? -1;
    this.reveal(spans, true);
    this.tell("selection");
  }

  setPath(path: PathMode): void {
    this.path = path;
    this.tell("view");
  }

  /** Looks for names that have a part, or with `exact` for one name. */
  search(query: string, exact = false): void {
    this.query = exact ? query : query.trim();
    this.exact = exact;
    this.matches = null;
    this.matchCount = 0;
    if (exact || this.query !== "") {
      const wanted = this.query.toLowerCase();
      const match = exact ? (name: string) => name === query : (name: string) => name.toLowerCase().includes(wanted);
      this.matches = Uint8Array.from(this.model.header.names, (name) => Number(match(name)));
      for (const name of this.model.spans.name) this.matchCount += this.matches[name]!;
    }
    this.tell("search");
  }

  /** Shows, lights and looks for what another run does. Times count from the start of each. */
  follow(other: State): void {
    const by = this.model.header.from - other.model.header.from;
    if (other.query !== this.query || other.exact !== this.exact) this.search(other.query, other.exact);
    this.path = other.path;
    this.show(other.from + by, other.to + by);
  }

  /** The matching span that starts next after the selection, or before it. */
  nextMatch(forward: boolean): number {
    if (this.matches === null) return -1;
    const { start, name, count } = this.model.spans;
    const key = (span: number) => start[span]!;
    const now = this.selected >= 0 ? key(this.selected) : forward ? -Infinity : Infinity;
    const behind = (a: number, i: number, b: number, j: number) => (forward ? a > b || (a === b && i > j) : a < b || (a === b && i < j));
    let best = -1, first = -1;
    for (let span = 0; span < count; span++) {
      if (this.matches[name[span]!] === 0) continue;
      const at = key(span);
      if (first < 0 || behind(key(first), first, at, span)) first = span;
      if (behind(at, span, now, this.selected) && (best < 0 || behind(key(best), best, at, span))) best = span;
    }
    return best >= 0 ? best : first;
  }

  /** The span with an id that the analysis names, or -1. */
  span(id: string): number {
    let span = this.ids.get(id);
    if (span === undefined) this.ids.set(id, (span = findId(this.model, id)));
    return span;
  }

  spans(ids: string[]): number[] {
    return ids.map((id) => this.span(id)).filter((span) => span >= 0);
  }

  children(span: number): number[] {
    const { parent, count } = this.model.spans;
    const children: number[] = [];
    for (let i = 0; i < count; i++) if (parent[i] === span) children.push(i);
    return children.sort((a, b) => this.model.spans.start[a]! - this.model.spans.start[b]!);
  }

  /** Spans that were open, spans with an error, or spans below which some are missing. */
  flagged(what: "open" | "error" | "dropped"): number[] {
    if (what === "dropped") return [...this.model.dropped.keys()].slice(0, 20);
    const spans: number[] = [];
    const { flags, count } = this.model.spans;
    for (let i = 0; i < count && spans.length < 20; i++) if ((flags[i]! & (what === "open" ? OPEN : ERROR)) !== 0) spans.push(i);
    return spans;
  }

  nameOf(span: number): string {
    return this.model.header.names[this.model.spans.name[span]!] ?? "";
  }

  waitKind(wait: number): WaitKind {
    const cause = this.model.waits.cause[wait]!;
    return cause >= 7 && cause <= 10 ? LOCK : cause === 5 || cause === 6 ? QUEUE : JOIN;
  }
}

/** Makes the runs follow each other. */
export function link(states: State[]): void {
  let busy = false;
  for (const state of states) {
    state.listen((what) => {
      if (busy || what === "selection") return;
      busy = true;
      for (const other of states) if (other !== state) other.follow(state);
      busy = false;
    });
  }
}
