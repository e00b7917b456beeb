//! Time. A recording thread stamps a record with a *tick*; the collector turns ticks into nanoseconds since 1970.
//!
//! A tick with a clear top bit is the processor's counter. With a set top bit, the other 63 bits are nanoseconds of the
//! monotonic clock (or of a test's manual clock). So each stamp identifies its clock, and a change of the clock during a
//! run can't mix them up.
//!
//! The counter (8 ns to read) is used where the kernel itself derives its time from it, `CLOCK_MONOTONIC` (19 ns)
//! elsewhere. Neither follows a step of the wall clock. [`timeline`] converts both to wall-clock time, and sees such steps.

mod counter;
mod manual;
pub(crate) mod stopwatch;
pub(crate) mod timeline;

pub(crate) use counter::read as counter;
pub use manual::ManualClock;

use crate::sys;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// Set in a tick that is in nanoseconds and not the counter.
pub(crate) const NS: u64 = 1 << 63;

/// The clock that a shard's writer reads, as a number that fits an atomic.
pub(crate) const COUNTER: u8 = 0;
/// `CLOCK_MONOTONIC`.
pub(crate) const MONOTONIC: u8 = 1;
/// A test's manual clock.
pub(crate) const MANUAL: u8 = 2;

/// The clock of a tracer.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    Manual(ManualClock),
}

impl Clock {
    /// The clock for a new shard's writer.
    pub(crate) fn source(&self) -> u8 {
        match self {
            Clock::Manual(_) => MANUAL,
            Clock::System if counter::EXISTS && sys::counter_is_clock() => COUNTER,
            Clock::System => MONOTONIC,
        }
    }

    /// Reads a clock other than the counter.
    pub(crate) fn slow_tick(&self) -> u64 {
        match self {
            Clock::System => NS | sys::monotonic_ns(),
            Clock::Manual(clock) => NS | clock.now_ns(),
        }
    }

    /// The monotonic clock in nanoseconds.
    pub(crate) fn monotonic_ns(&self) -> u64 {
        self.slow_tick() & !NS
    }
}

/// Shared nanoseconds.
pub(crate) type Nanos = Arc<AtomicU64>;

pub(crate) fn load(nanos: &Nanos) -> u64 {
    nanos.load(Ordering::Relaxed)
}
