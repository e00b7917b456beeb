//! The body of a task, with a span that starts when the task first runs.

use super::place::{place, On};
use crate::carry::{JobName, Submitted, COMPILED_OUT};
use heirloom_core::future::FutureExt as _;
use heirloom_core::{Context, Name, Span};
use std::future::{poll_fn, Future};
use std::pin::pin;

/// The span of a task that has not run yet. If it is dropped before that, it records that the task was cancelled.
#[derive(Debug)]
pub(super) struct Waiting {
    cx: Context,
    name: JobName,
    /// `None` once the span has started.
    submitted: Option<Submitted>,
}

impl Waiting {
    pub(super) fn new<'n>(cx: impl Into<Context>, name: impl Into<Name<'n>>) -> Self {
        Self { cx: cx.into(), name: JobName::new(name), submitted: Some(Submitted::now()) }
    }

    fn begin(&mut self) -> Span {
        let span = self.cx.span(self.name.get());
        if let Some(submitted) = self.submitted.take() {
            submitted.begun(&span);
        }
        span
    }

    /// The task: `f` makes its future, in the span.
    pub(super) async fn run<F, Fut>(mut self, on: On, f: F) -> Fut::Output
    where
        F: FnOnce(Context) -> Fut,
        Fut: Future,
    {
        place(on);
        let span = self.begin();
        let cx = span.context();
        let mut task = pin!(async move { f(cx).await }.in_span(span));
        poll_fn(|poller| {
            place(on);
            task.as_mut().poll(poller)
        })
        .await
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
        if !COMPILED_OUT && self.submitted.is_some() {
            self.begin().set("heirloom.cancelled", true);
        }
    }
}
