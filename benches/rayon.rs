//! The cost of tracing in a rayon pipeline with items of about a microsecond: one span per item, per leaf, a summary.

mod support;

use heirloom::prelude::*;
use heirloom::{Context, Guard};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;
use support::bench::cell;
use support::clock::ticks;
use support::spans::{lost, NoOp, FLUSH_TIMEOUT};
use support::usage::{thread_cpu_ns, CpuTime};
use support::work::{steps_that_take, work};
use support::{Bench, Goal, Summary};

/// Threads of the pool.
const THREADS: usize = 2;
/// Target time of an item.
const ITEM_NS: f64 = 1000.0;

fn main() -> ExitCode {
    support::run("rayon", &[], compare)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Untraced,
    ClockReads,
    PerItem,
    PerLeaf,
    Summary,
}

const MODES: [(Mode, &str); 5] = [
    (Mode::Untraced, "untraced"),
    (Mode::ClockReads, "two bare clock reads per item"),
    (Mode::PerItem, "a span per item"),
    (Mode::PerLeaf, "a span per leaf"),
    (Mode::Summary, "a summary per leaf"),
];

/// The times of one run over all items, in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Run {
    wall: f64,
    /// CPU time of the pool's threads.
    workers: f64,
    /// CPU time of the whole process.
    process: f64,
    /// Spans that reached no exporter.
    lost: f64,
}

struct Stage {
    guard: Guard,
    pool: ThreadPool,
    items: u64,
    /// The number of steps that take an item's time.
    steps: u32,
}

fn compare(bench: &mut Bench) -> Result<(), String> {
    let (rounds, items) = bench.pick((15, 500_000), (1, 20_000));
    let guard = heirloom::builder("rayon").exporter(NoOp).init().map_err(|error| error.to_string())?;
    let pool = ThreadPoolBuilder::new().num_threads(THREADS).build().map_err(|error| error.to_string())?;
    let stage = Stage { guard, pool, items, steps: steps_that_take(ITEM_NS) };
    for (mode, _) in MODES {
        stage.run(mode)?; // To warm up.
    }
    let runs = bench.in_turns(rounds, MODES.len(), |mode| stage.run(MODES[mode].0))?;
    bench.say(&format!(
        "{items} items of about {ITEM_NS} ns on a pool of {THREADS}, ring and intervals as `init` chooses; median \
         [min-max] of {rounds} rounds in turns. More than untraced, in the same round:"
    ));
    let rows: Vec<_> = MODES.iter().zip(&runs).map(|((_, name), of)| row(name, of, &runs[0], items)).collect();
    bench.table(&["", "slowdown %", "CPU of the pool's threads %", "CPU of the process, ns per item", "lost"], &rows);
    for ((mode, name), of) in MODES.iter().zip(&runs) {
        let slowdown = percent(of, &runs[0], |run| run.wall);
        bench.keep(&format!("slowdown, {name}"), "%", &slowdown);
        let bound = match mode {
            Mode::PerItem => 12.0,
            Mode::PerLeaf => 1.0,
            _ => continue,
        };
        let lost = of.iter().map(|run| run.lost).sum();
        bench.goal_unless_lost(&format!("slowdown, {name}"), Goal::AtMost(bound), " %", Summary::of(slowdown), lost);
    }
    let report = stage.guard.finish();
    let ledger = report.ledger();
    bench.say(&format!("Spans lost: {} of {}.", lost(ledger), ledger.begun));
    bench.promise(ledger.is_balanced(), || report.to_string());
    Ok(())
}

fn row(name: &str, runs: &[Run], untraced: &[Run], items: u64) -> Vec<String> {
    let more: Vec<f64> = runs.iter().zip(untraced).map(|(a, b)| (a.process - b.process) / items as f64).collect();
    vec![
        name.to_owned(),
        cell(&percent(runs, untraced, |run| run.wall), 1),
        cell(&percent(runs, untraced, |run| run.workers), 1),
        cell(&more, 0),
        cell(&runs.iter().map(|run| run.lost).collect::<Vec<_>>(), 0),
    ]
}

/// The increase over the untraced run in percent, round by round.
fn percent(runs: &[Run], untraced: &[Run], of: impl Fn(&Run) -> f64) -> Vec<f64> {
    runs.iter().zip(untraced).map(|(run, base)| 100.0 * (of(run) / of(base) - 1.0)).collect()
}

impl Stage {
    fn run(&self, mode: Mode) -> Result<Run, String> {
        let lost_before = lost(&self.guard.tracer().ledger());
        let (workers, process, begin) = (self.workers_cpu_ns(), CpuTime::now()?, Instant::now());
        heirloom::in_root("run", |root| black_box(self.sum(mode, root.context())));
        let wall = begin.elapsed().as_nanos() as f64;
        let workers = self.workers_cpu_ns() - workers;
        self.guard.tracer().flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())?;
        let process = CpuTime::now()?.since(&process);
        // All spans of the run have ended and were flushed.
        let lost = lost(&self.guard.tracer().ledger()).saturating_sub(lost_before) as f64;
        Ok(Run { wall, workers: workers as f64, process: (process.user_ns + process.system_ns) as f64, lost })
    }

    fn sum(&self, mode: Mode, cx: Context) -> u64 {
        let steps = self.steps;
        self.pool.install(|| {
            let items = (0..self.items).into_par_iter();
            match mode {
                Mode::Untraced => items.map(|i| work(i, steps)).sum(),
                Mode::ClockReads => items.map(|i| work_between_clock_reads(i, steps)).sum(),
                Mode::PerItem => items.traced(cx).map("item", |_, i| work(i, steps)).sum(),
                Mode::PerLeaf => items.traced(cx).per_leaf().map("leaf", |i| work(i, steps)).sum(),
                Mode::Summary => items.traced(cx).summary().map("leaf", |i| work(i, steps)).sum(),
            }
        })
    }

    fn workers_cpu_ns(&self) -> u64 {
        self.pool.broadcast(|_| thread_cpu_ns()).iter().sum()
    }
}

fn work_between_clock_reads(seed: u64, steps: u32) -> u64 {
    black_box(ticks());
    let result = work(seed, steps);
    black_box(ticks());
    result
}
