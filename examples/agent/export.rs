//! The destinations of the spans: Langfuse, any OTLP backend, and memory for the printed tree.

use heirloom::export::{Memory, SpanData};
use heirloom::langfuse::Config;
use heirloom::otel::OtelExporter;
use heirloom::Builder;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

/// The tracer's builder. With `LANGFUSE_PUBLIC_KEY` the tracer sends to Langfuse, with `OTEL_EXPORTER_OTLP_ENDPOINT` or
/// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` to that endpoint, and always into `memory`.
///
/// # Errors
/// A setting is invalid.
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
