//! How long it takes to read a file and to analyse it: `cargo bench -p heirloom-insight --bench million -- 1000000 json`.
//!
//! With `--smoke` it checks that the bench works, on 10,000 spans. Records so many spans on eight threads, in three levels, into a
//! file of OTLP (protobuf, or JSON), and prints the seconds of each step and the largest memory. The file is removed at the end.
#![allow(clippy::unwrap_used)]

use heirloom_insight::account::account;
use heirloom_insight::graph::Graph;
use heirloom_insight::read::Builder;
use heirloom_insight::simulate::{Base, MOST_NODES};
use heirloom_insight::{analyse, Options};
use heirloom_otlp::{Format, OtlpFile};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Threads that record.
const THREADS: u64 = 8;
/// Leaves of a job, and the spans of a job.
const LEAVES: u64 = 8;
const JOB: u64 = LEAVES + 2;
/// How long a thread that records waits for the file.
const PATIENCE: Duration = Duration::from_secs(600);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let smoke = arguments.iter().any(|argument| argument == "--smoke");
    let spans = arguments.iter().find_map(|spans| spans.parse().ok()).unwrap_or(if smoke { 10_000 } else { 100_000 });
    let format = if arguments.iter().any(|argument| argument == "json") { Format::Json } else { Format::Protobuf };
    // In a separate process, so that its memory doesn't count.
    let path = std::env::var_os("MILLION_FILE").map(PathBuf::from);
    match path {
        Some(path) if arguments.iter().any(|argument| argument == "write") => write(&path, format, spans),
        _ => measure(&arguments, spans),
    }
}

/// Writes the file, and reads it.
fn measure(arguments: &[String], spans: u64) {
    let path = std::env::temp_dir().join(format!("heirloom-million-{}", std::process::id()));
    let mut writer = std::process::Command::new(std::env::current_exe().unwrap());
    let written = writer.args(arguments).arg("write").env("MILLION_FILE", &path).status().unwrap();
    assert!(written.success());
    let bytes = std::fs::metadata(&path).unwrap().len();
    let (start, mut builder) = (Start::now(), Builder::new());
    builder.file(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    step("read", start, spans);
    let start = Start::now();
    let run = builder.finish();
    step("order and references", start, spans);
    assert_eq!(run.spans.len() as u64 / 100, spans / 100);
    let start = Start::now();
    let account = account(&run);
    step("account", start, spans);
    let start = Start::now();
    let graph = Graph::new(&run);
    let chain = graph.critical_path().length;
    step("dependencies", start, spans);
    let start = Start::now();
    let simulated = Base::new(&run, &graph, MOST_NODES).simulated();
    step("one simulated schedule", start, spans);
    drop(graph);
    let start = Start::now();
    let analysis = analyse(&run, &Options::default());
    step("all of the analysis, account and dependencies again", start, spans);
    println!("critical path {chain} ns, simulated {simulated} ns, {} what-ifs", analysis.what_ifs.len());
    println!("{} MB file; {} MB at most", bytes >> 20, peak_mb());
    println!("work {} of {} ns", account.totals.work_ns, account.totals.capacity_ns);
}

fn write(path: &Path, format: Format, spans: u64) {
    let file = OtlpFile::create(format, path).unwrap();
    let guard = heirloom_core::builder("million").exporter(file).complete(PATIENCE).start().unwrap();
    guard.tracer().in_root("run", |root| {
        let context = root.context();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(move || (0..spans / JOB / THREADS).for_each(|at| job(context, at)));
            }
        });
    });
    assert!(guard.finish_within(PATIENCE).is_complete());
}

fn job(context: heirloom_core::Context, at: u64) {
    context.in_span("job", |job| {
        job.set("at", at);
        let context = job.context();
        context.in_span("step", |step| {
            let context = step.context();
            (0..LEAVES).for_each(|_| context.in_span("leaf", |_| ()));
        });
    });
}

/// When a step began, and how much CPU time was used before it. A busy machine makes the first larger, not the second.
struct Start(Instant, f64);

impl Start {
    fn now() -> Self {
        Self(Instant::now(), cpu_seconds())
    }
}

fn step(name: &str, start: Start, spans: u64) {
    let (seconds, cpu) = (start.0.elapsed().as_secs_f64(), cpu_seconds() - start.1);
    println!("{name}: {seconds:.2} s, {cpu:.2} s of CPU time, {:.0} ns for each span", cpu * 1e9 / spans as f64);
}

/// CPU time of this process in seconds, in hundredths: fields 14 and 15 of `stat`, the 12th and 13th after the name.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ').skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The largest resident memory so far.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default()
        >> 10
}
