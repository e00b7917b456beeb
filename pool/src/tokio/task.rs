//! The body of a task, with a span that starts when the task first runs.

use crate::carry::{JobName, COMPILED_OUT};
use heirloom_core::future::FutureExt as _;
use heirloom_core::{Context, Name, Span};
use std::future::Future;
use std::time::Instant;

/// The span of a task that has not run yet. If it is dropped before that, it records that the task was cancelled.
#[derive(Debug)]
pub(super) struct Waiting {
    cx: Context,
    name: JobName,
    /// The time of the submission; `None` once the span has started, or if nothing records.
    since: Option<Instant>,
}

impl Waiting {
    pub(super) fn new<'n>(cx: impl Into<Context>, name: impl Into<Name<'n>>) -> Self {
        Self { cx: cx.into(), name: JobName::new(name), since: (!COMPILED_OUT).then(Instant::now) }
    }

    fn begin(&mut self) -> Span {
        let span = self.cx.span(self.name.get());
        if let Some(since) = self.since.take() {
            span.set("heirloom.queue_ns", since.elapsed().as_nanos());
        }
        span
    }

    /// The task: `f` makes its future, in the span.
    pub(super) async fn run<F, Fut>(mut self, f: F) -> Fut::Output
    where
        F: FnOnce(Context) -> Fut,
        Fut: Future,
    {
        let span = self.begin();
        let cx = span.context();
        async move { f(cx).await }.in_span(span).await
    }

    /// The same for a closure that blocks.
    pub(super) fn run_blocking<R>(mut self, f: impl FnOnce(&Span) -> R) -> R {
        let span = self.begin();
        let _current = span.enter();
        f(&span)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.since.is_some() {
            self.begin().set("heirloom.cancelled", true);
        }
    }
}
