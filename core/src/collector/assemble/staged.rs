//! What is kept of a span on its lane's stack: its Begin, and behind it the words that were staged.

use super::super::keys::Keys;
use crate::clock::timeline::Timeline;
use crate::config::Limits;
use crate::export::{BatchBuilder, List, NameRow, Text};
use crate::wire::{find, replace, Begin, Packed};

/// A span on the stack: its Begin as it was read, and what was set since.
#[derive(Debug)]
pub(super) struct Here {
    pub(super) words: [u64; 6],
    /// The fan-out to which it belongs; zero if there is none.
    pub(super) fan: u64,
    /// Where its words begin in the staged ones.
    pub(super) from: u32,
    /// The numbers of attributes, of the span and of its scope.
    pub(super) len: u32,
    pub(super) scope_len: u32,
    pub(super) dropped: u32,
    /// How many values were cut.
    pub(super) cut: u32,
    pub(super) has_child: bool,
    /// As [`Open::polled`](super::open::Open::polled).
    pub(super) polled: bool,
}

impl Here {
    /// The position of its id in its words.
    const SPAN: usize = 1;

    #[inline(always)]
    pub(super) fn span(&self) -> u64 {
        self.words[Self::SPAN]
    }

    #[inline(always)]
    pub(super) fn begin(&self) -> Begin {
        Begin::of_words(&self.words)
    }

    /// The number of words that its name takes.
    #[inline(always)]
    pub(super) fn name_words(&self) -> usize {
        self.begin().name_words()
    }

    /// The position of its first attribute.
    #[inline(always)]
    pub(super) fn attributes_from(&self) -> usize {
        self.from as usize + self.name_words()
    }

    pub(super) fn start_ns(&self, timeline: &Timeline) -> u64 {
        let begin = self.begin();
        timeline.unix_ns(begin.tick, Begin::epoch_of(begin.flags))
    }

    #[inline(always)]
    pub(super) fn set(&mut self, staged: &mut Vec<u64>, packed: Packed<'_>, limits: &Limits, keys: &Keys) {
        self.cut += u32::from(packed.is_cut());
        let from = self.attributes_from();
        if let Some((_, at)) = find(&staged[from..], packed, |id, text| keys.is_text(id, text)) {
            return replace(staged, from + at.start..from + at.end, packed);
        }
        // A scope's attributes don't take the place of the span's own.
        let number = if packed.is_of_scope() { &mut self.scope_len } else { &mut self.len };
        if *number >= limits.attributes_per_span {
            self.dropped += 1;
            return;
        }
        *number += 1;
        packed.push_to(staged);
    }
}

impl Here {
    /// Moves its staged words to a batch: its name, and its attributes.
    #[inline(always)]
    pub(super) fn unstage(&self, staged: &mut Vec<u64>, batch: &mut BatchBuilder) -> (NameRow, List) {
        let (begin, name_words) = (self.begin(), self.name_words());
        let words = &staged[self.from as usize..];
        let at = batch.words(words);
        let list = List { at: at + name_words as u32, words: (words.len() - name_words) as u32, len: self.len };
        staged.truncate(self.from as usize);
        match name_words {
            0 => (NameRow::Id(begin.name), list),
            _ => (NameRow::Text(Text { at, len: begin.name }), list),
        }
    }
}

/// The spans of a lane that are on its stack alone, the innermost last.
#[derive(Debug, Default)]
pub(in crate::collector) struct HereStack {
    pub(super) spans: Vec<Here>,
    /// The words of their names and attributes.
    pub(super) staged: Vec<u64>,
}

impl HereStack {
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}
