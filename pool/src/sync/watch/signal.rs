//! [`Signal`]: what a condition variable knows about its use.

use super::{span_of, Hold};
use heirloom_core::mark::{current_span, stamp, waited_until, Lock, LockKind, WaitCause};
use heirloom_core::SpanId;
use std::sync::atomic::{AtomicU64, Ordering};

/// Beside a condition variable.
#[derive(Debug)]
pub(in crate::sync) struct Signal {
    lock: Lock,
    /// The span that notified last; zero if none was current there.
    notifier: AtomicU64,
}

impl Signal {
    #[track_caller]
    pub(in crate::sync) const fn new() -> Self {
        Self { lock: Lock::new(LockKind::Condvar), notifier: AtomicU64::new(0) }
    }

    pub(in crate::sync) const fn named(name: &'static str) -> Self {
        Self { lock: Lock::named(LockKind::Condvar, name), notifier: AtomicU64::new(0) }
    }

    /// This thread is about to notify others.
    #[inline]
    pub(in crate::sync) fn notify(&self) {
        self.notifier.store(current_span().map_or(0, SpanId::to_u64), Ordering::Relaxed);
    }

    /// Runs `wait`, which releases the lock of `hold`, waits for a notification, and acquires the lock again.
    pub(in crate::sync) fn wait<R>(
        &self,
        hold: &mut Hold<'_>,
        wait: impl FnOnce() -> R,
        notified: impl FnOnce(&R) -> bool,
    ) -> R {
        hold.pause();
        let from = stamp();
        let result = wait();
        let now = stamp();
        hold.resume(now);
        if !from.is_short_until(now) {
            let notifier = span_of(self.notifier.load(Ordering::Relaxed)).filter(|_| notified(&result));
            waited_until(WaitCause::Condvar, from, now, Some(&self.lock), None, notifier);
        }
        result
    }
}
