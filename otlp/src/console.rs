//! [`Console`]: finished spans on standard output.

use heirloom_core::export::{Delivery, ExportError, Exporter, SpanRef};
use heirloom_core::{Status, Value};
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::time::Duration;

/// Writes each finished span as a line on standard output. For a look at a program during development; the format may change.
///
/// ```text
/// order 1.25ms trace=4bf92f3577b34da6a3ce929d0e0e4736 span=00f067aa0ba902b7 parent=53995c3f42cd8ad8 items=3 error="sold out"
/// ```
///
/// A line is in one piece: control characters of names and texts are escaped. A standard output that blocks delays only this
/// exporter's thread. If it is closed, the spans are counted as lost.
///
/// ```
/// let guard = heirloom_core::builder("shop").exporter(heirloom_otlp::Console::new()).start()?;
/// guard.tracer().in_root("order", |span| drop(span.set("items", 3)));
/// # drop(guard);
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
#[derive(Debug, Default)]
pub struct Console {
    text: String,
}

impl Console {
    /// The exporter.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Exporter for Console {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let failed = |why: &dyn fmt::Display| ExportError::new(format!("standard output can't be written: {why}"));
        self.text.clear();
        for span in delivery.spans() {
            line(&mut self.text, span).map_err(|error| failed(&error))?;
        }
        let mut out = io::stdout().lock();
        out.write_all(self.text.as_bytes()).and_then(|()| out.flush()).map_err(|error| failed(&error))
    }

    fn name(&self) -> &str {
        "console"
    }
}

fn line(text: &mut String, span: SpanRef<'_>) -> fmt::Result {
    let time = Duration::from_nanos(span.duration_ns());
    write!(text, "{} {time:?} trace={} span={}", span.name().escape_debug(), span.trace_id(), span.span_id())?;
    if let Some(parent) = span.parent_span_id() {
        write!(text, " parent={parent}")?;
    }
    for attribute in span.attributes() {
        write!(text, " {}=", attribute.key.escape_debug())?;
        match attribute.value {
            Value::Str(value) => write!(text, "{value:?}")?,
            Value::Strs(values) => write!(text, "{values:?}")?,
            value => write!(text, "{value}")?,
        }
    }
    match span.status() {
        Status::Unset => {}
        Status::Ok => text.push_str(" ok"),
        Status::Error(why) => write!(text, " error={why:?}")?,
    }
    for (is, mark) in [(span.is_incomplete(), " incomplete"), (span.is_aborted(), " aborted")] {
        text.push_str(if is { mark } else { "" });
    }
    text.push('\n');
    Ok(())
}
