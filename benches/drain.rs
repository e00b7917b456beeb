//! The cost of a span for the whole process, from the call to the assembled span in an exporter that does nothing: CPU
//! time by thread, memory, and the cost of an idle collector.
//!
//! A thread records bursts. It sleeps a millisecond after each, and longer while the collector is behind, so no span is
//! lost even on a busy machine. The CPU time includes the sleeps and the wake-ups. Each run is a separate process.

mod support;

use heirloom::{Ledger, Tracer};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::bench::{cell, column};
use support::child::numbers;
use support::spans::{lost, set_three, NoOp, FLUSH_TIMEOUT, TEXT};
use support::threads::cpu_of_threads;
use support::usage::{peak_rss_bytes, CpuTime};
use support::{Bench, Goal, Numbers, Summary};

/// Shortest time of a burst, its pause included.
const PAUSE: Duration = Duration::from_millis(1);
/// Bytes that a burst writes to its ring: what a thread that never pauses writes in some milliseconds.
const BURST_BYTES: u64 = 400 << 10;
/// Bytes of a span in the ring.
const SPAN_BYTES: u64 = 72;
const SPAN_BYTES_WITH_ATTRIBUTES: u64 = 168;
/// The goals for CPU time and memory.
const MOST_CPU_NS: f64 = 120.0;
const MOST_PEAK_MB: f64 = 64.0;
const MOST_IDLE_PERCENT: f64 = 0.2;

fn main() -> ExitCode {
    support::run("drain", &[("drain", drain_child), ("idle", idle_child)], drain)
}

fn drain(bench: &mut Bench) -> Result<(), String> {
    let (rounds, spans) = bench.pick((3, 5_000_000), (1, 20_000));
    let kinds = [("no attributes", 0), ("three attributes", 1)];
    let runs = bench.in_turns(rounds, kinds.len(), |kind| bench.child("drain", &[spans, kinds[kind].1]))?;
    bench.say(&format!("{spans} spans per run, recorded by one thread in bursts; median [min-max] of {rounds} runs."));
    let columns =
        ["all_cpu_ns", "recorder_cpu_ns", "collector_cpu_ns", "exporter_cpu_ns", "wall_ns", "peak_mb", "lost"];
    let rows: Vec<_> = kinds.iter().zip(&runs).map(|((name, _), runs)| row(name, runs, &columns)).collect();
    let header = [
        "spans with",
        "process CPU ns/span",
        "recording thread",
        "collector",
        "exporter's thread",
        "wall ns/span",
        "peak MB",
        "lost",
    ];
    bench.table(&header, &rows);
    for ((name, _), runs) in kinds.iter().zip(&runs) {
        check(bench, name, runs);
    }
    idle(bench)
}

fn row(name: &str, runs: &[Numbers], columns: &[&str]) -> Vec<String> {
    let cells = columns.iter().map(|name| cell(&column(runs, name), if *name == "lost" { 0 } else { 1 }));
    std::iter::once(name.to_owned()).chain(cells).collect()
}

fn check(bench: &mut Bench, name: &str, runs: &[Numbers]) {
    let cpu = column(runs, "all_cpu_ns");
    bench.keep(&format!("process CPU per span, {name}"), "ns", &cpu);
    bench.keep(&format!("collector CPU per span, {name}"), "ns", &column(runs, "collector_cpu_ns"));
    bench.keep(&format!("peak memory, {name}"), "MB", &column(runs, "peak_mb"));
    let what = format!("process CPU per span, {name}");
    bench.goal(&what, Goal::AtMost(MOST_CPU_NS), " ns", Summary::of(cpu));
    let what = format!("peak memory, {name}");
    bench.goal(&what, Goal::AtMost(MOST_PEAK_MB), " MB", Summary::of(column(runs, "peak_mb")));
    bench.promise(column(runs, "balanced").iter().all(|yes| *yes == 1.0), || format!("{name}: unbalanced ledger"));
    bench.promise(column(runs, "lost").iter().all(|lost| *lost == 0.0), || format!("{name}: lost, though paced"));
}

/// In a separate process: records `spans` spans, with or without attributes.
fn drain_child(arguments: &[u64]) -> Result<Numbers, String> {
    let [spans, attributes] = arguments else { return Err("expected two numbers".to_owned()) };
    let guard = heirloom::builder("drain").exporter(NoOp).init().map_err(|error| error.to_string())?;
    let (cpu, begin) = (CpuTime::now()?, Instant::now());
    match attributes {
        0 => record::<false>(guard.tracer(), *spans),
        _ => record::<true>(guard.tracer(), *spans),
    }
    guard.tracer().flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())?;
    let (cpu, wall) = (CpuTime::now()?.since(&cpu), begin.elapsed());
    let [recorder, collector, exporter] = ["drain", "heirloom-collec", "heirloom-export"].map(cpu_of_threads);
    let peak_mb = peak_rss_bytes().unwrap_or(0) as f64 / 1e6;
    let report = guard.finish();
    let per_span = |ns: u64| ns as f64 / *spans as f64;
    Ok(numbers([
        ("all_cpu_ns", per_span(cpu.user_ns + cpu.system_ns)),
        ("recorder_cpu_ns", per_span(recorder)),
        ("collector_cpu_ns", per_span(collector)),
        ("exporter_cpu_ns", per_span(exporter)),
        ("wall_ns", per_span(wall.as_nanos() as u64)),
        ("peak_mb", peak_mb),
        ("lost", lost(report.ledger()) as f64),
        ("balanced", f64::from(u8::from(report.ledger().is_balanced()))),
    ]))
}

fn record<const ATTRIBUTES: bool>(tracer: &Tracer, spans: u64) {
    let bytes = if ATTRIBUTES { SPAN_BYTES_WITH_ATTRIBUTES } else { SPAN_BYTES };
    let burst = BURST_BYTES / bytes;
    let mut done = 0;
    while done < spans {
        let many = burst.min(spans - done);
        heirloom::in_root("burst", |root| children::<ATTRIBUTES>(root.context(), many - 1));
        done += many;
        std::thread::sleep(PAUSE);
        while is_behind(&tracer.ledger(), burst) {
            std::thread::sleep(PAUSE);
        }
    }
}

#[inline(never)]
fn children<const ATTRIBUTES: bool>(parent: heirloom::Context, many: u64) {
    for i in 0..many {
        let span = parent.span("child");
        if ATTRIBUTES {
            set_three(&span, i, TEXT);
        }
    }
}

/// Whether another burst might overflow the ring or the exporter's queue.
fn is_behind(ledger: &Ledger, burst: u64) -> bool {
    ledger.undrained > burst || ledger.exporters.iter().any(|exporter| exporter.queued > 4 * burst)
}

fn idle(bench: &mut Bench) -> Result<(), String> {
    let (rounds, milliseconds) = bench.pick((3, 5_000), (1, 200));
    let runs = (0..rounds).map(|_| bench.child("idle", &[milliseconds])).collect::<Result<Vec<_>, _>>()?;
    let percent = column(&runs, "percent");
    bench.say(&format!("An idle process with a tracer: {} % of a core, over {milliseconds} ms.", cell(&percent, 3)));
    bench.keep("idle, share of a core", "%", &percent);
    bench.goal("idle, share of a core", Goal::AtMost(MOST_IDLE_PERCENT), " %", Summary::of(percent));
    Ok(())
}

/// In a separate process: records, and then does nothing for `milliseconds`.
fn idle_child(arguments: &[u64]) -> Result<Numbers, String> {
    let [milliseconds] = arguments else { return Err("expected one number".to_owned()) };
    let guard = heirloom::builder("idle").exporter(NoOp).init().map_err(|error| error.to_string())?;
    heirloom::in_root("before", |_| ());
    guard.tracer().flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())?;
    std::thread::sleep(Duration::from_millis(milliseconds / 4)); // Until the collector has noticed that it is idle.
    let (cpu, begin) = (CpuTime::now()?, Instant::now());
    std::thread::sleep(Duration::from_millis(*milliseconds));
    let (cpu, wall) = (CpuTime::now()?.since(&cpu), begin.elapsed());
    let percent = 100.0 * (cpu.user_ns + cpu.system_ns) as f64 / wall.as_nanos() as f64;
    Ok(numbers([("percent", percent)]))
}
