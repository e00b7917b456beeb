//! Strand: a piece of a fan-out begins or ends on the lane. It has no tick: where it is between the other records says which spans
//! belong to it.
//!
//! ```text
//! Strand   header span fan
//! ```
//!
//! Spans that begin in between and whose parent is `span` belong to the fan-out. Any span and any fan-out are allowed: they are
//! compared, and concern spans of this lane only. The record that begins a strand reserves room for the one that ends it, like a
//! Begin for its End, so both have the length of an End.

use super::check::{Check, Origin};
use super::numbers::flags;
use super::{End, Header, Kind, Violation};

/// The fields of a Strand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strand {
    pub(crate) ends: bool,
    /// The parent of its spans.
    pub(crate) span: u64,
    /// The fan-out's id.
    pub(crate) fan: u64,
}

flags! {
    impl Strand {
        /// The strand ends.
        ENDS = 1 << 4;
    }
}

impl Strand {
    pub(crate) const BYTES: u64 = End::BYTES;

    pub(super) const SAMPLE: &'static [u64] = &Self { ends: true, span: 1, fan: 2 }.record();

    #[inline(always)]
    pub(crate) const fn record(self) -> [u64; 3] {
        let flags = if self.ends { Self::ENDS } else { 0 };
        [Header::new(Kind::Strand, Self::BYTES, flags, 0).0, self.span, self.fan]
    }

    pub(crate) fn read(record: &[u64]) -> Option<Self> {
        let [header, span, fan] = *record else { return None };
        Some(Self { ends: Header(header).has(Self::ENDS), span, fan })
    }

    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>) -> Result<(), Violation> {
        let (_span, _fan) = (*check.word()?, *check.word()?);
        Ok(())
    }
}
