//! [`ScopeRef`]: the instrumentation scope of a span.

use super::{AttributeRef, Rows};
use crate::Value;
use std::ops::Range;

/// The instrumentation scope of a span that was recorded through another API: the library that made it.
///
/// It is recorded as attributes with the keys below, which are [OpenTelemetry's names] for formats without a scope, as far as
/// it has names. They are no attributes of the span, and don't count against its limits.
///
/// [OpenTelemetry's names]: https://opentelemetry.io/docs/specs/otel/common/mapping-to-non-otlp/#instrumentationscope
#[derive(Clone, Copy, Debug)]
pub struct ScopeRef<'a> {
    pub(super) rows: &'a Rows,
    pub(super) range: &'a Range<u32>,
}

/// The start of every key.
const PREFIX: &str = "otel.scope.";

impl<'a> ScopeRef<'a> {
    /// The key of the name.
    pub const NAME: &'static str = "otel.scope.name";
    /// The key of the version.
    pub const VERSION: &'static str = "otel.scope.version";
    /// The start of the key of an attribute.
    pub const ATTRIBUTE: &'static str = "otel.scope.attributes.";

    /// Whether the key is one of a scope, in bytes of UTF-8.
    pub(crate) fn has(key: &[u8]) -> bool {
        key.starts_with(PREFIX.as_bytes())
    }

    /// The name, empty if there is none.
    pub fn name(&self) -> String {
        self.text(Self::NAME).unwrap_or_default()
    }

    /// The version.
    pub fn version(&self) -> Option<String> {
        self.text(Self::VERSION)
    }

    /// The attributes, each key once.
    pub fn attributes(&self) -> impl Iterator<Item = AttributeRef<'a>> + 'a {
        self.all().filter_map(|a| Some(AttributeRef { key: a.key.strip_prefix(Self::ATTRIBUTE)?, ..a }))
    }

    /// Everything that was recorded of it, with its full keys: for formats without a scope.
    pub fn all(&self) -> impl ExactSizeIterator<Item = AttributeRef<'a>> + 'a {
        self.rows.attributes(self.range)
    }

    fn text(&self, key: &str) -> Option<String> {
        self.all().find(|a| a.key == key).map(|a| match a.value {
            Value::Str(text) => text.into_owned(),
            other => other.to_string(),
        })
    }
}
