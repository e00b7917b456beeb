//! Reads the words of a record in order. A length that exceeds the record gives `None`.
#![allow(unsafe_code)]

use super::padded;

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
    pub(crate) fn new(words: &'a [u64], len: usize) -> Self {
        Self { words, len }
    }

    /// The number of bytes.
    #[inline]
    pub(crate) fn len(self) -> usize {
        self.len
    }

    /// The words that contain them.
    #[inline]
    pub(crate) fn words(self) -> &'a [u64] {
        self.words
    }

    /// The bytes.
    #[inline]
    pub(crate) fn as_slice(self) -> &'a [u8] {
        let bytes = 8 * self.words.len();
        // SAFETY: the words are initialised memory of this many bytes, and a byte has no alignment.
        let all = unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast::<u8>(), bytes) };
        &all[..self.len.min(bytes)]
    }

    pub(crate) fn to_vec(self) -> Vec<u8> {
        self.as_slice().to_vec()
    }
}
