//! [`ScopeRef`]: the instrumentation scope of a span.

use super::{AttributeRef, List, Rows};
use crate::wire::{Packed, PackedList};
use crate::Value;

/// The instrumentation scope of a span that was recorded through another API: the library that made it.
///
/// It is recorded as attributes with the keys below, which are [OpenTelemetry's names] for formats without a scope, as far as
/// it has names. They are no attributes of the span, and don't count against its limits.
///
/// [OpenTelemetry's names]: https://opentelemetry.io/docs/specs/otel/common/mapping-to-non-otlp/#instrumentationscope
#[derive(Clone, Copy, Debug)]
pub struct ScopeRef<'a> {
    rows: &'a Rows,
    /// Its attributes are marked among those of the span.
    list: List,
    len: usize,
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

    #[inline]
    pub(super) fn of(rows: &'a Rows, list: List) -> Option<Self> {
        let len = PackedList(rows.list(list)).filter(Packed::is_of_scope).count();
        (len > 0).then_some(Self { rows, list, len })
    }

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
        let marked = PackedList(self.rows.list(self.list)).filter(Packed::is_of_scope);
        All { rows: self.rows, marked, left: self.len }
    }

    fn text(&self, key: &str) -> Option<String> {
        self.all().find(|a| a.key == key).map(|a| match a.value {
            Value::Str(text) => text.into_owned(),
            other => other.to_string(),
        })
    }
}

/// The attributes of a scope.
struct All<'a, I> {
    rows: &'a Rows,
    marked: I,
    left: usize,
}

impl<'a, I: Iterator<Item = Packed<'a>>> Iterator for All<'a, I> {
    type Item = AttributeRef<'a>;

    fn next(&mut self) -> Option<AttributeRef<'a>> {
        let next = self.marked.next()?;
        self.left = self.left.saturating_sub(1);
        Some(self.rows.attribute(next))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a, I: Iterator<Item = Packed<'a>>> ExactSizeIterator for All<'a, I> {}
