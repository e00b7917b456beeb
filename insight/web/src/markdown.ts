// "Copy as Markdown": the result for an issue, at most 2 KB.

import { cut, percent, shown, time } from "./format.ts";
import type { State } from "./state.ts";
import { CAUSES } from "./theme.ts";
import { atWork, machine } from "./verdict.ts";

const LIMIT = 2048;

/** Text of the program inside Markdown: it can't begin markup, and has one line. */
const plain = (text: string, longest: number): string => shown(text, longest).replace(/[\\*_[\]<>|~#@!&]/g, "\\$&");
export const code = (text: string): string => `\`${shown(text, 48).replaceAll("`", "'")}\``;

/** A sentence. Names between backticks are code; the rest is plain. */
export const prose = (text: string): string =>
  text.split(/(`[^`]*`)/).map((part) => (/^`[^`]+`$/.test(part) ? code(part.slice(1, -1)) : part === "" ? "" : plain(part, 400))).join("");

export function markdown(state: State): string {
  const { analysis } = state;
  const { totals } = analysis;
  const lines: string[] = [`**${plain(state.model.header.program, 60)}**: ${time(totals.wall_ns)}, ${atWork(totals)}`, ""];
  for (const note of analysis.notes.slice(0, 4)) lines.push(`> ${cut(prose(note.text), 160)}`);
  if (analysis.notes.length > 0) lines.push("");
  lines.push(cut(analysis.sentences.map(prose).join(" "), 700), "");
  const causes = analysis.lost.filter(({ ns }) => ns > 0).slice(0, 5);
  if (causes.length > 0) {
    lines.push("| lost to | time | of the capacity | blamed |", "|---|--:|--:|---|");
    for (const { cause, ns, blamed } of causes) {
      const who = blamed[0] === undefined ? "" : code(blamed[0].lock ?? blamed[0].name).replaceAll("|", "\\|");
      lines.push(`| ${CAUSES[cause]?.[0] ?? cause} | ${time(ns)} | ${percent(ns, totals.capacity_ns)} | ${who} |`);
    }
    lines.push("");
  }
  for (const finding of analysis.findings.slice(0, 3)) {
    const gain = finding.gain_ns > 0 ? ` (${finding.noise ? "noise" : `−${percent(finding.gain, 1)}`})` : "";
    const evidence = finding.evidence.map(({ label, value }) => `${plain(label, 40)} ${plain(value, 40)}`).join(", ");
    lines.push(cut(`- ${prose(finding.text)}${gain}: ${evidence}`, 260));
  }
  lines.push("", `Machine: ${machine(state) || "unknown"}.`);
  return cut(lines.join("\n"), LIMIT);
}
