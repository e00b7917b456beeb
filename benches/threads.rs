//! Several threads that record at once. Do two threads record twice as much as one, and two worker processes twice as much
//! as one? How many spans are lost when both cores are busy? Does the ledger account for every span of eight threads flat
//! out? Each run is a separate process.

mod support;

use heirloom::{Builder, Context, Guard, Settings};
use std::process::ExitCode;
use std::sync::Barrier;
use std::time::Duration;
use support::bench::{cell, column, ratios};
use support::child::numbers;
use support::clock::ticks;
use support::pace::{ticks_per_ns, Beat};
use support::ring::{Ring, Writer};
use support::spans::{fill_ring, lost, NoOp, FLUSH_TIMEOUT};
use support::usage::{monotonic_ns, thread_cpu_ns};
use support::worker::{answer_all, join, Worker, CAN_JOIN};
use support::{Bench, Goal, Numbers, Summary};

/// Worker processes learn the common start time this long before it, and spin until then.
const LEAD: Duration = Duration::from_millis(20);

/// The largest ring of a worker process, in bytes.
const WORKER_RING: u64 = 1 << 20;
/// How many spans fit into it.
const WORKER_SPANS: u64 = WORKER_RING / 128;

fn main() -> ExitCode {
    let children = [
        ("flat out", flat_child as fn(&[u64]) -> _),
        ("floor", floor_child),
        ("workers", workers_child),
        ("worker", worker),
        ("default rings", ring_child),
    ];
    support::run("threads", &children, threads)
}

fn threads(bench: &mut Bench) -> Result<(), String> {
    scaling(bench)?;
    default_rings(bench)
}

/// One thread beside two, and one worker process beside two. The rings hold the whole run, and the collector rests
/// meanwhile.
fn scaling(bench: &mut Bench) -> Result<(), String> {
    let (rounds, spans, ring_bytes) = bench.pick((9, 1_000_000, 256 << 20), (1, 10_000, 4 << 20));
    let kinds = [("floor", 1), ("floor", 2), ("flat out", 1), ("flat out", 2), ("workers", 1), ("workers", 2)];
    let kinds = &kinds[..if CAN_JOIN { 6 } else { 4 }];
    let measure = |kind: usize| {
        let (name, count) = kinds[kind];
        let [spans, ring_bytes] = match name {
            "workers" => [spans.min(WORKER_SPANS), ring_bytes.min(WORKER_RING)],
            _ => [spans, ring_bytes],
        };
        bench.child(name, &[count, spans, ring_bytes])
    };
    let runs = bench.in_turns(rounds, kinds.len(), measure)?;
    let names = [
        "floor, 1 thread",
        "floor, 2 threads",
        "Heirloom, 1 thread",
        "Heirloom, 2 threads",
        "Heirloom, 1 worker process",
        "Heirloom, 2 worker processes",
    ];
    bench.say(&format!(
        "Flat out, {spans} spans per thread, rings of {} MiB that are in place, collector quiet; {} spans per worker process, \
         whose ring has {} MiB; median [min-max] of {rounds} runs in turns.",
        ring_bytes >> 20,
        spans.min(WORKER_SPANS),
        WORKER_RING >> 20
    ));
    let rows: Vec<_> = names.iter().zip(&runs).map(|(name, runs)| scaling_row(name, runs)).collect();
    bench.table(&["", "M spans/s", "CPU ns/span", "lost"], &rows);
    for (name, runs) in names.iter().zip(&runs) {
        bench.keep(&format!("spans a second, {name}"), "M/s", &column(runs, "rate"));
        bench.promise(column(runs, "lost").iter().all(|lost| *lost == 0.0), || format!("{name}: spans lost"));
    }
    let ratio = |many: usize, name: &str| ratios(&column(&runs[many], name), &column(&runs[many - 1], name));
    bench.goal("spans a second, 2 threads over 1", Goal::AtLeast(1.8), "", ratio(3, "rate"));
    bench.goal("the same by CPU time", Goal::AtLeast(1.8), "", ratio(3, "cpu_rate"));
    if CAN_JOIN {
        bench.goal("spans a second, 2 worker processes over 1", Goal::AtLeast(1.8), "", ratio(5, "rate"));
        bench.goal("the same by CPU time", Goal::AtLeast(1.8), "", ratio(5, "cpu_rate"));
    }
    bench.goal("the floor, 2 threads over 1", Goal::AtLeast(1.8), "", ratio(1, "rate"));
    Ok(())
}

fn scaling_row(name: &str, runs: &[Numbers]) -> Vec<String> {
    let of = |name, digits| cell(&column(runs, name), digits);
    vec![name.to_owned(), of("rate", 2), of("cpu_ns", 1), of("lost", 0)]
}

/// Rings as `init` chooses: two threads paced on two busy cores, and eight flat out.
fn default_rings(bench: &mut Bench) -> Result<(), String> {
    let (rounds, spans) = bench.pick((5, 1_000_000), (1, 10_000));
    let kinds = [("2 threads, a span each 1 us", 2, 1000), ("8 threads, flat out", 8, 0)];
    let measure = |kind: usize| bench.child("default rings", &[kinds[kind].1, spans, kinds[kind].2]);
    let runs = bench.in_turns(rounds, kinds.len(), measure)?;
    bench.say(&format!(
        "Rings as `init` chooses, {spans} spans per thread; median [min-max] of {rounds} runs in turns."
    ));
    let rows: Vec<_> = kinds.iter().zip(&runs).map(|((name, ..), runs)| default_row(name, runs)).collect();
    bench.table(&["", "made", "delivered", "refused", "dropped by the queue", "not in the ledger"], &rows);
    for ((name, ..), runs) in kinds.iter().zip(&runs) {
        bench.keep(&format!("refused, {name}"), "spans", &column(runs, "refused"));
        let named = column(runs, "unnamed").iter().all(|unnamed| *unnamed == 0.0);
        let balanced = column(runs, "balanced").iter().all(|yes| *yes == 1.0);
        bench.promise(named && balanced, || format!("{name}: spans that the ledger doesn't name"));
    }
    bench.goal("lost by 2 paced threads", Goal::AtMost(0.0), "", Summary::of(column(&runs[0], "lost")));
    Ok(())
}

fn default_row(name: &str, runs: &[Numbers]) -> Vec<String> {
    let cells = ["made", "delivered", "refused", "queue_full", "unnamed"].map(|name| cell(&column(runs, name), 0));
    std::iter::once(name.to_owned()).chain(cells).collect()
}

fn start(builder: Builder) -> Result<Guard, String> {
    builder.exporter(NoOp).init().map_err(|error| error.to_string())
}

/// Start, end and CPU time of one thread's work. Start and end count from a moment that all lanes share.
struct Lane {
    begin_ns: u64,
    end_ns: u64,
    cpu_ns: u64,
}

impl Lane {
    fn of(work: impl FnOnce()) -> Self {
        let (cpu, begin_ns) = (thread_cpu_ns(), monotonic_ns());
        work();
        let end_ns = monotonic_ns();
        Self { begin_ns, end_ns, cpu_ns: thread_cpu_ns() - cpu }
    }
}

/// Runs `prepare` on each thread, then `between` on this one, then times `work` on all threads at once.
fn on_threads(
    threads: u64,
    prepare: impl Fn() + Sync,
    between: impl FnOnce(),
    work: impl Fn(usize) + Sync,
) -> Result<Vec<Lane>, String> {
    let gate = Barrier::new(threads as usize + 1);
    let lane = |index| {
        prepare();
        gate.wait();
        gate.wait();
        Lane::of(|| work(index))
    };
    std::thread::scope(|scope| {
        let lane = &lane;
        let lanes: Vec<_> = (0..threads as usize).map(|index| scope.spawn(move || lane(index))).collect();
        gate.wait();
        between();
        gate.wait();
        lanes.into_iter().map(|lane| lane.join().map_err(|_| "a thread panicked".to_owned())).collect()
    })
}

fn children(parent: Context, spans: u64) {
    for _ in 0..spans {
        drop(parent.span("child"));
    }
}

fn rates(lanes: &[Lane], spans: u64) -> [(&'static str, f64); 3] {
    let all = (spans * lanes.len() as u64) as f64;
    let begin = lanes.iter().map(|lane| lane.begin_ns).min();
    let end = lanes.iter().map(|lane| lane.end_ns).max();
    let wall_ns = begin.zip(end).map_or(f64::NAN, |(begin, end)| (end - begin) as f64);
    let cpu_ns = lanes.iter().map(|lane| lane.cpu_ns).sum::<u64>() as f64;
    [("rate", 1e3 * all / wall_ns), ("cpu_ns", cpu_ns / all), ("cpu_rate", 1e3 * all * lanes.len() as f64 / cpu_ns)]
}

/// A tracer with rings of this size in bytes, whose collector rests.
fn start_quiet(ring_bytes: u64) -> Result<Guard, String> {
    let (mut settings, _) = Settings::from_env("threads");
    settings.drain_interval = Duration::from_secs(10);
    settings.shard_bytes = ring_bytes as usize;
    settings.ring_bytes = 4 * ring_bytes as usize;
    settings.queue_bytes = 1 << 30;
    start(heirloom::builder("threads").settings(settings))
}

/// In a separate process: threads record `spans` spans each, in rings of `ring_bytes` bytes that were touched before the
/// clock starts.
fn flat_child(arguments: &[u64]) -> Result<Numbers, String> {
    let [threads, spans, ring_bytes] = *arguments else { return Err("expected three numbers".to_owned()) };
    let guard = start_quiet(ring_bytes)?;
    let root = heirloom::root("root");
    let cx = root.context();
    let mut flushed = Ok(());
    let lanes = on_threads(
        threads,
        || fill_ring(ring_bytes as usize),
        || flushed = guard.tracer().flush(FLUSH_TIMEOUT),
        |_| children(cx, spans),
    )?;
    flushed.map_err(|error| error.to_string())?;
    drop(root);
    let report = guard.finish();
    let mut all = numbers(rates(&lanes, spans));
    all.insert("lost".to_owned(), lost(report.ledger()) as f64);
    Ok(all)
}

/// The same with worker processes: each fills its ring, then all record from the same moment on.
fn workers_child(arguments: &[u64]) -> Result<Numbers, String> {
    let [workers, spans, ring_bytes] = *arguments else { return Err("expected three numbers".to_owned()) };
    let guard = start_quiet(ring_bytes)?;
    let root = heirloom::root("root");
    let start = |_| Worker::start(&root, "worker", &[spans, ring_bytes]);
    let mut workers = (0..workers).map(start).collect::<Result<Vec<_>, _>>()?;
    workers.iter_mut().try_for_each(|worker| worker.asked().ask("prepare").map(drop))?;
    let moment = monotonic_ns() + LEAD.as_nanos() as u64;
    workers.iter_mut().try_for_each(|worker| worker.asked().tell(&moment.to_string()))?;
    let lanes = workers.iter_mut().map(|worker| worker.asked().answer().map(|lane| lane_of(&lane)));
    let lanes = lanes.collect::<Result<Vec<_>, _>>()?;
    workers.into_iter().try_for_each(|worker| worker.finish().map(drop))?;
    drop(root);
    let report = guard.finish();
    let mut all = numbers(rates(&lanes, spans));
    all.insert("lost".to_owned(), lost(report.ledger()) as f64);
    Ok(all)
}

fn lane_of(answer: &Numbers) -> Lane {
    let of = |name| answer.get(name).map_or(0, |number: &f64| *number as u64);
    Lane { begin_ns: of("begin_ns"), end_ns: of("end_ns"), cpu_ns: of("cpu_ns") }
}

/// In the worker: the first request fills its ring. The second request names the start time; its times count from that.
fn worker(arguments: &[u64]) -> Result<Numbers, String> {
    let [spans, ring_bytes] = *arguments else { return Err("expected two numbers".to_owned()) };
    let (guard, work) = join()?;
    answer_all(std::io::stdin(), std::io::stdout(), |line| {
        let Ok(moment) = line.parse::<u64>() else {
            fill_ring(ring_bytes as usize);
            return guard.tracer().flush(FLUSH_TIMEOUT).map(|()| Numbers::new()).map_err(|error| error.to_string());
        };
        while monotonic_ns() < moment {
            std::hint::spin_loop();
        }
        let lane = Lane::of(|| children(work.context(), spans));
        let since = |ns| (ns - moment) as f64;
        Ok(numbers([
            ("begin_ns", since(lane.begin_ns)),
            ("end_ns", since(lane.end_ns)),
            ("cpu_ns", lane.cpu_ns as f64),
        ]))
    })?;
    drop(work);
    guard.finish();
    Ok(Numbers::new())
}

/// The same with the floor: its rings are not drained meanwhile.
fn floor_child(arguments: &[u64]) -> Result<Numbers, String> {
    let [threads, spans, _] = *arguments else { return Err("expected three numbers".to_owned()) };
    let rings: Vec<Ring> = (0..threads).map(|_| Ring::new(spans as usize)).collect();
    let lanes = on_threads(threads, || (), || (), |index| fill_floor(&rings[index], spans))?;
    let mut all = numbers(rates(&lanes, spans));
    all.insert("lost".to_owned(), rings.iter().map(Ring::lost).sum::<u64>() as f64);
    Ok(all)
}

fn fill_floor(ring: &Ring, spans: u64) {
    let mut writer = Writer::new(ring);
    for i in 0..spans {
        let begin = ticks();
        let end = ticks();
        writer.push([0x0af7_6519_16cd_43dd, 0x8448_eb21_1c80_319c, i, 1, begin, end, 1, 0]);
    }
}

/// In a separate process with default rings: threads record `spans` spans each, one every `interval_ns` nanoseconds, or flat
/// out if that is zero.
fn ring_child(arguments: &[u64]) -> Result<Numbers, String> {
    let [threads, spans, interval_ns] = *arguments else { return Err("expected three numbers".to_owned()) };
    let guard = start(heirloom::builder("threads"))?;
    let root = heirloom::root("root");
    let cx = root.context();
    let ticks_per_ns = ticks_per_ns();
    let work = |_| match interval_ns {
        0 => children(cx, spans),
        _ => paced_children(cx, spans, interval_ns as f64, ticks_per_ns),
    };
    on_threads(threads, || (), || (), work)?;
    drop(root);
    let report = guard.finish();
    let ledger = report.ledger();
    let made = threads * spans + 1;
    let queue_full = ledger.exporters.iter().map(|exporter| exporter.dropped.total()).sum::<u64>();
    Ok(numbers([
        ("made", made as f64),
        ("delivered", ledger.exported() as f64),
        ("refused", ledger.transparent.total() as f64),
        ("queue_full", queue_full as f64),
        ("lost", lost(ledger) as f64),
        ("unnamed", made.abs_diff(ledger.exported() + ledger.dropped()) as f64),
        ("balanced", f64::from(u8::from(ledger.is_balanced()))),
    ]))
}

fn paced_children(parent: Context, spans: u64, interval_ns: f64, ticks_per_ns: f64) {
    let mut beat = Beat::every_ns(interval_ns, ticks_per_ns);
    for _ in 0..spans {
        beat.wait();
        drop(parent.span("child"));
    }
}
