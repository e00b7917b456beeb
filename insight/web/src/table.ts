// Tables. A click on a column's head sorts.

import { el } from "./dom.ts";
import { count } from "./format.ts";

export interface Column<T> {
  head: string;
  /** What is sorted by. */
  key: (row: T) => number | string;
  cell: (row: T) => Node | string;
  numeric?: boolean;
  about?: string;
}

/** More rows are shown when asked for. */
const ROWS = 50;

/** `fill` may say more about a row's element, each time it is made. */
export function table<T>(label: string, columns: Column<T>[], rows: T[], sorted: number, fill: (element: HTMLElement, row: T) => void = () => undefined): HTMLElement {
  if (rows.length === 0) return el("p", { class: "soft" }, "There are none.");
  let column = sorted, down = true, limit = ROWS;
  const body = el("tbody", {});
  const more = el("button", { type: "button", onclick: () => { limit = Infinity; draw(); } });
  const heads = columns.map((of, i) => el("th", { scope: "col", class: of.numeric === true ? "number" : "", title: of.about },
    el("button", { type: "button", onclick: () => { down = column === i ? !down : of.numeric === true; column = i; draw(); } }, of.head)));
  const draw = (): void => {
    const of = columns[column]!;
    const order = rows.slice().sort((a, b) => {
      const [x, y] = [of.key(a), of.key(b)];
      const before = typeof x === "string" || typeof y === "string" ? String(x).localeCompare(String(y)) : x - y;
      return down ? -before : before;
    });
    heads.forEach((head, i) => head.setAttribute("aria-sort", i !== column ? "none" : down ? "descending" : "ascending"));
    body.replaceChildren(...order.slice(0, limit).map((row) => {
      const element = el("tr", {}, ...columns.map((of) => el("td", { class: of.numeric === true ? "number" : "" }, of.cell(row))));
      fill(element, row);
      return element;
    }));
    more.textContent = `Show all ${count(rows.length)} rows`;
    more.hidden = limit >= rows.length;
  };
  draw();
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, el("table", { class: "sortable" }, el("caption", { class: "offscreen" }, label), el("thead", {}, el("tr", {}, ...heads)), body), more);
}

export const numeric = <T>(head: string, key: (row: T) => number, cell: (value: number, row: T) => Node | string, about?: string): Column<T> =>
  ({ head, key, cell: (row) => cell(key(row), row), numeric: true, about });
