//! Futures: a span or a context that is current in each poll of a future, on any thread.
//!
//! ```
//! use heirloom_core::future::FutureExt as _;
//! use heirloom_core::Context;
//! # fn block_on<F: std::future::Future>(f: F) -> F::Output {
//! #     let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
//! #     match std::pin::pin!(f).poll(&mut cx) { std::task::Poll::Ready(value) => value, _ => unreachable!() }
//! # }
//! async fn fetch(id: u32) -> u32 {
//!     let parse = Context::current().span("parse"); // below "fetch" in every poll
//!     parse.set("id", id);
//!     id + 1
//! }
//! let root = heirloom_core::root("request");
//! assert_eq!(block_on(fetch(1).in_span(root.span("fetch"))), 2);
//! ```
//!
//! | you want | use |
//! |---|---|
//! | a span for the whole future, current in all of it | [`in_span`](FutureExt::in_span) |
//! | a context in all of it, and no new span | [`in_context`](FutureExt::in_context) |
//! | a future that another task runs | the same: the adapter moves with it |
//!
//! Don't hold an [`Entered`](crate::Entered) across an `.await`. The adapters enter for each poll and leave after it, so
//! that other futures on the same thread never see this future's context.

use crate::record::Polled;
use crate::{Context, Span};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

/// Attaches a span or a context to a future. For every [`Future`].
pub trait FutureExt: Future + Sized {
    /// Makes `span` the future's span. It is current during each poll and while the future is dropped, on any thread. It
    /// ends when the future completes or is dropped.
    ///
    /// A future that is dropped before it completes was *cancelled*: its span has the attribute `heirloom.cancelled`
    /// (true), and its status stays unset. A panic of a poll ends the span as an error and passes through.
    ///
    /// At its end the span has, in nanoseconds, `heirloom.busy_ns` (the sum of the polls) and `heirloom.idle_ns` (the
    /// rest of the time since this call), and the number `heirloom.polls`. A future that completes at its first poll has
    /// none of them.
    ///
    /// Cost of a poll: two clock reads (the processor's counter where it is reliable), one record, two writes to a thread-local; no
    /// lock, no allocation. [`untimed`](InSpan::untimed) omits the clock reads and the record. Once: one more clock read, and
    /// unless the first poll is the last, three records, and in the first 100 ms of the process one read of the system's clock. For
    /// a non-recording span: only the writes to the thread-local.
    ///
    /// ```
    /// # use heirloom_core::{future::FutureExt as _, root, Context};
    /// let fetch = root("fetch").build("parse").start();
    /// let parse = async { Context::current().is_sampled() }.in_span(fetch);
    /// parse.span().set("bytes", 512); // before it runs, or while it waits
    /// ```
    fn in_span(self, span: Span) -> InSpan<Self> {
        InSpan { inner: Some(self), polled: Polled::future(span, true) }
    }

    /// Makes `cx` current during each poll, and while the future is dropped. Starts no span.
    ///
    /// Cost of a poll: two writes to a thread-local; no clock read, lock or allocation.
    ///
    /// ```
    /// # use heirloom_core::{future::FutureExt as _, root, Context};
    /// let request = root("request");
    /// let job = async { Context::current().span("job").set("n", 1); }.in_context(&request);
    /// ```
    fn in_context(self, cx: impl Into<Context>) -> InContext<Self> {
        InContext { inner: Some(self), cx: cx.into() }
    }
}

impl<F: Future> FutureExt for F {}

pin_project! {
    /// A future with a span: see [`FutureExt::in_span`].
    ///
    /// It returns the future's output unchanged. A poll after that does what the inner future does.
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited or given to an executor"]
    pub struct InSpan<F> {
        // `None` only while it is dropped.
        #[pin]
        inner: Option<F>,
        polled: Polled,
    }

    impl<F> PinnedDrop for InSpan<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.polled.dropped(this.inner);
        }
    }
}

impl<F> InSpan<F> {
    /// As [`FutureExt::in_span`], timed or not.
    #[cfg(feature = "macros")]
    #[inline]
    pub(crate) fn new(inner: F, span: Span, timed: bool) -> Self {
        Self { inner: Some(inner), polled: Polled::future(span, timed) }
    }

    /// The future's span. Once the future has completed, it is a non-recording span with the same context.
    #[inline]
    pub fn span(&self) -> &Span {
        self.polled.span()
    }

    /// As [`poll`](Future::poll), and passes the future's output to `then` while the span is still open. For adapters
    /// that record the outcome.
    ///
    /// ```
    /// # use heirloom_core::{future::FutureExt as _, root};
    /// # use std::pin::pin;
    /// let mut fetch = pin!(async { Err::<(), _>("404") }.in_span(root("fetch")));
    /// # let task = &mut std::task::Context::from_waker(std::task::Waker::noop());
    /// let poll = fetch.as_mut().poll_then(task, |span, result| {
    ///     if let Err(why) = result {
    ///         span.error(why);
    ///     }
    /// });
    /// assert!(poll.is_ready());
    /// ```
    #[inline]
    pub fn poll_then(
        self: Pin<&mut Self>,
        task: &mut TaskContext<'_>,
        then: impl FnOnce(&Span, &F::Output),
    ) -> Poll<F::Output>
    where
        F: Future,
    {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Pending };
        let is_over = |span: &Span, poll: &Poll<F::Output>| match poll {
            Poll::Ready(output) => {
                then(span, output);
                true
            }
            Poll::Pending => false,
        };
        this.polled.poll(|| inner.poll(task), is_over)
    }

    /// Omits `heirloom.busy_ns` and `heirloom.idle_ns`: a poll then reads no clock.
    ///
    /// ```
    /// # use heirloom_core::{future::FutureExt as _, root};
    /// let hot = async { 1 + 1 }.in_span(root("add")).untimed();
    /// ```
    pub fn untimed(mut self) -> Self {
        self.polled.untimed();
        self
    }
}

impl<F: Future> Future for InSpan<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Pending };
        this.polled.poll(|| inner.poll(task), |_, poll| poll.is_ready())
    }
}

pin_project! {
    /// A future with a context: see [`FutureExt::in_context`].
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited or given to an executor"]
    pub struct InContext<F> {
        // `None` only while it is dropped.
        #[pin]
        inner: Option<F>,
        cx: Context,
    }

    impl<F> PinnedDrop for InContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _current = this.cx.enter();
            this.inner.set(None);
        }
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Pending };
        let _current = this.cx.enter();
        inner.poll(task)
    }
}
