// The report: reads the data of the page and builds everything from them.

import type { Analysis } from "./analysis.ts";
import { address } from "./address.ts";
import { comparison } from "./compare.ts";
import { bytesOf, decode } from "./data.ts";
import { Details } from "./details.ts";
import { el } from "./dom.ts";
import { flameGraph } from "./flame.ts";
import { shown } from "./format.ts";
import { lostTime } from "./lost.ts";
import "./report.css";
import { State } from "./state.ts";
import { findings, tables } from "./tables.ts";
import { startTheme } from "./theme.ts";
import { keys, toolbar } from "./timeline/toolbar.ts";
import { Timeline } from "./timeline/view.ts";
import { header, verdict } from "./verdict.ts";
import { WhatIfChart } from "./whatif.ts";

async function start(): Promise<void> {
  startTheme();
  const wait = el("p", { class: "wait", role: "status" }, "Reading the trace…");
  document.body.append(wait);
  if (document.getElementById("comparison") !== null) await comparison(wait);
  else await report(wait);
  document.documentElement.dataset["ready"] = "true";
}

/** The report of one run. */
async function report(wait: HTMLElement): Promise<void> {
  const [spans, analysis] = await Promise.all([bytesOf("spans"), bytesOf("analysis")]);
  const state = new State(decode(spans), JSON.parse(new TextDecoder().decode(analysis)) as Analysis);
  document.title = `${shown(state.model.header.program, 60)} – Heirloom report`;
  const details = new Details(state);
  if (state.model.spans.count === 0) wait.replaceWith(el("main", {}, header(state), verdict(state), details.element));
  else {
    const timeline = new Timeline(state);
    const prediction = new WhatIfChart(state);
    wait.replaceWith(el("main", {},
      header(state), verdict(state), lostTime(state), findings(state, state.analysis, (at) => prediction.choose(at)),
      el("section", { id: "timeline" }, el("h2", {}, "Timeline"), toolbar([timeline]), timeline.element, keys(), details.element),
      el("div", { class: "columns" }, flameGraph(state), prediction.element),
      tables(state, state.analysis)));
  }
  address([details]);
}

start().catch((error: unknown) => {
  const text = error instanceof Error ? error.message : String(error);
  document.body.append(el("p", { class: "wait", role: "alert" }, `The report can't be shown: ${text}. It needs a browser from 2023 or later.`));
  console.error(error);
});
