//! Spans whose records follow each other in their shard: a Begin, attributes, the End. They go from the ring to the batch, and each
//! attribute is copied once.

use super::here::Finished;
use super::traces::takes;
use super::values::Shared;
use super::{Assembler, LaneState};
use crate::export::{List, NameRow};
use crate::pipeline::by_context;
use crate::wire::{find, Attr, Begin, End, Header, Packed};
use crate::TraceId;

/// The attributes of a span that are being taken: in the batch's words, from one on.
struct Taken {
    from: usize,
    most: u32,
    len: u32,
    cut: u32,
    /// A bit for each key.
    seen: u64,
}

impl Assembler {
    /// Takes the whole span that begins with the first record of this process's words, if its other records follow and it
    /// needs nothing else. Returns the number of their words; zero if it didn't, and then nothing has changed.
    #[inline(always)]
    pub(super) fn take_leaf(&mut self, state: &mut LaneState, words: &[u64]) -> usize {
        // Each header before the words behind it: behind a Skip, they are not the collector's.
        let Some((begin, rest)) = words.split_first_chunk::<6>() else { return 0 };
        if !Begin::is_plain(begin[0]) || self.timeline.has_stepped() {
            return 0;
        }
        let is_followed = rest.first().is_some_and(|header| End::is_plain(*header) || Attr::is_plain(*header));
        if !is_followed || rest.get(1) != Some(&begin[1]) {
            return 0;
        }
        let shared = match self.traces.is_empty() {
            true => Shared::default(),
            false => self.values_of_leaf(state, begin),
        };
        if let Some((end, _)) = rest.split_first_chunk::<3>().filter(|(end, _)| End::is_plain(end[0])) {
            if may_finish(end) && shared.fits_alone(self.limits.attributes_per_span) {
                self.counts.truncated += u64::from(shared.cut);
                self.finish_leaf(state, begin, end, List::default(), shared.index);
                return begin.len() + end.len();
            }
        }
        self.take_attributes(state, begin, rest, shared)
    }

    #[inline(always)]
    fn finish_leaf(&mut self, state: &mut LaneState, begin: &[u64; 6], end: &[u64; 3], attributes: List, values: u32) {
        let (begin, end) = (Begin::of_words(begin), End::of_words(end));
        let mut fan = 0;
        if begin.parent != state.last_parent {
            fan = self.note_child(state, begin.parent);
        }
        self.keys.knows(begin.name);
        let name = NameRow::Id(begin.name);
        self.add_own(state, &begin, &end, Finished { name, attributes, values, more: 0, has_child: false, fan });
        self.counts.begins += 1;
    }

    /// Takes the attributes and the End behind a Begin. `shared` is what its trace has.
    #[inline(never)]
    fn take_attributes(&mut self, state: &mut LaneState, begin: &[u64; 6], rest: &[u64], shared: Shared) -> usize {
        let from = self.batches.own().builder.words_len();
        match self.take_rest(state, begin, rest, from, shared) {
            Some(words) => words,
            None => {
                self.batches.own().builder.cut_words(from);
                0
            }
        }
    }

    #[inline(always)]
    fn take_rest(
        &mut self,
        state: &mut LaneState,
        begin: &[u64; 6],
        rest: &[u64],
        from: usize,
        shared: Shared,
    ) -> Option<usize> {
        let limit = self.limits.attributes_per_span;
        let most = if self.limits.attribute_value_chars.is_some() { 0 } else { limit };
        let mut taken = Taken { from, most, len: 0, cut: 0, seen: 0 };
        let mut left = rest;
        loop {
            let [header, span, body @ ..] = left else { return None };
            if !Attr::is_plain(*header) {
                break;
            }
            if *span != begin[1] {
                return None;
            }
            let (body, behind) = body.split_at_checked(Header(*header).words().checked_sub(2)?)?;
            self.take_attribute(Packed::of_checked(*header, body), &mut taken)?;
            left = behind;
        }
        let (end, behind) = left.split_first_chunk::<3>().filter(|(end, _)| End::is_plain(end[0]))?;
        if end[1] != begin[1] || !may_finish(end) {
            return None;
        }
        let batch = self.batches.own();
        if shared.index != 0 && !takes(batch, shared, batch.builder.words_from(from), taken.len, limit, &self.keys) {
            return None;
        }
        let attributes = batch.builder.list_from(from, taken.len);
        self.counts.truncated += u64::from(taken.cut) + u64::from(shared.cut);
        self.finish_leaf(state, begin, end, attributes, shared.index);
        Some(begin.len() + rest.len() - behind.len())
    }

    /// Takes an attribute; `None` if it needs more than a copy: another one has its key, or a limit is reached.
    #[inline(always)]
    fn take_attribute(&mut self, packed: Packed<'_>, taken: &mut Taken) -> Option<()> {
        let id = packed.key_id()?;
        let bit = 1 << (id & 63);
        if self.keys.is_of_scope(id)? || taken.len >= taken.most {
            return None;
        }
        let builder = &mut self.batches.own().builder;
        if taken.seen & bit != 0 && find(builder.words_from(taken.from), packed, |_, _| false).is_some() {
            return None;
        }
        taken.seen |= bit;
        taken.len += 1;
        taken.cut += u32::from(packed.is_cut());
        builder.pack(packed);
        Some(())
    }

    /// What the span's trace has.
    #[inline(always)]
    fn values_of_leaf(&mut self, state: &mut LaneState, begin: &[u64; 6]) -> Shared {
        let Begin { trace, tick, .. } = Begin::of_words(begin);
        match state.values.known(trace, tick, self.traces.version(), self.batches.own().number) {
            Some(shared) => shared,
            None => self.look_up_values(state, trace, tick),
        }
    }

    #[inline(never)]
    pub(super) fn look_up_values(&mut self, state: &mut LaneState, trace: TraceId, tick: u64) -> Shared {
        let now_ns = self.timeline.line_ns(tick);
        state.values = self.traces.values_for(trace, tick, now_ns, self.batches.own());
        state.values.shared()
    }
}

/// Whether a span with this plain End is finished: no record in another shard can concern it.
#[inline(always)]
fn may_finish(end: &[u64; 3]) -> bool {
    End::of_words(end).flags & End::ESCAPED == 0 || !by_context::were_any()
}
