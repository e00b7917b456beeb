//! More spans than the collector can carry: what is lost, what the threads that record wait, and what waiting costs. Threads
//! flat out on whatever cores the machine has, with the rings and queues that `init` chooses and nothing prepared, for each
//! setting of `Overload`. Each run is a separate process.

mod support;

use heirloom::{Context, Overload};
use std::process::ExitCode;
use std::sync::Barrier;
use std::time::{Duration, Instant};
use support::bench::{cell, column};
use support::child::numbers;
use support::spans::{lost, set_three, NoOp, TEXT};
use support::usage::CpuTime;
use support::{Bench, Goal, Numbers, Summary};

/// The settings, each as its longest wait in milliseconds; zero coarsens.
const LONGEST_MS: [u64; 5] = [0, 5, 20, 50, 100];

/// A program: its name, its threads, whether it sets three attributes, the microseconds of work before each span, and its
/// spans per thread.
type Program = (&'static str, u64, bool, u64, u64);

const PROGRAMS: [Program; 6] = [
    ("1 thread flat out", 1, false, 0, 1_000_000),
    ("8 threads flat out", 8, false, 0, 250_000),
    ("8 threads flat out, 3 attributes", 8, true, 0, 100_000),
    ("32 threads flat out", 32, false, 0, 60_000),
    ("8 threads, a span each 2 us", 8, false, 2, 150_000),
    ("8 threads, a span each 20 us", 8, false, 20, 25_000),
];

fn main() -> ExitCode {
    support::run("overload", &[("flood", flood as fn(&[u64]) -> _)], overload)
}

fn overload(bench: &mut Bench) -> Result<(), String> {
    let (rounds, fewer) = bench.pick((5, 1), (1, 100));
    let kinds: Vec<_> = PROGRAMS.iter().flat_map(|program| LONGEST_MS.map(|longest| (program, longest))).collect();
    let measure = |kind: usize| {
        let ((_, threads, attributes, work_us, spans), longest_ms) = kinds[kind];
        bench.child("flood", &[*threads, u64::from(*attributes), *work_us, spans / fewer, longest_ms])
    };
    let runs = bench.in_turns(rounds, kinds.len(), measure)?;
    bench.say(&format!(
        "Default settings but for `overload`, an exporter that does nothing; median [min-max] of {rounds} runs in turns. \
         Times are of the whole run, over all spans. Held up: the sum of all waits over the sum of the threads' times."
    ));
    let columns = [
        "",
        "longest wait",
        "lost, %",
        "ns/span",
        "CPU ns/span",
        "waits",
        "timed out",
        "longest 64 spans, ms",
        "held up, %",
    ];
    let rows: Vec<_> = kinds.iter().zip(&runs).map(|((program, longest), runs)| row(program, *longest, runs)).collect();
    bench.table(&columns, &rows);
    for (((name, ..), longest), runs) in kinds.iter().zip(&runs) {
        bench.keep(&format!("lost, {name}, {}", setting(*longest)), "%", &column(runs, "lost"));
        bench.promise(column(runs, "unnamed").iter().all(|unnamed| *unnamed == 0.0), || {
            format!("{name}, {}: spans that the ledger doesn't name", setting(*longest))
        });
    }
    let default = Overload::DEFAULT_WAIT.as_millis() as u64;
    for (at, (name, ..)) in PROGRAMS.iter().enumerate() {
        let column = runs.iter().zip(&kinds).find(|(_, kind)| kind.0 .0 == PROGRAMS[at].0 && kind.1 == default);
        let lost = column.and_then(|(runs, _)| Summary::of(support::bench::column(runs, "lost")));
        bench.goal(&format!("lost, {name}, {}", setting(default)), Goal::AtMost(1.0), " %", lost);
    }
    Ok(())
}

fn setting(longest_ms: u64) -> String {
    match longest_ms {
        0 => "coarsen".to_owned(),
        ms => format!("{ms} ms"),
    }
}

fn row((name, ..): &Program, longest_ms: u64, runs: &[Numbers]) -> Vec<String> {
    let of = |name, digits| cell(&column(runs, name), digits);
    vec![
        (*name).to_owned(),
        setting(longest_ms),
        of("lost", 2),
        of("ns", 0),
        of("cpu_ns", 0),
        of("waits", 0),
        of("in_vain", 0),
        of("longest_ms", 1),
        of("held_up", 1),
    ]
}

/// In a separate process: threads record spans, each behind some work.
fn flood(arguments: &[u64]) -> Result<Numbers, String> {
    let [threads, attributes, work_us, spans, longest_ms] = *arguments else {
        return Err("expected five numbers".into());
    };
    let overload = match longest_ms {
        0 => Overload::Coarsen,
        ms => Overload::Wait(Duration::from_millis(ms)),
    };
    let guard = heirloom::builder("overload").overload(overload).exporter(NoOp).init().map_err(|e| e.to_string())?;
    let root = heirloom::root("root");
    let (cx, gate) = (root.context(), Barrier::new(threads as usize));
    let before = CpuTime::now()?;
    let lanes = std::thread::scope(|scope| {
        let lane = || {
            gate.wait();
            record(cx, spans, attributes == 1, Duration::from_micros(work_us))
        };
        let lanes: Vec<_> = (0..threads).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().map(|lane| lane.join().map_err(|_| "a thread panicked")).collect::<Result<Vec<_>, _>>()
    })?;
    drop(root);
    let report = guard.finish();
    let cpu = CpuTime::now()?.since(&before);
    let (ledger, made) = (report.ledger(), threads * spans + 1);
    let begin = lanes.iter().map(|lane| lane.begin).min().ok_or("no thread")?;
    let end = lanes.iter().map(|lane| lane.end).max().ok_or("no thread")?;
    let all: Duration = lanes.iter().map(|lane| lane.end - lane.begin).sum();
    let longest = lanes.iter().map(|lane| lane.longest).max().unwrap_or_default();
    let waits = ledger.waits;
    Ok(numbers([
        ("lost", 100.0 * lost(ledger) as f64 / made as f64),
        ("ns", (end - begin).as_nanos() as f64 / made as f64),
        ("cpu_ns", (cpu.user_ns + cpu.system_ns) as f64 / made as f64),
        ("waits", waits.count as f64),
        ("in_vain", waits.timed_out as f64),
        ("longest_ms", longest.as_secs_f64() * 1e3),
        ("held_up", 100.0 * waits.total.as_secs_f64() / all.as_secs_f64()),
        ("unnamed", made.abs_diff(ledger.exported() + ledger.dropped()) as f64),
    ]))
}

/// The work of one thread.
struct Lane {
    begin: Instant,
    end: Instant,
    /// The longest of every 64 spans, so that clocks are a small part of the time.
    longest: Duration,
}

/// How many spans one reading of the clock is for.
const STRETCH: u64 = 64;

fn record(cx: Context, spans: u64, attributes: bool, work: Duration) -> Lane {
    let begin = Instant::now();
    let (mut before, mut longest) = (begin, Duration::ZERO);
    for i in 0..spans {
        if !work.is_zero() {
            let start = Instant::now();
            while start.elapsed() < work {
                std::hint::spin_loop();
            }
        }
        let span = cx.span("flood");
        if attributes {
            set_three(&span, i, TEXT);
        }
        drop(span);
        if i % STRETCH == 0 {
            let now = Instant::now();
            longest = longest.max(now - before);
            before = now;
        }
    }
    Lane { begin, end: Instant::now(), longest }
}
