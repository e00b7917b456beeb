//! What a backend took: every span's id and parent.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::{HashMap, HashSet};

/// The spans that a backend took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The parent of each span, and how many spans it says are missing below it (`heirloom.dropped_children`).
    spans: HashMap<u64, (u64, u64)>,
    /// How many spans came again.
    pub again: u64,
    /// How many spans have `name`.
    names: HashMap<String, u64>,
}

impl Seen {
    /// The spans of a request in protobuf.
    pub(crate) fn read(body: &[u8]) -> Self {
        let mut seen = Self::default();
        let request = ExportTraceServiceRequest::decode(body).unwrap_or_default();
        for resource in &request.resource_spans {
            resource.scope_spans.iter().flat_map(|scope| &scope.spans).for_each(|span| seen.span(span));
        }
        seen
    }

    fn span(&mut self, span: &Span) {
        let id = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_be_bytes);
        let missing = span.attributes.iter().filter(|a| a.key == "heirloom.dropped_children").map(number).sum();
        let row = (id(&span.parent_span_id), missing);
        self.again += u64::from(self.spans.insert(id(&span.span_id), row).is_some());
        // Names that are made while the program runs would fill the table.
        if self.names.len() < 100 || self.names.contains_key(&span.name) {
            *self.names.entry(span.name.clone()).or_default() += 1;
        }
    }

    /// Adds those of another request.
    pub(crate) fn add(&mut self, other: Self) {
        for (id, row) in other.spans {
            self.again += u64::from(self.spans.insert(id, row).is_some());
        }
        self.again += other.again;
        for (name, n) in other.names {
            *self.names.entry(name).or_default() += n;
        }
    }

    /// How many different spans there are.
    pub(crate) fn spans(&self) -> u64 {
        self.spans.len() as u64
    }

    /// How many spans are missing, as the spans above them say.
    pub(crate) fn missing_children(&self) -> u64 {
        self.spans.values().map(|(_, missing)| missing).sum()
    }

    /// How many spans with this name came.
    pub(crate) fn named(&self, name: &str) -> u64 {
        self.names.get(name).copied().unwrap_or(0)
    }

    /// Spans whose parent isn't there, and how many different parents are missing.
    pub(crate) fn orphans(&self) -> (u64, u64) {
        let missing = |parent: &u64| *parent != 0 && !self.spans.contains_key(parent);
        let orphans = || self.spans.values().map(|(parent, _)| *parent).filter(missing);
        (orphans().count() as u64, orphans().collect::<HashSet<_>>().len() as u64)
    }
}

fn number(attribute: &KeyValue) -> u64 {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::IntValue(n)) => u64::try_from(*n).unwrap_or(0),
        _ => 0,
    }
}
