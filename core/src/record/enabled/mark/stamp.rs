//! Readings of the clock.

use crate::clock::stopwatch;
use crate::thread;

/// Waits and stretches of at most this length are short, in nanoseconds: a microsecond.
const SHORT_NS: u64 = 1000;

/// A reading of the clock, in ticks of this process. Plain data: it goes with a message to another thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(pub(super) u64);

/// Reads the clock that this thread's records use. Cost: one clock read.
#[inline]
pub fn stamp() -> Stamp {
    Stamp(thread::state().tick())
}

impl Stamp {
    /// The ticks from this reading to a later one; zero if they are in the wrong order.
    #[inline]
    pub fn ticks_until(self, later: Stamp) -> u64 {
        stopwatch::ticks_between(self.0, later.0)
    }

    /// Whether at most a microsecond lies between this reading and a later one. Waits that short are summed
    /// ([`lock_totals`](super::lock_totals)), and not recorded one by one.
    #[inline]
    pub fn is_short_until(self, later: Stamp) -> bool {
        !stopwatch::is_longer(self.0, later.0, SHORT_NS)
    }
}
