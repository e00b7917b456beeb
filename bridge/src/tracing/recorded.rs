//! What the layer keeps beside each of tracing's spans.

use crate::gen_ai::Observed;
use heirloom_core::{Context, Span, Status};
use std::sync::atomic::{AtomicBool, Ordering};

/// A span of Heirloom's that stands for one of tracing's: in the registry's extensions, as an `Arc`, so that nobody
/// holds the extensions' lock while foreign code formats a value.
pub(super) struct Recorded {
    pub(super) span: Span,
    pub(super) cx: Context,
    pub(super) observed: Observed,
    /// Whether the status has a description.
    described: AtomicBool,
}

impl Recorded {
    pub(super) fn new(span: Span, observed: Observed) -> Self {
        let cx = span.context();
        Self { span, cx, observed, described: AtomicBool::new(false) }
    }

    /// Sets the status to an error. One without a description doesn't replace one that has it.
    pub(super) fn fail(&self, description: &str) {
        let described = self.described.fetch_or(!description.is_empty(), Ordering::Relaxed);
        if !description.is_empty() || !described {
            self.span.error(description);
        }
    }

    pub(super) fn succeed(&self) {
        self.span.set_status(Status::Ok);
    }
}
