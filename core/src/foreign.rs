//! Spans of other tracing systems as parents.
//!
//! `From` can only be implemented here, for neither `Context` nor tracing's span belongs to the crate that has the
//! layer. So this crate knows tracing's span (a feature), and no subscriber: it asks a function.
//!
//! A layer that records the spans of the crate `tracing` as Heirloom's (that of `heirloom-bridge` does) says here how
//! to find the context of one. Then each of tracing's spans is a parent like any other:
//!
//! ```
//! use heirloom_core::Context;
//! let theirs = tracing::info_span!("theirs");
//! let ours = Context::from(&theirs).span("ours"); // a child of what is current here: no layer records `theirs`
//! ```

use crate::Context;
use std::sync::OnceLock;

/// Finds the context of one of tracing's spans, or of its nearest ancestor that is recorded.
pub type TracingLookup = fn(&tracing::Span) -> Option<Context>;

static TRACING_LOOKUP: OnceLock<TracingLookup> = OnceLock::new();

/// Says how contexts of tracing's spans are found, for the whole process. The first call counts.
///
/// Cost: one atomic operation.
///
/// ```
/// heirloom_core::foreign::set_tracing_lookup(|_| None); // nobody records tracing's spans: what is current counts
/// ```
pub fn set_tracing_lookup(lookup: TracingLookup) {
    TRACING_LOOKUP.get_or_init(|| lookup);
}

/// The context of the span, or of its nearest ancestor that is recorded. Where there is none (the span is disabled, or
/// nobody records it) it is what is current here, as if the span weren't there.
///
/// Cost: a look into tracing's registry, which takes locks that are hardly ever contended.
impl From<&tracing::Span> for Context {
    fn from(span: &tracing::Span) -> Self {
        TRACING_LOOKUP.get().and_then(|lookup| lookup(span)).unwrap_or_else(Context::current)
    }
}
