//! What a queue does with a span: a function of the levels, of the span, and of its trace's fate.
//!
//! | level | refused |
//! |---|---|
//! | below 60 % | nothing |
//! | from 60 % | leaves, except errors, roots, and incomplete or aborted spans |
//! | above 80 % | also the spans of traces that began after the crossing, a growing share of these traces |
//! | above 100 % | nothing else, but it is kept as a skeleton |
//! | above 110 % | everything |

use super::level::Level;
use crate::export::SpanRef;

/// What the queue has decided for a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    /// All of it is refused.
    Refused,
    /// It is refused from now on. Of what came before, something may have been kept: a decision was forgotten.
    Torn,
}

/// What becomes of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Whole,
    Skeleton,
    /// Refused, and no span can miss it.
    Leaf,
    /// Refused with its whole trace.
    OfTrace,
    /// Refused, and a span may miss it.
    Torn,
}

/// What counts of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// No span names it as its parent.
    pub(super) is_leaf: bool,
    /// It is no leaf, or it is an error, a root, incomplete or aborted.
    pub(super) is_important: bool,
}

impl Facts {
    #[inline]
    pub(super) fn of(span: &SpanRef<'_>) -> Self {
        let is_root = || span.parent_span_id().is_none() || !span.parent_is_ours();
        let was_open = || span.is_incomplete() || span.is_aborted();
        let is_leaf = span.is_leaf();
        Self { is_leaf, is_important: !is_leaf || span.is_error() || is_root() || was_open() }
    }
}

/// The decision. The levels are those with the whole span and with its skeleton in the queue.
#[inline]
pub(super) fn decide(whole: Level, skeleton: Level, span: Facts, trace: Fate) -> Verdict {
    let refused = if span.is_leaf { Verdict::Leaf } else { Verdict::Torn };
    match trace {
        Fate::Refused => Verdict::OfTrace,
        Fate::Torn => {
            if span.is_leaf {
                Verdict::OfTrace
            } else {
                Verdict::Torn
            }
        }
        Fate::Kept if whole >= Level::LEAVES && !span.is_important => Verdict::Leaf,
        Fate::Kept if whole <= Level::FULL => Verdict::Whole,
        Fate::Kept if skeleton <= Level::OVERFULL => Verdict::Skeleton,
        Fate::Kept => refused,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Every case, at each limit and on both sides of it.
    #[test]
    fn each_level_refuses_what_the_table_says() {
        let levels = [0, 599, 600, 601, 800, 801, 1000, 1001, 1100, 1101, 5000];
        for whole in levels {
            for skeleton in levels.into_iter().filter(|skeleton| *skeleton <= whole) {
                for (is_leaf, is_important) in [(false, true), (true, false), (true, true)] {
                    for trace in [Fate::Kept, Fate::Refused, Fate::Torn] {
                        let facts = Facts { is_leaf, is_important };
                        let got = decide(Level::thousandths(whole), Level::thousandths(skeleton), facts, trace);
                        let wanted = match (trace, is_leaf) {
                            (Fate::Refused, _) | (Fate::Torn, true) => Verdict::OfTrace,
                            (Fate::Torn, false) => Verdict::Torn,
                            (Fate::Kept, true) if whole >= 600 && !is_important => Verdict::Leaf,
                            (Fate::Kept, _) if whole <= 1000 => Verdict::Whole,
                            (Fate::Kept, _) if skeleton <= 1100 => Verdict::Skeleton,
                            (Fate::Kept, true) => Verdict::Leaf,
                            (Fate::Kept, false) => Verdict::Torn,
                        };
                        assert_eq!(got, wanted, "{whole} {skeleton} {facts:?} {trace:?}");
                        let is_lost = !matches!(got, Verdict::Whole | Verdict::Skeleton);
                        assert!(!(is_lost && whole < 600 && trace == Fate::Kept), "below 60 % nothing is lost");
                    }
                }
            }
        }
    }
}
