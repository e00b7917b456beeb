//! [`JobFuture`]: a background job that is a future.

use super::handle::{BackgroundJob, Completion};
use super::{BackgroundBuilder, Outcome};
use crate::carry::Submitted;
use heirloom_core::future::{FutureExt as _, InSpan};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

impl BackgroundBuilder {
    /// Runs a future as a task of the current tokio runtime.
    ///
    /// The span starts at the first poll, is current during each poll, and has the attributes of
    /// [`in_span`](heirloom_core::future::FutureExt::in_span), such as `heirloom.busy_ns`. If the task is aborted, or if its
    /// runtime drops it, the span has `heirloom.cancelled`, and the handle returns
    /// [`WaitError::Cancelled`](super::WaitError::Cancelled).
    ///
    /// `finish` waits for it as for other jobs. On a runtime with one thread, call `finish` from a thread that the runtime doesn't
    /// need (`spawn_blocking`, or outside of `block_on`). Otherwise the job can't go on meanwhile.
    ///
    /// For another runtime: `.on_executor(|job| handle.spawn(job), async move { .. })`. For a closure that blocks:
    /// `.on(tokio::task::spawn_blocking, |span| ..)`.
    ///
    /// Cost: that of a closure's job, one allocation for the future, and two clock readings per poll.
    ///
    /// # Panics
    ///
    /// As [`tokio::spawn`]: outside a runtime.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let root = heirloom_core::root("request");
    /// let job = root.background("notify").on_tokio(async move {
    ///     tokio::task::yield_now().await;
    ///     std::io::Result::Ok(3)
    /// });
    /// root.end(); // The trace of "request" is complete. The job is in another one.
    /// assert_eq!(job.await.unwrap().unwrap(), 3);
    /// # });
    /// ```
    #[cfg(feature = "tokio")]
    #[track_caller]
    pub fn on_tokio<T, Fut>(self, future: Fut) -> BackgroundJob<T>
    where
        Fut: Future<Output = T> + Send + 'static,
        T: Outcome + Send + 'static,
    {
        self.on_executor(::tokio::spawn, future)
    }

    /// Runs a future on any executor: `spawn` passes it on. The result of `spawn` is dropped. If the executor's handle cancels its
    /// task on drop, call `detach` in `spawn`.
    ///
    /// All else is as in `on_tokio`. The job is `Send` and `'static` if the future is, so it can go to a `LocalSet` too.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use std::time::Duration;
    /// # fn block_on<F: std::future::Future>(f: F) -> F::Output {
    /// #     let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     match std::pin::pin!(f).poll(&mut cx) { std::task::Poll::Ready(value) => value, _ => unreachable!() }
    /// # }
    /// let job = heirloom_core::in_root("request", |root| {
    ///     root.background("notify").on_executor(|job| std::thread::spawn(|| block_on(job)), async { /* .. */ })
    /// });
    /// job.wait(Duration::from_secs(10)).unwrap();
    /// ```
    pub fn on_executor<T, Fut, S, U>(self, spawn: S, future: Fut) -> BackgroundJob<T>
    where
        S: FnOnce(JobFuture<T, Fut>) -> U,
        Fut: Future<Output = T>,
        T: Outcome,
    {
        let (completion, handle) = self.completion();
        let state = State::Waiting { submitted: Submitted::now(), job: self, future: Box::pin(future) };
        spawn(JobFuture { state, completion: Some(completion) });
        handle
    }
}

/// A background job, as [`BackgroundBuilder::on_executor`] passes it to an executor.
///
/// If it is dropped before its end, the job is cancelled. If it is dropped before its first poll, the job never ran and has no
/// span.
#[must_use = "a future does nothing until it is given to an executor"]
pub struct JobFuture<T, Fut> {
    // Dropped in this order: the span ends before the handle is notified.
    state: State<Fut>,
    completion: Option<Completion<T>>,
}

enum State<Fut> {
    Waiting { submitted: Submitted, job: BackgroundBuilder, future: Pin<Box<Fut>> },
    Running(InSpan<Pin<Box<Fut>>>),
    Over,
}

impl<Fut: Future> State<Fut> {
    /// The future in its span, which starts now if it hasn't. `None` once it is over.
    fn running<T>(&mut self, completion: &mut Completion<T>) -> Option<&mut InSpan<Pin<Box<Fut>>>> {
        if matches!(self, State::Waiting { .. }) {
            if let State::Waiting { submitted, job, future } = std::mem::replace(self, State::Over) {
                let span = job.begin(submitted);
                completion.runs_in(&span);
                *self = State::Running(future.in_span(span));
            }
        }
        match self {
            State::Running(running) => Some(running),
            _ => None,
        }
    }
}

// The pinned future is in a box.
impl<T, Fut> Unpin for JobFuture<T, Fut> {}

impl<T: Outcome, Fut: Future<Output = T>> Future for JobFuture<T, Fut> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(completion) = &mut this.completion else { return Poll::Ready(()) };
        let here = completion.start();
        let Some(running) = this.state.running(completion) else { return Poll::Ready(()) };
        let poll = Pin::new(running).poll_then(task, |span, outcome| outcome.write(span));
        drop(here);
        match poll {
            Poll::Pending => {
                completion.pause();
                Poll::Pending
            }
            Poll::Ready(value) => {
                this.state = State::Over;
                if let Some(completion) = this.completion.take() {
                    completion.done(value);
                }
                Poll::Ready(())
            }
        }
    }
}

impl<T, Fut> fmt::Debug for JobFuture<T, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Waiting { .. } => "waiting",
            State::Running(_) => "running",
            State::Over => "over",
        };
        f.debug_struct("JobFuture").field("state", &state).finish_non_exhaustive()
    }
}
