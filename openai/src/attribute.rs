//! Attributes whose value is one of `async-openai`'s types.

use async_openai::types::chat::StopConfiguration;
use heirloom_core::{Span, Value};
use serde::Serialize;
use std::borrow::Cow;

/// Sets an attribute to a variant's name in OpenAI's protocol. Allocates.
pub(crate) fn set_name(span: &Span, key: &'static str, value: Option<&impl Serialize>) {
    span.set(key, value.and_then(name));
}

/// A variant's name in OpenAI's protocol.
pub(crate) fn name(value: &impl Serialize) -> Option<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Some(name),
        _ => None,
    }
}

/// Sets `gen_ai.response.finish_reasons`, unless there are none.
pub(crate) fn set_finish_reasons(span: &Span, reasons: impl Iterator<Item = String>) {
    let reasons: Vec<Cow<'_, str>> = reasons.map(Cow::Owned).collect();
    if !reasons.is_empty() {
        span.set("gen_ai.response.finish_reasons", Value::Strs(reasons));
    }
}

/// Sets `gen_ai.request.stop_sequences`.
pub(crate) fn set_stop(span: &Span, stop: Option<&StopConfiguration>) {
    let sequences = match stop {
        None => return,
        Some(StopConfiguration::String(one)) => vec![Cow::Borrowed(one.as_str())],
        Some(StopConfiguration::StringArray(several)) => several.iter().map(|s| Cow::Borrowed(s.as_str())).collect(),
    };
    span.set("gen_ai.request.stop_sequences", Value::Strs(sequences));
}
