//! [`BackgroundJob`]: the handle of a background job, which returns its result.

use super::running::{OnThisThread, Running};
use crate::carry::COMPILED_OUT;
use heirloom_core::mark::{self, Awaiting, WaitCause};
use heirloom_core::{Span, SpanId, TracerId};
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

/// A submitted background job. Dropping the handle doesn't affect the job.
///
/// [`wait`](Self::wait) blocks a thread; `.await` doesn't, and works on any executor. Both are recorded.
pub struct BackgroundJob<T> {
    shared: Arc<Shared<T>>,
}

/// The reason why [`BackgroundJob::wait`] has no value.
#[non_exhaustive]
pub enum WaitError<T> {
    /// The timeout has passed. The job still runs or waits in its queue. This is its handle.
    TimedOut(BackgroundJob<T>),
    /// The job panicked. The thread or pool that ran it has the panic.
    Panicked,
    /// The job was dropped before it ran: its pool shut down, or the submission failed.
    NeverRan,
    /// The job's future was dropped before its end: its task was aborted, or its executor shut down.
    Cancelled,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// The job's span, or zero.
    span: AtomicU64,
    /// Notifies waiting threads.
    changed: Condvar,
}

enum State<T> {
    /// Not over. Has the waker of the task that awaits the handle, if there is one.
    Pending(Option<Waker>),
    Done(T),
    Panicked,
    NeverRan,
    #[cfg(feature = "async")]
    Cancelled,
}

impl<T> BackgroundJob<T> {
    /// Whether the job is over: done, panicked, or dropped without having run.
    pub fn is_finished(&self) -> bool {
        !self.shared.lock().is_pending()
    }

    /// Waits until the job is over, for at most `timeout`, and takes its result.
    ///
    /// Its span has ended then. The wait is recorded, with the job's span, if it took more than a microsecond.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] returns the handle. The other errors say why there is no result.
    pub fn wait(self, timeout: Duration) -> Result<T, WaitError<T>> {
        let from = mark::stamp();
        let state = self.shared.wait(timeout);
        let until = mark::stamp();
        if !from.is_short_until(until) {
            let job = self.shared.span().filter(|_| !state.is_pending());
            mark::waited_until(WaitCause::Job, from, until, None, None, job);
        }
        state.ended().unwrap_or_else(|| Err(WaitError::TimedOut(self)))
    }
}

/// Waits without blocking, and without a limit. Set a time limit with the runtime's timeout.
///
/// The wait is recorded, with the job's span, if the first poll was pending and it took more than a microsecond.
impl<T> IntoFuture for BackgroundJob<T> {
    type Output = Result<T, WaitError<T>>;
    type IntoFuture = Finished<T>;

    fn into_future(self) -> Finished<T> {
        Finished { shared: self.shared, awaiting: Awaiting::default() }
    }
}

/// The future of a [`BackgroundJob`]. Dropping it doesn't affect the job.
#[must_use = "a future does nothing until it is awaited"]
pub struct Finished<T> {
    shared: Arc<Shared<T>>,
    awaiting: Awaiting,
}

impl<T> Future for Finished<T> {
    type Output = Result<T, WaitError<T>>;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let poll = this.shared.poll(task.waker());
        this.awaiting.polled(&poll, |_| this.shared.span());
        poll
    }
}

impl<T> fmt::Debug for Finished<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished").finish_non_exhaustive()
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn span(&self) -> Option<SpanId> {
        let span = SpanId::from_u64(self.span.load(Ordering::Relaxed));
        span.is_valid().then_some(span)
    }

    fn wait(&self, timeout: Duration) -> State<T> {
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, |state| state.is_pending());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut state, State::Pending(None))
    }

    fn poll(&self, waker: &Waker) -> Poll<Result<T, WaitError<T>>> {
        let known = std::mem::replace(&mut *self.lock(), State::Pending(Some(waker.clone())));
        known.ended().map_or(Poll::Pending, Poll::Ready)
    }

    fn settle(&self, state: State<T>) {
        let before = std::mem::replace(&mut *self.lock(), state);
        self.changed.notify_all();
        if let State::Pending(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl<T> State<T> {
    fn is_pending(&self) -> bool {
        matches!(self, State::Pending(_))
    }

    /// The job's result; `None` if it isn't over.
    fn ended(self) -> Option<Result<T, WaitError<T>>> {
        match self {
            State::Pending(_) => None,
            State::Done(value) => Some(Ok(value)),
            State::Panicked => Some(Err(WaitError::Panicked)),
            State::NeverRan => Some(Err(WaitError::NeverRan)),
            #[cfg(feature = "async")]
            State::Cancelled => Some(Err(WaitError::Cancelled)),
        }
    }
}

/// The job's side of the handle. Dropping it notifies the handle, no matter how the job ended.
pub(super) struct Completion<T> {
    shared: Arc<Shared<T>>,
    /// The outcome that the handle gets when this is dropped.
    outcome: State<T>,
    // Dropped last: a job counts as running until its handle was notified.
    running: Running,
}

impl<T> Completion<T> {
    /// Both sides of a new job, which counts as running from then on.
    pub(super) fn new(tracer: Option<TracerId>) -> (Self, BackgroundJob<T>) {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::Pending(None)),
            span: AtomicU64::new(0),
            changed: Condvar::new(),
        });
        let handle = BackgroundJob { shared: Arc::clone(&shared) };
        (Self { shared, outcome: State::NeverRan, running: Running::begin(tracer) }, handle)
    }

    /// The job starts to run on this thread. Until it is [`done`](Self::done), its outcome is a panic.
    pub(super) fn start(&mut self) -> OnThisThread {
        self.outcome = State::Panicked;
        OnThisThread::begin()
    }

    /// The job's span.
    pub(super) fn runs_in(&mut self, span: &Span) {
        if !COMPILED_OUT && span.is_recording() {
            let span = span.context().span_id();
            self.running.runs_in(span);
            self.shared.span.store(span.to_u64(), Ordering::Relaxed);
        }
    }

    /// The job's future waits. Until it is polled again, its outcome is a cancellation.
    #[cfg(feature = "async")]
    pub(super) fn pause(&mut self) {
        self.outcome = State::Cancelled;
    }

    /// The job returned.
    pub(super) fn done(mut self, value: T) {
        self.outcome = State::Done(value);
    }
}

impl<T> Drop for Completion<T> {
    fn drop(&mut self) {
        self.shared.settle(std::mem::replace(&mut self.outcome, State::NeverRan));
    }
}

impl<T> fmt::Debug for BackgroundJob<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundJob").field("is_finished", &self.is_finished()).finish()
    }
}

impl<T> fmt::Debug for WaitError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WaitError::TimedOut(_) => "TimedOut(..)",
            WaitError::Panicked => "Panicked",
            WaitError::NeverRan => "NeverRan",
            WaitError::Cancelled => "Cancelled",
        })
    }
}

impl<T> fmt::Display for WaitError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WaitError::TimedOut(_) => "the background job was not over within the timeout; it goes on, wait again on the returned handle",
            WaitError::Panicked => "the background job panicked; the thread or pool that ran it has the panic",
            WaitError::NeverRan => "the background job was dropped before it ran; keep its pool until the job is over",
            WaitError::Cancelled => {
                "the background job's future was dropped before its end; check whether its task was aborted or its executor shut down"
            }
        })
    }
}

impl<T> std::error::Error for WaitError<T> {}
