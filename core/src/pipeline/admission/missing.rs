//! [`Missing`]: counts of refused spans that wait for their nearest kept ancestor.

use crate::{IdHasher, SpanId};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

type Counts = HashMap<SpanId, u64, BuildHasherDefault<IdHasher>>;

/// How many spans below a span were refused, until it arrives. A span arrives after its children, if it is still open when they
/// end.
#[derive(Debug)]
pub(super) struct Missing {
    young: Counts,
    /// Those that the collector was asked about: their span was open then.
    old: Counts,
    /// The most spans that are waited for.
    most: usize,
}

impl Missing {
    pub(super) fn new(most: usize) -> Self {
        Self { young: Counts::default(), old: Counts::default(), most }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    /// How many refused spans wait for an ancestor.
    #[cfg(all(test, not(loom)))]
    pub(super) fn waiting(&self) -> u64 {
        self.young.values().chain(self.old.values()).sum()
    }

    /// Counts refused spans for their parent. Returns whether there was room for that.
    pub(super) fn add(&mut self, parent: SpanId, spans: u64) -> bool {
        if let Some(count) = self.old.get_mut(&parent) {
            *count += spans;
        } else if self.young.len() + self.old.len() < self.most || self.young.contains_key(&parent) {
            *self.young.entry(parent).or_default() += spans;
        } else {
            return false;
        }
        true
    }

    /// The span arrives: takes its count.
    #[inline]
    pub(super) fn take(&mut self, span: SpanId) -> u64 {
        if self.is_empty() {
            return 0;
        }
        self.young.remove(&span).or_else(|| self.old.remove(&span)).unwrap_or(0)
    }

    /// Drops the counts of spans that will not arrive. `is_open` says whether a span is open now; every span that has ended has
    /// arrived. A count is dropped at the second call only: the collector may read a child before the Begin of its parent.
    /// Returns how many spans were counted there.
    pub(super) fn settle(&mut self, is_open: impl Fn(SpanId) -> bool) -> u64 {
        let mut dropped = 0;
        self.old.retain(|span, count| {
            let stays = is_open(*span);
            dropped += if stays { 0 } else { *count };
            stays
        });
        for (span, count) in self.young.drain() {
            *self.old.entry(span).or_default() += count;
        }
        if self.is_empty() {
            (self.young, self.old) = (Counts::default(), Counts::default());
        }
        dropped
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn id(id: u64) -> SpanId {
        SpanId::from_u64(id)
    }

    #[test]
    fn a_count_waits_for_its_span_and_is_taken_once() {
        let mut missing = Missing::new(10);
        assert!(missing.add(id(1), 1) && missing.add(id(1), 4) && missing.add(id(2), 1));
        assert_eq!(missing.waiting(), 6);
        assert_eq!([1, 1, 3].map(|span| missing.take(id(span))), [5, 0, 0]);
        assert_eq!(missing.waiting(), 1);
    }

    #[test]
    fn beyond_its_bound_nothing_more_is_counted() {
        let mut missing = Missing::new(3);
        assert_eq!((1..=5).map(|span| missing.add(id(span), 1)).collect::<Vec<_>>(), [true, true, true, false, false]);
        assert!(missing.add(id(2), 1), "a span that is waited for");
        assert_eq!(missing.waiting(), 4);
    }

    #[test]
    fn counts_of_spans_that_are_not_open_are_dropped_at_the_second_call() {
        let mut missing = Missing::new(10);
        (1..=4).for_each(|span| _ = missing.add(id(span), span));
        assert_eq!(missing.settle(|_| false), 0, "their Begins may not be read yet");
        missing.add(id(4), 10);
        assert_eq!(missing.settle(|span| span.to_u64() > 2), 3);
        assert_eq!((missing.take(id(1)), missing.take(id(3)), missing.take(id(4))), (0, 3, 14));
        assert!(missing.is_empty() && missing.waiting() == 0);
    }
}
