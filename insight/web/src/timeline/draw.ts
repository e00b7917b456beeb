// The picture of the timeline: rows, the lit path, the selection and its arrows.

import { type Bars, ERROR, OPEN, POLLED } from "../data.ts";
import { shown, time } from "../format.ts";
import type { State } from "../state.ts";
import { mix, SERIES, theme, waitColour, type WaitKind } from "../theme.ts";
import { firstAfter, LEVELS, visit, xOf, type Scale } from "./bars.ts";
import { BAR, type Block, type Blocks, HEADING, ROW } from "./blocks.ts";
import type { Hatch, Painter } from "./painter.ts";

const HATCH: Record<WaitKind, Hatch> = { 0: "/", 1: "\\", 2: "." };
/** At most this many arrows lead to children, the longest ones, and as many to holders of locks. */
const ARROWS = 12;

/** The colours of the series, those of what isn't looked for, and those of waits, likewise. */
interface Shades { full: string[]; dim: string[]; waits: [string[], string[]] }
const shadesOf = new Map<boolean, Shades>();

function shades(): Shades {
  let known = shadesOf.get(theme.dark);
  if (known === undefined) {
    const full = theme.dark ? SERIES.map((colour) => mix(colour, theme.panel, 0.12)) : SERIES;
    const waits = ([0, 1, 2] as const).map((kind) => waitColour(kind, theme));
    known = { full, dim: SERIES.map((colour) => mix(theme.page, colour, theme.dark ? 0.19 : 0.28)), waits: [waits, waits.map((colour) => mix(theme.page, colour, 0.4))] };
    shadesOf.set(theme.dark, known);
  }
  return known;
}

/** How opaque a pixel is that bars cover in part. Also the least has to be seen. */
const opacity = (level: number): number => (level + 1.2) / (LEVELS + 0.2);

function longest(state: State, spans: number[]): number[] {
  const { start, end } = state.model.spans;
  const length = (span: number): number => end[span]! - start[span]!;
  return spans.sort((a, b) => length(b) - length(a)).slice(0, ARROWS);
}

export class Picture {
  /** The widths of names, measured when first drawn. */
  private widths = new Map<string, number>();
  private labels: string[];

  constructor(readonly state: State, readonly blocks: Blocks, readonly measure: (text: string) => number) {
    this.labels = new Array<string>(state.model.header.names.length);
  }

  /** Draws what is visible of the rows, with the top of the picture at `top` of all rows. */
  draw(painter: Painter, scale: Scale, top: number, height: number): void {
    const { blocks } = this.blocks;
    const dimmed = this.state.path !== 0;
    painter.clip(scale.x, 0, scale.width, height, () => {
      for (let i = this.blocks.at(top); i < blocks.length && blocks[i]!.y < top + height; i++) {
        const block = blocks[i]!;
        if (block.kind === "process") continue;
        const y = block.y - top + 2;
        // Innermost last: of collapsed rows, which share one place, it is what the lane did.
        for (let row = 0; row < block.rows; row++) {
          const at = y + (block.collapsed ? 0 : row * ROW);
          if (!block.collapsed && (at + ROW < 0 || at > height)) continue;
          this.row(painter, scale, block.first + row, at, dimmed, block.kind === "async");
        }
      }
      if (this.state.path !== 0) this.path(painter, scale, top, height);
      this.selection(painter, scale, top);
    });
    for (let i = this.blocks.at(top); i < blocks.length && blocks[i]!.y < top + height; i++) this.label(painter, scale, blocks[i]!, top);
  }

  private label(painter: Painter, scale: Scale, block: Block, top: number): void {
    const y = block.y - top;
    const right = scale.x + scale.width;
    if (block.kind === "process") {
      painter.rect(0, y, right, HEADING, theme.panel);
      painter.text(10, y + HEADING / 2, this.fit(block.label, scale.x - 20 + 200), theme.ink, "left", true);
      painter.text(right - 10, y + HEADING / 2, block.detail, theme.soft, "right");
      return;
    }
    painter.rect(0, y + block.height - 1, right, 1, mix(theme.page, theme.line, 0.6));
    const middle = y + 2 + BAR / 2;
    if (block.rows > 1) painter.area(block.collapsed ? [10, middle - 4, 15, middle, 10, middle + 4] : [8, middle - 2, 16, middle - 2, 12, middle + 3], theme.soft);
    const name = this.fit(block.label, scale.x - 32);
    painter.text(22, middle, name, theme.ink);
    const used = 22 + this.width(name) + 10;
    if (!block.collapsed && block.rows > 1) painter.text(22, middle + ROW - 2, this.fit(block.detail, scale.x - 32), theme.soft);
    else if (block.detail !== "" && used + this.width(block.detail) < scale.x - 8) painter.text(scale.x - 10, middle, block.detail, theme.soft, "right");
  }

  private width(text: string): number {
    let width = this.widths.get(text);
    if (width === undefined) this.widths.set(text, (width = this.measure(text)));
    return width;
  }

  /** A text that is no wider than a place. */
  private fit(text: string, room: number): string {
    if (this.width(text) <= room) return text;
    const points = Array.from(text);
    const kept = Math.floor((points.length * room) / this.width(text)) - 1;
    return kept < 2 ? "" : `${points.slice(0, kept).join("")}…`;
  }

  private row(painter: Painter, scale: Scale, row: number, y: number, dimmed: boolean, asynchronous: boolean): void {
    const { state } = this;
    const { spans, polls, strands, waits } = state.model;
    const { full, dim, waits: waitColours } = shades();
    const { matches } = state;
    // A span's colour: its series, and behind those the same ones dimmed.
    const colourOf = (span: number): number => {
      const name = spans.name[span]!;
      const out = dimmed || (matches !== null && matches[name] === 0);
      return state.series[name]! + (out ? SERIES.length : 0);
    };
    const shade = (colour: number): string => (colour < SERIES.length ? full[colour]! : dim[colour - SERIES.length]!);
    const narrow = (x: number, w: number, colour: number, level: number): void => painter.run(x, w, shade(colour), opacity(level));
    const bars = (of: Bars, colour: (bar: number) => number, wide: (bar: number, x: number, w: number) => void, top = y, height = BAR): void => {
      if (of.first[row]! === of.first[row + 1]!) return;
      painter.strip(scale.x, top, scale.width, height);
      visit(of, row, scale, colour, wide, narrow);
      painter.stripEnd();
    };
    const bar = (span: number, x: number, w: number): void => {
      const colour = colourOf(span);
      painter.rect(x, y, w > 3 ? w - 0.6 : w, BAR, shade(colour));
      const flags = spans.flags[span]!;
      if ((flags & ERROR) !== 0 && w > 4) painter.rect(x, y, w - 0.6, 2.5, waitColours[0][0]!);
      if ((flags & OPEN) !== 0 && w > 8) painter.area([x + w - 6, y, x + w, y, x + w, y + BAR, x + w - 6, y + BAR, x + w - 2, y + BAR / 2], theme.page);
      if (w > 28) this.barLabel(painter, span, x, y, w, scale, colour >= SERIES.length);
    };
    if (strands.first[row]! < strands.first[row + 1]!) {
      painter.strip(scale.x, y, scale.width, BAR);
      visit(strands, row, scale, () => 0, (_, x, w) => painter.frame(x, y, w, BAR, theme.line, 1), (x, w, _, level) => painter.run(x, w, theme.line, opacity(level)));
      painter.stripEnd();
    }
    if (asynchronous) {
      // A line for the whole of it; its polls are work.
      const line = y + BAR / 2 - 1;
      bars(spans, colourOf, (span, x, w) => {
        if ((spans.flags[span]! & POLLED) === 0) return bar(span, x, w);
        const colour = shade(colourOf(span));
        painter.rect(x, line, w, 2, colour);
        painter.rect(x, y + 3, 1, BAR - 6, colour);
      }, line, 2);
    } else bars(spans, colourOf, bar);
    bars(polls, (poll) => colourOf(polls.span[poll]!), (poll, x, w) => bar(polls.span[poll]!, x, w));
    if (waits.first[row]! < waits.first[row + 1]!) {
      const faded = dimmed || matches !== null;
      const colours = waitColours[Number(faded)]!;
      painter.strip(scale.x, y + 3, scale.width, BAR - 3);
      visit(waits, row, scale, (wait) => state.waitKind(wait),
        (wait, x, w) => this.wait(painter, wait, x, y, w, colours, faded, scale),
        (x, w, kind, level) => painter.run(x, w, colours[kind]!, opacity(level)));
      painter.stripEnd();
    }
  }

  private wait(painter: Painter, wait: number, x: number, y: number, w: number, colours: string[], faded: boolean, scale: Scale): void {
    const kind = this.state.waitKind(wait);
    const colour = colours[kind]!;
    painter.rect(x, y, w, BAR, theme.page);
    painter.hatched(x, y, w, BAR, colour, HATCH[kind]);
    const lock = this.state.model.header.locks[this.state.model.waits.lock[wait]!];
    const text = lock === undefined ? ["waits for a lock", "waits for others", "waits for a queue"][kind]! : `waits for ${shown(lock[0], 40)}`;
    const left = Math.max(x, scale.x), right = Math.min(x + w, scale.x + scale.width);
    const room = right - left - 12;
    if (room > this.width(text)) {
      painter.rect(left + 4, y + 1.5, this.width(text) + 6, BAR - 3, theme.page);
      painter.text(left + 7, y + BAR / 2, text, faded ? theme.soft : colour);
    }
  }

  private barLabel(painter: Painter, span: number, x: number, y: number, w: number, scale: Scale, dim: boolean): void {
    const { spans } = this.state.model;
    const nameIx = spans.name[span]!;
    const label = (this.labels[nameIx] ??= shown(this.state.nameOf(span), 60));
    const left = Math.max(x, scale.x) + 4, right = Math.min(x + w, scale.x + scale.width) - 4;
    const text = this.fit(label, right - left);
    if (text === "") return;
    const colour = dim ? theme.soft : theme.onSeries;
    painter.text(left, y + BAR / 2 + 0.5, text, colour);
    const length = time(spans.end[span]! - spans.start[span]!);
    if (text === label && right - left > this.width(label) + this.width(length) + 14) painter.text(right, y + BAR / 2 + 0.5, length, colour, "right");
  }

  /** The lit path: its spans in full colour, and lines from one to the next. */
  private path(painter: Painter, scale: Scale, top: number, height: number): void {
    const { state, blocks } = this;
    const { paths, spans } = state.model;
    const path = paths[state.path - 1]!;
    const { full } = shades();
    let lastX = -1, lastY = -1;
    const line: number[] = [];
    const shadow = { start: path.start, end: path.end, sum: path.start, first: new Uint32Array(2) };
    for (let i = firstAfter(shadow, 0, path.start.length, scale.from); i < path.start.length && path.start[i]! < scale.to; i++) {
      const span = path.span[i]!;
      if (span < 0) continue;
      const x = Math.max(xOf(scale, path.start[i]!), scale.x - 2), right = Math.min(xOf(scale, path.end[i]!), scale.x + scale.width + 2);
      const y = blocks.yOfRow(spans.row[span]!) - top;
      // Steps that fall on one pixel of one row are drawn once.
      if (y === lastY && right < lastX + 0.5) continue;
      line.push(x, y + BAR / 2, right, y + BAR / 2);
      lastX = right;
      lastY = y;
      if (y < -ROW || y > height) continue;
      const w = Math.max(right - x, 1.5);
      painter.rect(x, y, w, BAR, full[state.series[spans.name[span]!]!]!);
      painter.rect(x, y + BAR - 2, w, 3, theme.accent);
      if (w > 28) this.barLabel(painter, span, x, y, w, scale, false);
    }
    // Lines from step to step, not along them.
    for (let i = 2; i + 3 < line.length; i += 4) painter.lines(line.slice(i, i + 4), theme.accent, 1.2);
  }

  private selection(painter: Painter, scale: Scale, top: number): void {
    const { state } = this;
    const { spans } = state.model;
    const place = (span: number) => {
      const x = xOf(scale, spans.start[span]!), y = this.blocks.yOfRow(spans.row[span]!) - top;
      return { x, right: Math.max(xOf(scale, spans.end[span]!), x + 2), y };
    };
    const frame = (span: number, colour: string, width: number): void => {
      const { x, right, y } = place(span);
      const left = Math.max(x, scale.x - 4), end = Math.min(right, scale.x + scale.width + 4);
      if (end > left) painter.frame(left - 1, y - 1, end - left + 2, BAR + 2, colour, width);
    };
    for (const span of state.group) frame(span, theme.accent, 1.5);
    if (state.selected < 0) return;
    const here = place(state.selected);
    const parent = spans.parent[state.selected]!;
    const middle = (y: number) => y + BAR / 2;
    if (parent >= 0) {
      const from = place(parent);
      if (from.y !== here.y) painter.arrow(Math.min(Math.max(from.x, here.x - 24), here.x), from.y + BAR, here.x, middle(here.y), theme.ink);
    }
    for (const child of this.childrenOf(state.selected)) {
      const to = place(child);
      painter.arrow(Math.min(Math.max(here.x, to.x - 24), to.x), middle(here.y) + BAR / 2, to.x, middle(to.y), theme.soft);
    }
    for (const [wait, holder] of this.holdersOf(state.selected)) {
      const from = place(holder);
      const end = xOf(scale, state.model.waits.end[wait]!);
      painter.arrow(Math.min(from.right, end), middle(from.y), end, middle(here.y) + ROW * 0.5, waitColour(state.waitKind(wait), theme));
    }
    frame(state.selected, theme.page, 4);
    frame(state.selected, theme.ink, 2);
  }

  private children: { of: number; spans: number[] } = { of: -1, spans: [] };

  private childrenOf(span: number): number[] {
    if (this.children.of !== span) this.children = { of: span, spans: longest(this.state, this.state.children(span)) };
    return this.children.spans;
  }

  private holders: { of: number; pairs: [number, number][] } = { of: -1, pairs: [] };

  /** Waits of a span, and who held or released what it waited for. */
  private holdersOf(span: number): [number, number][] {
    if (this.holders.of !== span) {
      const { waits } = this.state.model;
      const pairs: [number, number][] = [];
      for (let wait = 0; wait < waits.start.length && pairs.length < ARROWS; wait++) {
        if (waits.span[wait] !== span) continue;
        const other = waits.holder[wait]! >= 0 ? waits.holder[wait]! : waits.releaser[wait]!;
        if (other >= 0) pairs.push([wait, other]);
      }
      this.holders = { of: span, pairs };
    }
    return this.holders.pairs;
  }
}
