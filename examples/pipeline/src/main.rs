//! The main job: hashes and tokenises every file of a directory on a thread pool, merges the counts on threads of their
//! own, has worker processes look at the texts, writes an index in the background, and shows the trace of all that, on
//! whatever thread and in whatever process it ran:
//!
//! ```text
//! cargo run --release -p heirloom-pipeline -- [DIR] [--trace-out FILE]
//! ```
//!
//! It prints the tree, where the time went on each thread and in each process, and the account of every span. Files that can't be read are
//! errors in the trace, not of the program. Exit status: 0 if every span was delivered, 1 if not or if the index can't
//! be written, 2 for arguments that can't be used.
//!
//! | file | what it does |
//! |---|---|
//! | `args.rs` | reads the command line |
//! | `walk.rs` | finds the files |
//! | `scan.rs` | reads, hashes and tokenises them on the pool: `.traced(..)` |
//! | `shapes.rs` | how deeply brackets nest, found out by worker processes |
//! | `index.rs` | merges on threads, writes |
//! | `progress.rs` | the line on the terminal |
//! | `output.rs` | prints what is in the trace |

mod args;
mod index;
mod output;
mod progress;
mod scan;
mod shapes;
mod walk;

use args::Args;
use heirloom::background::BackgroundJob;
use heirloom::export::Memory;
use heirloom::prelude::*;
use heirloom::Guard;
use index::Index;
use output::Summary;
use progress::Progress;
use rayon::ThreadPoolBuilder;
use scan::Scan;
use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

/// How long the index may take to be written once everything else is done.
const INDEX_TIMEOUT: Duration = Duration::from_secs(600);

const FAILED: u8 = 1;
const UNUSABLE_ARGUMENTS: u8 = 2;

fn main() -> ExitCode {
    heirloom::workers::serve(&[&shapes::SHAPE]); // in a worker process: serves jobs and exits; else returns at once
    let args = match args::parse() {
        Ok(Some(args)) => args,
        Ok(None) => return output::print(args::USAGE),
        Err(problem) => {
            eprintln!("pipeline: {problem}\n\n{}", args::USAGE);
            return UNUSABLE_ARGUMENTS.into();
        }
    };
    let memory = Memory::new();
    let guard = match start_tracing(&args, &memory) {
        Ok(guard) => guard,
        Err(error) => {
            eprintln!("pipeline: {error}");
            return UNUSABLE_ARGUMENTS.into();
        }
    };
    let summary = make_index(&args);
    let report = guard.finish(); // whatever happened, what was recorded is shown
    let printed = output::show(&args, &memory.take(), summary.as_ref().ok(), &report);
    match summary {
        Err(error) => eprintln!("pipeline: {error}"),
        Ok(_) if report.is_complete() => return printed,
        Ok(_) => eprintln!("pipeline: the trace is not complete, see above"),
    }
    FAILED.into()
}

/// What each thread may record before the collector looks, about 40,000 spans; the default is a quarter. It only takes
/// the memory that is used, and every span counts here, even if the pool leaves no processor to the collector.
const SHARD_BYTES: usize = 4 << 20;
/// What may wait for each exporter, about 300,000 spans; the default is a quarter. All of them end up in memory anyway.
const QUEUE_BYTES: usize = 64 << 20;

/// One tracer with two destinations: memory, for what is printed here, and the trace file.
fn start_tracing(args: &Args, memory: &Memory) -> Result<Guard, heirloom::InitError> {
    let tracing = heirloom::builder("pipeline").shard_bytes(SHARD_BYTES).queue_bytes(QUEUE_BYTES);
    let tracing = tracing.verify(true).exporter(memory.clone());
    match &args.trace_out {
        Some(file) => tracing.trace_file(file).init(),
        None => tracing.init(),
    }
}

/// Everything up to the written index.
fn make_index(args: &Args) -> Result<Summary, Box<dyn Error>> {
    let progress = Progress::new();
    let job = build_index(args, &progress)?;
    // The trace "index" is complete by now. The job has a trace of its own.
    match job.wait(INDEX_TIMEOUT) {
        Ok(Ok(summary)) => Ok(summary),
        Ok(Err(error)) => Err(format!("can't write the index {}: {error}", args.index_out.display()).into()),
        Err(error) => Err(format!("the index {}: {error}", args.index_out.display()).into()),
    }
}

/// The traced work. The handle is for the job that writes the index.
fn build_index(args: &Args, progress: &Progress) -> Result<BackgroundJob<io::Result<Summary>>, Box<dyn Error>> {
    let shards = args.threads;
    let pool = ThreadPoolBuilder::new().num_threads(args.threads).thread_name(|i| format!("pool-{i}")).build()?;
    let scan = Scan { dir: &args.dir, grain: args.grain, shards, progress };
    heirloom::in_root("index", |root| {
        root.set("dir", args.dir.display().to_string()).set("threads", args.threads);
        let paths = root.in_span("walk", |span| walk::files(&args.dir, span, progress));
        let shapes = match args.workers {
            0 => Vec::new(),
            workers => root.in_span("shapes", |span| shapes::of_files(paths.clone(), workers, span))?,
        };
        let partials = heirloom::rayon::install(&pool, root, "scan", |span| scan.files(&paths, span));
        let index = root.in_span("merge", |span| Index::merge(partials, shards, span))?;
        let path = args.index_out.clone();
        Ok(root.background("write index").on_thread(move |span| {
            let lines = index.write(&path, span)?;
            Ok(Summary::new(&index, &shapes, lines))
        }))
    })
}
