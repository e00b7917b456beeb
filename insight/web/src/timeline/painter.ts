// What the timeline is drawn with: a canvas, or an SVG document with the same picture.

import { svg, SVG } from "../dom.ts";

export type Hatch = "/" | "\\" | ".";

export interface Painter {
  rect(x: number, y: number, w: number, h: number, fill: string): void;
  /** Begins a strip: a line of pixels, stretched to a height. */
  strip(x: number, y: number, w: number, h: number): void;
  /** Colours a part of the strip. */
  run(x: number, w: number, colour: string, opacity: number): void;
  /** Shows the strip. */
  stripEnd(): void;
  /** A frame with a pattern instead of a fill. */
  hatched(x: number, y: number, w: number, h: number, colour: string, hatch: Hatch): void;
  frame(x: number, y: number, w: number, h: number, colour: string, width: number): void;
  text(x: number, y: number, text: string, colour: string, align?: "left" | "right" | "center", bold?: boolean): void;
  lines(points: number[], colour: string, width: number): void;
  /** A curve with a point at its end. */
  arrow(x0: number, y0: number, x1: number, y1: number, colour: string): void;
  area(points: number[], fill: string): void;
  clip(x: number, y: number, w: number, h: number, draw: () => void): void;
}

export const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';

export class CanvasPainter implements Painter {
  private fill = "";
  private patterns = new Map<string, CanvasPattern | string>();
  private strips: Strip[] = [];
  private used = 0;
  private at = { x: 0, y: 0, w: 0, h: 0 };
  private pixels: Uint32Array | null = null;
  constructor(readonly context: CanvasRenderingContext2D) {}

  begin(width: number, height: number, ratio: number, background: string): void {
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.font = FONT;
    this.context.textBaseline = "middle";
    this.context.imageSmoothingEnabled = false;
    this.fill = "";
    this.used = 0;
    this.rect(0, 0, width, height, background);
  }

  rect(x: number, y: number, w: number, h: number, fill: string): void {
    if (fill !== this.fill) this.context.fillStyle = this.fill = fill;
    this.context.fillRect(x, y, w, h);
  }

  strip(x: number, y: number, w: number, h: number): void {
    this.at = { x, y, w, h };
    this.pixels = null;
  }

  run(x: number, w: number, colour: string, opacity: number): void {
    if (this.pixels === null) {
      const width = Math.ceil(this.at.w) + 2;
      let strip = this.strips[this.used];
      if (strip === undefined || strip.image.width !== width) strip = this.strips[this.used] = newStrip(width);
      strip.pixels.fill(0);
      this.pixels = strip.pixels;
    }
    const from = Math.max(Math.round(x - this.at.x), 0);
    this.pixels.fill(pixelOf(colour, opacity), from, from + w);
  }

  stripEnd(): void {
    if (this.pixels === null) return;
    this.pixels = null;
    const { context, image, canvas } = this.strips[this.used++]!;
    context.putImageData(image, 0, 0);
    this.context.drawImage(canvas, this.at.x, this.at.y, image.width, this.at.h);
  }

  hatched(x: number, y: number, w: number, h: number, colour: string, hatch: Hatch): void {
    this.fill = "";
    this.context.fillStyle = this.pattern(colour, hatch);
    this.context.fillRect(x, y, w, h);
    this.frame(x, y, w, h, colour, 1);
  }

  private pattern(colour: string, hatch: Hatch): CanvasPattern | string {
    const key = colour + hatch;
    let pattern = this.patterns.get(key);
    if (pattern === undefined) {
      const tile = document.createElement("canvas");
      tile.width = tile.height = 6;
      const context = tile.getContext("2d")!;
      context.strokeStyle = context.fillStyle = colour;
      context.lineWidth = 1.2;
      for (const [x0, y0, x1, y1] of HATCHES[hatch]) {
        if (hatch === ".") context.fillRect(x0, y0, 1.6, 1.6);
        else {
          context.beginPath();
          context.moveTo(x0, y0);
          context.lineTo(x1, y1);
          context.stroke();
        }
      }
      pattern = this.context.createPattern(tile, "repeat") ?? colour;
      this.patterns.set(key, pattern);
    }
    return pattern;
  }

  frame(x: number, y: number, w: number, h: number, colour: string, width: number): void {
    this.context.strokeStyle = colour;
    this.context.lineWidth = width;
    this.context.strokeRect(x + width / 2, y + width / 2, Math.max(w - width, 0.5), h - width);
  }

  text(x: number, y: number, text: string, colour: string, align: "left" | "right" | "center" = "left", bold = false): void {
    this.context.textAlign = align;
    this.context.font = bold ? `600 ${FONT}` : FONT;
    if (colour !== this.fill) this.context.fillStyle = this.fill = colour;
    this.context.fillText(text, x, y);
  }

  lines(points: number[], colour: string, width: number): void {
    this.trace(points);
    this.context.strokeStyle = colour;
    this.context.lineWidth = width;
    this.context.stroke();
  }

  arrow(x0: number, y0: number, x1: number, y1: number, colour: string): void {
    const c = this.context;
    const bend = bendOf(x0, x1);
    c.strokeStyle = colour;
    c.lineWidth = 1.5;
    c.beginPath();
    c.moveTo(x0, y0);
    c.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
    c.stroke();
    this.area(head(x1, y1), colour);
  }

  area(points: number[], fill: string): void {
    this.trace(points);
    this.context.fillStyle = this.fill = fill;
    this.context.fill();
  }

  private trace(points: number[]): void {
    this.context.beginPath();
    for (let i = 0; i < points.length; i += 2) {
      if (i === 0) this.context.moveTo(points[0]!, points[1]!);
      else this.context.lineTo(points[i]!, points[i + 1]!);
    }
  }

  clip(x: number, y: number, w: number, h: number, draw: () => void): void {
    this.context.save();
    this.context.beginPath();
    this.context.rect(x, y, w, h);
    this.context.clip();
    this.fill = "";
    draw();
    this.context.restore();
    this.fill = "";
  }
}

/** A line of pixels with a canvas. One canvas for each strip of a frame: a canvas that changes after it was drawn is copied. */
interface Strip { canvas: HTMLCanvasElement; context: CanvasRenderingContext2D; image: ImageData; pixels: Uint32Array }

function newStrip(width: number): Strip {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  const image = context.createImageData(width, 1);
  return { canvas, context, image, pixels: new Uint32Array(image.data.buffer) };
}

const pixelsOf = new Map<string, number[]>();

/** A colour as four bytes in memory: red, green, blue, alpha. */
function pixelOf(colour: string, opacity: number): number {
  let known = pixelsOf.get(colour);
  if (known === undefined) pixelsOf.set(colour, (known = []));
  const alpha = Math.round(opacity * 255);
  let pixel = known[alpha];
  if (pixel === undefined) {
    const bytes = new Uint8Array([1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)).concat(alpha));
    pixel = known[alpha] = new Uint32Array(bytes.buffer)[0]!;
  }
  return pixel;
}

const HATCHES: Record<Hatch, [number, number, number, number][]> = {
  "/": [[-1, 1, 1, -1], [0, 6, 6, 0], [5, 7, 7, 5]],
  "\\": [[-1, 5, 1, 7], [0, 0, 6, 6], [5, -1, 7, 1]],
  ".": [[1, 1, 0, 0], [4, 4, 0, 0]],
};

const bendOf = (x0: number, x1: number): number => Math.min(Math.max(Math.abs(x1 - x0) / 2, 18), 70);
const head = (x: number, y: number): number[] => [x, y, x - 7, y - 3.5, x - 7, y + 3.5];

export class SvgPainter implements Painter {
  readonly root: SVGSVGElement;
  private at: SVGElement;
  private defs: SVGDefsElement;
  private known = new Map<string, string>();

  constructor(width: number, height: number, title: string) {
    this.defs = svg("defs");
    const family = FONT.slice(FONT.indexOf(" ") + 1);
    this.root = svg("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}`, "font-family": family, "font-size": 11 }, svg("title", {}, title), this.defs);
    this.at = this.root;
  }

  private add(element: SVGElement): void {
    this.at.append(element);
  }

  private top = 0;
  private tall = 0;

  strip(_x: number, y: number, _w: number, h: number): void {
    this.top = y;
    this.tall = h;
  }

  run(x: number, w: number, fill: string, opacity: number): void {
    this.add(svg("rect", { x: round(x), y: round(this.top), width: w, height: this.tall, fill, "fill-opacity": opacity < 1 ? round(opacity) : undefined }));
  }

  stripEnd(): void {
    this.tall = 0;
  }

  rect(x: number, y: number, w: number, h: number, fill: string): void {
    this.add(svg("rect", { x: round(x), y: round(y), width: round(w), height: round(h), fill }));
  }

  hatched(x: number, y: number, w: number, h: number, colour: string, hatch: Hatch): void {
    const key = colour + hatch;
    let id = this.known.get(key);
    if (id === undefined) {
      this.known.set(key, (id = `p${this.known.size}`));
      const marks = HATCHES[hatch].map(([x1, y1, x2, y2]) =>
        hatch === "." ? svg("rect", { x: x1, y: y1, width: 1.6, height: 1.6, fill: colour }) : svg("line", { x1, y1, x2, y2, stroke: colour, "stroke-width": 1.2 }));
      this.defs.append(svg("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse" }, ...marks));
    }
    this.rect(x, y, w, h, `url(#${id})`);
    this.frame(x, y, w, h, colour, 1);
  }

  frame(x: number, y: number, w: number, h: number, colour: string, width: number): void {
    this.add(svg("rect", { x: round(x + width / 2), y: round(y + width / 2), width: round(Math.max(w - width, 0.5)), height: round(h - width), fill: "none", stroke: colour, "stroke-width": width }));
  }

  text(x: number, y: number, text: string, colour: string, align: "left" | "right" | "center" = "left", bold = false): void {
    const anchor = { left: "start", right: "end", center: "middle" }[align];
    this.add(svg("text", { x: round(x), y: round(y), fill: colour, "text-anchor": anchor, "dominant-baseline": "central", "font-weight": bold ? 600 : undefined }, text));
  }

  lines(points: number[], colour: string, width: number): void {
    this.add(svg("polyline", { points: points.map(round).join(" "), fill: "none", stroke: colour, "stroke-width": width }));
  }

  arrow(x0: number, y0: number, x1: number, y1: number, colour: string): void {
    const bend = bendOf(x0, x1);
    const d = `M${round(x0)} ${round(y0)}C${round(x0 + bend)} ${round(y0)} ${round(x1 - bend)} ${round(y1)} ${round(x1)} ${round(y1)}`;
    this.add(svg("path", { d, fill: "none", stroke: colour, "stroke-width": 1.5 }));
    this.area(head(x1, y1), colour);
  }

  area(points: number[], fill: string): void {
    this.add(svg("polygon", { points: points.map(round).join(" "), fill }));
  }

  clip(x: number, y: number, w: number, h: number, draw: () => void): void {
    const id = `c${this.defs.childElementCount}`;
    this.defs.append(svg("clipPath", { id }, svg("rect", { x, y, width: w, height: h })));
    const outer = this.at;
    const inner = svg("g", { "clip-path": `url(#${id})` });
    outer.append(inner);
    this.at = inner;
    draw();
    this.at = outer;
  }
}

const round = (value: number): number => Math.round(value * 100) / 100;
