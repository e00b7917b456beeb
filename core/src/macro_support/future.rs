//! The futures and streams of observed functions.

use crate::future::InSpan;
use crate::record::Polled;
use crate::Span;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

/// A future with the span. If it is `timed`, the span gets the durations of its polls and of its waits.
#[inline]
pub fn future<F: Future>(future: F, span: Span, timed: bool) -> InSpan<F> {
    InSpan::new(future, span, timed)
}

/// The same, and passes its output to `then` while the span is open.
#[inline]
pub fn future_then<F: Future, O: FnOnce(&Span, &F::Output)>(
    future: F,
    span: Span,
    timed: bool,
    then: O,
) -> Observed<F, O> {
    Observed { inner: Some(future), then: Some(then), polled: Polled::future(span, timed) }
}

/// A stream with the span.
#[cfg(feature = "stream")]
#[inline]
pub fn stream<S: futures_core::Stream>(stream: S, span: Span, timed: bool) -> crate::stream::InSpan<S> {
    crate::stream::InSpan::new(stream, span, timed)
}

pin_project! {
    /// As [`InSpan`], and passes the future's output to a function.
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited or given to an executor"]
    pub struct Observed<F, O> {
        // `None` only while it is dropped.
        #[pin]
        inner: Option<F>,
        then: Option<O>,
        polled: Polled,
    }

    impl<F, O> PinnedDrop for Observed<F, O> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.polled.dropped(this.inner);
        }
    }
}

impl<F: Future, O: FnOnce(&Span, &F::Output)> Future for Observed<F, O> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Pending };
        let then = this.then;
        this.polled.poll(
            || inner.poll(task),
            |span, poll| match poll {
                Poll::Ready(output) => {
                    then.take().into_iter().for_each(|then| then(span, output));
                    true
                }
                Poll::Pending => false,
            },
        )
    }
}
