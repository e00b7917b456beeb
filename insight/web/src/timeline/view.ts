// The timeline as an element: two canvases with one axis, and a tooltip.

import { append, el } from "../dom.ts";
import { shown, time } from "../format.ts";
import type { State } from "../state.ts";
import { onTheme, theme } from "../theme.ts";
import { firstAfter, type Scale } from "./bars.ts";
import { BAR, Blocks, type Block, ROW } from "./blocks.ts";
import { Picture } from "./draw.ts";
import { drawHead, HEAD } from "./head.ts";
import { listen } from "./input.ts";
import { CanvasPainter, FONT, SvgPainter } from "./painter.ts";

/** The width of the column of labels, in pixels. */
export const LABELS = 200;

export class Timeline {
  readonly element: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly head: HTMLCanvasElement;
  readonly scroll: HTMLElement;
  readonly blocks: Blocks;
  private readonly tip = el("div", { class: "tip", role: "presentation" });
  private readonly spacer = el("div", { class: "spacer" });
  private readonly body: CanvasPainter;
  private readonly top: CanvasPainter;
  private readonly picture: Picture;
  private frame = 0;
  private width = 0;
  private height = 0;
  /** A part of time that is being chosen on the canvas. */
  brush: [number, number] | null = null;

  /** One of `sides` timelines of a page. */
  constructor(readonly state: State, label = "Timeline", private readonly sides = 1) {
    this.canvas = el("canvas", { tabindex: 0, role: "application", "aria-roledescription": "timeline", "aria-label": `${label}: a row for each thread`, "aria-describedby": "keys" });
    this.head = el("canvas", { class: "head", role: "img", "aria-label": `${label}: lanes that worked, over time. Drag to show a part.` });
    this.blocks = new Blocks(state.model);
    this.body = new CanvasPainter(this.canvas.getContext("2d", { alpha: false })!);
    this.top = new CanvasPainter(this.head.getContext("2d", { alpha: false })!);
    this.body.context.font = FONT;
    const measure = (text: string): number => {
      this.body.context.font = FONT;
      return this.body.context.measureText(text).width;
    };
    this.picture = new Picture(state, this.blocks, measure);
    this.scroll = el("div", { class: "rows" }, this.spacer, this.canvas);
    this.element = el("div", { class: "canvases" }, this.head, this.scroll, this.tip);
    listen(this);
    state.listen((what) => {
      if (what === "selection") this.scrollTo(state.selected);
      this.redraw();
    });
    onTheme(() => this.redraw());
    this.scroll.addEventListener("scroll", () => this.redraw());
    new ResizeObserver(() => this.resize()).observe(this.scroll);
  }

  next(forward: boolean): void {
    const span = this.state.nextMatch(forward);
    if (span >= 0) this.state.select(span);
  }

  collapse(collapsed: boolean): void {
    this.blocks.collapseAll(collapsed);
    this.resize();
  }

  toggle(block: Block): void {
    this.blocks.toggle(block);
    this.resize();
  }

  scale(): Scale {
    return { from: this.state.from, to: this.state.to, x: LABELS, width: Math.max(this.width - LABELS, 50) };
  }

  timeAt(x: number): number {
    const { from, to, width } = this.scale();
    return from + ((x - LABELS) / width) * (to - from);
  }

  private resize(): void {
    const ratio = devicePixelRatio || 1;
    this.spacer.style.height = `${this.blocks.height}px`;
    this.scroll.style.height = `${Math.min(Math.max(this.blocks.height, 60), Math.max((innerHeight - 330) / this.sides, this.sides > 1 ? 200 : 300))}px`;
    this.width = this.scroll.clientWidth;
    this.height = this.scroll.clientHeight;
    const size = (canvas: HTMLCanvasElement, height: number): void => {
      canvas.width = Math.round(this.width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${this.width}px`;
      canvas.style.height = `${height}px`;
    };
    size(this.canvas, this.height);
    size(this.head, HEAD);
    this.draw();
  }

  redraw(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (this.width === 0) return;
    const scale = this.scale();
    const ratio = devicePixelRatio || 1;
    this.body.begin(this.width, this.height, ratio, theme.page);
    this.picture.draw(this.body, scale, this.scroll.scrollTop, this.height);
    this.top.begin(this.width, HEAD, ratio, theme.page);
    drawHead(this.top, this.state, scale);
    if (this.brush !== null) {
      const [a, b] = this.brush;
      for (const [painter, height] of [[this.body, this.height], [this.top, HEAD]] as const) {
        painter.rect(Math.min(a, b), 0, Math.abs(b - a), height, theme.band);
      }
    }
  }

  /** Scrolls so that a span's row is visible. */
  scrollTo(span: number): void {
    if (span < 0) return;
    const y = this.blocks.yOfRow(this.state.model.spans.row[span]!);
    const { scrollTop } = this.scroll;
    if (y < scrollTop + 4 || y + ROW > scrollTop + this.height - 4) this.scroll.scrollTop = y - this.height / 3;
  }

  blockAt(y: number): Block | undefined {
    return this.blocks.blocks[this.blocks.at(y + this.scroll.scrollTop)];
  }

  /** What is at a place of the canvas. */
  at(x: number, y: number): { span: number; wait: number } | null {
    const block = this.blockAt(y);
    if (block === undefined || block.kind === "process" || x < LABELS) return null;
    const inside = y + this.scroll.scrollTop - block.y - 2;
    const { model } = this.state;
    const moment = this.timeAt(x), near = this.timeAt(x + 2) - moment;
    const rows: number[] = [];
    if (block.collapsed) for (let row = block.rows - 1; row >= 0; row--) rows.push(block.first + row);
    else if (inside % ROW <= BAR) rows.push(block.first + Math.floor(inside / ROW));
    for (const row of rows) {
      if (row >= block.first + block.rows) continue;
      for (const [bars, which] of [[model.waits, "wait"], [model.polls, "poll"], [model.spans, "span"]] as const) {
        const bar = firstAfter(bars, bars.first[row]!, bars.first[row + 1]!, moment - near);
        if (bar >= bars.first[row + 1]! || bars.start[bar]! > moment + near) continue;
        if (which === "wait") return { span: model.waits.span[bar]!, wait: bar };
        return { span: which === "poll" ? model.polls.span[bar]! : bar, wait: -1 };
      }
    }
    return null;
  }

  /** Shows what is below the mouse. */
  hover(x: number, y: number): void {
    const found = this.at(x, y);
    this.tip.replaceChildren();
    if (found === null) {
      this.tip.style.display = "none";
      return;
    }
    const { model } = this.state;
    const line = (text: string, soft = false) => append(this.tip, el("div", soft ? { class: "soft" } : {}, text));
    if (found.wait >= 0) {
      const { start, end, lock, cause } = model.waits;
      line(`${WAITS[cause[found.wait]!] ?? "waits"}, ${time(end[found.wait]! - start[found.wait]!)}`);
      if (lock[found.wait]! >= 0) line(shown(model.header.locks[lock[found.wait]!]![0], 80));
      if (model.waits.holder[found.wait]! >= 0) line(`held by ${shown(this.state.nameOf(model.waits.holder[found.wait]!), 60)}`, true);
    }
    if (found.span >= 0) {
      line(shown(this.state.nameOf(found.span), 90));
      line(`${time(model.spans.end[found.span]! - model.spans.start[found.span]!)}, from ${time(model.spans.start[found.span]! - model.header.from)} on`, true);
    }
    this.tip.style.display = "block";
    const left = Math.min(x + 14, this.width - this.tip.offsetWidth - 8);
    this.tip.style.left = `${Math.max(left, 4)}px`;
    this.tip.style.top = `${HEAD + Math.min(y + 16, this.height - 20)}px`;
  }

  unhover(): void {
    this.tip.style.display = "none";
  }

  /** Draws the visible part into a drawing, at a height of it. */
  drawInto(root: SVGSVGElement, y: number): void {
    const scale = this.scale();
    const painter = new SvgPainter(this.width, this.tall, shown(this.state.model.header.program));
    painter.rect(0, 0, this.width, this.tall, theme.page);
    drawHead(painter, this.state, scale);
    const rows = new SvgPainter(this.width, this.height, "rows");
    rows.root.setAttribute("y", String(HEAD));
    this.picture.draw(rows, scale, this.scroll.scrollTop, this.height);
    rename(rows.root, "r");
    painter.root.append(rows.root);
    painter.root.setAttribute("y", String(y));
    rename(painter.root, `t${y}`);
    root.append(painter.root);
  }

  /** The width and the height of the picture, in pixels. */
  get wide(): number {
    return this.width;
  }

  get tall(): number {
    return HEAD + this.height;
  }
}

/** Renames what a drawing defines, so that it doesn't meet that of others around it. */
function rename(root: SVGSVGElement, prefix: string): void {
  for (const element of root.querySelectorAll("[id]")) element.id = prefix + element.id;
  for (const element of root.querySelectorAll("[fill^='url('],[clip-path]")) {
    for (const attribute of ["fill", "clip-path"]) {
      const value = element.getAttribute(attribute);
      if (value?.startsWith("url(#") === true) element.setAttribute(attribute, value.replace("url(#", `url(#${prefix}`));
    }
  }
}

/** The causes of waits, in the order of `WaitCause` in `insight/src/model.rs`. */
export const WAITS = [
  "waits for a pool", "waits for the end of a scope", "waits for a thread's end", "waits for worker processes", "waits for a job",
  "waits for room in a queue", "waits for a message", "waits for a mutex", "waits to read", "waits to write", "waits for a condition",
  "awaits a job",
];
