//! The command line.

use crate::plant::Plant;
use lexopt::prelude::*;
use std::ffi::OsString;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: pipeline [DIR] [--report-out FILE] [--trace-out FILE] [--index-out FILE] [--threads N] [--workers N]
                [--plant slow-file | lock | kill] [--per-item | --per-leaf | --summary]

Hashes and tokenises every file below DIR (default: this project) in parallel, and shows the trace of it.

  --report-out FILE  write the report there (default: beside the program)
  --trace-out FILE   write a trace file, for https://ui.perfetto.dev
  --index-out FILE   write the index there (default: beside the program)
  --threads N        threads of the pool, 1 to 256 (default: one for each CPU)
  --workers N        worker processes, 0 to 64 (default: 2)
  --plant FAULT      make a fault, to see how the report names it: slow-file, a file that takes long;
                     lock, one lock for all results; kill, a worker that is killed
  --per-item         one span for each file, with its steps (the default)
  --per-leaf         one span for each run of files that a thread took in one go
  --summary          the same, with a histogram of how long the files took
";

const MAX_THREADS: usize = 256;
const MAX_WORKERS: usize = 64;

/// How finely the files are traced.
#[derive(Clone, Copy)]
pub(crate) enum Grain {
    Item,
    Leaf,
    Summary,
}

pub(crate) struct Args {
    pub(crate) dir: PathBuf,
    pub(crate) report_out: PathBuf,
    pub(crate) trace_out: Option<PathBuf>,
    pub(crate) index_out: PathBuf,
    pub(crate) threads: usize,
    pub(crate) workers: usize,
    pub(crate) grain: Grain,
    pub(crate) plant: Option<Plant>,
}

/// The arguments of this process; `None` for `--help`. The error names the wrong argument.
pub(crate) fn parse() -> Result<Option<Args>, String> {
    let mut parser = lexopt::Parser::from_env();
    let (mut dir, mut report_out, mut trace_out, mut index_out) = (None, None, None, None);
    let (mut grain, mut plant) = (Grain::Item, None);
    let mut threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut workers = 2;
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Long("report-out") => report_out = Some(parser.value().map_err(text)?.into()),
            Long("trace-out") => trace_out = Some(parser.value().map_err(text)?.into()),
            Long("index-out") => index_out = Some(parser.value().map_err(text)?.into()),
            Long("threads") => threads = thread_count(parser.value().map_err(text)?)?,
            Long("workers") => workers = worker_count(parser.value().map_err(text)?)?,
            Long("plant") => plant = Some(Plant::parse(&parser.value().map_err(text)?)?),
            Long("per-item") => grain = Grain::Item,
            Long("per-leaf") => grain = Grain::Leaf,
            Long("summary") => grain = Grain::Summary,
            Long("help") | Short('h') => return Ok(None),
            Value(path) if dir.is_none() => dir = Some(directory(path.into())?),
            other => return Err(text(other.unexpected())),
        }
    }
    let dir = match dir {
        Some(dir) => dir,
        None => directory(project())?,
    };
    let report_out = report_out.unwrap_or_else(|| beside_the_program("pipeline-report.html"));
    let index_out = index_out.unwrap_or_else(|| beside_the_program("pipeline-index.jsonl"));
    Ok(Some(Args { dir, report_out, trace_out, index_out, threads, workers, grain, plant }))
}

fn text(error: impl Display) -> String {
    error.to_string()
}

fn thread_count(value: OsString) -> Result<usize, String> {
    count("--threads", value, 1..=MAX_THREADS)
}

fn worker_count(value: OsString) -> Result<usize, String> {
    count("--workers", value, 0..=MAX_WORKERS)
}

fn count(option: &str, value: OsString, range: RangeInclusive<usize>) -> Result<usize, String> {
    let count = value.to_str().and_then(|text| text.parse().ok()).filter(|n| range.contains(n));
    count.ok_or_else(|| format!("{option} takes a number from {} to {}, not {value:?}", range.start(), range.end()))
}

fn directory(path: PathBuf) -> Result<PathBuf, String> {
    match std::fs::metadata(&path) {
        Ok(found) if found.is_dir() => Ok(path),
        Ok(_) => Err(format!("{} is not a directory: name one that holds the files to index", path.display())),
        Err(error) => Err(format!("can't open the directory {}: {error}", path.display())),
    }
}

/// The project's folder under `cargo run`; without cargo, the current folder.
fn project() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let project = package.and_then(|package| Some(package.parent()?.parent()?.to_owned()));
    project.unwrap_or_else(|| ".".into())
}

/// A file in `target/..`: outside the sources, and removed by `cargo clean`.
fn beside_the_program(name: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap_or_else(|_| "pipeline".into());
    program.with_file_name(name)
}
