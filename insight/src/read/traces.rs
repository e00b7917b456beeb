//! [`Traces`]: each trace id once, so that a span has a number of 4 bytes instead.

use heirloom_core::TraceId;
use std::collections::HashMap;

/// Trace ids with numbers from 0 on: up to 110 bytes for each trace.
#[derive(Clone, Debug, Default)]
pub(super) struct Traces {
    ids: Vec<TraceId>,
    numbers: HashMap<TraceId, u32>,
    /// The trace that was asked for last: many spans in a row are of one.
    last: u32,
}

impl Traces {
    #[inline]
    pub(super) fn number(&mut self, id: TraceId) -> u32 {
        if self.ids.get(self.last as usize) != Some(&id) {
            self.last = self.look_up(id);
        }
        self.last
    }

    fn look_up(&mut self, id: TraceId) -> u32 {
        let new = self.ids.len() as u32;
        let number = *self.numbers.entry(id).or_insert(new);
        if number == new {
            self.ids.push(id);
        }
        number
    }

    pub(super) fn ids(&self) -> &[TraceId] {
        &self.ids
    }

    pub(super) fn into_ids(self) -> Vec<TraceId> {
        self.ids
    }

    /// The numbers of another table's traces here.
    pub(super) fn absorb(&mut self, other: &Traces) -> Vec<u32> {
        other.ids.iter().map(|id| self.number(*id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trace_has_one_number_in_the_order_of_the_first_time() {
        let id = |n: u128| TraceId::from_u128(n << 64 | 1);
        let mut traces = Traces::default();
        for n in (0..1_000).chain((0..1_000).rev()) {
            assert_eq!(traces.number(id(n)), n as u32);
        }
        let mut other = Traces::default();
        [7, 2_000, 3].iter().for_each(|n| _ = other.number(id(*n)));
        assert_eq!(traces.absorb(&other), [7, 1_000, 3]);
        assert_eq!((traces.ids().len(), traces.ids()[1_000]), (1_001, id(2_000)));
    }
}
