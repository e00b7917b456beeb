// What is above and below the timelines of a page: search, the lit path, zoom, the picture as a file, and the keys.

import { append, choice, download, el } from "../dom.ts";
import { count, time } from "../format.ts";
import type { PathMode, State } from "../state.ts";
import { theme } from "../theme.ts";
import { SvgPainter } from "./painter.ts";
import type { Timeline } from "./view.ts";

/** The height of a side's name in a saved picture, in pixels. */
const TITLE = 24;

/** A toolbar for timelines that follow each other. `labels` has the name of each, if there are several. */
export function toolbar(views: Timeline[], labels: string[] = []): HTMLElement {
  const states = views.map((view) => view.state);
  const [first] = states as [State];
  let active = 0, found = "";
  const button = (label: string, text: string, action: () => void) => el("button", { type: "button", "aria-label": label, title: label, onclick: action }, text);
  const range = el("output", { class: "range" });
  const matches = el("output", { class: "matches" });
  const paths = choice("Path that is lit", ["No path", "Critical path", "Observed path"], 0, (mode) => first.setPath(mode as PathMode));
  const search = el("input", { type: "search", placeholder: "Search names or ids", "aria-label": "Search spans by name or id", spellcheck: "false", autocomplete: "off" });

  const describe = (): void => {
    range.textContent = `${time(first.to - first.from)} shown`;
    paths.set(first.path);
    const numbers = states.map((state) => state.matchCount);
    const all = numbers.reduce((sum, many) => sum + many, 0);
    if (first.matches === null) matches.textContent = found;
    else if (all === 0) matches.textContent = "no match";
    else if (views.length > 1) matches.textContent = numbers.map((many, i) => `${count(many)} in ${labels[i]}`).join(", ");
    else matches.textContent = all === 1 ? "1 match" : `${count(all)} matches`;
    if (document.activeElement !== search) search.value = first.query;
  };
  const find = (): void => {
    const text = search.value.trim();
    found = "";
    if (/^[0-9a-f]{16}$/i.test(text)) {
      states.forEach((state, i) => {
        const span = state.span(text.toLowerCase());
        if (span < 0) return;
        found = "found the id";
        active = i;
        state.select(span);
      });
    }
    first.search(found === "" ? text : "");
  };
  const next = (forward: boolean): void => {
    // The side that was looked at last, unless only another one has a match.
    const at = states[active]!.matchCount > 0 ? active : Math.max(states.findIndex((state) => state.matchCount > 0), 0);
    views[at]!.next(forward);
  };

  states.forEach((state, i) => state.listen((what) => {
    if (what === "selection") active = i;
    else describe();
  }));
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") next(!event.shiftKey);
    if (event.key === "Escape") {
      search.value = "";
      find();
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  const bar = el("div", { class: "toolbar", role: "toolbar", "aria-label": "Timeline" });
  append(bar, search, button("Previous match", "‹", () => next(false)), button("Next match", "›", () => next(true)), matches,
    paths.element, el("span", { class: "grow" }), range,
    button("Zoom in", "+", () => first.zoom(0.5)), button("Zoom out", "−", () => first.zoom(2)), button("Show the whole run", "Fit", () => first.show(...first.whole())));
  if (views.some((view) => view.blocks.collapsible.length > 0)) {
    append(bar, button("Show each lane as one row", "Collapse", () => views.forEach((view) => view.collapse(true))), button("Show all rows", "Expand", () => views.forEach((view) => view.collapse(false))));
  }
  append(bar, button("Save the visible part as SVG", "SVG", () => download("timeline.svg", "image/svg+xml", drawing(views, labels))));
  describe();
  return bar;
}

/** The visible part as an SVG document. */
function drawing(views: Timeline[], labels: string[]): string {
  const title = labels.length > 0 ? TITLE : 0;
  const width = Math.max(...views.map((view) => view.wide));
  const height = views.reduce((sum, view) => sum + title + view.tall, 0);
  const painter = new SvgPainter(width, height, "Timeline");
  painter.rect(0, 0, width, height, theme.page);
  let y = 0;
  views.forEach((view, i) => {
    if (title > 0) painter.text(10, y + title / 2, labels[i]!, theme.ink, "left", true);
    view.drawInto(painter.root, y + title);
    y += title + view.tall;
  });
  return new XMLSerializer().serializeToString(painter.root);
}

export function keys(): HTMLElement {
  const key = (keys: string, what: string) => el("span", {}, el("kbd", {}, keys), ` ${what} `);
  return el("p", { id: "keys", class: "keys" },
    key("wheel, + −", "zoom"), key("drag, ← →", "pan"), key("shift-drag", "zoom to a part"), key("0", "fit"), key("↑ ↓", "parent, child"),
    key("[ ]", "previous, next in the row"), key("enter", "zoom to the selection"), key("c", "collapse"), key("p", "path"), key("/", "search"), key("n", "next match"),
    el("span", {}, "Click first, so that the wheel zooms; with ctrl it always does."));
}
