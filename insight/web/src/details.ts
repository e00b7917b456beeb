// Everything that is known about the selected span.

import { append, el, name } from "./dom.ts";
import { count, counted, percent, shown, time } from "./format.ts";
import { ERROR, idOf, OPEN, POLLED, traceOf } from "./data.ts";
import type { State } from "./state.ts";
import { threadName } from "./timeline/blocks.ts";
import { WAITS } from "./timeline/view.ts";

const FANS = ["a parallel iterator", "a join", "a scope", "a broadcast", "a pool of worker processes", "a guessed fan-out"];
const STAGES = ["submitted", "sent", "replied", "taken"];
/** Children, waits and spans of a group that are listed. */
const LISTED = 20;

export class Details {
  readonly element: HTMLElement;

  /** `key` is what stands before the span's id in the page's address. */
  constructor(readonly state: State, readonly key = "span", private readonly side = "") {
    this.element = el("section", { class: "details", id: key === "span" ? "details" : `details-${key}`, "aria-label": `Selected span${side}`, "aria-live": "polite" });
    state.listen((what) => {
      if (what === "selection") this.show();
    });
    this.show();
  }

  /** Says that the address names a span that isn't here. */
  missing(id: string): void {
    this.element.replaceChildren(el("p", { class: "missing", role: "alert" }, `No span of this report has the id ${shown(id, 40)}. It may be from another run, or it was dropped.`));
  }

  private button(span: number, extra?: string): HTMLElement {
    return el("button", { type: "button", class: "link code", onclick: () => this.state.select(span) }, name(shown(this.state.nameOf(span), 60)), extra === undefined ? null : ` ${extra}`);
  }

  private show(): void {
    const { state } = this;
    const span = state.selected;
    const parts: Node[] = [];
    if (state.group.length > 1) {
      const list = el("ul", { class: "spans" });
      for (const other of state.group.slice(0, LISTED)) list.append(el("li", {}, this.button(other, this.length(other))));
      parts.push(el("div", { class: "group" }, el("h3", {}, el("bdi", {}, shown(state.groupTitle)), `: ${counted(state.group.length, "span")}`), list));
    }
    if (span < 0) parts.push(el("p", { class: "soft" }, state.model.spans.count === 0 ? "There are no spans." : `Select a span${this.side} to see its times, its parent, its children and what it waited for.`));
    else parts.push(this.span(span));
    this.element.replaceChildren(...parts);
  }

  private length(span: number): string {
    const { start, end } = this.state.model.spans;
    return time(end[span]! - start[span]!);
  }

  private span(span: number): HTMLElement {
    const { state } = this;
    const { model } = state;
    const { spans, header, fans } = model;
    const flags = spans.flags[span]!;
    const id = idOf(model, span);
    const lane = header.lanes[spans.lane[span]!];
    const length = spans.end[span]! - spans.start[span]!;
    const list = el("dl", {});
    const row = (label: string, ...values: (Node | string)[]) => append(list, el("div", {}, el("dt", {}, label), el("dd", {}, ...values)));
    row("Duration", time(length), el("span", { class: "soft" }, ` ${count(length)} ns`));
    row("Start", time(spans.start[span]! - header.from), el("span", { class: "soft" }, ` ${percent(spans.start[span]! - header.from, header.to - header.from)} into the run`));
    if (lane !== undefined) row((flags & POLLED) !== 0 ? "Started on" : "Thread", el("bdi", {}, threadName(lane)), lane.id === "0" ? "" : el("span", { class: "soft" }, ` id ${lane.id}`));
    const parent = spans.parent[span]!;
    row("Parent", parent < 0 ? "none" : this.button(parent));
    const children = state.children(span);
    row("Children", count(children.length));
    const fan = spans.fan[span]!;
    if (fan >= 0 && fan < fans.kind.length) row("Fan-out", `one of ${count(fans.children[fan]!)} of ${FANS[fans.kind[fan]!] ?? "a fan-out"}`);
    const items = model.items.get(span);
    if (items !== undefined) row("Items", count(items));
    const dropped = model.dropped.get(span);
    if (dropped !== undefined) row("Missing", `${counted(dropped, "span")} below it`);
    row("State", [(flags & ERROR) !== 0 ? "error" : "", (flags & OPEN) !== 0 ? "still open at the end" : "", (flags & POLLED) !== 0 ? "asynchronous" : ""].filter((text) => text !== "").join(", ") || "ended");
    if ((flags & POLLED) !== 0) row("Polled", this.polled(span, length));
    for (let i = 0; i < model.stages.span.length; i++) {
      if (model.stages.span[i] === span) row(`Job ${STAGES[model.stages.kind[i]!]}`, `${time(model.stages.at[i]! - spans.start[span]!)} after the start`);
    }
    row("Id", el("a", { href: `#${this.key}=${id}`, class: "id" }, id));
    row("Trace", el("span", { class: "id" }, traceOf(model, span)));
    const waits = this.waits(span);
    const below = children.slice().sort((a, b) => spans.end[b]! - spans.start[b]! - (spans.end[a]! - spans.start[a]!)).slice(0, 8);
    return el("article", {}, el("h3", {}, name(shown(state.nameOf(span), 200))), list,
      waits.length > 0 && el("div", {}, el("h4", {}, "Waits"), el("ul", { class: "spans" }, ...waits)),
      below.length > 0 && el("div", {}, el("h4", {}, children.length > below.length ? "Longest children" : "Children"), el("ul", { class: "spans" }, ...below.map((child) => el("li", {}, this.button(child, this.length(child)))))));
  }

  private polled(span: number, length: number): string {
    const { polls, rows } = this.state.model;
    let sum = 0, polled = 0;
    const row = this.state.model.spans.row[span]!;
    if (rows.asynchronous[row] !== 1) return "unknown";
    for (let i = polls.first[row]!; i < polls.first[row + 1]!; i++) {
      if (polls.span[i] !== span) continue;
      polled++;
      sum += polls.end[i]! - polls.start[i]!;
    }
    return `${counted(polled, "time")}, ${time(sum)} in all, ${percent(sum, length)} of the duration`;
  }

  private waits(span: number): HTMLElement[] {
    const { waits, header } = this.state.model;
    const list: HTMLElement[] = [];
    for (let wait = 0; wait < waits.start.length && list.length < LISTED; wait++) {
      if (waits.span[wait] !== span) continue;
      const lock = header.locks[waits.lock[wait]!];
      const item = el("li", {}, `${WAITS[waits.cause[wait]!] ?? "waits"}, ${time(waits.end[wait]! - waits.start[wait]!)}`);
      if (lock !== undefined) append(item, ": ", name(shown(lock[0], 60)));
      if (waits.holder[wait]! >= 0) append(item, ", held by ", this.button(waits.holder[wait]!));
      if (waits.releaser[wait]! >= 0 && waits.releaser[wait] !== waits.holder[wait]) append(item, ", ended by ", this.button(waits.releaser[wait]!));
      list.push(item);
    }
    return list;
  }
}
