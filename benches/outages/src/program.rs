//! The program under test: a child process that records, finishes, and prints what its ledger says.

use heirloom::llm::keys;
use heirloom::prelude::*;
use heirloom::{Context, Guard, Ledger, Tracer};
use serde::{Deserialize, Serialize};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// What the program records.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Load {
    /// A root with one child, this many spans a second.
    Paced { per_second: u64, seconds: u64 },
    /// A turn of a conversation, 120 KB of input and output, this often a second.
    Turns { per_second: u64, seconds: u64 },
    /// So many spans at once, and then nothing until the end.
    Burst { spans: u64, seconds: u64 },
    /// Roots with children whose names are made at run time, as fast as possible.
    Names { seconds: u64 },
    /// Threads that each end so many spans, at the same time.
    Threads { threads: u64, spans: u64 },
    /// An attached child with so many threads flat out, while this process records its own spans.
    Child { threads: u64, own: u64 },
}

/// What the program prints at its end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Said {
    /// Spans that were given to the exporter.
    pub assembled: u64,
    /// Spans that could not be recorded.
    pub transparent: u64,
    pub exported: u64,
    pub leaves: u64,
    pub in_refused_traces: u64,
    pub torn: u64,
    pub failed: u64,
    pub queued: u64,
    pub balanced: bool,
    /// How long `finish` took, in milliseconds.
    pub finish_ms: u64,
    /// Resident memory: before the load, and at most, in KiB.
    pub before_kib: u64,
    pub peak_kib: u64,
}

/// Starts the tracer, records, finishes, and says what became of the spans.
pub(crate) fn run(service: &str, load: Load, langfuse: bool) -> Result<Said, Box<dyn std::error::Error>> {
    let guard = start(service, langfuse)?;
    let before_kib = memory("VmRSS:");
    record(guard.tracer(), load)?;
    let begun = Instant::now();
    let report = guard.finish();
    let finish_ms = u64::try_from(begun.elapsed().as_millis())?;
    let mut said = Said { finish_ms, before_kib, peak_kib: memory("VmHWM:"), ..of(report.ledger()) };
    if !report.is_complete() && said.failed + said.queued == 0 {
        eprintln!("{report}");
    }
    said.balanced = report.ledger().is_balanced();
    Ok(said)
}

fn start(service: &str, langfuse: bool) -> Result<Guard, Box<dyn std::error::Error>> {
    let guard = match langfuse {
        true => heirloom::builder(service).exporter(heirloom::langfuse::Langfuse::from_env()?).init()?,
        false => heirloom::init(service)?,
    };
    Ok(guard)
}

fn of(ledger: &Ledger) -> Said {
    let exporter = ledger.exporters.first().cloned().unwrap_or_default();
    Said {
        assembled: ledger.assembled,
        transparent: ledger.transparent.total(),
        exported: exporter.exported,
        leaves: exporter.dropped.leaves,
        in_refused_traces: exporter.dropped.traces,
        torn: exporter.dropped.torn,
        failed: exporter.dropped.failed,
        queued: exporter.queued,
        ..Said::default()
    }
}

fn record(tracer: &Tracer, load: Load) -> Result<(), Box<dyn std::error::Error>> {
    match load {
        Load::Paced { per_second, seconds } => paced(per_second / 2, seconds, |n| pair(tracer, n)),
        Load::Turns { per_second, seconds } => {
            let text = Text::new();
            paced(per_second, seconds, |n| turn(tracer, n, &text));
        }
        Load::Burst { spans, seconds } => {
            let start = Instant::now();
            let root = tracer.root("burst");
            for n in 1..spans {
                root.span("part").set("n", n);
            }
            drop(root);
            thread::sleep(Duration::from_secs(seconds).saturating_sub(start.elapsed()));
        }
        Load::Names { seconds } => {
            let start = Instant::now();
            let mut n = 0_u64;
            while start.elapsed() < Duration::from_secs(seconds) {
                let root = tracer.root(format!("request {n}"));
                (0..8).for_each(|part| drop(root.span(format!("part {part} of {n}"))));
                n += 1;
            }
        }
        Load::Threads { threads, spans } => {
            let root = tracer.root("all");
            let context = root.context();
            thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(move || nested(context, spans));
                }
            });
        }
        Load::Child { threads, own } => {
            let root = tracer.root("parent");
            let mut child = Command::new(std::env::current_exe()?)
                .args(["--flood", &threads.to_string()])
                .traced(&root)
                .attached()
                .spawn()?;
            let start = Instant::now();
            let mut n = 1;
            while n < own {
                root.span("own").set("n", n);
                n += 1;
                if n % 100 == 0 {
                    thread::sleep(Duration::from_millis(100));
                }
            }
            println!("# {own} own spans took {:?}", start.elapsed());
            child.kill()?;
            child.wait()?;
        }
    }
    Ok(())
}

/// An attached child that records as fast as it can, until it is killed.
pub(crate) fn flood(threads: u64) -> Result<(), Box<dyn std::error::Error>> {
    let _guard = heirloom::init("flood")?;
    let parent = Context::from_env().unwrap_or_default();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(move || loop {
                let outer = parent.span("flood");
                for n in 0..10 {
                    outer.span("drop").set("n", n);
                }
            });
        }
    });
    Ok(())
}

fn pair(tracer: &Tracer, n: u64) {
    let root = tracer.root("request");
    root.span("query").set("n", n).set("table", "orders").set("rows", 17);
    root.set("path", "/orders/17");
}

/// Spans of which every second one has a child.
fn nested(parent: Context, spans: u64) {
    for _ in 0..spans / 2 {
        let outer = parent.span("outer");
        outer.span("inner").end();
    }
}

/// 60 KB of text that is as compressible as prose, different for each turn.
struct Text(String);

impl Text {
    fn new() -> Self {
        let mut state = 1_u64;
        let mut word = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            format!("w{:x} ", (state >> 33) % 5000)
        };
        let mut text = String::new();
        while text.len() < 120_000 {
            text.push_str(&word());
        }
        Self(text)
    }

    fn part(&self, n: u64) -> &str {
        let from = (n as usize * 997) % 59_000;
        &self.0[from..from + 60_000]
    }
}

fn turn(tracer: &Tracer, n: u64, text: &Text) {
    tracer.in_root("turn", |root| {
        root.set("n", n);
        let call = root.generation("answer").start();
        call.set(keys::INPUT, text.part(n)).set(keys::OUTPUT, text.part(n + 1));
    });
}

/// Calls `work` so many times a second.
fn paced(per_second: u64, seconds: u64, mut work: impl FnMut(u64)) {
    let start = Instant::now();
    for n in 0..per_second * seconds {
        work(n);
        let due = Duration::from_nanos(n * 1_000_000_000 / per_second.max(1));
        if let Some(early) = due.checked_sub(start.elapsed()).filter(|early| *early > Duration::from_millis(2)) {
            thread::sleep(early);
        }
    }
}

/// A line of `/proc/self/status`, in KiB.
fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
