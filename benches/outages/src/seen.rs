//! What a backend took: every span's id and parent.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::{HashMap, HashSet};

/// The spans that a backend took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The parent of each span.
    parents: HashMap<u64, u64>,
    /// How many spans came again.
    pub again: u64,
    /// How many spans have `name`.
    names: HashMap<String, u64>,
    /// The sum of `heirloom.dropped_children`.
    pub missing_children: u64,
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
        if self.parents.insert(id(&span.span_id), id(&span.parent_span_id)).is_some() {
            self.again += 1;
        }
        // Names that are made while the program runs would fill the table.
        if self.names.len() < 100 || self.names.contains_key(&span.name) {
            *self.names.entry(span.name.clone()).or_default() += 1;
        }
        for attribute in span.attributes.iter().filter(|a| a.key == "heirloom.dropped_children") {
            if let Some(Value::IntValue(n)) = attribute.value.as_ref().and_then(|v| v.value.as_ref()) {
                self.missing_children += u64::try_from(*n).unwrap_or(0);
            }
        }
    }

    /// Adds those of another request.
    pub(crate) fn add(&mut self, other: Self) {
        for (id, parent) in other.parents {
            self.again += u64::from(self.parents.insert(id, parent).is_some());
        }
        self.again += other.again;
        self.missing_children += other.missing_children;
        for (name, n) in other.names {
            *self.names.entry(name).or_default() += n;
        }
    }

    /// How many different spans there are.
    pub(crate) fn spans(&self) -> u64 {
        self.parents.len() as u64
    }

    /// How many spans with this name came.
    pub(crate) fn named(&self, name: &str) -> u64 {
        self.names.get(name).copied().unwrap_or(0)
    }

    /// Spans whose parent isn't there, and how many different parents are missing.
    pub(crate) fn orphans(&self) -> (u64, u64) {
        let missing = |parent: &&u64| **parent != 0 && !self.parents.contains_key(parent);
        let parents: HashSet<_> = self.parents.values().filter(missing).collect();
        (self.parents.values().filter(missing).count() as u64, parents.len() as u64)
    }
}
