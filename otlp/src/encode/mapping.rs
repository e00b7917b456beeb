//! [`Mapping`]: how the spans that a backend gets differ from the recorded ones.

use super::attributes::Attributes;
use heirloom_core::export::{Resource, SpanRef};
use heirloom_core::{SpanKind, Status, Value};
use std::borrow::Cow;

/// Defines how the spans that a backend gets differ from the recorded ones.
///
/// A mapping chooses the attributes of resource, scope and spans, and a few fields of a span. All else (ids, times, the name,
/// events, links) is always as it was recorded. It is asked in the order of the spans. A span may be encoded more than once, if a
/// backend takes smaller requests only: a mapping that remembers spans must give it the same attributes again.
pub trait Mapping {
    /// Adds the attributes of a resource. Those that were recorded, unless the mapping says otherwise.
    fn resource(&mut self, resource: &Resource, to: &mut Attributes<'_>) {
        resource.attributes.iter().for_each(|(key, value)| to.add(key, value));
    }

    /// The scope of the spans that were recorded without one. `heirloom` with this crate's version, unless the mapping says
    /// otherwise.
    fn scope(&self) -> Scope<'_> {
        Scope::default()
    }

    /// Whether spans keep the scopes that they were recorded with. Otherwise all have the one of [`scope`](Self::scope), and the
    /// mapping may add the recorded scope's attributes to those of the span.
    fn keeps_scopes(&self) -> bool {
        true
    }

    /// Adds the attributes of a span, and returns the fields that it chooses.
    fn span(&mut self, span: SpanRef<'_>, to: &mut Attributes<'_>) -> Fields;
}

/// The fields of a span that a [`Mapping`] chooses.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields {
    /// The kind.
    pub kind: SpanKind,
    /// The end: nanoseconds since 1970 (UTC).
    pub end_ns: u64,
    /// The status.
    pub status: Status,
    /// How many attributes were lost to a limit.
    pub dropped_attributes: u32,
}

impl Fields {
    /// As they were recorded. Allocates only for the text of an error.
    #[inline]
    pub fn of(span: SpanRef<'_>) -> Self {
        Self {
            kind: span.kind(),
            end_ns: span.end_ns(),
            status: if span.has_more() { span.status() } else { Status::Unset },
            dropped_attributes: span.dropped_attributes(),
        }
    }
}

/// An instrumentation scope: the library that made spans.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope<'a> {
    /// The name.
    pub name: Cow<'a, str>,
    /// The version, empty if there is none.
    pub version: Cow<'a, str>,
    /// The attributes, each key once.
    pub attributes: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// Heirloom itself.
impl Default for Scope<'_> {
    fn default() -> Self {
        Self { name: "heirloom".into(), version: env!("CARGO_PKG_VERSION").into(), attributes: Vec::new() }
    }
}
