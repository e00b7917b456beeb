//! The worst-case time of one span, with a healthy exporter and with one that hangs.
//!
//! One thread records a span every 2 us and reads the clock before and after each. Bare clock reads are the
//! control: their slowest ones show the machine's delays. Each run is a separate process.

mod support;

use heirloom::{Context, Guard};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;
use support::bench::{cell, column, ratios};
use support::child::numbers;
use support::clock::ticks;
use support::pace::{ticks_per_ns, Beat};
use support::spans::{lost, Hangs, NoOp};
use support::{Bench, Goal, Numbers};

/// The interval between two spans.
const INTERVAL_NS: f64 = 2000.0;

/// The kinds of runs: the number that a child process gets, and the name.
const KINDS: [(u64, &str); 3] =
    [(NOTHING, "two clock reads, no span"), (HEALTHY, "exporter that does nothing"), (HUNG, "exporter that hangs")];
const NOTHING: u64 = 0;
const HEALTHY: u64 = 1;
const HUNG: u64 = 2;

/// The columns of the table: the name of the number in a run, and the name in the table.
const COLUMNS: [(&str, &str); 7] = [
    ("p50", "p50"),
    ("p99", "p99"),
    ("p99.9", "p99.9"),
    ("p99.99", "p99.99"),
    ("max", "max"),
    ("refused", "refused"),
    ("undelivered", "not delivered"),
];

fn main() -> ExitCode {
    support::run("latency", &[("latency", latency_child)], latency)
}

fn latency(bench: &mut Bench) -> Result<(), String> {
    let (rounds, spans) = bench.pick((7, 1_000_000), (1, 10_000));
    let runs = bench.in_turns(rounds, KINDS.len(), |kind| bench.child("latency", &[KINDS[kind].0, spans]))?;
    bench.say(&format!(
        "ns that a span takes; {spans} spans per run, one every {INTERVAL_NS} ns; median [min-max] of {rounds} runs in \
         turns."
    ));
    let rows: Vec<_> = KINDS.iter().zip(&runs).map(|((_, name), runs)| row(name, runs)).collect();
    let header: Vec<_> = std::iter::once("").chain(COLUMNS.map(|(_, title)| title)).collect();
    bench.table(&header, &rows);
    for ((_, name), runs) in KINDS.iter().zip(&runs) {
        for (column_name, _) in COLUMNS {
            bench.keep(&format!("{column_name}, {name}"), "ns", &column(runs, column_name));
        }
        bench.promise(column(runs, "balanced").iter().all(|yes| *yes == 1.0), || format!("{name}: unbalanced ledger"));
    }
    let (healthy, hung) = (column(&runs[HEALTHY as usize], "p99.99"), column(&runs[HUNG as usize], "p99.99"));
    bench.goal("p99.99, hung over healthy exporter", Goal::AtMost(2.0), "", ratios(&hung, &healthy));
    Ok(())
}

fn row(name: &str, runs: &[Numbers]) -> Vec<String> {
    let cells = COLUMNS.iter().map(|(name, _)| cell(&column(runs, name), 0));
    std::iter::once(name.to_owned()).chain(cells).collect()
}

/// In a separate process: records `spans` spans with this exporter.
fn latency_child(arguments: &[u64]) -> Result<Numbers, String> {
    let [kind, spans] = *arguments else { return Err("expected two numbers".to_owned()) };
    let builder = heirloom::builder("latency");
    let builder = if kind == HUNG { builder.exporter(Hangs) } else { builder.exporter(NoOp) };
    let guard = builder.init().map_err(|error| error.to_string())?;
    let ticks_per_ns = ticks_per_ns();
    let mut ticks = vec![1_u32; spans as usize]; // Not zero, so that the memory is touched before.
    heirloom::in_root("root", |root| match kind {
        NOTHING => time_each(&mut ticks, ticks_per_ns, || ()),
        _ => record(&mut ticks, ticks_per_ns, root.context()),
    });
    ticks.sort_unstable();
    Ok(distribution(&ticks, ticks_per_ns, guard))
}

fn record(ticks: &mut [u32], ticks_per_ns: f64, parent: Context) {
    time_each(ticks, ticks_per_ns, || drop(black_box(parent.span("child"))));
}

#[inline(always)]
fn time_each(times: &mut [u32], ticks_per_ns: f64, once: impl Fn()) {
    let mut beat = Beat::every_ns(INTERVAL_NS, ticks_per_ns);
    for time in times {
        beat.wait();
        let begin = ticks();
        once();
        *time = u32::try_from(ticks() - begin).unwrap_or(u32::MAX);
    }
}

fn distribution(sorted_ticks: &[u32], ticks_per_ns: f64, guard: Guard) -> Numbers {
    let at = |share: f64| {
        let index = ((sorted_ticks.len() as f64 * share) as usize).min(sorted_ticks.len().saturating_sub(1));
        sorted_ticks.get(index).map_or(0.0, |ticks| f64::from(*ticks) / ticks_per_ns)
    };
    let report = guard.finish_within(Duration::from_millis(500));
    let ledger = report.ledger();
    numbers([
        ("p50", at(0.5)),
        ("p99", at(0.99)),
        ("p99.9", at(0.999)),
        ("p99.99", at(0.9999)),
        ("max", at(1.0)),
        ("refused", ledger.transparent.total() as f64),
        ("undelivered", lost(ledger) as f64),
        ("balanced", f64::from(u8::from(ledger.is_balanced()))),
    ])
}
