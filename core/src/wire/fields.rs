//! Reads the words of a record in order. A length that exceeds the record gives `None`.

use super::padded;
use std::ops::Range;

/// The unread words of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub(super) &'a [u64]);

impl<'a> Fields<'a> {
    #[inline(always)]
    pub(super) fn word(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next word, if `there`.
    #[inline(always)]
    pub(super) fn word_if(&mut self, there: bool) -> Option<Option<u64>> {
        if there {
            self.word().map(Some)
        } else {
            Some(None)
        }
    }

    /// The next `len` bytes, which are padded to whole words.
    #[inline(always)]
    pub(super) fn bytes(&mut self, len: usize) -> Option<Bytes<'a>> {
        let words = usize::try_from(padded(len) / 8).ok()?;
        let bytes = Bytes { words: self.0.get(..words)?, len };
        self.0 = &self.0[words..];
        Some(bytes)
    }

    /// The rest, as bytes.
    #[inline]
    pub(super) fn rest(self) -> Bytes<'a> {
        Bytes { words: self.0, len: 8 * self.0.len() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Bytes in the words of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a> {
    words: &'a [u64],
    len: usize,
}

impl<'a> Bytes<'a> {
    /// The first `len` bytes of words that are at least as long.
    pub(super) fn new(words: &'a [u64], len: usize) -> Self {
        Self { words, len }
    }

    /// Appends them, and returns their range.
    pub(crate) fn push_to(self, to: &mut Vec<u8>) -> Range<u32> {
        let start = to.len();
        to.reserve(self.words.len() * 8);
        self.words.iter().for_each(|word| to.extend_from_slice(&word.to_ne_bytes()));
        to.truncate(start + self.len);
        start as u32..to.len() as u32
    }

    pub(crate) fn to_vec(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.push_to(&mut bytes);
        bytes
    }
}
