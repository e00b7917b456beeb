//! The destinations of the spans: Langfuse, any OTLP backend, and memory for the printed tree.

use heirloom::export::{Memory, SpanData};
use heirloom::langfuse::Config;
use heirloom::otlp::FromEnv;
use heirloom::Builder;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

/// The tracer's builder. With `LANGFUSE_PUBLIC_KEY` the tracer sends to Langfuse, with `OTEL_EXPORTER_OTLP_ENDPOINT` to that
/// endpoint, and always into `memory`.
///
/// # Errors
/// A setting is invalid.
pub fn builder(memory: &Memory) -> Result<Builder, Box<dyn Error>> {
    let builder = match std::env::var_os("LANGFUSE_PUBLIC_KEY") {
        Some(_) => Config::from_env()?.tracer_builder("agent")?.extension(FromEnv::new()),
        None => heirloom::builder("agent"),
    };
    Ok(builder.verify(true).exporter(memory.clone()))
}

/// Writes a line of JSON for each span: its ids, its parent's id and its name.
///
/// # Errors
/// The file can't be written.
pub fn write_spans(spans: &[SpanData], file: &Path) -> io::Result<()> {
    let mut lines = io::BufWriter::new(std::fs::File::create(file)?);
    for span in spans {
        let line = serde_json::json!({
            "trace_id": span.trace_id.to_string(),
            "span_id": span.span_id.to_string(),
            "parent_id": span.parent_span_id.map(|id| id.to_string()),
            "name": span.name,
        });
        writeln!(lines, "{line}")?;
    }
    lines.flush()
}
