//! How long a thread that finds no room waits for the collector, and the waits so far.

use super::complete::Complete;
use super::ledger::Waits;
use crate::Overload;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What becomes of threads that find no room. Threads that wait write the counts; any thread reads them.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Zero: no waits.
    longest: Duration,
    pub(crate) complete: Option<Complete>,
    waits: AtomicU64,
    waited_ns: AtomicU64,
    timed_out: AtomicU64,
}

impl Waiting {
    pub(crate) fn new(overload: Overload, complete: Option<Complete>) -> Self {
        let longest = match overload {
            Overload::Coarsen => Duration::ZERO,
            Overload::Wait(longest) => longest,
        };
        let zero = || AtomicU64::new(0);
        Self { longest, complete, waits: zero(), waited_ns: zero(), timed_out: zero() }
    }

    /// The longest wait at present; zero if there are none.
    pub(crate) fn longest(&self) -> Duration {
        self.complete.as_ref().and_then(Complete::deadline).unwrap_or(self.longest)
    }

    /// A wait has taken this time. In vain: until its limit.
    pub(crate) fn count(&self, took: Duration, in_vain: bool) {
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.waited_ns.fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
        self.timed_out.fetch_add(u64::from(in_vain), Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> Waits {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let total = Duration::from_nanos(load(&self.waited_ns));
        Waits { count: load(&self.waits), total, timed_out: load(&self.timed_out) }
    }
}
