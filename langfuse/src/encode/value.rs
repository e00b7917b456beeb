//! Attributes before they are encoded.

use heirloom_core::export::AttributeRef;
use heirloom_core::Value;
use heirloom_otlp::encode::Truncated;
use std::borrow::Cow;

/// An attribute. Borrows what was recorded.
#[derive(Debug)]
pub(super) struct KeyValue<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: Value<'a>,
}

impl<'a> KeyValue<'a> {
    pub(super) fn new(key: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// An attribute as it was recorded.
pub(super) fn recorded(a: AttributeRef<'_>) -> KeyValue<'_> {
    KeyValue::new(a.key, a.value)
}

pub(super) fn text<'a>(key: impl Into<Cow<'a, str>>, text: impl Into<Cow<'a, str>>) -> KeyValue<'a> {
    KeyValue::new(key, Value::Str(text.into()))
}

pub(super) fn texts<'a>(key: impl Into<Cow<'a, str>>, texts: Vec<String>) -> KeyValue<'a> {
    KeyValue::new(key, Value::Strs(texts.into_iter().map(Cow::Owned).collect()))
}

/// Names a value that was cut.
pub(super) fn cut(attribute: &AttributeRef<'_>) -> Option<String> {
    attribute.truncated_from.map(|bytes| format!("{}={bytes}", attribute.key))
}

/// The attribute that names the cut values, if there are any.
pub(super) fn truncated(cut: Vec<String>) -> Option<KeyValue<'static>> {
    (!cut.is_empty()).then(|| texts(Truncated::KEY, cut))
}
