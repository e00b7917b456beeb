//! [`Received`]: a received span.

use opentelemetry_proto::tonic::common::v1::{any_value, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use std::sync::Arc;

/// An OTLP value.
pub use opentelemetry_proto::tonic::common::v1::any_value::Value;

/// Keys and values, in the order of the request.
pub type Attributes = Vec<(String, Value)>;

/// Resource and scope of a request.
#[derive(Debug, Default, PartialEq)]
pub struct Origin {
    /// The attributes of the resource.
    pub resource: Attributes,
    /// The scope's name.
    pub scope: String,
    /// The scope's version.
    pub scope_version: String,
    /// The attributes of the scope.
    pub scope_attributes: Attributes,
}

/// A received span.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// 16 hex digits; `None` for a root.
    pub parent_span_id: Option<String>,
    /// The tracestate; empty if there is none.
    pub tracestate: String,
    /// The name.
    pub name: String,
    /// Nanoseconds since 1970.
    pub start_ns: u64,
    /// Nanoseconds since 1970.
    pub end_ns: u64,
    /// 0 unset, 1 ok, 2 error.
    pub status: i32,
    /// The status's message.
    pub status_message: String,
    /// Attributes, in the order of the request.
    pub attributes: Attributes,
    /// The number of attributes that the sender dropped.
    pub dropped_attributes: u32,
    /// Name, time and attributes of each event.
    pub events: Vec<(String, u64, Attributes)>,
    /// Trace id, span id and tracestate of each link.
    pub links: Vec<(String, String, String)>,
    /// Resource and scope, shared by the spans of a request.
    pub origin: Arc<Origin>,
}

impl Received {
    pub(crate) fn new(span: Span, origin: &Arc<Origin>) -> Self {
        let status = span.status.unwrap_or_default();
        Self {
            trace_id: hex(&span.trace_id),
            span_id: hex(&span.span_id),
            parent_span_id: Some(hex(&span.parent_span_id)).filter(|id| !id.is_empty()),
            tracestate: span.trace_state,
            name: span.name,
            start_ns: span.start_time_unix_nano,
            end_ns: span.end_time_unix_nano,
            status: status.code,
            status_message: status.message,
            attributes: pairs(span.attributes),
            dropped_attributes: span.dropped_attributes_count,
            events: span.events.into_iter().map(|e| (e.name, e.time_unix_nano, pairs(e.attributes))).collect(),
            links: span.links.into_iter().map(|l| (hex(&l.trace_id), hex(&l.span_id), l.trace_state)).collect(),
            origin: Arc::clone(origin),
        }
    }

    /// The value of an attribute.
    pub fn get(&self, key: &str) -> Option<&Value> {
        find(&self.attributes, key)
    }

    /// An attribute's text, if it is one.
    pub fn text(&self, key: &str) -> Option<&str> {
        as_text(self.get(key)?)
    }

    /// The JSON in the text of an attribute.
    pub fn json(&self, key: &str) -> Option<serde_json::Value> {
        serde_json::from_str(self.text(key)?).ok()
    }

    /// An attribute's integer, if it is one.
    pub fn int(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            Value::IntValue(int) => Some(*int),
            _ => None,
        }
    }

    /// An attribute's boolean, if it is one.
    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::BoolValue(bool) => Some(*bool),
            _ => None,
        }
    }

    /// An attribute's texts, if it is an array of texts.
    pub fn texts(&self, key: &str) -> Option<Vec<&str>> {
        match self.get(key)? {
            Value::ArrayValue(array) => array.values.iter().map(|v| as_text(v.value.as_ref()?)).collect(),
            _ => None,
        }
    }

    /// The text of an attribute of the resource.
    pub fn resource(&self, key: &str) -> Option<&str> {
        as_text(find(&self.origin.resource, key)?)
    }
}

pub(crate) fn origin(resource_spans: &ResourceSpans, scope_spans: &ScopeSpans) -> Arc<Origin> {
    let scope = scope_spans.scope.clone().unwrap_or_default();
    Arc::new(Origin {
        resource: pairs(resource_spans.resource.clone().unwrap_or_default().attributes),
        scope: scope.name,
        scope_version: scope.version,
        scope_attributes: pairs(scope.attributes),
    })
}

pub(crate) fn as_text(value: &Value) -> Option<&str> {
    match value {
        any_value::Value::StringValue(text) => Some(text),
        _ => None,
    }
}

pub(crate) fn find<'a>(attributes: &'a [(String, Value)], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value)
}

/// Converts an attribute. One without a value becomes an empty array, which no rule allows.
fn pairs(attributes: Vec<KeyValue>) -> Attributes {
    let value = |kv: KeyValue| (kv.key, kv.value.and_then(|v| v.value).unwrap_or(Value::BytesValue(Vec::new())));
    attributes.into_iter().map(value).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
