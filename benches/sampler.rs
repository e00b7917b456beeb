//! What the samples of CPU times cost: the CPU time of the collector's thread with them and without, in a process with 200 threads
//! and four worker processes, all of which record a little all the time. Each run is a process of its own.

mod support;

use heirloom::export::{Delivery, ExportError, Exporter};
use heirloom::mark::MarkKind;
use heirloom::Span;
use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::bench::{cell, column};
use support::child::numbers;
use support::spans::lost;
use support::threads::cpu_of_threads;
use support::worker::{join, Worker, CAN_JOIN};
use support::{Bench, Goal, Numbers, Summary};

/// Threads of the process, and of each worker process.
const THREADS: usize = 200;
const WORKERS: usize = 4;
const WORKER_THREADS: usize = 4;
/// A thread records a span in this time: the collector always has something to read, and little to do.
const PAUSE: Duration = Duration::from_millis(100);
/// The goals: samples take half a percent of a core at most, and come 20 times a second at most.
const MOST_PERCENT: f64 = 0.5;
const MOST_PER_SECOND: f64 = 20.0;
/// However busy the machine is, samples come this often.
const LEAST_PER_SECOND: f64 = 0.25;

fn main() -> ExitCode {
    support::run("sampler", &[("sampler", sampler_child), ("sampler worker", sampler_worker)], sampler)
}

fn sampler(bench: &mut Bench) -> Result<(), String> {
    if !CAN_JOIN {
        bench.say("Nothing is sampled on this system.");
        return Ok(());
    }
    let (rounds, seconds) = bench.pick((5, 12), (1, 1));
    let kinds = ["with samples", "without"];
    let runs = bench.in_turns(rounds, kinds.len(), |kind| bench.child("sampler", &[seconds, u64::from(kind == 0)]))?;
    bench.say(&format!(
        "{THREADS} threads and {WORKERS} worker processes of {WORKER_THREADS} threads; each thread records a span every {} ms, for \
         {seconds} s. CPU time of the collector's thread, in percent of one core.",
        PAUSE.as_millis()
    ));
    let columns = ["collector_percent", "process_samples", "thread_samples", "spans", "lost"];
    let row = |(name, runs): (&&str, &Vec<Numbers>)| -> Vec<String> {
        let cells = columns.iter().zip([3, 1, 1, 0, 0]).map(|(name, digits)| cell(&column(runs, name), digits));
        std::iter::once((*name).to_owned()).chain(cells).collect()
    };
    let rows: Vec<_> = kinds.iter().zip(&runs).map(row).collect();
    bench.table(
        &[
            "run",
            "collector, % of a core",
            "samples of the process per second",
            "marks of threads per second",
            "spans",
            "lost",
        ],
        &rows,
    );
    let percent = |kind: usize| column(&runs[kind], "collector_percent");
    let more: Vec<f64> = percent(0).iter().zip(percent(1)).map(|(with, without)| with - without).collect();
    bench.keep("the samples' part of a core", "%", &more);
    bench.goal("the samples' part of a core", Goal::AtMost(MOST_PERCENT), " %", Summary::of(more));
    let often = column(&runs[0], "process_samples");
    bench.goal("samples per second", Goal::AtMost(MOST_PER_SECOND), "", Summary::of(often));
    let enough = |name| column(&runs[0], name).iter().all(|n| *n >= LEAST_PER_SECOND);
    bench.promise(enough("process_samples") && enough("thread_samples"), || {
        format!("fewer than {LEAST_PER_SECOND} samples a second: without samples they cost nothing")
    });
    bench.promise(column(&runs[1], "process_samples").iter().all(|n| *n == 0.0), || "sampled, though off".to_owned());
    Ok(())
}

/// Counts marks by kind.
#[derive(Clone, Default)]
struct Marks(Arc<Mutex<HashMap<MarkKind, u64>>>);

impl Marks {
    fn of(&self, kind: MarkKind) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&kind).copied().unwrap_or_default() as f64
    }
}

impl Exporter for Marks {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = std::process::id();
        for mark in delivery.parts().flat_map(|part| part.marks()) {
            // Each process has its own samples: those of this one say how often.
            if mark.kind() != MarkKind::Load || mark.lane().process_id == own {
                *counts.entry(mark.kind()).or_default() += 1;
            }
        }
        Ok(())
    }
}

/// In a separate process: records for so many seconds, with samples (1) or without (0).
fn sampler_child(arguments: &[u64]) -> Result<Numbers, String> {
    let [seconds, samples] = *arguments else { return Err("expected two numbers".to_owned()) };
    let marks = Marks::default();
    let mut settings = heirloom::Settings::default();
    settings.sample = samples == 1;
    let guard = heirloom::builder("sampler")
        .settings(settings)
        .exporter(marks.clone())
        .init()
        .map_err(|error| error.to_string())?;
    let root = heirloom::root("root");
    let workers = (0..WORKERS).map(|_| Worker::start(&root, "sampler worker", &[seconds]));
    let workers: Vec<Worker> = workers.collect::<Result<_, _>>()?;
    let (start, before) = (Instant::now(), cpu_of_threads("heirloom-collec"));
    record(&root, THREADS, seconds);
    let (wall_ns, cpu_ns) = (start.elapsed().as_nanos() as f64, cpu_of_threads("heirloom-collec") - before);
    for worker in workers {
        worker.finish()?;
    }
    drop(root);
    let report = guard.finish();
    let per_second = |count: f64| count * 1e9 / wall_ns;
    Ok(numbers([
        ("collector_percent", 100.0 * cpu_ns as f64 / wall_ns),
        ("process_samples", per_second(marks.of(MarkKind::Load))),
        ("thread_samples", per_second(marks.of(MarkKind::Cpu))),
        ("spans", report.ledger().exported() as f64),
        ("lost", lost(report.ledger()) as f64),
    ]))
}

/// In a worker process: the same, with fewer threads.
fn sampler_worker(arguments: &[u64]) -> Result<Numbers, String> {
    let [seconds] = *arguments else { return Err("expected one number".to_owned()) };
    let (guard, span) = join()?;
    record(&span, WORKER_THREADS, seconds);
    span.end();
    guard.finish();
    Ok(Numbers::new())
}

/// Threads that record a little for so many seconds.
fn record(parent: &Span, threads: usize, seconds: u64) {
    let (cx, end) = (parent.context(), Instant::now() + Duration::from_secs(seconds));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(move || {
                while Instant::now() < end {
                    cx.span("tick").end();
                    sleep(PAUSE);
                }
            });
        }
    });
}
