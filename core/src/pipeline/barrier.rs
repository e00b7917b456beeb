//! Waits until several threads have done their parts, with a deadline.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Counts the parts that are not done, and collects failures.
#[derive(Debug)]
pub(crate) struct Barrier {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    parts: usize,
    failures: Vec<String>,
    /// The waker of the one future that waits.
    waker: Option<Waker>,
}

impl Barrier {
    /// A barrier of this many parts.
    pub(crate) fn new(parts: usize) -> Arc<Self> {
        let state = State { parts, failures: Vec::new(), waker: None };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds parts. The caller's own part must not be done yet.
    pub(crate) fn add(&self, parts: usize) {
        self.lock().parts += parts;
    }

    /// Completes a part, with its failure if it failed.
    pub(crate) fn done(&self, failure: Option<String>) {
        let mut state = self.lock();
        state.failures.extend(failure);
        state.parts = state.parts.saturating_sub(1);
        if state.parts == 0 {
            self.changed.notify_all();
            let waker = state.waker.take();
            drop(state);
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// Waits for all parts. Returns the failures, or `Err` with the number of parts that were missing at the deadline.
    pub(crate) fn wait(&self, timeout: Duration) -> Result<Vec<String>, usize> {
        let start = Instant::now();
        let mut state = self.lock();
        loop {
            if state.parts == 0 {
                return Ok(std::mem::take(&mut state.failures));
            }
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(state.parts);
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn poll(&self, waker: &Waker) -> Poll<Vec<String>> {
        let mut state = self.lock();
        if state.parts == 0 {
            return Poll::Ready(std::mem::take(&mut state.failures));
        }
        // Replaced at each poll: a future moves from task to task, and only its last one waits.
        state.waker = Some(waker.clone());
        Poll::Pending
    }
}

/// Resolves to the failures when all parts are done.
#[derive(Debug)]
pub(crate) struct Done(pub(crate) Arc<Barrier>);

impl Future for Done {
    type Output = Vec<String>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx.waker())
    }
}
