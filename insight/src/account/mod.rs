//! The account of the recorded schedule: where the time of all lanes went.
//!
//! | file | what it has |
//! |---|---|
//! | `track.rs`, `lanes.rs`, `strip.rs` | what a lane did, moment by moment, in all, and in parts of the run |
//! | `samples.rs` | which part of that was on a CPU |
//! | `capacity.rs` | how many lanes could have worked |
//! | `sweep/`, `events.rs` | all lanes side by side: work, lost time, and what each lane that didn't work was held up by; the threads of a pool (`team.rs`), who holds a lock that others wait for (`contention.rs`), and what a thread did while others waited for it (`inner.rs`) |
//! | `ready.rs` | work that was ready, and had not begun |
//! | `blame.rs` | who is to blame for how much; sums that are exact |
//! | `inflation.rs` | how long spans take against the number of busy lanes |
//! | `names.rs`, `locks.rs`, `tasks.rs` | statistics |
//! | `path.rs` | the observed critical path |
//! | `recording.rs` | what recording cost, and whose spans |
//! | `weakness.rs` | untraced CPU time and other processes, in sentences |
//!
//! # Work
//!
//! Each moment of a lane counts once, for the innermost thing that was recorded there. A span that is on a lane from its start to
//! its end is there; an asynchronous one is there during its polls; a stolen piece of a fan-out without a span counts for the
//! span above the fan-out. Waits are no work. Neither is the time of a thread in a fan-out that blocks it, or in a fan-out in
//! which it looks for work. If a fan-out begins on another thread than the span above it, the span's thread is assumed to be
//! blocked, and a note states that. With samples, the time in which a lane was ready without a core is subtracted, in equal parts
//! from all its time in spans between two samples. What recording cost is subtracted from the sum.
//!
//! # Capacity
//!
//! `C(t)` is the number of lanes that could have worked at `t`: `max(W, min(threads, cpus / f))`.
//!
//! - `threads` is the sum over all pools of a process that is there of their size, less the threads that are blocked until other
//!   work ends. Lanes outside of pools are one group; its size is the largest number of them that were there at once and not
//!   blocked.
//! - `cpus` is the number of usable CPUs, if it is known. `f` is the fraction of the time in spans in which lanes were on a CPU,
//!   from samples: a lane that waits for a disk needs no core.
//! - `W(t)` is the number of lanes that worked. So the capacity is never below the work.
//!
//! *Lost time* is the integral of `C - W`.
//!
//! # Causes
//!
//! At each moment the loss is divided equally among the lanes that could have worked and didn't; a thread of a pool that never
//! recorded counts too. This is *blame shifting* (Tallent and Mellor-Crummey, "Effective performance measurement and analysis of
//! multithreaded applications", PPoPP 2009; for locks Tallent, Mellor-Crummey and Porterfield, "Analyzing lock contention in
//! multithreaded applications", PPoPP 2010): idleness is charged to what the other lanes did at that moment. A lane's share goes
//!
//! - to the holder of the lock that it waits for; if the holder waits for another lock, to the holder of the other lock, and so
//!   on;
//! - to the span that sent the message for which it waits, or that made room in a full queue by receiving one. Of this span and
//!   the spans inside it, the name that was innermost on the thread for most of the wait is blamed, also for the holder of a
//!   lock;
//! - if work was ready for its group: to *small chunks* if its next item begins sooner than an item of that fan-out takes on
//!   average, or within 10 µs; to *start-up* for a thread that isn't there yet; to *blocked executor* if it is a job and a poll
//!   takes over 10 ms; and to *dispatch* otherwise;
//! - else to the spans that run then, in equal parts: to *straggler* if the span belongs to a fan-out, to *buried join* if the join
//!   of its lane is ready and the span was stolen there, and to *serial* otherwise. A span that waits for a lock gets its part too,
//!   and passes it on to the holder;
//! - to *start-up* if nothing runs and a lane waits for threads that begin later, and to *unexplained* otherwise.
//!
//! Samples move parts to *machine* (a lane was ready and had no core, in a span or outside) and *untraced* (a lane outside of
//! spans was on a CPU). The part of *machine* in which the collector and the exporters had the cores is a cost of recording. It
//! is charged to *small chunks* or *tracing*.
//!
//! Sums are integers: fixed-point numbers with 40 bits after the point, in 1024ths of a lane. The nanoseconds that rounding
//! leaves go to the causes, and then to the names, with the largest remainders. So all of them add up to the nanosecond.
//!
//! # Cost
//!
//! `O((n + m) log l)` for `n` spans, `m` marks and `l` lanes, and about 40 bytes for each span.

mod blame;
mod capacity;
mod events;
mod inflation;
mod lanes;
mod locks;
mod names;
mod path;
mod ready;
mod recording;
mod samples;
mod strip;
mod sweep;
mod tasks;
mod track;
mod weakness;

use crate::analysis::{self, Bucket, Lost, Totals};
use crate::model::{Note, Run};
pub use capacity::threads;
use capacity::Groups;
use lanes::Lanes;
pub(crate) use recording::program_ns;
use samples::LANE;
use sweep::Sweep;
pub(crate) use track::moved;
use track::Lists;

/// The account of a run: the parts of an [`Analysis`](analysis::Analysis) that need no prediction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// Without the critical path of the dependencies, parallelism and speed-up.
    pub totals: Totals,
    /// The sum is [`Totals::lost_ns`] exactly.
    pub lost: Vec<Lost>,
    /// The lanes of the run, in its order.
    pub lanes: Vec<analysis::Lane>,
    /// Lanes that worked, over time.
    pub utilisation: Vec<Bucket>,
    /// Without the time on the critical path.
    pub names: Vec<analysis::Name>,
    /// Locks and channels.
    pub locks: Vec<analysis::Lock>,
    /// Asynchronous spans and jobs.
    pub tasks: Vec<analysis::Task>,
    /// The critical path of the recorded schedule.
    pub observed_path: Vec<analysis::Step>,
    /// Untraced CPU time, and other processes.
    pub notes: Vec<Note>,
    /// Time of each span of the run in which it was the innermost one on a lane, without waits.
    pub own_ns: Vec<u64>,
}

/// Accounts for a run.
///
/// ```
/// use heirloom_insight::account::account;
/// use heirloom_insight::analysis::Cause;
/// use heirloom_insight::testing::Kit;
///
/// let mut kit = Kit::new();
/// let (one, two) = (kit.lane("one"), kit.lane("two"));
/// kit.span(one, "long", None, 0..100);
/// kit.span(two, "short", None, 0..40);
/// let account = account(&kit.run());
/// assert_eq!((account.totals.work_ns, account.totals.capacity_ns), (140, 200));
/// assert_eq!((account.lost[0].cause, account.lost[0].ns), (Cause::Serial, 60));
/// assert_eq!(account.lost[0].blamed[0].name, "long");
/// ```
pub fn account(run: &Run) -> Account {
    let lists = Lists::of(run);
    let lanes = Lanes::of(run, &lists);
    let groups = Groups::of(run, &lanes);
    let mut sweep = Sweep::of(run, &lists, &lanes, &groups);
    let (mut totals, tracing_ns) = totals(run, &lanes, &sweep);
    totals.work_ns -= tracing_ns;
    totals.lost_ns += tracing_ns;
    recording::charge(run, &totals, tracing_ns, &mut sweep.ledger, sweep::LANE_NS);
    let lost = sweep.ledger.lost(run, totals.lost_ns, sweep::LANE_NS);
    let (utilisation, inflation) = (sweep.buckets, sweep.inflation);
    if totals.wall_ns > 0 {
        totals.busy_lanes = totals.work_ns as f64 / totals.wall_ns as f64;
    }
    Account {
        lost,
        utilisation,
        names: names::names(run, &lanes.own_ns, &inflation),
        locks: locks::locks(run),
        tasks: tasks::tasks(run),
        observed_path: path::observed(run, &lists),
        notes: weakness::notes(&totals, run),
        totals,
        lanes: lanes.table,
        own_ns: lanes.own_ns,
    }
}

/// The numbers of the run, and what recording cost, which isn't subtracted yet.
fn totals(run: &Run, lanes: &Lanes, sweep: &Sweep<'_>) -> (Totals, u64) {
    let lane_ns = |area: u128| u64::try_from((area + u128::from(LANE / 2)) / u128::from(LANE)).unwrap_or(u64::MAX);
    let (capacity_ns, work_ns) = (lane_ns(sweep.areas.capacity), lane_ns(sweep.areas.work));
    let recording: u64 = run.loads.iter().fold(0, |sum, load| sum.saturating_add(load.recording_ns));
    let tracing_ns = recording.min(work_ns);
    let totals = Totals {
        wall_ns: run.window.end - run.window.start,
        cpus: run.machine.cpus.unwrap_or_default(),
        cores: run.machine.cores.unwrap_or_default(),
        lanes: run.lanes.iter().filter(|lane| lane.is_known()).count() as u32,
        capacity_lanes: sweep.areas.most_capacity as f64 / LANE as f64,
        capacity_ns,
        work_ns,
        lost_ns: capacity_ns - work_ns,
        untraced_ns: weakness::untraced_ns(run, lanes),
        others_ns: weakness::others_ns(run),
        page_faults: page_faults(run),
        tracing_ns,
        spans: run.spans.len() as u64,
        dropped: run.dropped_children.iter().map(|row| row.1).sum(),
        open: run.spans.iter().filter(|span| span.open).count() as u64,
        ..Totals::default()
    };
    (totals, tracing_ns)
}

/// Page faults of all processes, minor and major ones; `None` without samples.
fn page_faults(run: &Run) -> Option<u64> {
    let all = run.loads.iter().map(|load| load.page_faults);
    all.reduce(u64::saturating_add)
}
