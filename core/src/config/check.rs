//! The ranges of the settings, in one place for the environment and for code.

use super::ConfigWarning;
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::time::Duration;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// Bounds of a ring, in bytes: at least large enough for several of the largest records, at most small enough for many
/// threads.
const SHARD_BYTES_RANGE: RangeInclusive<usize> = 64 * KIB..=GIB;
/// Upper bound: an idle collector may sleep this long, and a program still ends in reasonable time.
const MAX_DRAIN_INTERVAL: Duration = Duration::from_secs(10);

/// The values that a setting accepts.
pub(super) struct Check<T> {
    /// In words, to follow "it takes".
    pub(super) accepted: &'static str,
    pub(super) accepts: fn(&T) -> bool,
}

pub(super) const SHARD_BYTES: Check<usize> = Check {
    accepted: "a power of two from 64 KiB to 1 GiB",
    accepts: |bytes| bytes.is_power_of_two() && SHARD_BYTES_RANGE.contains(bytes),
};

pub(super) const RING_BYTES: Check<usize> =
    Check { accepted: "a number of bytes, at least 1 MiB", accepts: |bytes| *bytes >= MIB };

pub(super) const CAPTURE_MAX_BYTES: Check<usize> =
    Check { accepted: "a number of bytes, at least 64", accepts: |bytes| *bytes >= super::Capture::MIN_MAX_BYTES };

pub(super) const QUEUE_BYTES: Check<usize> =
    Check { accepted: "a number of bytes, at least 64 KiB", accepts: |bytes| *bytes >= 64 * KIB };

pub(super) const MAX_OPEN_SPANS: Check<u32> =
    Check { accepted: "a whole number from 1 to 1048576", accepts: |spans| (1..=1 << 20).contains(spans) };

pub(super) const DRAIN_INTERVAL: Check<Duration> = Check {
    accepted: "more than 0 and at most 10000 milliseconds",
    accepts: |interval| !interval.is_zero() && *interval <= MAX_DRAIN_INTERVAL,
};

impl<T: Debug> Check<T> {
    /// Replaces a value that isn't accepted by the default.
    pub(super) fn correct(&self, name: &'static str, value: &mut T, default: T) -> Option<ConfigWarning> {
        if (self.accepts)(value) {
            return None;
        }
        let wrong = std::mem::replace(value, default);
        Some(ConfigWarning::new(name, &format!("{wrong:?}"), self.accepted))
    }
}
