// The flame graph: time by names from the roots down, of all spans or of the critical path.

import { choice, el, name } from "./dom.ts";
import { counted, percent, shown, time } from "./format.ts";
import type { State } from "./state.ts";
import { mix, onTheme, SERIES, theme } from "./theme.ts";
import { goTo } from "./words.ts";

const HEIGHT = 21;
/** Deeper levels aren't shown until one zooms in. */
const LEVELS = 18;
/** Narrower pieces aren't shown, in pixels. */
const NARROWEST = 2;

export function flameGraph(state: State): HTMLElement {
  const { flame, header } = state.model;
  const size = flame.parent.length;
  const children: number[][] = Array.from({ length: size + 1 }, () => []);
  for (let node = 0; node < size; node++) children[flame.parent[node]! + 1]!.push(node);
  const totals = [flame.own, flame.critical].map((values) => {
    const total = Float64Array.from(values);
    for (let node = size - 1; node >= 0; node--) if (flame.parent[node]! >= 0) total[flame.parent[node]!]! += total[node]!;
    return total;
  });
  let measure = 0, root = -1;
  const graph = el("div", { class: "flame", role: "tree", "aria-label": "Time by names" });
  const about = el("p", { class: "soft about", "aria-live": "polite" });
  const back = el("button", { type: "button", onclick: () => zoom(-1) }, "Show all");
  const mode = choice("What is counted", ["All spans", "On the critical path"], 0, (chosen) => {
    measure = chosen;
    draw();
  });

  function zoom(node: number): void {
    root = node;
    draw();
    const first = graph.querySelector("button");
    if (document.activeElement === document.body) first?.focus({ preventScroll: true });
  }

  function draw(): void {
    const total = totals[measure]!;
    const tops = root < 0 ? children[0]! : [root];
    const whole = tops.reduce((sum, node) => sum + total[node]!, 0);
    const width = graph.clientWidth || 560;
    const pieces: HTMLElement[] = [];
    let depthMost = 0;
    const place = (node: number, left: number, depth: number): void => {
      const w = (total[node]! / whole) * width;
      if (w < NARROWEST || depth >= LEVELS) return;
      depthMost = Math.max(depthMost, depth);
      const label = shown(header.names[flame.name[node]!] ?? "", 60);
      const own = (measure === 0 ? flame.own : flame.critical)[node]!;
      const text = `${label}: ${time(total[node]!)}, ${percent(total[node]!, whole)}; ${time(own)} its own; ${counted(flame.count[node]!, "span")}`;
      const piece = el("button", { type: "button", role: "treeitem", "aria-level": depth + 1, title: text, "aria-label": text }, w > 26 ? name(label) : null);
      const fill = SERIES[state.series[flame.name[node]!]!]!;
      piece.style.left = `${left}px`;
      piece.style.top = `${depth * HEIGHT}px`;
      piece.style.width = `${Math.max(w - 1, 1)}px`;
      piece.style.backgroundColor = theme.dark ? mix(fill, theme.panel, 0.12) : fill;
      piece.addEventListener("click", () => {
        if (node !== root) zoom(node);
        else goTo(state, label, [flame.longest[node]!]);
      });
      piece.addEventListener("focus", () => (about.textContent = text));
      piece.addEventListener("mouseenter", () => (about.textContent = text));
      pieces.push(piece);
      let x = left;
      for (const child of children[node + 1]!.slice().sort((a, b) => total[b]! - total[a]!)) {
        place(child, x, depth + 1);
        x += (total[child]! / whole) * width;
      }
    };
    let x = 0;
    if (whole > 0) {
      for (const node of tops.slice().sort((a, b) => total[b]! - total[a]!)) {
        place(node, x, 0);
        x += (total[node]! / whole) * width;
      }
    }
    graph.replaceChildren(...pieces);
    graph.style.height = `${(depthMost + 1) * HEIGHT}px`;
    back.disabled = root < 0;
    about.textContent = whole > 0 ? `${time(whole)} ${measure === 0 ? "of work in spans" : "on the critical path"}. Click a name to zoom in, again to see its longest span.` : "Nothing to show.";
  }

  graph.addEventListener("keydown", (event) => {
    if (event.key === "Escape") zoom(-1);
  });
  new ResizeObserver(() => draw()).observe(graph);
  onTheme(draw);
  return el("section", { id: "flame" }, el("h2", {}, "Time by name"), el("div", { class: "toolbar" }, mode.element, back), graph, about);
}
