//! Applies the tracer's rules for captured values to texts of bridged spans.

use heirloom_core::llm::keys;
use heirloom_core::{capture, Name, Span, Value};
use serde_json::Value as Json;

/// Replaces the value of a denied key.
const REDACTED: &str = "<redacted>";

/// Attributes with inputs and outputs of a model, an agent or a tool.
const CONTENT: [&str; 9] = [
    keys::INPUT,
    keys::OUTPUT,
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

/// Sets an attribute. Content is treated as a captured value: capture may be switched off; the text is capped and masked,
/// and secrets in its JSON are redacted. Of the other attributes, texts and lists of texts under a denied key are redacted.
pub(crate) fn set(span: &Span, key: Name<'_>, value: Value<'_>) {
    match &value {
        Value::Str(text) if is_content(key.as_str()) => set_content(span, key, text),
        Value::Strs(texts) if is_content(key.as_str()) => drop(capture::record(span, key, texts)),
        _ if is_secret(span, key.as_str(), &value) => drop(span.try_set(key, REDACTED)),
        _ => drop(span.try_set(key, value)),
    }
}

fn is_secret(span: &Span, key: &str, value: &Value<'_>) -> bool {
    matches!(value, Value::Str(_) | Value::Strs(_)) && capture::is_denied(span, key)
}

fn set_content(span: &Span, key: Name<'_>, text: &str) {
    if !span.is_recording() {
        return;
    }
    let _ = match structured(text) {
        Some(json) => capture::record(span, key, &json),
        None => capture::text(span, key, text),
    };
}

/// The JSON in a text, if it is an object or an array, which may have keys.
fn structured(text: &str) -> Option<Json> {
    serde_json::from_str(text).ok().filter(|json| matches!(json, Json::Object(_) | Json::Array(_)))
}

/// As [`set`], for an attribute of an event or a link: the value after the rules; `None` if it must be omitted.
pub(crate) fn ruled<'v>(span: &Span, key: &str, value: Value<'v>) -> Option<Value<'v>> {
    let content = match &value {
        Value::Str(text) if is_content(key) => match structured(text) {
            Some(json) => capture::to_json(span, key, &json),
            None => capture::to_text(span, key, text),
        },
        Value::Strs(texts) if is_content(key) => capture::to_json(span, key, texts),
        _ if is_secret(span, key, &value) => return Some(REDACTED.into()),
        _ => return Some(value),
    };
    content.ok().map(Value::from)
}
