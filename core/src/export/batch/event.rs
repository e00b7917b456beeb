//! [`EventRef`] and [`LinkRef`]: the events and the links of a span in a batch.

use super::rows::{EventRow, LinkRow, Rows};
use super::AttributeRef;
use crate::{SpanId, TraceId};

/// An event of a span in a [`Batch`](super::Batch).
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    pub(super) rows: &'a Rows,
    pub(super) row: &'a EventRow,
}

impl<'a> EventRef<'a> {
    /// The name.
    pub fn name(&self) -> &'a str {
        self.rows.name(self.row.name)
    }

    /// When it happened: nanoseconds since 1970 (UTC).
    pub fn time_ns(&self) -> u64 {
        self.row.time_ns
    }

    /// The attributes.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = AttributeRef<'a>> + Clone + 'a {
        self.rows.attributes(self.row.attributes)
    }

    /// How many attributes were lost to a limit.
    pub fn dropped_attributes(&self) -> u32 {
        self.row.dropped_attributes
    }
}

/// A link of a span in a [`Batch`](super::Batch).
#[derive(Clone, Copy, Debug)]
pub struct LinkRef<'a> {
    pub(super) rows: &'a Rows,
    pub(super) row: &'a LinkRow,
}

impl<'a> LinkRef<'a> {
    /// The trace of the linked span.
    pub fn trace_id(&self) -> TraceId {
        self.row.trace
    }

    /// The linked span.
    pub fn span_id(&self) -> SpanId {
        self.row.span
    }

    /// The W3C trace flags of the linked span.
    pub fn trace_flags(&self) -> u8 {
        self.row.trace_flags
    }

    /// The W3C tracestate of the linked span, empty if there is none.
    pub fn tracestate(&self) -> &'a str {
        self.row.tracestate.as_deref().unwrap_or("")
    }

    /// Whether the linked span's ids came from another process.
    pub fn is_remote(&self) -> bool {
        self.row.remote
    }

    /// The attributes.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = AttributeRef<'a>> + Clone + 'a {
        self.rows.attributes(self.row.attributes)
    }

    /// How many attributes were lost to a limit.
    pub fn dropped_attributes(&self) -> u32 {
        self.row.dropped_attributes
    }
}
