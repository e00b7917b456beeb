//! A span that has not ended, as a user sees it.

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
    /// Where it was begun.
    pub lane: Arc<Lane>,
    /// Since when: nanoseconds since 1970 (UTC).
    pub start_ns: u64,
}
