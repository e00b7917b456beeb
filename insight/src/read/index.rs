//! [`Index`]: finds a span by its id.

use crate::model::{Span, SpanIx, TraceIx};
use heirloom_core::SpanId;

/// An empty place.
const NONE: u32 = u32::MAX;
/// 2^64 divided by the golden ratio: spreads ids that follow each other (Knuth's multiplicative hashing).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A hash table of indices with linear probing, at most half full: 8 to 16 bytes for each span.
#[derive(Debug)]
pub(super) struct Index {
    places: Vec<u32>,
    shift: u32,
}

impl Index {
    /// The index of all spans that have an id. `double` is told of each span whose ids an earlier one has, after that one.
    pub(super) fn of(spans: &[Span], mut double: impl FnMut(SpanIx, SpanIx)) -> Self {
        let bits = (spans.len().max(1) * 2).next_power_of_two().trailing_zeros();
        let mut index = Self { places: vec![NONE; 1 << bits], shift: 64 - bits };
        for (span, at) in spans.iter().zip(0..) {
            if !span.id.is_valid() {
                continue;
            }
            let mut place = index.first(span.id);
            loop {
                match index.places[place] {
                    NONE => break index.places[place] = at,
                    other if is(&spans[other as usize], span.id, Some(span.trace)) => break double(other, at),
                    _ => place = (place + 1) & (index.places.len() - 1),
                }
            }
        }
        index
    }

    fn first(&self, id: SpanId) -> usize {
        (id.to_u64().wrapping_mul(SPREAD) >> self.shift) as usize
    }

    /// The span with this id, of this trace if it is known.
    pub(super) fn find(&self, spans: &[Span], id: SpanId, trace: Option<TraceIx>) -> Option<SpanIx> {
        if !id.is_valid() {
            return None;
        }
        let mut place = self.first(id);
        loop {
            match self.places[place] {
                NONE => return None,
                other if is(&spans[other as usize], id, trace) => return Some(other),
                _ => place = (place + 1) & (self.places.len() - 1),
            }
        }
    }
}

fn is(span: &Span, id: SpanId, trace: Option<TraceIx>) -> bool {
    span.id == id && trace.is_none_or(|trace| span.trace == trace)
}
