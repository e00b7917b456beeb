//! Mark: a fact about the lane at a time.
//!
//! ```text
//! Mark   header(aux: kind | words << 8 | length of the text << 16) span tick word.. text..
//! ```
//!
//! The words are a length in ticks, for kinds that have one, then the fields `a` to `d`; those that are zero at the end are left
//! out. `span` is zero, or a span of the process. Other spans are only numbers in the fields. [`MarkKind`] says what each field
//! means.

use super::check::{Check, Origin};
use super::{padded, Begin, Bytes, Fields, Header, Kind, Number, Violation};
use crate::mark_kind::{FanKind, LockKind, MarkKind, StageKind, WaitCause};

/// The fields of a Mark, without its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) kind: MarkKind,
    /// The clock epoch, at the place where a Begin has it.
    pub(crate) flags: u16,
    /// Zero: of no span.
    pub(crate) span: u64,
    pub(crate) tick: u64,
    /// In ticks. Zero for kinds without a length.
    pub(crate) length: u64,
    /// `a` to `d`.
    pub(crate) fields: [u64; 4],
}

/// The header, the span and the tick.
const FIXED_WORDS: usize = 3;
/// The most words: with a length and all fields.
const MOST_WORDS: usize = FIXED_WORDS + 5;
/// The lowest bits, in the aux, of the number of words behind the tick, and of the length of the text.
const WORDS_AT: u32 = 8;
const TEXT_AT: u32 = 16;

/// The words of a Mark in front of its text, and how many there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MarkWords {
    words: [u64; MOST_WORDS],
    len: usize,
}

impl MarkWords {
    pub(crate) fn as_slice(&self) -> &[u64] {
        &self.words[..self.len]
    }
}

impl Mark {
    /// The bits of the flags that contain the clock epoch. Another process's mean nothing.
    pub(crate) const EPOCH: u16 = Begin::EPOCH;

    /// It has no others.
    pub(super) const FLAGS: &'static [Number] = &[];
    /// The longest text, in bytes.
    pub(crate) const MAX_TEXT_BYTES: usize = 255;
    /// An upper bound on the length of a record without a text.
    pub(crate) const MOST_BYTES: u64 = 8 * MOST_WORDS as u64;

    /// The length of a Poll.
    #[cfg(feature = "async")]
    pub(crate) const POLL_BYTES: u64 = 32;

    /// The kinds, causes and stages.
    pub(super) const NUMBERS: [&'static [Number]; 5] =
        [MarkKind::NUMBERS, FanKind::NUMBERS, WaitCause::NUMBERS, LockKind::NUMBERS, StageKind::NUMBERS];
    /// A mark of each field.
    pub(super) const SAMPLE: &'static [u64] = &Self::head(MarkKind::Wait, 1, 2, 3, 4, 5);

    const fn head(kind: MarkKind, flags: u16, words: usize, text: usize, span: u64, tick: u64) -> [u64; FIXED_WORDS] {
        let bytes = 8 * (FIXED_WORDS + words) as u64 + padded(text);
        let aux = kind as u32 | (words as u32) << WORDS_AT | (text as u32) << TEXT_AT;
        [Header::new(Kind::Mark, bytes, flags, aux).0, span, tick]
    }

    /// The words in front of a text of this many bytes.
    pub(crate) fn before_text(&self, text: usize) -> MarkWords {
        let mut words = [0; MOST_WORDS];
        let from = FIXED_WORDS + usize::from(self.kind.has_length());
        words[from - 1] = self.length;
        words[from..from + 4].copy_from_slice(&self.fields);
        let used = self.fields.iter().rposition(|field| *field != 0).map_or(0, |last| last + 1);
        let len = from + used;
        let head = Self::head(self.kind, self.flags, len - FIXED_WORDS, text, self.span, self.tick);
        words[..FIXED_WORDS].copy_from_slice(&head);
        MarkWords { words, len }
    }

    /// A Poll: the span was polled from a tick on.
    #[cfg(any(feature = "async", test))]
    #[inline(always)]
    pub(crate) const fn poll(span: u64, flags: u16, tick: u64, length: u64) -> [u64; 4] {
        let [header, span, tick] = Self::head(MarkKind::Poll, flags, 1, 0, span, tick);
        [header, span, tick, length]
    }

    /// The fields, and the text.
    pub(crate) fn read(record: &[u64]) -> Option<(Self, Bytes<'_>)> {
        let [header, span, tick, rest @ ..] = record else { return None };
        let (header, mut rest) = (Header(*header), Fields(rest));
        let (kind, words, text) = Self::parts(header);
        let kind = MarkKind::of(kind)?;
        let length = rest.word_if(kind.has_length())?.unwrap_or(0);
        let mut fields = [0; 4];
        let count = words.checked_sub(usize::from(kind.has_length()))?;
        for field in fields.get_mut(..count)? {
            *field = rest.word()?;
        }
        let text = rest.bytes(text)?;
        Some((Self { kind, flags: header.flags(), span: *span, tick: *tick, length, fields }, text))
    }

    /// The number of the kind, the number of words behind the tick, and the length of the text.
    fn parts(header: Header) -> (u64, usize, usize) {
        let aux = header.aux();
        (u64::from(aux & 0xff), (aux >> WORDS_AT & 0xff) as usize, (aux >> TEXT_AT) as usize)
    }

    /// Lengths are clamped to the lifetime of the process, like stamps. Samples and the like are made by the reader, never by a
    /// writer.
    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header) -> Result<(), Violation> {
        let (kind, words, text) = Self::parts(header);
        let kind = MarkKind::of(kind).filter(|kind| !kind.is_collectors());
        let kind = kind.ok_or(Violation::Kind)?;
        let least = usize::from(kind.has_length());
        if words < least || words > least + 4 {
            return Err(Violation::Length);
        }
        let span = *check.word()?;
        if span != 0 && !check.origin.owns(span) {
            return Err(Violation::Forged);
        }
        let tick = *check.word()?;
        check.record[check.at - 1] = check.origin.clamped(tick);
        if kind.has_length() {
            let length = *check.word()?;
            check.record[check.at - 1] = match kind {
                // A sum of many short waits before the stamp.
                MarkKind::LockTotals => length.min(check.origin.age(tick)),
                _ => check.origin.clamped_length(tick, length),
            };
        }
        for _ in least..words {
            check.word()?;
        }
        check.bytes(text, Self::MAX_TEXT_BYTES)
    }
}
