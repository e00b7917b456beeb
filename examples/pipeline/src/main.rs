//! The main example. It hashes and tokenises every file of a directory on a thread pool, merges the counts on separate
//! threads, analyses the texts in worker processes and writes an index in the background. Then it shows the trace of all of
//! that:
//!
//! ```text
//! cargo run --profile demo -p heirloom-pipeline -- [DIR] [--plant slow-file]
//! ```
//!
//! It prints the tree, the time in spans of each thread and process, what the run lost its time to, where the report of that is,
//! and the ledger. Files that can't be read are
//! errors in the trace, not of the program. Exit status: 0 if every span was delivered; 1 if not, or if the index or
//! the report can't be written; 2 for invalid arguments.
//!
//! | file | what it does |
//! |---|---|
//! | `args.rs` | reads the command line |
//! | `walk.rs` | finds the files |
//! | `scan.rs` | reads, hashes and tokenises them on the pool: `.traced(..)` |
//! | `shapes.rs` | finds how deeply brackets nest, in worker processes |
//! | `index.rs` | merges on threads, writes |
//! | `progress.rs` | writes the progress line on the terminal |
//! | `output.rs` | prints the trace and the results |
//! | `report.rs` | analyses the run, writes the report |
//! | `plant.rs` | faults on purpose, which the report names |

mod args;
mod index;
mod output;
mod plant;
mod progress;
mod report;
mod scan;
mod shapes;
mod walk;

use args::Args;
use heirloom::background::BackgroundJob;
use heirloom::export::{Chrome, Memory};
use heirloom::insight::read::Collector;
use heirloom::prelude::*;
use heirloom::{Guard, Report};
use index::Index;
use output::Summary;
use plant::{Plant, Victim};
use progress::Progress;
use rayon::ThreadPoolBuilder;
use scan::Scan;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How long writing the index may take after all other work is done.
const INDEX_TIMEOUT: Duration = Duration::from_secs(600);

const FAILED: u8 = 1;
const UNUSABLE_ARGUMENTS: u8 = 2;

fn main() -> ExitCode {
    heirloom::workers::serve(&[&shapes::SHAPE]); // in a worker process: serves jobs and exits; otherwise returns at once
    let args = match args::parse() {
        Ok(Some(args)) => args,
        Ok(None) => return output::print(args::USAGE),
        Err(problem) => {
            eprintln!("pipeline: {problem}\n\n{}", args::USAGE);
            return UNUSABLE_ARGUMENTS.into();
        }
    };
    let (memory, collector) = (Memory::new(), Collector::new());
    let guard = match start_tracing(&args, &memory, &collector) {
        Ok(guard) => guard,
        Err(error) => {
            eprintln!("pipeline: {error}");
            return UNUSABLE_ARGUMENTS.into();
        }
    };
    let summary = make_index(&args);
    let report = guard.finish(); // also after an error, so that the trace is always shown
    let verdict = report::write(&collector, &args.report_out, args.plant.is_some());
    let printed = output::show(&args, &memory.take(), summary.as_ref().ok(), verdict.as_deref().ok(), &report);
    match (summary, verdict) {
        (Err(error), _) => eprintln!("pipeline: {error}"),
        (_, Err(error)) => eprintln!("pipeline: {error}"),
        _ if report.is_complete() || only_aborted(&args, &report) => return printed,
        _ => eprintln!("pipeline: the trace is not complete: the ledger above counts the missing spans"),
    }
    FAILED.into()
}

/// Whether only those spans are not complete that were to be killed.
fn only_aborted(args: &Args, report: &Report) -> bool {
    let ledger = report.ledger();
    args.plant == Some(Plant::Kill) && ledger.aborted > 0 && ledger.open == 0 && ledger.exported() == ledger.begun
}

/// One tracer with three destinations: memory, for the printed tree; what the analysis needs; and the trace file.
///
/// `trace_file` would report a file that can't be written, and go on. Here the user asked for it by an argument.
fn start_tracing(args: &Args, memory: &Memory, collector: &Collector) -> Result<Guard, Box<dyn Error>> {
    let tracing = heirloom::builder("pipeline").verify(true);
    let tracing = tracing.exporter(memory.clone()).exporter(collector.clone());
    let tracing = match &args.trace_out {
        Some(file) => tracing.exporter(Chrome::create(file)?),
        None => tracing,
    };
    Ok(tracing.init()?)
}

/// Runs all of the work and waits until the index is written.
fn make_index(args: &Args) -> Result<Summary, Box<dyn Error>> {
    let progress = Progress::new();
    let job = build_index(args, &progress)?;
    // The trace "index" is complete at this point. The job has a separate trace.
    match job.wait(INDEX_TIMEOUT) {
        Ok(Ok(summary)) => Ok(summary),
        Ok(Err(error)) => Err(format!("can't write the index {}: {error}", args.index_out.display()).into()),
        Err(error) => Err(format!("the job that writes the index {} failed: {error}", args.index_out.display()).into()),
    }
}

/// The traced work. Returns a handle to the job that writes the index.
fn build_index(args: &Args, progress: &Progress) -> Result<BackgroundJob<io::Result<Summary>>, Box<dyn Error>> {
    let shards = args.threads;
    let pool = ThreadPoolBuilder::new().num_threads(args.threads).thread_name(|i| format!("pool-{i}")).build()?;
    let victim = match args.plant {
        Some(Plant::Kill) => Some(Victim::create(&args.index_out)?),
        _ => None,
    };
    heirloom::in_root("index", |root| {
        root.set("dir", args.dir.display().to_string()).set("threads", args.threads);
        let paths = root.in_span("walk", |span| walk::files(&args.dir, span, progress));
        let shapes = match args.workers {
            0 => Vec::new(),
            workers => {
                root.in_span("shapes", |span| shapes::of_files(paths.clone(), workers, victim.as_ref(), span))?
            }
        };
        let slow = paths.last().filter(|_| args.plant == Some(Plant::SlowFile));
        let slow = slow.map(PathBuf::as_path);
        let scan = Scan { dir: &args.dir, grain: args.grain, plant: args.plant, slow, shards, progress };
        let partials = heirloom::rayon::install(&pool, root, "scan", |span| scan.files(&paths, span));
        let index = root.in_span("merge", |span| Index::merge(partials, shards, span))?;
        let path = args.index_out.clone();
        Ok(root.background("write index").on_thread(move |span| {
            let lines = index.write(&path, span)?;
            Ok(Summary::new(&index, &shapes, lines))
        }))
    })
}
