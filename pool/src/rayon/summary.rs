//! [`Histogram`]: the durations of a leaf's items.

use heirloom_core::Span;
use std::time::Duration;

/// Number of buckets: one for each power of two from 1 ns to nine minutes, which is longer than an item should take.
const BUCKETS: usize = 40;

/// The numbers of items by duration. [`Traced::summary`](super::Traced::summary) documents the bounds of the buckets.
pub(super) struct Histogram {
    buckets: [i64; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS] }
    }
}

impl Histogram {
    #[inline]
    pub(super) fn count(&mut self, duration: Duration) {
        if let Some(bucket) = self.buckets.get_mut(bucket(duration)) {
            *bucket += 1;
        }
    }

    /// Writes the attribute.
    pub(super) fn write(&self, span: &Span) {
        span.set("heirloom.duration_histogram", self.counts());
    }

    /// The counts, without the zeros at the end.
    fn counts(&self) -> &[i64] {
        let len = self.buckets.iter().rposition(|count| *count != 0).map_or(0, |last| last + 1);
        self.buckets.get(..len).unwrap_or_default()
    }
}

/// The bucket of a duration: the logarithm to base 2 of the nanoseconds, rounded down, at most the last bucket.
#[inline]
fn bucket(duration: Duration) -> usize {
    let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    (ns.max(1).ilog2() as usize).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_begins_at_a_power_of_two() {
        let of = |ns| bucket(Duration::from_nanos(ns));
        assert_eq!([of(0), of(1), of(2), of(3), of(4), of(1023), of(1024)], [0, 0, 1, 1, 2, 9, 10]);
    }

    #[test]
    fn the_last_bucket_is_open() {
        assert_eq!(bucket(Duration::from_nanos((1 << 39) - 1)), 38);
        assert_eq!(bucket(Duration::from_nanos(1 << 39)), 39);
        assert_eq!(bucket(Duration::MAX), 39);
    }

    #[test]
    fn zeros_at_the_end_are_left_out() {
        let mut histogram = Histogram::default();
        assert!(histogram.counts().is_empty());
        [1, 5, 5].into_iter().for_each(|ns| histogram.count(Duration::from_nanos(ns)));
        assert_eq!(histogram.counts(), [1, 0, 2]);
    }
}
