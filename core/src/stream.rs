//! Streams: a span or a context that is current in each poll of a stream. The twin of [`future`](crate::future).
//!
//! ```
//! use futures_core::Stream;
//! use heirloom_core::stream::StreamExt as _;
//! fn answer(tokens: impl Stream<Item = String>) -> impl Stream<Item = String> {
//!     tokens.in_span(heirloom_core::span("answer")) // ends with the last token; `heirloom.items` counts them
//! }
//! ```

use crate::record::Polled;
use crate::{Context, Span};
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

/// Attaches a span or a context to a stream. For every [`Stream`].
pub trait StreamExt: Stream + Sized {
    /// Makes `span` the stream's span. It is current during each poll for an item, and while the stream is dropped. It
    /// ends when the stream ends or is dropped.
    ///
    /// The rest is as for [`FutureExt::in_span`](crate::future::FutureExt::in_span). In addition, `heirloom.items` has
    /// the number of items. A stream that is dropped before its end has `heirloom.cancelled`.
    ///
    /// Cost: as there.
    fn in_span(self, span: Span) -> InSpan<Self> {
        InSpan { inner: Some(self), polled: Polled::stream(span, true) }
    }

    /// Makes `cx` current during each poll for an item, and while the stream is dropped. Starts no span.
    ///
    /// Cost of a poll: two writes to a thread-local; no clock read, lock or allocation.
    fn in_context(self, cx: impl Into<Context>) -> InContext<Self> {
        InContext { inner: Some(self), cx: cx.into() }
    }
}

impl<S: Stream> StreamExt for S {}

pin_project! {
    /// A stream with a span: see [`StreamExt::in_span`].
    #[derive(Debug)]
    #[must_use = "a stream does nothing until it is polled"]
    pub struct InSpan<S> {
        // `None` only while it is dropped.
        #[pin]
        inner: Option<S>,
        polled: Polled,
    }

    impl<S> PinnedDrop for InSpan<S> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.polled.dropped(this.inner);
        }
    }
}

impl<S> InSpan<S> {
    /// As [`StreamExt::in_span`], timed or not.
    #[cfg(feature = "macros")]
    #[inline]
    pub(crate) fn new(inner: S, span: Span, timed: bool) -> Self {
        Self { inner: Some(inner), polled: Polled::stream(span, timed) }
    }

    /// The stream's span. Once the stream has ended, it is a non-recording span with the same context.
    #[inline]
    pub fn span(&self) -> &Span {
        self.polled.span()
    }

    /// Omits `heirloom.busy_ns` and `heirloom.idle_ns`: a poll then reads no clock.
    pub fn untimed(mut self) -> Self {
        self.polled.untimed();
        self
    }
}

impl<S: Stream> Stream for InSpan<S> {
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Pending };
        let poll = this.polled.poll(|| inner.poll_next(task), |_, poll| matches!(poll, Poll::Ready(None)));
        if let Poll::Ready(Some(_)) = poll {
            this.polled.count_item();
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

pin_project! {
    /// A stream with a context: see [`StreamExt::in_context`].
    #[derive(Debug)]
    #[must_use = "a stream does nothing until it is polled"]
    pub struct InContext<S> {
        // `None` only while it is dropped.
        #[pin]
        inner: Option<S>,
        cx: Context,
    }

    impl<S> PinnedDrop for InContext<S> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _current = this.cx.enter();
            this.inner.set(None);
        }
    }
}

impl<S: Stream> Stream for InContext<S> {
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Pending };
        let _current = this.cx.enter();
        inner.poll_next(task)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}
