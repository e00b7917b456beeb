// What the mouse and the keyboard do on the timeline.

import type { PathMode } from "../state.ts";
import { LABELS, type Timeline } from "./view.ts";

/** A drag shorter than this is a click, in pixels. */
const CLICK = 4;

export function listen(view: Timeline): void {
  const { state, canvas, head } = view;
  for (const target of [canvas, head]) {
    target.addEventListener("wheel", (event) => wheel(view, event), { passive: false });
  }
  drag(view, canvas, (event) => event.shiftKey);
  drag(view, head, () => true);
  canvas.addEventListener("dblclick", (event) => {
    const found = view.at(event.offsetX, event.offsetY);
    if (found !== null && found.span >= 0) state.reveal([found.span], true);
  });
  canvas.addEventListener("pointerleave", () => view.unhover());
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key(view, event.key)) event.preventDefault();
  });
}

function wheel(view: Timeline, event: WheelEvent): void {
  const { state, canvas } = view;
  const focused = document.activeElement === canvas;
  const zooms = event.ctrlKey || event.metaKey || (focused && !event.shiftKey && !event.altKey);
  const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 300 : 1;
  if (event.shiftKey || (Math.abs(event.deltaX) > Math.abs(event.deltaY) && !event.ctrlKey)) {
    event.preventDefault();
    const by = ((event.deltaX || event.deltaY) * unit * (state.to - state.from)) / 1000;
    state.show(state.from + by, state.to + by);
  } else if (zooms) {
    event.preventDefault();
    const by = Math.exp(Math.min(Math.max(event.deltaY * unit, -240), 240) * 0.0022);
    state.zoom(by, view.timeAt(Math.max(event.offsetX, LABELS)));
  }
}

function drag(view: Timeline, target: HTMLCanvasElement, chooses: (event: PointerEvent) => boolean): void {
  const { state } = view;
  let from: { x: number; y: number; scroll: number; first: number; last: number; brush: boolean; moved: boolean } | null = null;
  target.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    target.setPointerCapture(event.pointerId);
    from = { x: event.offsetX, y: event.offsetY, scroll: view.scroll.scrollTop, first: state.from, last: state.to, brush: chooses(event), moved: false };
  });
  target.addEventListener("pointermove", (event) => {
    if (from === null) {
      if (target === view.canvas) view.hover(event.offsetX, event.offsetY);
      return;
    }
    const dx = event.offsetX - from.x, dy = event.offsetY - from.y;
    if (!from.moved && Math.abs(dx) < CLICK && Math.abs(dy) < CLICK) return;
    from.moved = true;
    view.unhover();
    if (from.brush) {
      view.brush = [Math.max(from.x, LABELS), Math.max(event.offsetX, LABELS)];
      view.redraw();
      return;
    }
    const by = (dx / view.scale().width) * (from.last - from.first);
    state.show(from.first - by, from.last - by);
    view.scroll.scrollTop = from.scroll - dy;
  });
  target.addEventListener("pointerup", (event) => {
    const began = from;
    from = null;
    if (view.brush !== null) {
      const [a, b] = view.brush;
      view.brush = null;
      if (Math.abs(b - a) > CLICK) state.show(view.timeAt(Math.min(a, b)), view.timeAt(Math.max(a, b)));
      view.redraw();
    } else if (began !== null && !began.moved && target === view.canvas) click(view, event.offsetX, event.offsetY);
  });
  target.addEventListener("pointercancel", () => {
    from = null;
    view.brush = null;
    view.redraw();
  });
}

function click(view: Timeline, x: number, y: number): void {
  view.canvas.focus({ preventScroll: true });
  const block = view.blockAt(y);
  if (x < LABELS && block !== undefined) view.toggle(block);
  else if (x >= LABELS) view.state.select(view.at(x, y)?.span ?? -1, false);
}

/** Whether the key means something here. */
function key(view: Timeline, key: string): boolean {
  const { state } = view;
  const { spans } = state.model;
  const pan = (part: number): void => {
    const by = (state.to - state.from) * part;
    state.show(state.from + by, state.to + by);
  };
  const selected = state.selected;
  switch (key) {
    case "ArrowLeft": case "a": pan(-0.1); return true;
    case "ArrowRight": case "d": pan(0.1); return true;
    case "PageUp": view.scroll.scrollTop -= view.scroll.clientHeight * 0.9; return true;
    case "PageDown": view.scroll.scrollTop += view.scroll.clientHeight * 0.9; return true;
    case "+": case "=": case "w": state.zoom(0.7); return true;
    case "-": case "_": case "s": state.zoom(1 / 0.7); return true;
    case "0": case "Home": state.show(...state.whole()); return true;
    case "ArrowUp":
      if (selected < 0) view.scroll.scrollTop -= 36;
      else if (spans.parent[selected]! >= 0) state.select(spans.parent[selected]!);
      return true;
    case "ArrowDown": {
      if (selected < 0) view.scroll.scrollTop += 36;
      else {
        const child = state.children(selected)[0];
        if (child !== undefined) state.select(child);
      }
      return true;
    }
    case "[": case "]": {
      const next = selected + (key === "[" ? -1 : 1);
      if (selected >= 0 && spans.row[next] === spans.row[selected]) state.select(next);
      return true;
    }
    case "Enter":
      if (selected >= 0) state.reveal([selected], true);
      else state.select(firstVisible(view));
      return true;
    case "Escape": state.select(-1, false); return true;
    case "c": {
      const block = selected < 0 ? undefined : view.blocks.ofRow(spans.row[selected]!);
      if (block !== undefined) view.toggle(block);
      return true;
    }
    case "p": state.setPath(((state.path + 1) % 3) as PathMode); return true;
    case "n": view.next(true); return true;
    case "N": view.next(false); return true;
    default: return false;
  }
}

/** The first span of those that are visible that starts in the visible part of time, or -1. */
function firstVisible(view: Timeline): number {
  const { spans } = view.state.model;
  for (let i = view.blocks.at(view.scroll.scrollTop); i < view.blocks.blocks.length; i++) {
    const block = view.blocks.blocks[i]!;
    for (let row = block.first; row < block.first + block.rows; row++) {
      for (let span = spans.first[row]!; span < spans.first[row + 1]!; span++) {
        if (spans.end[span]! >= view.state.from && spans.start[span]! <= view.state.to) return span;
      }
    }
  }
  return -1;
}
