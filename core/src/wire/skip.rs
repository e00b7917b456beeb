//! Skip: the records go on at another place of the ring.
//!
//! ```text
//! Skip   header(aux: length in words)      without a length in its header
//! ```
//!
//! A writer jumps back to memory that was read, or over records that were not, instead of writing to fresh memory. The Skip
//! covers everything from its own word to the next record. That may be much more than a header's twelve bits for the length
//! allow, so the length is in the aux, and the header's own length is zero: no other record has that, so a reader finds a Skip
//! where it would find an invalid record, and no check of its own is necessary for the common records.

use super::check::{Check, Origin};
use super::{Header, Kind, Number, Violation};

/// A jump over this many bytes, those of the record included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skip {
    pub(crate) bytes: u64,
}

impl Skip {
    /// The bytes that it writes.
    pub(crate) const BYTES: u64 = 8;

    /// It has no flags.
    pub(super) const FLAGS: &'static [Number] = &[];
    pub(super) const SAMPLE: &'static [u64] = &Self { bytes: 8 * 2 }.record();

    /// At most 32 GiB, a multiple of 8.
    pub(crate) const fn record(self) -> [u64; 1] {
        [Header::new(Kind::Skip, 0, 0, (self.bytes / 8) as u32).0]
    }

    /// The jump that starts with this word, if it is one.
    #[cold]
    pub(crate) fn read(word: u64) -> Option<Self> {
        let header = Header(word);
        let bytes = 8 * u64::from(header.aux());
        (word == Self { bytes }.record()[0] && bytes > 0).then_some(Self { bytes })
    }

    /// Where it leads is checked by the reader, which knows the positions.
    pub(super) fn check<O: Origin>(check: &Check<'_, O>) -> Result<(), Violation> {
        check.record.first().and_then(|word| Self::read(*word)).map(|_| ()).ok_or(Violation::Length)
    }
}
