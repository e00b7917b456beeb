// The tables of a report.

import { append, el, name, svg } from "./dom.ts";
import { count, counted, factor, percent, shown, time } from "./format.ts";
import type { Analysis, Finding, Lane, Lock, Name, Task } from "./analysis.ts";
import type { State } from "./state.ts";
import { numeric, table, type Column } from "./table.ts";
import { CAUSES, SERIES } from "./theme.ts";
import { goTo, link, longestOf, sentence } from "./words.ts";

/** `predict` shows a what-if of the analysis. */
export function findings(state: State, analysis: Analysis, predict: (whatIf: number) => void): HTMLElement {
  const rows = analysis.findings;
  return el("section", { id: "findings" }, el("h2", {}, "What to change"), rows.length === 0 ? el("p", { class: "soft" }, "Nothing to gain was found.") :
    table<Finding>("Findings", [
      numeric("Gain", (row) => row.gain, (gain, row) => {
        if (row.gain_ns === 0) return "–";
        const text = `−${percent(gain, 1)}`;
        const whatIf = row.what_if;
        return el("span", { class: row.noise ? "soft" : "gain" },
          whatIf === null ? text : el("button", { type: "button", class: "link", title: "Show the prediction", onclick: () => predict(whatIf) }, text),
          el("small", {}, row.noise ? "noise" : time(row.gain_ns)));
      }, "Predicted gain of the wall time"),
      { head: "Cause", key: (row) => CAUSES[row.cause]?.[0] ?? row.cause, cell: (row) => CAUSES[row.cause]?.[0] ?? row.cause },
      { head: "Finding", key: (row) => row.text, cell: (row) => el("span", { class: "text" }, ...sentence(state, row.text, state.spans(row.evidence.flatMap(({ spans }) => spans)).slice(0, 20))) },
      { head: "Evidence", key: (row) => row.evidence.length, cell: (row) => el("span", { class: "evidence" }, ...row.evidence.map(({ label, value, spans }) =>
        el("span", {}, `${shown(label, 60)} `, link(state, shown(value, 40), `${label} ${value}`, state.spans(spans))))) },
    ], rows, 0));
}

export function tables(state: State, analysis: Analysis): HTMLElement {
  const parts: [string, () => HTMLElement][] = [
    [`Names (${count(analysis.names.length)})`, () => names(state, analysis)],
    [`Lanes (${count(analysis.lanes.length)})`, () => lanes(state, analysis)],
    [`Locks (${count(analysis.locks.length)})`, () => locks(state, analysis)],
    [`Tasks (${count(analysis.tasks.length)})`, () => tasks(state, analysis)],
  ];
  const panel = el("div", { role: "tabpanel", id: "panel", "aria-labelledby": "tab0" });
  const tabs = parts.map(([label], i) => el("button", { type: "button", role: "tab", id: `tab${i}`, "aria-controls": "panel", onclick: () => open(i) }, label));
  const open = (at: number): void => {
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === at));
      tab.tabIndex = i === at ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", `tab${at}`);
    panel.replaceChildren(parts[at]![1]());
  };
  const list = el("div", { class: "tabs", role: "tablist", "aria-label": "Tables" }, ...tabs);
  list.addEventListener("keydown", (event) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by === 0) return;
    const next = (tabs.findIndex((tab) => tab.tabIndex === 0) + by + tabs.length) % tabs.length;
    open(next);
    tabs[next]!.focus();
  });
  open(0);
  return el("section", { id: "tables" }, el("h2", {}, "Tables"), list, panel);
}

function names(state: State, analysis: Analysis): HTMLElement {
  const swatch = (row: Name): HTMLElement => {
    const square = el("span", { class: "swatch" });
    square.style.backgroundColor = SERIES[state.series[state.nameIndex.get(row.name) ?? -1] ?? SERIES.length - 1]!;
    return square;
  };
  const columns: Column<Name>[] = [
    { head: "Name", key: (row) => row.name, cell: (row) => el("span", { class: "with-swatch" }, swatch(row), link(state, name(shown(row.name, 70)), row.name, state.spans([row.slowest]), "code")) },
    numeric("Count", (row) => row.count, count),
    numeric("Own time", (row) => row.own_ns, (ns) => el("span", {}, time(ns), el("small", {}, percent(ns, analysis.totals.work_ns))), "Time in these spans and in no span inside them, without waits"),
    numeric("On critical path", (row) => row.critical_ns, time),
    numeric("Mean", (row) => row.mean_ns, time),
    numeric("Median", (row) => row.median_ns, time),
    numeric("p99", (row) => row.p99_ns, time),
    numeric("Longest", (row) => row.max_ns, (ns, row) => link(state, time(ns), `the longest of ${row.name}`, state.spans([row.slowest]))),
    { head: "Durations", key: (row) => row.median_ns, cell: (row) => histogram(row) },
    numeric("Inflation", (row) => row.inflation ?? 0, (value, row) => (value === 0 ? "–" : el("span", { title: row.by_lanes.map(([lanes, ns]) => `mean on ${counted(lanes, "lane")}: ${time(ns)}`).join(", ") }, factor(value))), "How many times as long these spans take with all lanes busy as with one"),
  ];
  return table("Names", columns, analysis.names, 2);
}

/** Durations by powers of two. */
function histogram(row: Name): Node {
  const first = row.histogram[0]?.[0] ?? 1;
  const place = (ns: number): number => Math.round(Math.log2(Math.max(ns, 1) / Math.max(first, 1)));
  const bins = place(row.histogram[row.histogram.length - 1]?.[0] ?? first) + 1;
  const most = Math.max(...row.histogram.map(([, many]) => many), 1);
  const width = 84, each = Math.min(width / Math.max(bins, 6), 12);
  const text = row.histogram.map(([ns, many]) => `${count(many)} from ${time(ns)}`).join(", ");
  // The root's scale shows single spans beside thousands.
  return svg("svg", { class: "histogram", width, height: 20, role: "img", "aria-label": `Durations: ${text}` }, svg("title", {}, text),
    ...row.histogram.map(([ns, many]) => {
      const height = Math.max(Math.sqrt(many / most) * 19, 1.5);
      return svg("rect", { x: place(ns) * each, y: 20 - height, width: Math.max(each - 1, 1), height });
    }));
}

function lanes(state: State, analysis: Analysis): HTMLElement {
  const wall = analysis.totals.wall_ns;
  const part = (head: string, key: (row: Lane) => number): Column<Lane> => numeric(head, key, (ns) => el("span", {}, percent(ns, wall)));
  const columns: Column<Lane>[] = [
    { head: "Thread", key: (row) => row.thread, cell: (row) => el("button", { type: "button", class: "link code", onclick: () => goTo(state, row.thread, longestOf(state, row)) }, name(shown(row.thread || String(row.thread_id), 40))) },
    { head: "Process", key: (row) => row.process, cell: (row) => el("span", {}, el("bdi", {}, shown(row.process, 30)), el("small", {}, String(row.pid))) },
    { head: "Pool", key: (row) => row.pool ?? "", cell: (row) => el("bdi", {}, row.pool === null ? "–" : shown(row.pool, 30)) },
    { head: "Time", key: (row) => row.working_ns, cell: (row) => strip(row) },
    part("Working", (row) => row.working_ns), part("Lock", (row) => row.lock_ns), part("Join", (row) => row.join_ns), part("Queue", (row) => row.queue_ns), part("Idle", (row) => row.idle_ns),
    numeric("No core", (row) => row.run_queue_ns ?? -1, (ns) => (ns < 0 ? "–" : percent(ns, wall)), "Time in any of these in which the thread waited for a core"),
    numeric("CPU in spans", (row) => row.cpu_ns ?? -1, (ns) => (ns < 0 ? "–" : time(ns))),
    numeric("Untraced", (row) => row.untraced_ns ?? -1, (ns) => (ns < 0 ? "–" : time(ns))),
  ];
  return table("Lanes", columns, analysis.lanes, 4);
}

/** A lane's time in one line. */
function strip(row: Lane): Node {
  const parts: [string, number][] = [["working", row.working_ns], ["lock", row.lock_ns], ["join", row.join_ns], ["queue", row.queue_ns]];
  const whole = Math.max(parts.reduce((sum, [, ns]) => sum + ns, 0) + row.idle_ns, 1);
  const text = [...parts, ["idle", row.idle_ns] as const].map(([label, ns]) => `${label} ${percent(ns, whole)}`).join(", ");
  const width = 120;
  let x = 0;
  const picture = svg("svg", { class: "strip", width, height: 12, role: "img", "aria-label": text }, svg("title", {}, text), svg("rect", { class: "idle", width, height: 12 }));
  for (const [label, ns] of parts) {
    const w = (ns / whole) * width;
    append(picture, svg("rect", { class: label, x, width: w, height: 12 }));
    x += w;
  }
  return picture;
}

function locks(state: State, analysis: Analysis): HTMLElement {
  return table<Lock>("Locks", [
    { head: "Lock or channel", key: (row) => row.name, cell: (row) => link(state, name(shown(row.name, 70)), row.name, waitsFor(state, row.name), "code") },
    { head: "Kind", key: (row) => row.kind, cell: (row) => row.kind },
    numeric("Acquisitions", (row) => row.acquisitions, count),
    numeric("Hand-offs", (row) => row.hand_offs, count, "How often it was handed to a waiting thread"),
    numeric("Waits", (row) => row.waits, count),
    numeric("Waited", (row) => row.wait_ns, time),
    numeric("Longest wait", (row) => row.max_wait_ns, time),
    numeric("Held", (row) => row.held_ns, time, "Estimated from the holds that were timed"),
    numeric("Longest hold", (row) => row.max_hold_ns, time),
    { head: "Held meanwhile by", key: (row) => row.holders[0]?.[0] ?? "", cell: (row) => el("span", { class: "evidence" }, ...row.holders.slice(0, 3).map(([holder, ns]) => el("span", {}, name(shown(holder, 40)), ` ${time(ns)}`))) },
  ], analysis.locks, 5);
}

/** Asynchronous spans and jobs of queues. */
function tasks(state: State, analysis: Analysis): HTMLElement {
  return table<Task>("Tasks", [
    { head: "Asynchronous spans and jobs", key: (row) => row.name, cell: (row) => link(state, name(shown(row.name, 70)), row.name, state.spans(row.spans), "code") },
    numeric("Count", (row) => row.count, count),
    numeric("Busy", (row) => row.busy_ns, time, "Time in polls; of a job that isn't asynchronous, its duration"),
    numeric("Ready", (row) => row.ready_ns, time, "From when a job was submitted until it began"),
    numeric("Idle", (row) => row.idle_ns, time, "Time between polls"),
    numeric("Median", (row) => row.median_ns, time),
    numeric("p99", (row) => row.p99_ns, time),
    numeric("Polls", (row) => row.polls, count),
    numeric("Over 10 ms", (row) => row.long_polls, (many, row) => (many === 0 ? "–" : link(state, `${count(many)}, ${time(row.long_poll_ns)}`, `long polls of ${row.name}`, state.spans(row.spans))), "Polls over 10 ms: each blocks a thread of the executor"),
    numeric("Longest poll", (row) => row.max_poll_ns, time),
  ], analysis.tasks, 2);
}

/** The spans that waited longest for a lock. */
function waitsFor(state: State, lock: string): number[] {
  const { waits, header } = state.model;
  const found: number[] = [];
  for (let wait = 0; wait < waits.start.length; wait++) if (header.locks[waits.lock[wait]!]?.[0] === lock && waits.span[wait]! >= 0) found.push(wait);
  found.sort((a, b) => waits.end[b]! - waits.start[b]! - (waits.end[a]! - waits.start[a]!));
  return [...new Set(found.slice(0, 20).map((wait) => waits.span[wait]!))];
}
