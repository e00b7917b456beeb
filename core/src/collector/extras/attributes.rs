//! The attributes of a span or a trace, while it is open.

use super::super::keys::Keys;
use crate::export::{BatchBuilder, List};
use crate::wire::{find, replace, Packed, PackedList};

/// Packed attributes, each key once, and the time at which each was set, if that is known. The latest wins.
#[derive(Debug, Default)]
pub(in crate::collector) struct Attributes {
    words: Vec<u64>,
    ticks: Vec<u64>,
    /// The number of those that are not of the scope.
    len: u32,
    pub(super) dropped: u32,
    /// How many values were cut.
    pub(super) cut: u32,
}

impl Attributes {
    /// Attributes that were staged on a lane's stack, all set after `tick`.
    pub(in crate::collector) fn staged(words: &[u64], len: u32, cut: u32, dropped: u32, tick: u64) -> Self {
        let ticks = vec![tick; PackedList(words).count()];
        Self { words: words.to_vec(), ticks, len, dropped, cut }
    }

    /// Sets one. Replaces one of the same key unless that is later, and respects the limit on their number.
    pub(in crate::collector) fn set(&mut self, packed: Packed<'_>, tick: u64, limit: u32, keys: &Keys) {
        self.cut += u32::from(packed.is_cut());
        if let Some((n, at)) = find(&self.words, packed, |id, text| keys.is_text(id, text)) {
            if tick >= self.ticks[n] {
                replace(&mut self.words, at, packed);
                self.ticks[n] = tick;
            }
            return;
        }
        // A scope's attributes don't take the place of the span's own.
        let own = u32::from(!packed.is_of_scope());
        let number = if own == 1 { self.len } else { self.ticks.len() as u32 - self.len };
        if number >= limit {
            self.dropped += 1;
            return;
        }
        packed.push_to(&mut self.words);
        self.ticks.push(tick);
        self.len += own;
    }

    /// The attribute with the same key, and the time at which it was set.
    pub(super) fn get(&self, like: Packed<'_>, keys: &Keys) -> Option<(Packed<'_>, u64)> {
        let (n, at) = find(&self.words, like, |id, text| keys.is_text(id, text))?;
        Some((PackedList(&self.words[at]).next()?, self.ticks[n]))
    }

    /// Adds what others have and these don't. Anything that found no room there is missing here too.
    pub(in crate::collector) fn add_missing(&mut self, others: &Attributes, limit: u32, keys: &Keys) {
        self.dropped += others.dropped;
        for (packed, tick) in PackedList(&others.words).zip(&others.ticks) {
            if find(&self.words, packed, |id, text| keys.is_text(id, text)).is_none() {
                self.set(packed, *tick, limit, keys);
            }
        }
    }

    pub(in crate::collector) fn cut(&self) -> u32 {
        self.cut
    }

    pub(in crate::collector) fn dropped(&self) -> u32 {
        self.dropped
    }

    /// How many bytes are held.
    pub(in crate::collector) fn held_bytes(&self) -> usize {
        8 * (self.words.len() + self.ticks.len())
    }

    /// Copies them into a batch.
    pub(in crate::collector) fn write(&self, batch: &mut BatchBuilder) -> List {
        batch.list(&self.words, self.len)
    }

    /// The same, as attributes that all spans of a trace share.
    pub(in crate::collector) fn write_shared(&self, batch: &mut BatchBuilder) -> u32 {
        batch.values(&self.words, self.len)
    }

    pub(in crate::collector) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(in crate::collector) fn len(&self) -> u32 {
        self.len
    }

    /// Empties them. Keeps the memory, unless it is large.
    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.words.shrink_to(512);
        self.ticks.clear();
        self.ticks.shrink_to(64);
        (self.len, self.dropped, self.cut) = (0, 0, 0);
    }
}
