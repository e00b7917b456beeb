// The blocks of the timeline from the top down: a heading for each process, its lanes, and its asynchronous spans.

import type { LaneInfo, Model } from "../data.ts";
import { counted, shown } from "../format.ts";

export const ROW = 18, BAR = 15, HEADING = 26, GAP = 5;

export interface Block {
  kind: "process" | "lane" | "async";
  /** A process or a lane. */
  of: number;
  label: string;
  detail: string;
  /** The rows of the model. */
  first: number;
  rows: number;
  collapsed: boolean;
  y: number;
  height: number;
}

/** More blocks than this are shown as one row each at first. */
const COLLAPSE_FROM = 24;
/** So are lanes with more rows than this. */
const DEEP = 12;
/** So are asynchronous spans with more rows than this. */
const CROWDED = 60;

/** Spans without a thread are on one lane of their process, whose number is 0. */
export function threadName(lane: LaneInfo): string {
  if (lane.name !== "") return shown(lane.name, 40);
  return lane.id === "0" ? "unknown threads" : `thread ${lane.id}`;
}

export class Blocks {
  readonly blocks: Block[] = [];
  height = 0;
  private blockOfRow: Int32Array;

  constructor(model: Model) {
    const { rows, header } = model;
    this.blockOfRow = new Int32Array(rows.count);
    let process = -1;
    for (let row = 0; row < rows.count; ) {
      const asynchronous = rows.asynchronous[row]!, of = rows.of[row]!;
      let end = row + 1;
      while (end < rows.count && rows.asynchronous[end] === asynchronous && rows.of[end] === of) end++;
      const lane = asynchronous === 0 ? header.lanes[of] : undefined;
      const owner = lane?.process ?? of;
      if (owner !== process) {
        process = owner;
        const [pid, name] = header.processes[owner] ?? [0, ""];
        this.push({ kind: "process", of: owner, label: shown(name), detail: `process ${pid}`, first: row, rows: 0 });
      }
      this.blockOfRow.fill(this.blocks.length, row, end);
      if (lane !== undefined) {
        const pool = lane.pool === null ? "" : `${shown(lane.pool[0])} ${lane.pool[1] + 1} of ${lane.pool[2]}`;
        this.push({ kind: "lane", of, label: threadName(lane), detail: pool, first: row, rows: end - row });
      } else {
        const groups = model.spans.first[end]! - model.spans.first[row]!;
        this.push({ kind: "async", of, label: "asynchronous", detail: counted(groups, "span"), first: row, rows: end - row });
      }
      row = end;
    }
    const many = this.blocks.length > COLLAPSE_FROM;
    for (const block of this.blocks) block.collapsed = block.kind === "lane" ? block.rows > 1 && (many || block.rows > DEEP) : block.rows > CROWDED;
    this.place();
  }

  private push(block: Omit<Block, "collapsed" | "y" | "height">): void {
    this.blocks.push({ ...block, collapsed: false, y: 0, height: 0 });
  }

  place(): void {
    let y = 0;
    for (const block of this.blocks) {
      block.y = y;
      block.height = block.kind === "process" ? HEADING : (block.collapsed ? 1 : block.rows) * ROW + GAP;
      y += block.height;
    }
    this.height = y;
  }

  get collapsible(): Block[] {
    return this.blocks.filter((block) => block.kind !== "process" && block.rows > 1);
  }

  collapseAll(collapsed: boolean): void {
    for (const block of this.collapsible) block.collapsed = collapsed;
    this.place();
  }

  toggle(block: Block): void {
    if (block.kind === "process" || block.rows < 2) return;
    block.collapsed = !block.collapsed;
    this.place();
  }

  /** The first block that ends below a height. */
  at(y: number): number {
    let low = 0, high = this.blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const block = this.blocks[middle]!;
      if (block.y + block.height <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  ofRow(row: number): Block | undefined {
    return this.blocks[this.blockOfRow[row] ?? -1];
  }

  /** The top of a row's bars. */
  yOfRow(row: number): number {
    const block = this.ofRow(row);
    return block === undefined ? 0 : block.y + (block.collapsed ? 0 : (row - block.first) * ROW) + 2;
  }
}
