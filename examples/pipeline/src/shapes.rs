//! Finds how deeply the brackets of each text nest. It runs in worker processes, as a parser would that may corrupt memory.
//! The spans of the workers are in the same trace.

use crate::plant::{self, Victim};
use heirloom::workers::{Pool, Worker};
use heirloom::Span;
use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How long the workers may take to exit.
const END: Duration = Duration::from_secs(10);

/// The job of this program's worker processes. `main` serves it first.
pub(crate) static SHAPE: Worker<Job, Result<Reply, String>> = Worker::new("shape", shape);

/// The path of a text, and the victim if the worker is to die, once, in the middle of this job. Any type with serde's traits can be
/// a job; a tuple has them without serde's derive, which would be a seventh of this program's first build.
///
/// A path is an `OsString`, since serde rejects a `PathBuf` that is not UTF-8.
pub(crate) type Job = (OsString, Option<OsString>);

/// Lines and depth.
type Reply = (u64, u64);

/// The shape of a text.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) lines: u64,
    pub(crate) depth: u64,
}

/// One job, in a worker. `span` is its span, a child of the parent process's.
fn shape(span: &Span, (path, victim): Job) -> Result<Reply, String> {
    let path = PathBuf::from(path);
    let bytes = span.in_span("read", |_| std::fs::read(&path)).map_err(|error| {
        span.error(&error.to_string());
        format!("{}: {error}", path.display())
    })?;
    let shape = span.in_span("measure", |_| {
        if let Some(victim) = &victim {
            plant::die_once(victim);
        }
        measure(&bytes)
    });
    span.set("lines", shape.lines).set("depth", shape.depth);
    Ok((shape.lines, shape.depth))
}

fn measure(bytes: &[u8]) -> Shape {
    let (mut depth, mut deepest, mut lines) = (0_u64, 0, 0);
    for byte in bytes {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'\n' => lines += 1,
            _ => {}
        }
        deepest = depth.max(deepest);
    }
    Shape { lines, depth: deepest }
}

/// The shapes of these files in their order, found by `workers` processes below this span. A file that can't be read is an
/// error in the trace. With a victim, the worker that measures the file in the middle dies of it.
pub(crate) fn of_files(
    paths: Vec<PathBuf>,
    workers: usize,
    victim: Option<&Victim>,
    span: &Span,
) -> Result<Vec<Option<Shape>>, Box<dyn Error>> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let middle = paths.len() / 2;
    let jobs = paths
        .into_iter()
        .enumerate()
        .map(|(i, path)| (path.into_os_string(), victim.filter(|_| i == middle).map(Victim::file)));
    // A job only reads, so it may run again if its worker died.
    let pool: Pool<_, _> = SHAPE.pool().workers(workers).retries(1).start()?;
    let shapes: Result<Vec<_>, _> = pool.map(span, jobs).collect();
    let report = pool.shutdown(END);
    span.set("workers.killed", report.killed.len());
    Ok(shapes?.into_iter().map(|reply| reply.ok().map(|(lines, depth)| Shape { lines, depth })).collect())
}
