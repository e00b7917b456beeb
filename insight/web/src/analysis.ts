// The types of `insight/src/analysis.rs`, as JSON.

export type Cause =
  | "serial" | "straggler" | "lock" | "empty_queue" | "full_queue" | "dispatch" | "small_chunks" | "buried_join"
  | "blocked_executor" | "off_cpu" | "start_up" | "machine" | "untraced" | "tracing" | "unexplained";

export interface Note { kind: string; text: string }

export interface Totals {
  wall_ns: number; cpus: number; cores: number; lanes: number; capacity_lanes: number; capacity_ns: number;
  work_ns: number; lost_ns: number; untraced_ns: number | null; others_ns: number | null; page_faults: number | null;
  tracing_ns: number; critical_ns: number; parallelism: number; busy_lanes: number; spans: number; dropped: number; open: number;
  speed_up: number | null;
}

export interface Blame { name: string; lock: string | null; ns: number; spans: string[] }
export interface Lost { cause: Cause; ns: number; blamed: Blame[] }

export interface Lane {
  pid: number; process: string; thread_id: number; thread: string; pool: string | null; working_ns: number;
  lock_ns: number; join_ns: number; queue_ns: number; idle_ns: number; cpu_ns: number | null;
  run_queue_ns: number | null; untraced_ns: number | null;
}

export interface Bucket { working: number; lock: number; waiting: number; capacity: number }

export interface Name {
  name: string; count: number; total_ns: number; own_ns: number; critical_ns: number; mean_ns: number;
  median_ns: number; p99_ns: number; max_ns: number; slowest: string; inflation: number | null;
  by_busy: [number, number][]; by_lanes: [number, number][]; histogram: [number, number][];
}

export interface Lock {
  name: string; kind: string; acquisitions: number; hand_offs: number; waits: number; wait_ns: number; max_wait_ns: number;
  held_ns: number; max_hold_ns: number; holders: [string, number][];
}

export interface Task {
  name: string; count: number; busy_ns: number; ready_ns: number; idle_ns: number; median_ns: number; p99_ns: number;
  polls: number; long_polls: number; long_poll_ns: number; median_long_poll_ns: number; max_poll_ns: number; spans: string[];
}

export interface Point { lanes: number; ns: number; lower_ns: number; upper_ns: number; beyond: boolean }

export interface WhatIf {
  kind: "faster" | "without_lock" | "finer" | "lanes" | "spawn_blocking";
  name?: string;
  /** `null` is infinity: they take no time. */
  factor?: number | null; lock?: string; pieces?: number; lanes?: number;
  ns: number; lower_ns: number; upper_ns: number; curve: Point[];
}

export interface Evidence { label: string; value: string; spans: string[] }

export interface Finding {
  cause: Cause; text: string; gain_ns: number; gain: number; noise: boolean; what_if: number | null;
  evidence: Evidence[];
}

export interface Analysis {
  version: number; program: string; start_ns: number; sentences: string[]; notes: Note[]; totals: Totals;
  lost: Lost[]; lanes: Lane[]; utilisation: Bucket[]; names: Name[]; locks: Lock[]; tasks: Task[]; curve: Point[];
  what_ifs: WhatIf[]; findings: Finding[];
}
