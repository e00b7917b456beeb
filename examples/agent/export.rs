//! Where the spans go: to Langfuse, to any OTLP backend, and into memory for the tree.

use heirloom::export::{Memory, SpanData};
use heirloom::langfuse::Config;
use heirloom::otel::OtelExporter;
use heirloom::Builder;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

/// A tracer's settings: with `LANGFUSE_PUBLIC_KEY` it sends to Langfuse, with `OTEL_EXPORTER_OTLP_ENDPOINT` (or its twin
/// for traces) to that; and in any case into `memory`.
///
/// # Errors
/// A setting can't be used.
pub fn builder(memory: &Memory) -> Result<Builder, Box<dyn Error>> {
    let is_set = |name| std::env::var_os(name).is_some();
    let mut builder = match is_set("LANGFUSE_PUBLIC_KEY") {
        true => Config::from_env()?.tracer_builder("agent")?,
        false => heirloom::builder("agent"),
    };
    if is_set("OTEL_EXPORTER_OTLP_ENDPOINT") || is_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
        let otlp = || opentelemetry_otlp::SpanExporter::builder().with_http().build();
        builder = builder.exporter(OtelExporter::build(otlp)?.named("otlp"));
    }
    Ok(builder.verify(true).exporter(memory.clone()))
}

/// Writes a line of JSON for each span: its ids, its parent's and its name.
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
