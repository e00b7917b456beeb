//! Spans of the crate `tracing` as parents.
//!
//! `From` can only be implemented here, because neither `Context` nor tracing's span belongs to the crate with the layer.
//! So this crate depends on tracing's span type (a feature) but on no subscriber: it calls a function.
//!
//! A layer that records tracing's spans as Heirloom's (such as that of `heirloom-bridge`) registers a function that finds
//! the context of one. Each of tracing's spans can then be a parent:
//!
//! ```
//! use heirloom_core::Context;
//! let theirs = tracing::info_span!("theirs");
//! let ours = Context::from(&theirs).span("ours"); // a child of the current context: no layer records `theirs`
//! ```

use crate::Context;
use std::sync::OnceLock;

/// Finds the context of one of tracing's spans, or of its nearest recorded ancestor.
pub type TracingLookup = fn(&tracing::Span) -> Option<Context>;

static TRACING_LOOKUP: OnceLock<TracingLookup> = OnceLock::new();

/// Sets how contexts of tracing's spans are found, for the whole process. Only the first call has an effect.
///
/// Cost: one atomic operation.
///
/// ```
/// heirloom_core::foreign::set_tracing_lookup(|_| None); // no layer records tracing's spans: the current context is used
/// ```
pub fn set_tracing_lookup(lookup: TracingLookup) {
    TRACING_LOOKUP.get_or_init(|| lookup);
}

/// The context of the span, or of its nearest recorded ancestor. If there is none (the span is disabled, or no layer
/// records it), the current context, as if the span weren't there.
///
/// Cost: a look-up in tracing's registry. It takes locks, which are rarely contended.
impl From<&tracing::Span> for Context {
    fn from(span: &tracing::Span) -> Self {
        TRACING_LOOKUP.get().and_then(|lookup| lookup(span)).unwrap_or_else(Context::current)
    }
}
