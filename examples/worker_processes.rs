//! Worker processes: four of them hash the files of this project, and one is killed half-way.
//!
//! ```text
//! cargo run --release --features workers --example worker_processes            # -- DIR
//! ```
//!
//! The workers are this program, started again. Each records into memory that it shares with this process. So the trace is
//! one tree with a lane for each process, and it contains the spans that the killed worker had finished. Its open spans are
//! marked as aborted, and another worker retries the job. The last line is the ledger of the spans of all processes.

use heirloom::export::Memory;
use heirloom::tree::{self, TreeOptions};
use heirloom::workers::{self, Worker};
use heirloom::Span;
use hmac_sha256::Hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The input of one job.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Job {
    /// An `OsString`, because serde rejects a `PathBuf` that is not UTF-8.
    path: OsString,
    /// A marker file. The worker that finds it missing creates it and kills itself during the job.
    fatal_unless: Option<PathBuf>,
}

/// The result of one job.
#[derive(Debug, Serialize, Deserialize)]
struct Hashed {
    worker: u32,
    bytes: u64,
    hash: [u8; 32],
}

static HASH: Worker<Job, Hashed> = Worker::new("hash", hash);

const WORKERS: usize = 4;

fn hash(span: &Span, job: Job) -> Hashed {
    span.set("path", job.path.to_string_lossy());
    let bytes = match span.in_span("read", |_| fs::read(&job.path)) {
        Ok(bytes) => bytes,
        Err(error) => {
            span.error(&error.to_string());
            Vec::new()
        }
    };
    let hash = span.in_span("digest", |_| {
        if let Some(marker) = job.fatal_unless.filter(|marker| !marker.exists()) {
            be_killed(&marker);
        }
        Hash::hash(&bytes)
    });
    Hashed { worker: std::process::id(), bytes: bytes.len() as u64, hash }
}

/// Ends this process as the kernel does when memory is short: by SIGKILL.
fn be_killed(marker: &Path) {
    let made = fs::write(marker, []);
    let killed = Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
    eprintln!("this worker could not kill itself: marker {made:?}, kill {killed:?}");
}

fn main() -> Result<(), Box<dyn Error>> {
    workers::serve(&[&HASH]); // in a worker process: serves jobs and exits; otherwise returns at once

    let memory = Memory::new();
    let guard = heirloom::builder("worker_processes").exporter(memory.clone()).verify(true).init()?;
    let dir = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    heirloom::in_root("hash files", |root| hash_all(&dir, root))?;

    let report = guard.finish();
    let spans = memory.take();
    println!("{}\n{}", tree::render(&spans, &TreeOptions::new().lanes(true)), tree::lanes(&spans));
    for span in spans.iter().filter(|span| span.aborted) {
        println!("aborted: {} in process {}: {:?}", span.name, span.lane.process_id, span.status);
    }
    println!("\n{report}");
    Ok(())
}

fn hash_all(dir: &Path, root: &Span) -> Result<(), Box<dyn Error>> {
    let marker = std::env::temp_dir().join(format!("heirloom-worker-processes-{}", std::process::id()));
    let mut paths = Vec::new();
    find_files(dir, &mut paths)?;
    let mut jobs: Vec<Job> = paths.into_iter().map(|path| Job { path: path.into(), fatal_unless: None }).collect();
    let half = jobs.len() / 2;
    if let Some(job) = jobs.get_mut(half) {
        job.fatal_unless = Some(marker.clone());
    }
    let pool = HASH.pool().workers(WORKERS).retries(1).start()?;
    let (mut workers, mut contents) = (BTreeSet::new(), BTreeSet::new());
    let (mut count, mut bytes) = (0_u64, 0);
    for hashed in pool.map(root, jobs) {
        let hashed = hashed?;
        workers.insert(hashed.worker);
        contents.insert(hashed.hash);
        count += 1;
        bytes += hashed.bytes;
    }
    pool.shutdown(Duration::from_secs(10));
    fs::remove_file(marker)?;
    let (workers, contents) = (workers.len(), contents.len());
    println!("{count} files ({contents} distinct), {bytes} bytes, hashed by {workers} processes\n");
    Ok(())
}

/// The files below `dir`, without hidden files and cargo's `target`.
fn find_files(dir: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let (entry, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        let name = entry.file_name().unwrap_or_default();
        match kind {
            _ if name.as_encoded_bytes().starts_with(b".") || name == "target" => {}
            _ if kind.is_dir() => find_files(&entry, found)?,
            _ if kind.is_file() => found.push(entry),
            _ => {}
        }
    }
    Ok(())
}
