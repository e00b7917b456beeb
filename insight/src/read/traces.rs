//! [`Traces`]: each trace id once, so that a span has a number of 4 bytes instead.

use heirloom_core::TraceId;

/// An empty place.
const NONE: u32 = u32::MAX;
/// 2^64 divided by the golden ratio (Knuth's multiplicative hashing).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// The places of the first hash table.
const FIRST: usize = 8;

/// Trace ids with numbers from 0 on, and a hash table of the numbers with linear probing, at most half full: 24 to 32 bytes for each trace.
#[derive(Clone, Debug, Default)]
pub(super) struct Traces {
    ids: Vec<TraceId>,
    places: Vec<u32>,
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
        if self.ids.len() * 2 >= self.places.len() {
            self.grow();
        }
        let place = self.place(id);
        if self.places[place] == NONE {
            self.places[place] = self.ids.len() as u32;
            self.ids.push(id);
        }
        self.places[place]
    }

    /// Where the number of a trace is, or goes.
    fn place(&self, id: TraceId) -> usize {
        let bits = id.to_u128();
        let hash = ((bits >> 64) as u64 ^ (bits as u64).rotate_left(32)).wrapping_mul(SPREAD);
        let mut place = (hash >> (64 - self.places.len().trailing_zeros())) as usize;
        while self.places[place] != NONE && self.ids[self.places[place] as usize] != id {
            place = (place + 1) & (self.places.len() - 1);
        }
        place
    }

    fn grow(&mut self) {
        self.places = vec![NONE; (self.places.len() * 2).max(FIRST)];
        for number in 0..self.ids.len() {
            let place = self.place(self.ids[number]);
            self.places[place] = number as u32;
        }
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
