//! [`Inflation`]: how long spans take against the number of lanes that are busy.

use crate::model::{Run, SpanIx};

/// So many spans are needed on either side of a comparison.
const MIN_SPANS: u64 = 3;
/// This part of the largest number of busy lanes counts as all.
const ALL: f64 = 0.9;

/// Count and length of the spans of each name, by the number of lanes that were busy on average while they ran.
#[derive(Debug)]
pub(super) struct Inflation {
    names: Vec<Vec<(u64, u128)>>,
    most: usize,
}

impl Inflation {
    pub(super) fn new(run: &Run) -> Self {
        Self { names: vec![Vec::new(); run.names.len()], most: 0 }
    }

    /// Adds a span during which lanes were busy for `busy` nanoseconds in all.
    pub(super) fn add(&mut self, run: &Run, span: SpanIx, busy: u128) {
        let span = &run.spans[span as usize];
        let length = u128::from(span.end - span.start);
        if length == 0 || busy == 0 {
            return;
        }
        let lanes = ((busy + length / 2) / length).max(1) as usize;
        let of = &mut self.names[span.name as usize];
        if of.len() < lanes {
            of.resize(lanes, (0, 0));
        }
        of[lanes - 1].0 += 1;
        of[lanes - 1].1 += length;
        self.most = self.most.max(lanes);
    }

    /// Mean length against the number of busy lanes, for the numbers that were seen.
    pub(super) fn by_busy(&self, name: usize) -> Vec<(u32, u64)> {
        let seen = self.names[name].iter().zip(1..).filter(|((count, _), _)| *count > 0);
        seen.map(|((count, sum), lanes)| (lanes, (sum / u128::from(*count)) as u64)).collect()
    }

    /// The mean length with all lanes busy, divided by that with one, if both were seen often enough.
    pub(super) fn factor(&self, name: usize) -> Option<f64> {
        let mean = |range: &[(u64, u128)]| {
            let (count, sum) = range.iter().fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
            (count >= MIN_SPANS).then(|| sum as f64 / count as f64)
        };
        let all = (self.most as f64 * ALL).ceil() as usize;
        let of = &self.names[name];
        if self.most < 2 || of.len() < all {
            return None;
        }
        Some(mean(&of[all.max(2) - 1..])? / mean(&of[..1])?)
    }
}
