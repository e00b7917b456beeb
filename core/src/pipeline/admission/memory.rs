//! [`Decisions`]: what was decided for which trace, in a bounded memory.

use crate::IdHasher;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;

type Map<T> = HashMap<u64, T, BuildHasherDefault<IdHasher>>;

/// What was decided for a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Kept,
    /// Refused, and how many of its refused spans may still get a child.
    Refused {
        growing: u32,
    },
    /// Refused after something was forgotten.
    Torn,
}

impl Decision {
    /// The refused spans that a later span may miss.
    fn growing(self) -> u64 {
        match self {
            Decision::Refused { growing } => growing.into(),
            Decision::Kept | Decision::Torn => 0,
        }
    }
}

/// Decisions by the hash of their trace, in two generations: what was not asked for while the younger one was filled is
/// forgotten.
#[derive(Debug)]
pub(super) struct Decisions {
    young: Map<Decision>,
    old: Map<Decision>,
    /// The most decisions of a generation.
    most: usize,
    /// Bits for the hash of each kept trace that was forgotten. Empty if there is none.
    forgotten: Vec<u64>,
    /// Refused spans that a later span may miss, because their trace was forgotten.
    torn: u64,
}

impl Decisions {
    pub(super) fn new(most: usize) -> Self {
        Self { young: Map::default(), old: Map::default(), most: most.max(1), forgotten: Vec::new(), torn: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    /// Whether a trace may have been kept, and been forgotten since the last [`keep_refused`](Self::keep_refused). Never wrong if
    /// it was; wrong for few others.
    pub(super) fn may_have_forgotten(&self, hash: u64) -> bool {
        let is_set = |(word, bit): (usize, u64)| self.forgotten.get(word).is_some_and(|bits| bits & bit != 0);
        self.places(hash).into_iter().all(is_set)
    }

    /// The two places of a hash among the bits (a Bloom filter): a word for each decision of a generation.
    fn places(&self, hash: u64) -> [(usize, u64); 2] {
        [hash, hash.rotate_left(29)].map(|hash| ((hash >> 6) as usize % self.most, 1 << (hash & 63)))
    }

    /// The decision for a trace. It counts as asked for.
    pub(super) fn get(&mut self, hash: u64) -> Option<&mut Decision> {
        if let Some(old) = self.old.remove(&hash) {
            self.insert(hash, old);
        }
        self.young.get_mut(&hash)
    }

    pub(super) fn insert(&mut self, hash: u64, decision: Decision) {
        if self.young.len() >= self.most {
            let forgotten = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            forgotten.into_iter().for_each(|(hash, decision)| self.forget(hash, decision));
        }
        self.young.insert(hash, decision);
    }

    fn forget(&mut self, hash: u64, decision: Decision) {
        self.torn += decision.growing();
        if decision != Decision::Kept {
            return;
        }
        if self.forgotten.is_empty() {
            self.forgotten = vec![0; self.most];
        }
        self.places(hash).into_iter().for_each(|(word, bit)| self.forgotten[word] |= bit);
    }

    /// Forgets all traces that were kept.
    pub(super) fn keep_refused(&mut self) {
        self.forgotten = Vec::new();
        self.retain(|_, decision| matches!(decision, Decision::Refused { .. }));
    }

    /// Forgets the refused traces that are not among the open ones, except those with a span that may still get a child.
    pub(super) fn keep_open(&mut self, open: &HashSet<u64, BuildHasherDefault<IdHasher>>) {
        self.retain(|hash, decision| decision.growing() > 0 || open.contains(&hash));
    }

    fn retain(&mut self, stays: impl Fn(u64, Decision) -> bool) {
        for map in [&mut self.young, &mut self.old] {
            map.retain(|hash, decision| stays(*hash, *decision));
            map.shrink_to_fit();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.torn += self.young.values().chain(self.old.values()).map(|decision| decision.growing()).sum::<u64>();
        *self = Self { torn: self.torn, ..Self::new(self.most) };
    }

    /// How many refused spans a later span may miss, because their trace was forgotten since the last call.
    pub(super) fn take_torn(&mut self) -> u64 {
        std::mem::take(&mut self.torn)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const REFUSED: Decision = Decision::Refused { growing: 3 };

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_counts_as_torn() {
        let mut decisions = Decisions::new(10);
        (0..10).for_each(|hash| decisions.insert(hash, REFUSED));
        (10..20).for_each(|hash| decisions.insert(hash, Decision::Kept));
        decisions.insert(20, Decision::Kept);
        assert!(decisions.get(3).is_none() && decisions.get(12) == Some(&mut Decision::Kept));
        assert!((0..100).all(|hash| !decisions.may_have_forgotten(hash)), "no kept one");
        assert_eq!((decisions.take_torn(), decisions.take_torn()), (30, 0));
        (30..1000).for_each(|hash| decisions.insert(hash, Decision::Kept));
        assert!(decisions.young.len() + decisions.old.len() <= 20);
    }

    #[test]
    fn a_kept_trace_that_was_forgotten_is_known_to_be_one_and_few_others_are_taken_for_one() {
        let mut decisions = Decisions::new(1000);
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (0..3000).for_each(|n| decisions.insert(hash(n), Decision::Kept));
        let forgotten: Vec<_> = (0..3000).map(hash).filter(|hash| decisions.get(*hash).is_none()).collect();
        assert!(forgotten.len() >= 1000 && forgotten.iter().all(|hash| decisions.may_have_forgotten(*hash)));
        let wrong = (10_000..20_000).filter(|n| decisions.may_have_forgotten(hash(*n))).count();
        assert!(wrong < 100, "{wrong} of 10,000");
    }

    #[test]
    fn a_trace_that_is_asked_for_is_not_forgotten() {
        let mut decisions = Decisions::new(10);
        decisions.insert(1, REFUSED);
        for hash in 2..1000 {
            decisions.insert(hash, Decision::Kept);
            assert_eq!(decisions.get(1), Some(&mut { REFUSED }));
        }
        assert_eq!(decisions.take_torn(), 0);
    }

    #[test]
    fn at_the_end_of_a_period_refused_traces_stay_that_are_open_or_may_grow() {
        let mut decisions = Decisions::new(5);
        for (hash, decision) in [
            (1, REFUSED),
            (2, Decision::Kept),
            (3, Decision::Refused { growing: 0 }),
            (4, Decision::Torn),
            (5, Decision::Refused { growing: 0 }),
        ] {
            decisions.insert(hash, decision);
        }
        let known =
            |decisions: &mut Decisions| (1..6).filter(|hash| decisions.get(*hash).is_some()).collect::<Vec<_>>();
        decisions.keep_refused();
        assert_eq!(known(&mut decisions), [1, 3, 5]);
        decisions.keep_open(&[3, 4].into_iter().collect());
        assert_eq!(known(&mut decisions), [1, 3]);
        assert!(!decisions.is_empty());
        decisions.clear();
        assert!(decisions.is_empty() && decisions.take_torn() == 3);
    }
}
