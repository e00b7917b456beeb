//! Finds how deeply the brackets of each text nest. It runs in worker processes, as a parser would that may corrupt memory.
//! The spans of the workers are in the same trace.

use heirloom::workers::{Pool, Worker};
use heirloom::Span;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How long the workers may take to exit.
const END: Duration = Duration::from_secs(10);

/// The job of this program's worker processes. `main` serves it first.
pub(crate) static SHAPE: Worker<OsString, Result<Shape, String>> = Worker::new("shape", shape);

/// The shape of a text.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) lines: u64,
    pub(crate) depth: u64,
}

/// One job, in a worker. `span` is its span, a child of the parent process's.
fn shape(span: &Span, path: OsString) -> Result<Shape, String> {
    let path = PathBuf::from(path);
    let bytes = span.in_span("read", |_| std::fs::read(&path)).map_err(|error| {
        span.error(&error.to_string());
        format!("{}: {error}", path.display())
    })?;
    let shape = span.in_span("measure", |_| measure(&bytes));
    span.set("lines", shape.lines).set("depth", shape.depth);
    Ok(shape)
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
/// error in the trace.
pub(crate) fn of_files(paths: Vec<PathBuf>, workers: usize, span: &Span) -> Result<Vec<Option<Shape>>, Box<dyn Error>> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    // As `OsString`, since serde rejects a `PathBuf` that is not UTF-8.
    let paths = paths.into_iter().map(PathBuf::into_os_string);
    let pool: Pool<_, _> = SHAPE.pool().workers(workers).start()?;
    let shapes: Result<Vec<_>, _> = pool.map(span, paths).collect();
    let report = pool.shutdown(END);
    span.set("workers.killed", report.killed.len());
    Ok(shapes?.into_iter().map(Result::ok).collect())
}
