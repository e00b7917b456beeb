//! Counts the background jobs of this process that are not over, and waits for them.

use heirloom_core::mark::{self, WaitCause};
use heirloom_core::{on_finish, PerProcess, SpanId, TracerId};
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The child of a fork has none of its parent's jobs.
static JOBS: PerProcess<Jobs> = PerProcess::new();

#[derive(Default)]
struct Jobs {
    /// Only [`Running`] changes it.
    counts: Mutex<Counts>,
    /// Notified when a count falls.
    fell: Condvar,
}

#[derive(Default)]
struct Counts {
    /// The number of jobs that were submitted and are not over, by their tracer.
    running: Vec<(Option<TracerId>, usize)>,
    /// The span of the job that ended last, if it had one.
    last: Option<SpanId>,
}

thread_local! {
    /// The number of unfinished jobs on this thread: more than one if it runs another job while it waits.
    static ON_THIS_THREAD: Cell<usize> = const { Cell::new(0) };
}

/// Waits until all background jobs of the process are over, for at most `timeout`. Returns the number of those that are not.
///
/// Queued jobs count too. A job that calls this is counted but not waited for: it can't end before the call returns.
///
/// ```
/// use heirloom_pool::{background, prelude::*};
/// use std::time::Duration;
/// heirloom_core::in_root("request", |root| root.background("reindex").on_thread(|_span| ()));
/// assert_eq!(background::wait_all(Duration::from_secs(10)), 0);
/// ```
pub fn wait_all(timeout: Duration) -> usize {
    wait(timeout, |_| true)
}

/// As [`wait_all`], for the jobs of one tracer and those without a known tracer. The tracer's `finish` calls it.
fn wait_for(tracer: TracerId, timeout: Duration) -> usize {
    wait(timeout, |job| job.is_none() || job == Some(tracer))
}

fn wait(timeout: Duration, counts: impl Fn(Option<TracerId>) -> bool) -> usize {
    let own = ON_THIS_THREAD.get();
    let running =
        |all: &Counts| all.running.iter().filter(|(tracer, _)| counts(*tracer)).map(|(_, n)| n).sum::<usize>();
    let from = mark::stamp();
    let waited = JOBS.get().fell.wait_timeout_while(lock(), timeout, |all| running(all) > own);
    let (all, _) = waited.unwrap_or_else(PoisonError::into_inner);
    let (left, last) = (running(&all), all.last);
    drop(all);
    let until = mark::stamp();
    if !from.is_short_until(until) {
        mark::waited_until(WaitCause::Job, from, until, None, None, last.filter(|_| left <= own));
    }
    left
}

/// One job that is not over.
pub(super) struct Running {
    tracer: Option<TracerId>,
    span: Option<SpanId>,
}

impl Running {
    pub(super) fn begin(tracer: Option<TracerId>) -> Self {
        static HOOKED: AtomicBool = AtomicBool::new(false);
        if !HOOKED.swap(true, Ordering::AcqRel) {
            on_finish(wait_for);
        }
        let mut all = lock();
        match all.running.iter_mut().find(|(known, _)| *known == tracer) {
            Some((_, n)) => *n += 1,
            None => all.running.push((tracer, 1)),
        }
        Self { tracer, span: None }
    }

    /// The job's span.
    pub(super) fn runs_in(&mut self, span: SpanId) {
        self.span = Some(span);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut all = lock();
        all.last = self.span;
        let running = &mut all.running;
        if let Some(at) = running.iter().position(|(tracer, _)| *tracer == self.tracer) {
            running[at].1 -= 1;
            if running[at].1 == 0 {
                running.swap_remove(at);
            }
        }
        JOBS.get().fell.notify_all();
    }
}

/// One unfinished job on this thread. It stays on the thread.
pub(super) struct OnThisThread(PhantomData<*mut ()>);

impl OnThisThread {
    pub(super) fn begin() -> Self {
        ON_THIS_THREAD.set(ON_THIS_THREAD.get() + 1);
        Self(PhantomData)
    }
}

impl Drop for OnThisThread {
    fn drop(&mut self) {
        ON_THIS_THREAD.set(ON_THIS_THREAD.get() - 1);
    }
}

fn lock() -> MutexGuard<'static, Counts> {
    JOBS.get().counts.lock().unwrap_or_else(PoisonError::into_inner)
}
