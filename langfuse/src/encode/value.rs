//! Values and attributes of OTLP.

use heirloom_core::export::AttributeRef;
use heirloom_core::Value;
use opentelemetry_proto::tonic::common::v1::{any_value, AnyValue, ArrayValue, KeyValue};
use std::borrow::Cow;

/// Attribute with `key=bytes` for each value that was cut; `bytes` is its original size.
const TRUNCATED: &str = "heirloom.truncated";

pub(super) fn attribute(key: impl Into<String>, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

pub(super) fn text(key: impl Into<String>, text: impl Into<String>) -> KeyValue {
    attribute(key, any_value::Value::StringValue(text.into()))
}

pub(super) fn texts<T: Into<String>>(key: impl Into<String>, texts: impl IntoIterator<Item = T>) -> KeyValue {
    attribute(key, array(texts, |text| any_value::Value::StringValue(text.into())))
}

fn array<T>(items: impl IntoIterator<Item = T>, value: impl Fn(T) -> any_value::Value) -> any_value::Value {
    let values = items.into_iter().map(|item| AnyValue { value: Some(value(item)) }).collect();
    any_value::Value::ArrayValue(ArrayValue { values })
}

/// The recorded value.
pub(super) fn any(value: Value<'_>) -> any_value::Value {
    use any_value::Value::{BoolValue, DoubleValue, IntValue, StringValue};
    match value {
        Value::Bool(v) => BoolValue(v),
        Value::I64(v) => IntValue(v),
        Value::F64(v) => DoubleValue(v),
        Value::Str(v) => StringValue(v.into_owned()),
        Value::Bools(v) => array(v.iter().copied(), BoolValue),
        Value::I64s(v) => array(v.iter().copied(), IntValue),
        Value::F64s(v) => array(v.iter().copied(), DoubleValue),
        Value::Strs(v) => array(v, |v| StringValue(Cow::into_owned(v))),
        other => StringValue(other.to_string()),
    }
}

/// Names a value that was cut.
pub(super) fn cut(attribute: &AttributeRef<'_>) -> Option<String> {
    attribute.truncated_from.map(|bytes| format!("{}={bytes}", attribute.key))
}

/// The attribute that names the cut values, if there are any.
pub(super) fn truncated(cut: Vec<String>) -> Option<KeyValue> {
    (!cut.is_empty()).then(|| texts(TRUNCATED, cut))
}

/// The attributes of an event or a link, as they were recorded.
pub(super) fn plain<'a>(refs: impl Iterator<Item = AttributeRef<'a>>) -> Vec<KeyValue> {
    let mut names = Vec::new();
    let mut plain: Vec<KeyValue> = refs
        .map(|a| {
            names.extend(cut(&a));
            attribute(a.key, any(a.value))
        })
        .collect();
    plain.extend(truncated(names));
    plain
}
