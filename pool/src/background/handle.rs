//! [`BackgroundJob`]: whoever wants to know how a background job ended asks its handle.

use super::running::{OnThisThread, Running};
use heirloom_core::TracerId;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

/// A background job that was submitted. Dropping the handle leaves the job alone.
///
/// [`wait`](Self::wait) blocks a thread; `.await` doesn't, and works on any executor.
pub struct BackgroundJob<T> {
    shared: Arc<Shared<T>>,
}

/// Why [`BackgroundJob::wait`] has no value.
#[non_exhaustive]
pub enum WaitError<T> {
    /// The time was up. The job runs or queues on; here is its handle.
    TimedOut(BackgroundJob<T>),
    /// The job panicked. The panic went to the thread or pool that ran it.
    Panicked,
    /// The job was dropped before it ran: its pool shut down, or the submission failed.
    NeverRan,
    /// The job's future was dropped before it was over: its task was aborted, or its executor shut down.
    Cancelled,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// For threads that wait.
    changed: Condvar,
}

enum State<T> {
    /// With the task that awaits the handle, if any does.
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

    /// Waits until the job is over, at most for `timeout`, and takes what it returned.
    ///
    /// Its span has ended by then.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] gives the handle back.
    pub fn wait(self, timeout: Duration) -> Result<T, WaitError<T>> {
        let state = self.shared.wait(timeout);
        state.ended().unwrap_or_else(|| Err(WaitError::TimedOut(self)))
    }
}

/// Waits without blocking, and without a limit: put a timeout around it where it needs one.
impl<T> IntoFuture for BackgroundJob<T> {
    type Output = Result<T, WaitError<T>>;
    type IntoFuture = Finished<T>;

    fn into_future(self) -> Finished<T> {
        Finished { shared: self.shared }
    }
}

/// The future of a [`BackgroundJob`]. Dropping it leaves the job alone.
#[must_use = "a future does nothing until it is awaited"]
pub struct Finished<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Future for Finished<T> {
    type Output = Result<T, WaitError<T>>;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.lock();
        let known = std::mem::replace(&mut *state, State::Pending(Some(task.waker().clone())));
        known.ended().map_or(Poll::Pending, Poll::Ready)
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

    fn wait(&self, timeout: Duration) -> State<T> {
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, |state| state.is_pending());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut state, State::Pending(None))
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

    /// How the job ended; `None` if it hasn't.
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

/// The job's side of the handle. Whatever happens to the job, the handle is told when this is dropped.
pub(super) struct Completion<T> {
    shared: Arc<Shared<T>>,
    /// How the job ended, if it were dropped now.
    outcome: State<T>,
    // Dropped last: a job counts as running until its handle was told.
    _running: Running,
}

impl<T> Completion<T> {
    /// Both sides of a new job, which counts as running from now on.
    pub(super) fn new(tracer: Option<TracerId>) -> (Self, BackgroundJob<T>) {
        let shared = Arc::new(Shared { state: Mutex::new(State::Pending(None)), changed: Condvar::new() });
        let handle = BackgroundJob { shared: Arc::clone(&shared) };
        (Self { shared, outcome: State::NeverRan, _running: Running::begin(tracer) }, handle)
    }

    /// The job starts to run on this thread. Until it is [`done`](Self::done), its end is a panic.
    pub(super) fn start(&mut self) -> OnThisThread {
        self.outcome = State::Panicked;
        OnThisThread::begin()
    }

    /// The job's future waits. Until it is polled again, its end is that it was cancelled.
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
            WaitError::TimedOut(_) => "the background job was not over in time; it goes on, wait again on its handle",
            WaitError::Panicked => "the background job panicked; the thread or pool that ran it has the panic",
            WaitError::NeverRan => "the background job was dropped before it ran: is its pool still there?",
            WaitError::Cancelled => {
                "the background job's future was dropped before it was over: was its task aborted, or its executor stopped?"
            }
        })
    }
}

impl<T> std::error::Error for WaitError<T> {}
