//! What happens when several threads record at once: whether two record twice as much as one, what is lost when both
//! cores are busy, and whether every span of eight threads flat out is accounted for. Each run is a process of its own.

mod support;

use heirloom::{Builder, Context, Guard, Settings};
use std::process::ExitCode;
use std::sync::Barrier;
use std::time::{Duration, Instant};
use support::bench::{cell, column, ratios};
use support::child::numbers;
use support::clock::ticks;
use support::ring::{Ring, Writer};
use support::spans::{fill_ring, lost, ticks_per_ns, Beat, NoOp, FLUSH_TIMEOUT};
use support::usage::thread_cpu_ns;
use support::{Bench, Goal, Numbers, Summary};

fn main() -> ExitCode {
    let children = [("flat out", flat_child as fn(&[u64]) -> _), ("floor", floor_child), ("default rings", ring_child)];
    support::run("threads", &children, threads)
}

fn threads(bench: &mut Bench) -> Result<(), String> {
    scaling(bench)?;
    default_rings(bench)
}

/// One thread beside two, with rings that hold the run and a collector that rests meanwhile.
fn scaling(bench: &mut Bench) -> Result<(), String> {
    let (rounds, spans, ring_bytes) = bench.pick((9, 1_000_000, 256 << 20), (1, 10_000, 4 << 20));
    let kinds = [("floor", 1), ("floor", 2), ("flat out", 1), ("flat out", 2)];
    let measure = |kind: usize| bench.child(kinds[kind].0, &[kinds[kind].1, spans, ring_bytes]);
    let runs = bench.in_turns(rounds, kinds.len(), measure)?;
    let names = ["floor, 1 thread", "floor, 2 threads", "Heirloom, 1 thread", "Heirloom, 2 threads"];
    bench.say(&format!(
        "Flat out, {spans} spans per thread, rings of {} MiB that are in place, collector quiet; median [min-max] of \
         {rounds} runs in turns.",
        ring_bytes >> 20
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

/// Begin, end and CPU time of one thread's work.
struct Lane {
    begin: Instant,
    end: Instant,
    cpu_ns: u64,
}

/// Runs `prepare` on each of so many threads, then `between` here, then times `work` on all of them at once.
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
        let (cpu, begin) = (thread_cpu_ns(), Instant::now());
        work(index);
        let end = Instant::now();
        Lane { begin, end, cpu_ns: thread_cpu_ns() - cpu }
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
    let begin = lanes.iter().map(|lane| lane.begin).min();
    let end = lanes.iter().map(|lane| lane.end).max();
    let wall_ns = begin.zip(end).map_or(f64::NAN, |(begin, end)| (end - begin).as_nanos() as f64);
    let cpu_ns = lanes.iter().map(|lane| lane.cpu_ns).sum::<u64>() as f64;
    [("rate", 1e3 * all / wall_ns), ("cpu_ns", cpu_ns / all), ("cpu_rate", 1e3 * all * lanes.len() as f64 / cpu_ns)]
}

/// One process whose threads record so many spans each, in rings of so many bytes that are in place.
fn flat_child(arguments: &[u64]) -> Result<Numbers, String> {
    let [threads, spans, ring_bytes] = *arguments else { return Err("expected three numbers".to_owned()) };
    let (mut settings, _) = Settings::from_env("threads");
    settings.drain_interval = Duration::from_secs(10);
    settings.shard_bytes = ring_bytes as usize;
    settings.queue_bytes = 1 << 30;
    let guard = start(heirloom::builder("threads").settings(settings))?;
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

/// The same with the floor: rings that nobody drains meanwhile.
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

/// One process with default rings whose threads record so many spans each, one every so many nanoseconds, or flat out.
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
