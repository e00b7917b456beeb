//! Texts of other people's spans, under the rules that the span's tracer has for captured values.

use heirloom_core::llm::keys;
use heirloom_core::{capture, Name, Span, Value};
use serde_json::Value as Json;

/// What stands for the value of a key that is denied.
const REDACTED: &str = "<redacted>";

/// Attributes with what was said to a model, an agent or a tool, and what it answered.
const CONTENT: [&str; 7] = [
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
];

fn is_content(key: &str) -> bool {
    let numbered = key.starts_with("gen_ai.prompt.") || key.starts_with("gen_ai.completion.");
    CONTENT.contains(&key) || (numbered && key != keys::PROMPT_NAME && key != keys::PROMPT_VERSION)
}

/// Sets an attribute. Content is what captured values are: it may be switched off, is capped, masked, and secrets in its
/// JSON are redacted. Of anything else that is a text, the value of a denied key is.
pub(crate) fn set(span: &Span, key: Name<'_>, value: Value<'_>) {
    match &value {
        Value::Str(text) if is_content(key.as_str()) => set_content(span, key, text),
        Value::Str(_) if capture::is_denied(span, key.as_str()) => drop(span.try_set(key, REDACTED)),
        _ => drop(span.try_set(key, value)),
    }
}

fn set_content(span: &Span, key: Name<'_>, text: &str) {
    if !span.is_recording() {
        return;
    }
    let _ = match serde_json::from_str(text) {
        Ok(json @ (Json::Object(_) | Json::Array(_))) => capture::record(span, key, &json),
        _ => capture::text(span, key, text),
    };
}

/// Redacts the values of denied keys among the attributes of an event.
#[cfg(feature = "tracing")]
pub(crate) fn redact(span: &Span, attributes: &mut [(&'static str, Value<'static>)]) {
    let denied = |(key, value): &&mut (&'static str, Value<'static>)| {
        matches!(value, Value::Str(_)) && capture::is_denied(span, key)
    };
    attributes.iter_mut().filter(denied).for_each(|(_, value)| *value = REDACTED.into());
}
