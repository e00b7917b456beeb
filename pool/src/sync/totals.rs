//! [`Totals`]: what a lock or a channel sums up until it is recorded.

use heirloom_core::mark::{lock_totals, Lock};

/// The number of short waits after which their sum is recorded. Bounds what a lock that is never dropped has not recorded when its
/// program ends: to as many microseconds.
const SHORT_WAITS: u64 = 64;

/// The sums since they were recorded last.
#[derive(Debug)]
pub(super) struct Totals {
    short_waits: u64,
    short_wait_ticks: u64,
    hand_offs: u64,
}

impl Totals {
    pub(super) const fn new() -> Self {
        Self { short_waits: 0, short_wait_ticks: 0, hand_offs: 0 }
    }

    pub(super) fn hand_off(&mut self) {
        self.hand_offs += 1;
    }

    pub(super) fn short_wait(&mut self, ticks: u64) {
        self.short_waits += 1;
        self.short_wait_ticks = self.short_wait_ticks.saturating_add(ticks);
    }

    /// Whether it is time to record them.
    pub(super) fn are_due(&self) -> bool {
        self.short_waits >= SHORT_WAITS
    }

    pub(super) fn are_empty(&self) -> bool {
        self.short_waits == 0 && self.hand_offs == 0
    }

    /// The sums, which start again from zero.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new())
    }

    pub(super) fn record(&self, lock: &Lock, acquisitions: u64) {
        lock_totals(lock, self.short_waits, self.short_wait_ticks, acquisitions, self.hand_offs);
    }
}
