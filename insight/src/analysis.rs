//! [`Analysis`]: the results, for programs, as JSON, and for the report.
//!
//! Times with `_ns` are lengths in nanoseconds; `at` and `from`/`to` are nanoseconds after [`Analysis::start_ns`]. A span is named
//! by its id in 16 hexadecimal digits. Lanes are indices into [`Analysis::lanes`].

use crate::model::NoteKind;

/// A span's id, as text.
pub type Id = String;

/// Why a program took as long as it did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Analysis {
    /// The version of this format.
    pub version: u32,
    /// The program.
    pub program: String,
    /// The start of what was looked at: nanoseconds since 1970 (UTC).
    pub start_ns: u64,
    /// Three sentences: capacity used and the largest cause; the culprit with evidence; the gain with its bounds.
    pub sentences: Vec<String>,
    /// What weakens the findings.
    pub notes: Vec<Note>,
    /// The numbers of the whole run.
    pub totals: Totals,
    /// Lost time by cause, the largest first. The sum is [`Totals::lost_ns`] exactly.
    pub lost: Vec<Lost>,
    /// The threads.
    pub lanes: Vec<Lane>,
    /// Lanes that worked at the same time, over time: 400 equal parts of the run, or fewer.
    pub utilisation: Vec<Bucket>,
    /// Spans by name, by their own time.
    pub names: Vec<Name>,
    /// Locks and channels, by time waited.
    pub locks: Vec<Lock>,
    /// Asynchronous spans and jobs of queues, by name.
    pub tasks: Vec<Task>,
    /// The longest chain of dependent work.
    pub critical_path: Vec<Step>,
    /// The chain of what ended last, walked back from the end.
    pub observed_path: Vec<Step>,
    /// The predicted time on 1 to 64 lanes.
    pub curve: Vec<Point>,
    /// Predictions for changes of the program.
    pub what_ifs: Vec<WhatIf>,
    /// What to change, by the part of the predicted gain that belongs to the cause.
    pub findings: Vec<Finding>,
}

/// What weakens the findings.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// The kind.
    pub kind: NoteKind,
    /// A sentence.
    pub text: String,
}

/// The numbers of the whole run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// From the first start to the last end.
    pub wall_ns: u64,
    /// CPUs that the program may use; 0 if unknown.
    pub cpus: f64,
    /// Physical cores; 0 if unknown.
    pub cores: u32,
    /// Threads that recorded.
    pub lanes: u32,
    /// The largest number of lanes that could have worked at once.
    pub capacity_lanes: f64,
    /// The time of all cores that could have worked.
    pub capacity_ns: u64,
    /// Time in spans, each moment of a lane counted once.
    pub work_ns: u64,
    /// The capacity that wasn't used for work: capacity less work.
    pub lost_ns: u64,
    /// CPU time outside of spans, if it was sampled.
    pub untraced_ns: Option<u64>,
    /// CPU time of other processes, if it was sampled.
    pub others_ns: Option<u64>,
    /// Page faults of the run's processes, if they were sampled: minor and major ones together, of each process from its first
    /// sample on.
    pub page_faults: Option<u64>,
    /// The cost of recording, subtracted from the work.
    pub tracing_ns: u64,
    /// The length of the critical path of the dependencies (Cilk's "span").
    pub critical_ns: u64,
    /// Work divided by the critical path.
    pub parallelism: f64,
    /// Lanes that worked on average.
    pub busy_lanes: f64,
    /// Spans.
    pub spans: u64,
    /// Spans that are known to be missing.
    pub dropped: u64,
    /// Spans that were still open.
    pub open: u64,
    /// How much faster than on one lane, if a run on one lane is given.
    pub speed_up: Option<f64>,
}

/// Causes of lost time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// One lane worked, and nothing else was independent of it.
    Serial,
    /// Only indivisible pieces of a fan-out still ran.
    Straggler,
    /// A lock was held.
    Lock,
    /// A queue was empty: its sender was too slow.
    EmptyQueue,
    /// A queue was full: its receiver was too slow.
    FullQueue,
    /// Work was ready and a lane idle.
    Dispatch,
    /// Gaps between items that are as long as the items.
    SmallChunks,
    /// Finished children waited until a thread had finished stolen work.
    BuriedJoin,
    /// An executor's thread was blocked by a poll.
    BlockedExecutor,
    /// Lanes were busy off the CPU, with I/O or sleep, while cores were free. That loses no time of the lanes, so it is a finding
    /// only.
    OffCpu,
    /// A thread or a process had not started yet, or had ended.
    StartUp,
    /// Other processes, or more threads than cores.
    Machine,
    /// CPU time outside of spans.
    Untraced,
    /// Recording.
    Tracing,
    /// None of these.
    Unexplained,
}

/// Lost time with one cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Lost {
    /// The cause.
    pub cause: Cause,
    /// How much.
    pub ns: u64,
    /// Who is to blame, the largest first, at most 20. The rest has no name.
    pub blamed: Vec<Blame>,
}

/// Who is to blame for lost time.
#[derive(Clone, Debug, PartialEq)]
pub struct Blame {
    /// The name of the spans; for untraced CPU time, that of the thread. Empty if it is unknown.
    pub name: String,
    /// The lock, if one is to blame.
    pub lock: Option<String>,
    /// How much.
    pub ns: u64,
    /// The spans that are to blame for most of it, at most 5.
    pub spans: Vec<Id>,
}

/// A thread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lane {
    /// The process.
    pub pid: u32,
    /// The name of the process.
    pub process: String,
    /// The number of the thread.
    pub thread_id: u64,
    /// The name of the thread.
    pub thread: String,
    /// Its pool.
    pub pool: Option<String>,
    /// Time in spans without waits.
    pub working_ns: u64,
    /// Time blocked by locks.
    pub lock_ns: u64,
    /// Time blocked by joins: other threads' work.
    pub join_ns: u64,
    /// Time blocked by queues, channels and worker processes.
    pub queue_ns: u64,
    /// Time outside of spans and waits.
    pub idle_ns: u64,
    /// Of the time in spans: on a CPU, if it was sampled.
    pub cpu_ns: Option<u64>,
    /// Time ready without a CPU, if it was sampled.
    pub run_queue_ns: Option<u64>,
    /// CPU time outside of spans, if it was sampled.
    pub untraced_ns: Option<u64>,
    /// For each of 128 equal parts of the run: how much of it the lane worked, and was blocked by locks, by joins and by queues, in
    /// percent. Of a run of fewer nanoseconds, for each of them. Empty if the thread isn't known.
    pub strip: Vec<[u8; 4]>,
}

/// A part of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bucket {
    /// Lanes that worked, on average.
    pub working: f64,
    /// Lanes that were blocked by locks, on average.
    pub lock: f64,
    /// Lanes that waited for other work, on average.
    pub waiting: f64,
    /// Lanes that could have worked.
    pub capacity: f64,
}

/// The spans of one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// How many.
    pub count: u64,
    /// Their durations in all.
    pub total_ns: u64,
    /// Time in them and in no span inside them, without waits.
    pub own_ns: u64,
    /// Time of theirs on the critical path.
    pub critical_ns: u64,
    /// Durations: mean.
    pub mean_ns: u64,
    /// Durations: median.
    pub median_ns: u64,
    /// Durations: 99th percentile.
    pub p99_ns: u64,
    /// Durations: the longest.
    pub max_ns: u64,
    /// The longest.
    pub slowest: Id,
    /// How many times as long they take with all lanes busy as with one: mean durations in this run, if both were seen. If a run
    /// on one lane was given: [`own_ns`](Self::own_ns) in this run, divided by that in the run on one lane.
    pub inflation: Option<f64>,
    /// Mean duration against the number of lanes busy at once.
    pub by_busy: Vec<(u32, u64)>,
    /// Mean duration against the number of lanes of a run, if runs on several numbers were given.
    pub by_lanes: Vec<(u32, u64)>,
    /// Durations: how many there are from each power of two nanoseconds up to the next, from the shortest to the longest.
    pub histogram: Vec<(u64, u64)>,
}

/// A lock or a channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    /// Its name, or the place of its creation.
    pub name: String,
    /// What it is: `mutex`, `rwlock`, `condvar`, `channel`.
    pub kind: String,
    /// Acquisitions, or messages.
    pub acquisitions: u64,
    /// How often it was handed to a waiting thread.
    pub hand_offs: u64,
    /// Waits.
    pub waits: u64,
    /// Time waited.
    pub wait_ns: u64,
    /// The longest wait.
    pub max_wait_ns: u64,
    /// Time held, estimated from the holds that were timed.
    pub held_ns: u64,
    /// The longest hold.
    pub max_hold_ns: u64,
    /// Who held it while others waited: names and time.
    pub holders: Vec<(String, u64)>,
}

/// The asynchronous spans, or the jobs of queues, of one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// The name.
    pub name: String,
    /// How many.
    pub count: u64,
    /// Time in polls; of a job that isn't asynchronous, its duration.
    pub busy_ns: u64,
    /// From when a job was submitted until it began, as far as that was recorded.
    pub ready_ns: u64,
    /// The rest: time between polls.
    pub idle_ns: u64,
    /// From submission, or the start, to the end: median.
    pub median_ns: u64,
    /// From submission, or the start, to the end: 99th percentile.
    pub p99_ns: u64,
    /// Polls.
    pub polls: u64,
    /// Polls over 10 ms: each blocks a thread of the executor.
    pub long_polls: u64,
    /// The length of those.
    pub long_poll_ns: u64,
    /// The median of those.
    pub median_long_poll_ns: u64,
    /// The longest poll.
    pub max_poll_ns: u64,
    /// The spans with the longest polls, at most 5.
    pub spans: Vec<Id>,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The span.
    pub span: Id,
    /// Its name.
    pub name: String,
    /// Its lane.
    pub lane: u32,
    /// From.
    pub from: u64,
    /// To.
    pub to: u64,
    /// Why the step before it had to end first: `child`, `join`, `lock`, `lane`, `queue`, `start`.
    pub because: &'static str,
}

/// A predicted time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Lanes.
    pub lanes: u32,
    /// The simulated time.
    pub ns: u64,
    /// No schedule is faster.
    pub lower_ns: u64,
    /// No greedy schedule is slower.
    pub upper_ns: u64,
    /// Whether it has more lanes than were measured, or than there are physical cores.
    pub beyond: bool,
}

/// A change of the program.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Spans of this name are faster.
    Faster {
        /// The name.
        name: String,
        /// How many times. Infinity, `null` in JSON: they take no time.
        factor: f64,
    },
    /// A lock is gone.
    WithoutLock {
        /// The lock.
        lock: String,
    },
    /// A fan-out is split finer.
    Finer {
        /// The name of its children.
        name: String,
        /// Into how many pieces each child is split.
        pieces: u32,
    },
    /// Other number of lanes.
    Lanes {
        /// How many.
        lanes: u32,
    },
    /// Blocking polls moved to another thread.
    SpawnBlocking {
        /// The name.
        name: String,
    },
}

/// The prediction for a change.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf {
    /// The change.
    pub change: Change,
    /// The time on the lanes of the run.
    pub ns: u64,
    /// No schedule is faster.
    pub lower_ns: u64,
    /// No greedy schedule is slower.
    pub upper_ns: u64,
    /// The time on 1 to 64 lanes.
    pub curve: Vec<Point>,
}

/// What to change.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// A sentence.
    pub text: String,
    /// Predicted gain of wall time; 0 if none was predicted.
    pub gain_ns: u64,
    /// The same as a part of the wall time.
    pub gain: f64,
    /// Whether the gain is smaller than the spread of the runs, or than 1 %.
    pub noise: bool,
    /// An index into [`Analysis::what_ifs`].
    pub what_if: Option<u32>,
    /// Figures.
    pub evidence: Vec<Evidence>,
}

/// A figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// What it is.
    pub label: String,
    /// The figure with its unit.
    pub value: String,
    /// The spans behind it, at most 20.
    pub spans: Vec<Id>,
}
