//! Values of the trace that arrive as baggage. Langfuse's SDKs propagate the user, the session and other values of a trace
//! this way ([source]); they become values of the trace here too, as if `trace_update` had set them, except that what a
//! program sets takes precedence, before and after them.
//!
//! [source]: https://github.com/langfuse/langfuse-python/blob/main/langfuse/_client/propagation.py

use super::{trace_value, Span};
use crate::{Name, Value};

/// The keys of Langfuse's baggage, and the keys of `llm::keys`, which is on a higher floor.
const KEYS: [(&str, &str); 5] = [
    ("langfuse_user_id", "user.id"),
    ("langfuse_session_id", "session.id"),
    ("langfuse_trace_name", "heirloom.trace.name"),
    ("langfuse_version", "heirloom.version"),
    ("langfuse_environment", "deployment.environment.name"),
];
/// The tags, joined by commas.
const TAGS: (&str, &str) = ("langfuse_tags", "heirloom.trace.tags");
/// The prefixes of entries of the trace's metadata.
const METADATA: (&str, &str) = ("langfuse_metadata_", "heirloom.trace.metadata.");

/// Sets the values that arrived with the context of this span's remote parent. An attached child sets none: it shares its
/// parent's collector, which has them.
#[cold]
pub(super) fn set_values(span: &Span) {
    if crate::shm::is_child() {
        return;
    }
    for member in &span.cx.baggage() {
        let (key, value) = (member.key(), member.value());
        if let Some((_, ours)) = KEYS.iter().find(|(theirs, _)| *theirs == key) {
            set(span, Name::from(*ours), Value::from(value));
        } else if key == TAGS.0 {
            let tags: Vec<&str> = value.split(',').filter(|tag| !tag.is_empty()).collect();
            set(span, Name::from(TAGS.1), Value::from(&tags[..]));
        } else if let Some(name) = key.strip_prefix(METADATA.0).filter(|name| !name.is_empty()) {
            set(span, Name::dynamic(&[METADATA.1, name].concat()), Value::from(value));
        }
    }
}

/// A value without room is lost, and counted as a missed update.
fn set(span: &Span, key: Name<'_>, value: Value<'_>) {
    let _ = trace_value::set_arrived(span.cx, key, value);
}
