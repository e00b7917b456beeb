//! One stripe of the table: a ring of places that are reused first in, first out.

use super::{Lost, Texts};
use crate::TraceId;
use std::sync::Arc;

/// The memory of a text beside its bytes: the counts of its references, and the allocator's own.
const TEXT_OVERHEAD_BYTES: usize = 32;

/// The texts of one trace.
#[derive(Debug)]
struct Place {
    trace: TraceId,
    texts: Texts,
    /// Whether it had baggage, which may be dropped before the place is reused.
    had_baggage: bool,
}

#[derive(Debug)]
pub(super) struct Stripe {
    capacity: usize,
    max_baggage_bytes: usize,
    places: Vec<Place>,
    /// How many places were ever taken: the next one is the oldest.
    taken: u64,
    /// All baggage that was kept before this one is dropped.
    with_baggage: u64,
    baggage_bytes: usize,
    /// A place by some bits of its hash, one higher; zero if there was none. Only a hint: the place may be another's.
    hints: Vec<u16>,
}

impl Stripe {
    pub(super) const fn new(capacity: usize, max_baggage_bytes: usize) -> Self {
        Self {
            capacity,
            max_baggage_bytes,
            places: Vec::new(),
            taken: 0,
            with_baggage: 0,
            baggage_bytes: 0,
            hints: Vec::new(),
        }
    }

    /// The most memory that a stripe without baggage takes, with tracestates of this length at most.
    pub(super) const fn max_bytes(capacity: usize, text_bytes: usize) -> usize {
        let place = size_of::<Place>() + text_bytes + TEXT_OVERHEAD_BYTES;
        capacity * place + 2 * (2 * capacity).next_power_of_two()
    }

    /// The position of these texts.
    pub(super) fn keep(&mut self, hash: u64, trace: TraceId, tracestate: &str, baggage: &str) -> usize {
        if self.hints.is_empty() {
            self.hints = vec![0; (2 * self.capacity).next_power_of_two()];
        }
        let hint = hash as usize & (self.hints.len() - 1);
        if let Some(known) = self.young(self.hints[hint], trace, tracestate, baggage) {
            return known;
        }
        let at = self.take(trace, tracestate, baggage);
        self.hints[hint] = at as u16 + 1;
        self.drop_old_baggage();
        at
    }

    /// The place of a hint, if it has these texts and was taken a short time ago: one that is reused soon would lose what
    /// has just arrived.
    fn young(&self, hint: u16, trace: TraceId, tracestate: &str, baggage: &str) -> Option<usize> {
        let at = (hint as usize).checked_sub(1)?;
        let place = self.places.get(at)?;
        let newest = ((self.taken - 1) % self.capacity as u64) as usize;
        let age = (newest + self.capacity - at) % self.capacity;
        let same = |kept: &Option<Arc<str>>, text: &str| kept.as_deref().unwrap_or("") == text;
        let texts = &place.texts;
        let is_same = place.trace == trace && same(&texts.tracestate, tracestate) && same(&texts.baggage, baggage);
        (is_same && age <= self.capacity / 64).then_some(at)
    }

    /// Takes the next place.
    fn take(&mut self, trace: TraceId, tracestate: &str, baggage: &str) -> usize {
        let at = (self.taken % self.capacity as u64) as usize;
        self.taken += 1;
        let kept = |text: &str| (!text.is_empty()).then(|| Arc::from(text));
        let texts = Texts { tracestate: kept(tracestate), baggage: kept(baggage) };
        self.baggage_bytes += size_of_baggage(&texts);
        let place = Place { trace, had_baggage: texts.baggage.is_some(), texts };
        match self.places.get_mut(at) {
            Some(old) => {
                self.baggage_bytes -= size_of_baggage(&old.texts);
                *old = place;
            }
            None => {
                // Not all at once, and never more than there are places.
                if at == self.places.capacity() {
                    self.places.reserve_exact((self.capacity - at).min(at.max(16)));
                }
                self.places.push(place);
            }
        }
        at
    }

    fn drop_old_baggage(&mut self) {
        self.with_baggage = self.with_baggage.max(self.taken.saturating_sub(self.capacity as u64));
        while self.baggage_bytes > self.max_baggage_bytes && self.with_baggage < self.taken {
            let place = &mut self.places[(self.with_baggage % self.capacity as u64) as usize];
            self.baggage_bytes -= size_of_baggage(&place.texts);
            place.texts.baggage = None;
            self.with_baggage += 1;
        }
    }

    /// The texts of a trace at a position, and whether any are lost.
    pub(super) fn read(&self, at: usize, trace: TraceId) -> (Texts, Option<Lost>) {
        match self.places.get(at).filter(|place| place.trace == trace) {
            Some(place) => {
                let baggage_lost = place.had_baggage && place.texts.baggage.is_none();
                (place.texts.clone(), baggage_lost.then_some(Lost))
            }
            None => (Texts::default(), Some(Lost)),
        }
    }
}

fn size_of_baggage(texts: &Texts) -> usize {
    texts.baggage.as_ref().map_or(0, |text| text.len() + TEXT_OVERHEAD_BYTES)
}
