//! [`block_on`]: a thread that is blocked on a future.

use heirloom_core::future::FutureExt as _;
use heirloom_core::mark::{stamp, waited_until, Stamp, WaitCause};
use heirloom_core::{Context, Name};
use std::future::{poll_fn, Future};
use std::pin::{pin, Pin};
use std::task::Poll;

/// Runs a future on this thread, in a new span below `cx`, with an executor's `block_on`. On tokio,
/// [`runtime.traced(cx).block_on(..)`](crate::tokio::TracedTasks::traced) is shorter.
///
/// `f` makes the future, with the span current, and gets the span's context. `block_on` gets the future, and calls the executor
/// with it. The span has what [`in_span`](heirloom_core::future::FutureExt::in_span) records.
///
/// The time in which this thread is parked is recorded as a wait for a job, below `cx`: the time between two polls, if it is more
/// than a microsecond. The polls are work. Where the executor runs other tasks on this thread between the polls, and these are
/// traced, the analysis counts them as work too.
///
/// Cost: a span, and two further clock readings per poll that isn't the last; no lock, no allocation.
///
/// # Panics
///
/// If the future or the executor does. The span then ends as an error.
///
/// ```
/// # fn some_block_on<F: std::future::Future>(f: F) -> F::Output {
/// #     let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
/// #     match std::pin::pin!(f).poll(&mut cx) { std::task::Poll::Ready(value) => value, _ => unreachable!() }
/// # }
/// let bytes = heirloom_core::in_root("main", |root| {
///     let fetch = |cx: heirloom_core::Context| async move {
///         cx.update().set("host", "localhost");
///         512
///     };
///     heirloom_pool::block_on(root, "fetch", fetch, |future| some_block_on(future)) // `futures::executor::block_on`, for example
/// });
/// assert_eq!(bytes, 512);
/// ```
pub fn block_on<'n, F, Fut, B, R>(cx: impl Into<Context>, name: impl Into<Name<'n>>, f: F, block_on: B) -> R
where
    F: FnOnce(Context) -> Fut,
    Fut: Future,
    B: FnOnce(Pin<&mut dyn Future<Output = Fut::Output>>) -> R,
{
    let cx = cx.into();
    let span = cx.span(name);
    let future = {
        let _current = span.enter();
        f(span.context())
    };
    let mut parked = Parked { cx, since: None };
    let mut future = pin!(future.in_span(span));
    block_on(pin!(poll_fn(move |task| parked.poll(|| future.as_mut().poll(task)))))
}

/// Times how long a thread is parked between the polls of the future on which it is blocked.
#[derive(Debug)]
struct Parked {
    cx: Context,
    /// The end of the last poll.
    since: Option<Stamp>,
}

impl Parked {
    fn poll<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        if let Some(since) = self.since.take() {
            self.record(since);
        }
        let polled = poll();
        self.since = polled.is_pending().then(stamp);
        polled
    }

    fn record(&self, since: Stamp) {
        let now = stamp();
        if !since.is_short_until(now) {
            let _current = self.cx.enter();
            waited_until(WaitCause::Job, since, now, None, None, None);
        }
    }
}
