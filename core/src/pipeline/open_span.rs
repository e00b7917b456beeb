//! [`OpenSpan`]: a span that has not ended, in the public API. [`OpenSpans`]: what the collector tells queues of them.

use crate::export::Lane;
use crate::{SpanId, TraceId};
use std::sync::Arc;

/// A span that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenSpan {
    /// Its name.
    pub name: String,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// Its parent's id; `None` for a root.
    pub parent_span_id: Option<SpanId>,
    /// The process and thread that started it.
    pub lane: Arc<Lane>,
    /// Its start: nanoseconds since 1970 (UTC).
    pub start_ns: u64,
}

/// The spans that have started and are in no batch.
pub(crate) trait OpenSpans {
    /// The trace of each.
    fn traces(&self) -> Box<dyn Iterator<Item = TraceId> + '_>;

    /// Whether a span is one of them.
    fn is_open(&self, span: SpanId) -> bool;
}
