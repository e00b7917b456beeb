//! The layer's data in the extensions of each of tracing's spans.

use crate::gen_ai::Observed;
use heirloom_core::{Context, Span, Status};
use std::sync::atomic::{AtomicBool, Ordering};

/// The Heirloom span for one of tracing's. It is an `Arc` in the registry's extensions, so that the extensions' lock isn't
/// held while foreign code formats a value.
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

    /// Sets the status to an error. An error without a description doesn't replace one with a description.
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
