//! [`Condvar`].

use super::mutex::MutexGuard;
use super::watch::Signal;
use parking_lot::WaitTimeoutResult;
use std::fmt;
use std::time::{Duration, Instant};

/// Lets threads wait until another one notifies them: [`parking_lot::Condvar`], which records who waited for whom.
///
/// A wait is recorded with the span that notified last. The time until the mutex was acquired again is part of it.
///
/// Cost: a store per notification; two clock reads per wait.
///
/// ```
/// use heirloom_pool::sync::{Condvar, Mutex};
/// let (ready, changed) = (Mutex::new(false), Condvar::named("ready"));
/// std::thread::scope(|s| {
///     s.spawn(|| {
///         *ready.lock() = true;
///         changed.notify_one();
///     });
///     changed.wait_while(&mut ready.lock(), |ready| !*ready);
/// });
/// ```
pub struct Condvar {
    inner: parking_lot::Condvar,
    signal: Signal,
}

impl Condvar {
    /// A condition variable that is named by the file and line of the call.
    #[inline]
    #[track_caller]
    pub const fn new() -> Self {
        Self { inner: parking_lot::Condvar::new(), signal: Signal::new() }
    }

    /// A condition variable with a name.
    #[inline]
    pub const fn named(name: &'static str) -> Self {
        Self { inner: parking_lot::Condvar::new(), signal: Signal::named(name) }
    }

    /// Wakes one thread that waits. Returns whether there was one.
    #[inline]
    pub fn notify_one(&self) -> bool {
        self.signal.notify();
        self.inner.notify_one()
    }

    /// Wakes all threads that wait. Returns their number.
    #[inline]
    pub fn notify_all(&self) -> usize {
        self.signal.notify();
        self.inner.notify_all()
    }

    /// Releases the lock, waits for a notification, and acquires the lock again.
    ///
    /// # Panics
    ///
    /// If another thread waits for this condition variable with another mutex.
    pub fn wait<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>) {
        self.wait_with(guard, |inner, guard| inner.wait(guard), |()| true);
    }

    /// As [`wait`](Self::wait), for at most `timeout`.
    ///
    /// # Panics
    ///
    /// If another thread waits for this condition variable with another mutex.
    pub fn wait_for<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>, timeout: Duration) -> WaitTimeoutResult {
        self.wait_with(guard, |inner, guard| inner.wait_for(guard, timeout), |result| !result.timed_out())
    }

    /// As [`wait`](Self::wait), until `deadline` at the latest.
    ///
    /// # Panics
    ///
    /// If another thread waits for this condition variable with another mutex.
    pub fn wait_until<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>, deadline: Instant) -> WaitTimeoutResult {
        self.wait_with(guard, |inner, guard| inner.wait_until(guard, deadline), |result| !result.timed_out())
    }

    /// Waits again and again while `condition` holds.
    ///
    /// # Panics
    ///
    /// If another thread waits for this condition variable with another mutex.
    pub fn wait_while<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>, mut condition: impl FnMut(&mut T) -> bool) {
        while condition(&mut **guard) {
            self.wait(guard);
        }
    }

    /// As [`wait_while`](Self::wait_while), for at most `timeout`.
    ///
    /// # Panics
    ///
    /// If another thread waits for this condition variable with another mutex.
    pub fn wait_while_for<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        self.wait_with(
            guard,
            |inner, guard| inner.wait_while_for(guard, condition, timeout),
            |result| !result.timed_out(),
        )
    }

    /// As [`wait_while`](Self::wait_while), until `deadline` at the latest.
    ///
    /// # Panics
    ///
    /// If another thread waits for this condition variable with another mutex.
    pub fn wait_while_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        self.wait_with(
            guard,
            |inner, guard| inner.wait_while_until(guard, condition, deadline),
            |result| !result.timed_out(),
        )
    }

    /// `notified` says of the result of `wait` whether a notification ended it.
    fn wait_with<'a, T: ?Sized, R>(
        &self,
        guard: &mut MutexGuard<'a, T>,
        wait: impl FnOnce(&parking_lot::Condvar, &mut parking_lot::MutexGuard<'a, T>) -> R,
        notified: impl FnOnce(&R) -> bool,
    ) -> R {
        let MutexGuard { hold, inner } = guard;
        self.signal.wait(hold, || wait(&self.inner, inner), notified)
    }
}

impl Default for Condvar {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Mutex;
    use super::*;

    #[test]
    fn a_wait_without_a_notification_ends_at_its_timeout() {
        let (lock, changed) = (Mutex::new(7), Condvar::new());
        let mut guard = lock.lock();
        assert!(changed.wait_for(&mut guard, Duration::ZERO).timed_out());
        assert!(changed.wait_until(&mut guard, Instant::now()).timed_out());
        assert!(changed.wait_while_for(&mut guard, |n| *n == 7, Duration::ZERO).timed_out());
        assert!(!changed.wait_while_until(&mut guard, |n| *n == 8, Instant::now()).timed_out());
        assert_eq!(*guard, 7);
        assert!(!changed.notify_one());
        assert_eq!(changed.notify_all(), 0);
    }

    #[test]
    fn a_notification_ends_a_wait_and_the_lock_is_held_again() {
        let (turn, changed) = (Mutex::new(0), Condvar::default());
        std::thread::scope(|s| {
            s.spawn(|| {
                changed.wait_while(&mut turn.lock(), |turn| *turn == 0);
                *turn.lock() = 2;
                changed.notify_all();
            });
            let mut guard = turn.lock();
            *guard = 1;
            changed.notify_all();
            while *guard != 2 {
                changed.wait(&mut guard);
            }
            assert!(turn.is_locked());
        });
    }
}
