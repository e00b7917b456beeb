//! How many background jobs of this process are not over, and waiting for that.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Jobs that were submitted and are not over. Written by [`Running`] alone.
static RUNNING: Mutex<usize> = Mutex::new(0);
/// Notified whenever `RUNNING` falls.
static FELL: Condvar = Condvar::new();

thread_local! {
    /// Jobs that this thread is in the middle of: more than one if it helps itself to another while it waits.
    static ON_THIS_THREAD: Cell<usize> = const { Cell::new(0) };
}

/// Waits until every background job of the process is over, at most for `timeout`. Returns how many are not.
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
    let own = ON_THIS_THREAD.get();
    let waited = FELL.wait_timeout_while(lock(), timeout, |running| *running > own);
    let (running, _) = waited.unwrap_or_else(PoisonError::into_inner);
    *running
}

/// One job that is not over.
pub(super) struct Running(());

impl Running {
    pub(super) fn begin() -> Self {
        *lock() += 1;
        Self(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *lock() -= 1;
        FELL.notify_all();
    }
}

/// One job that this thread is in the middle of. It stays on the thread.
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

fn lock() -> MutexGuard<'static, usize> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
