//! What a writer counts.

use super::block::Written;
use super::Refused;
use crate::sync::Ordering;

/// Counts of writers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) begun: u64,
    pub(crate) sampled_out: u64,
    /// In the order of [`Refused`].
    pub(crate) refused: [u64; Refused::CAUSES],
    /// Marks that found no room.
    pub(crate) lost_marks: u64,
}

impl Counts {
    /// The same, with no count above `most`.
    pub(crate) fn at_most(self, most: u64) -> Self {
        let Self { begun, sampled_out, refused, lost_marks } = self;
        Self {
            begun: begun.min(most),
            sampled_out: sampled_out.min(most),
            refused: refused.map(|n| n.min(most)),
            lost_marks: lost_marks.min(most),
        }
    }

    /// Adds other counts. Saturates, because those of another process may be any number.
    pub(crate) fn add(&mut self, other: &Counts) {
        self.begun = self.begun.saturating_add(other.begun);
        self.sampled_out = self.sampled_out.saturating_add(other.sampled_out);
        self.lost_marks = self.lost_marks.saturating_add(other.lost_marks);
        self.refused.iter_mut().zip(other.refused).for_each(|(sum, more)| *sum = sum.saturating_add(more));
    }
}

impl Written {
    /// The writer's counts so far.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            begun: self.begun.load(Ordering::Relaxed),
            sampled_out: self.sampled_out.load(Ordering::Relaxed),
            lost_marks: self.lost_marks.load(Ordering::Relaxed),
            refused: [0, 1, 2, 3, 4].map(|cause: usize| self.refused[cause].load(Ordering::Relaxed)),
        }
    }
}
