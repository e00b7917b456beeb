// Colours. The series are Paul Tol's "light" scheme, which people with colour-blindness can tell apart and on which dark text is readable:
// https://sronpersonalpages.nl/~pault/. The others of the page are in report.css.

import type { Cause } from "./analysis.ts";

export interface Theme {
  dark: boolean;
  page: string; panel: string; ink: string; soft: string; line: string; accent: string; band: string;
  /** Text on the colours of the series. */
  onSeries: string;
}

const light: Theme = {
  dark: false, page: "#ffffff", panel: "#f6f7f9", ink: "#1b2330", soft: "#566172", line: "#d9dee5", accent: "#1f5f99",
  band: "#1f5f9926", onSeries: "#14181f",
};
const dark: Theme = {
  dark: true, page: "#14181f", panel: "#1c222c", ink: "#e8ecf2", soft: "#a3aebd", line: "#343d4b", accent: "#7db8ee",
  band: "#7db8ee2e", onSeries: "#10141a",
};

/** Names with the most time of their own have these colours; all others have the last. */
export const SERIES = ["#77aadd", "#44bb99", "#eedd88", "#ee8866", "#bbcc33", "#99ddff", "#ffaabb", "#b9a6d3", "#b9c1cc"];
export const OTHER = SERIES.length - 1;

export type WaitKind = 0 | 1 | 2;
export const LOCK = 0, JOIN = 1, QUEUE = 2;
/** Lock, join, queue. */
export const WAITS: [string, string][] = [["#b3334f", "#ff8fa3"], ["#6b7789", "#93a1b5"], ["#8a6a00", "#d8b74a"]];
export const waitColour = (kind: WaitKind, theme: Theme): string => WAITS[kind]![theme.dark ? 1 : 0];

/** Causes in words, with their colours. */
export const CAUSES: Record<Cause, [label: string, colour: string, explanation: string]> = {
  serial: ["Serial", "#ee8866", "one lane worked, and nothing else was independent of it"],
  straggler: ["Straggler", "#eedd88", "only indivisible pieces of a fan-out still ran"],
  lock: ["Lock", "#ffaabb", "a lock was held"],
  empty_queue: ["Empty queue", "#99ddff", "a queue's sender was too slow"],
  full_queue: ["Full queue", "#77ccbb", "a queue's receiver was too slow"],
  dispatch: ["Dispatch", "#bbcc33", "work was ready and a lane idle"],
  small_chunks: ["Small chunks", "#d2c15c", "gaps between items were as long as the items"],
  buried_join: ["Buried join", "#44bb99", "a join waited until its thread had finished stolen work"],
  blocked_executor: ["Blocked executor", "#dd9a9a", "a poll blocked its executor's thread"],
  off_cpu: ["Off the CPU", "#cbb8a0", "lanes were busy with I/O or sleep while cores were free"],
  start_up: ["Start-up", "#c7b9d6", "a thread or process had not started yet, or had ended"],
  machine: ["Machine", "#c3bba0", "other processes, or more threads than cores"],
  untraced: ["Untraced", "#b9c1cc", "CPU time outside of spans"],
  tracing: ["Tracing", "#9fb0c4", "recording itself"],
  unexplained: ["Unexplained", "#dfe3e8", "none of the other causes"],
};

const KEY = "heirloom-theme";
let listeners: (() => void)[] = [];
export let theme = light;

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function apply(isDark: boolean): void {
  theme = isDark ? dark : light;
  document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
  for (const listener of listeners) listener();
}

export function startTheme(): void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const choice = stored();
  apply(choice === null ? system.matches : choice === "dark");
  system.addEventListener("change", () => {
    if (stored() === null) apply(system.matches);
  });
}

export function switchTheme(): void {
  try {
    localStorage.setItem(KEY, theme.dark ? "light" : "dark");
  } catch {
    // Some browsers have no storage for files. The switch then lasts until the page is closed.
  }
  apply(!theme.dark);
}

export const onTheme = (listener: () => void): void => {
  listeners = [...listeners, listener];
};

/** A colour between two. */
export function mix(from: string, to: string, part: number): string {
  const channel = (at: number): string => {
    const a = Number.parseInt(from.slice(at, at + 2), 16), b = Number.parseInt(to.slice(at, at + 2), 16);
    return Math.round(a + (b - a) * part).toString(16).padStart(2, "0");
  };
  return `#${channel(1)}${channel(3)}${channel(5)}`;
}
