//! Makes every call of the adapters for futures and streams once. As `api.rs`, this file is compiled with and without
//! recording.

use futures_core::Stream;
use heirloom_core::future::{FutureExt as _, InContext, InSpan};
use heirloom_core::stream::{self, StreamExt as _};
use heirloom_core::{root, Context};
use std::future::{poll_fn, ready, Future, Ready};
use std::pin::{pin, Pin};
use std::task::{Context as TaskContext, Poll, Waker};

/// Runs a future that is never pending.
pub fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// The numbers below this one.
struct Count(u32);

impl Stream for Count {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<u32>> {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        Poll::Ready(left)
    }
}

/// Makes all calls. Returns the current context of each poll.
pub fn everything() -> Vec<Context> {
    let current = || async { Context::current() };
    let spanned: InSpan<Ready<()>> = ready(()).in_span(root("future")).untimed();
    spanned.span().set("key", 1);
    let carried: InContext<Ready<()>> = ready(()).in_context(spanned.span());
    let mut seen = Vec::new();
    seen.extend(now(current().in_span(root("future"))));
    seen.extend(now(current().in_context(&root("carried"))));
    assert_eq!((now(spanned), now(carried)), (Some(()), Some(())));
    drop(std::future::pending::<()>().in_span(root("cancelled")));
    let spanned: stream::InSpan<Count> = Count(3).in_span(root("stream")).untimed();
    spanned.span().set("key", 1);
    let carried: stream::InContext<Count> = Count(3).in_context(spanned.span());
    assert_eq!((count(spanned), count(carried)), (3, 3));
    seen
}

fn count(stream: impl Stream<Item = u32>) -> usize {
    let mut stream = pin!(stream);
    (0..).take_while(|_| now(poll_fn(|task| stream.as_mut().poll_next(task))).flatten().is_some()).count()
}
