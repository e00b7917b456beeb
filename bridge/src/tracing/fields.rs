//! Turns tracing's fields into attributes.

use super::recorded::Recorded;
use crate::content;
use crate::gen_ai::{self, Key};
use heirloom_core::{llm::keys, Name, SpanKind, Value};
use std::error::Error;
use std::fmt::{self, Write};
use std::panic::{catch_unwind, AssertUnwindSafe};
use tracing_core::field::{Field, Visit};
use tracing_core::span::Attributes;

/// Fields that set properties of the span itself ([conventions of the bridge to OpenTelemetry]).
///
/// [conventions of the bridge to OpenTelemetry]: https://docs.rs/tracing-opentelemetry/latest/tracing_opentelemetry/#special-fields
pub(super) mod special {
    pub(in super::super) const NAME: &str = "otel.name";
    pub(in super::super) const KIND: &str = "otel.kind";
    pub(in super::super) const STATUS_CODE: &str = "otel.status_code";
    pub(in super::super) const STATUS_MESSAGE: &str = "otel.status_message";
    pub(in super::super) const STATUS_DESCRIPTION: &str = "otel.status_description";
    pub(in super::super) const ERROR: &str = "error";
    pub(in super::super) const MESSAGE: &str = "message";
}

/// Passes each field's value to a closure, as a Heirloom value.
pub(super) struct Values<F> {
    pub(super) max_text_bytes: usize,
    pub(super) each: F,
}

impl<F: FnMut(&Field, Value<'_>)> Visit for Values<F> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        (self.each)(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        (self.each)(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        (self.each)(field, value.into());
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        (self.each)(field, value.into());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        (self.each)(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        (self.each)(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        (self.each)(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let text = text_of(&format_args!("{value}"), self.max_text_bytes);
        (self.each)(field, text.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = text_of(&format_args!("{value:?}"), self.max_text_bytes);
        (self.each)(field, text.into());
    }
}

/// The printed text of a value, at most `max_bytes` bytes of it. A longer text ends in an ellipsis, and is not formatted to
/// its end. A panic in the value's formatting code is caught.
fn text_of(value: &fmt::Arguments<'_>, max_bytes: usize) -> String {
    let mut out = Capped { text: String::new(), max_bytes, cut: false };
    let printed = catch_unwind(AssertUnwindSafe(|| out.write_fmt(*value)));
    match printed {
        Err(_) => out.text.push_str("<panicked>"),
        Ok(Err(_)) if !out.cut => out.text.push_str("<can't be printed>"),
        Ok(_) => {}
    }
    out.text
}

struct Capped {
    text: String,
    max_bytes: usize,
    cut: bool,
}

impl Write for Capped {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = self.max_bytes.saturating_sub(self.text.len());
        if self.cut || more.len() > room {
            let end = (0..=room).rev().find(|end| more.is_char_boundary(*end)).unwrap_or(0);
            if !self.cut {
                self.text.push_str(&more[..end]);
                self.text.push('…');
            }
            self.cut = true;
            return Err(fmt::Error);
        }
        self.text.push_str(more);
        Ok(())
    }
}

/// The fields of a span that must be known before it starts.
#[derive(Default)]
pub(super) struct Beginning {
    pub(super) name: Option<String>,
    pub(super) kind: SpanKind,
    pub(super) operation: Option<String>,
}

impl Beginning {
    /// Reads these fields, if the callsite has any.
    pub(super) fn of(attributes: &Attributes<'_>) -> Self {
        let mut beginning = Self::default();
        if attributes.metadata().fields().iter().any(|field| Self::is_about(field.name())) {
            attributes.record(&mut beginning);
        }
        beginning
    }

    fn is_about(name: &str) -> bool {
        matches!(name, special::NAME | special::KIND | keys::OPERATION)
    }

    fn take(&mut self, field: &Field, text: &str) {
        match field.name() {
            special::NAME => self.name = Some(text.to_owned()),
            special::KIND => self.kind = kind(text),
            keys::OPERATION => self.operation = Some(text.to_owned()),
            _ => {}
        }
    }
}

impl Visit for Beginning {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if Self::is_about(field.name()) {
            self.take(field, &text_of(&format_args!("{value:?}"), Name::MAX_BYTES));
        }
    }
}

fn kind(text: &str) -> SpanKind {
    let is = |name: &str| text.eq_ignore_ascii_case(name);
    match text {
        _ if is("server") => SpanKind::Server,
        _ if is("client") => SpanKind::Client,
        _ if is("producer") => SpanKind::Producer,
        _ if is("consumer") => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

/// Records one field of a span.
pub(super) fn set(recorded: &Recorded, field: &'static str, value: Value<'_>) {
    match field {
        special::KIND => {}
        special::NAME => {
            if let Some(name) = value.as_str() {
                recorded.span.rename(Name::dynamic(name));
            }
        }
        special::STATUS_CODE => match value.as_str() {
            Some(code) if code.eq_ignore_ascii_case("error") => recorded.fail(""),
            Some(code) if code.eq_ignore_ascii_case("ok") => recorded.succeed(),
            _ => {}
        },
        special::STATUS_MESSAGE | special::STATUS_DESCRIPTION => recorded.fail(&value.to_string()),
        _ => {
            if field == special::ERROR {
                fail_by(recorded, &value);
            }
            gen_ai::map(&recorded.observed, Key::Static(field), value, |name, value| {
                content::set(&recorded.span, name, value);
            });
        }
    }
}

/// The field `error`: a text is the error's description, a boolean states whether there is an error.
fn fail_by(recorded: &Recorded, value: &Value<'_>) {
    match value {
        Value::Bool(failed) => {
            if *failed {
                recorded.fail("");
            }
        }
        Value::Str(text) => {
            if !text.is_empty() {
                recorded.fail(text);
            }
        }
        other => recorded.fail(&other.to_string()),
    }
}
