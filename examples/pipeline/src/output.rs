//! The printed output: the tree, where the time went, the results, and the ledger.

use crate::args::Args;
use crate::index::{Index, Outcome};
use crate::shapes::Shape;
use heirloom::export::SpanData;
use heirloom::tree::{self, TreeOptions};
use heirloom::Report;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

/// The results in numbers.
#[derive(Default)]
pub(crate) struct Summary {
    files: usize,
    binary: usize,
    failed: usize,
    bytes: u64,
    tokens: u64,
    distinct_tokens: usize,
    index_lines: usize,
    /// The deepest nesting of brackets.
    depth: u64,
}

impl Summary {
    pub(crate) fn new(index: &Index, shapes: &[Option<Shape>], index_lines: usize) -> Self {
        let is = |wanted: fn(&Outcome) -> bool| index.files.iter().filter(|file| wanted(&file.outcome)).count();
        Self {
            files: index.files.len(),
            binary: is(|outcome| matches!(outcome, Outcome::Binary)),
            failed: is(|outcome| matches!(outcome, Outcome::Failed(_))),
            bytes: index.files.iter().map(|file| file.bytes).sum(),
            tokens: index.files.iter().map(|file| file.tokens).sum(),
            distinct_tokens: index.tokens.len(),
            index_lines,
            depth: shapes.iter().flatten().map(|shape| shape.depth).max().unwrap_or(0),
        }
    }
}

/// Prints everything. The last line is the ledger.
pub(crate) fn show(
    args: &Args,
    spans: &[SpanData],
    summary: Option<&Summary>,
    verdict: Option<&str>,
    report: &Report,
) -> ExitCode {
    let options = TreeOptions::new().lanes(true);
    let mut text = format!("{}\n{}\n", tree::render(spans, &options), tree::lanes(spans));
    // Writing to a `String` can't fail.
    let _ = match summary {
        Some(summary) => write_summary(&mut text, args, summary),
        None => Ok(()),
    };
    let _ = write_exporters(&mut text, report);
    if let Some(verdict) = verdict {
        let _ = write!(text, "\n{verdict}");
    }
    let _ = writeln!(text, "\n{report}");
    print(&text)
}

fn write_summary(text: &mut String, args: &Args, found: &Summary) -> std::fmt::Result {
    let Summary { files, binary, failed, bytes, tokens, distinct_tokens, index_lines, depth } = found;
    writeln!(text, "{files} files ({binary} binary, {failed} not readable), {bytes} bytes")?;
    writeln!(text, "{tokens} tokens, {distinct_tokens} distinct")?;
    if args.workers > 0 {
        writeln!(text, "brackets nest up to {depth} deep, found by {} worker processes", args.workers)?;
    }
    writeln!(text, "index: {} ({index_lines} lines)", args.index_out.display())?;
    match &args.trace_out {
        Some(file) => writeln!(text, "trace: {} (open it in https://ui.perfetto.dev)", file.display()),
        None => Ok(()),
    }
}

fn write_exporters(text: &mut String, report: &Report) -> std::fmt::Result {
    for exporter in &report.ledger().exporters {
        let (name, exported, dropped) = (&exporter.name, exporter.exported, exporter.dropped.total());
        writeln!(text, "exporter {name}: {exported} spans exported, {dropped} dropped, {} queued", exporter.queued)?;
    }
    Ok(())
}

/// Prints a text. A closed pipe (`| head`) is no failure.
pub(crate) fn print(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("pipeline: can't print: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
