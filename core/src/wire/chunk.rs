//! Chunk: continues a long value, right behind its Attr or More.
//!
//! ```text
//! Chunk   header(aux: length) bytes..
//! ```

use super::check::{Check, Origin};
use super::numbers::flags;
use super::{padded, Bytes, Fields, Header, Kind, Sink, Violation};

/// Attr, Chunk, More, item: a Chunk follows.
pub(super) const MORE: u16 = 1 << 6;

/// A part of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<T> {
    pub(crate) bytes: T,
    /// Another one follows.
    pub(crate) more: bool,
}

flags! {
    impl Chunk<&[u8]> {
        /// Another one follows.
        MORE = MORE;
    }
}

/// Whether Chunks follow a record with this header.
pub(crate) fn goes_on(header: Header) -> bool {
    matches!(header.kind(), Some(Kind::Attr | Kind::More)) && header.has(MORE)
}

/// Whether a record continues the one in front of it, with which it was published. No record of another shard may be read
/// between the two.
pub(crate) fn belongs_to_last(header: Header) -> bool {
    matches!(header.kind(), Some(Kind::Chunk | Kind::More))
}

/// The header.
const FIXED_BYTES: u64 = 8;

impl Chunk<&[u8]> {
    pub(super) const SAMPLE: &'static [u64] = &Self::head(1, true);

    const fn head(len: usize, more: bool) -> [u64; 1] {
        let flags = if more { MORE } else { 0 };
        [Header::new(Kind::Chunk, FIXED_BYTES + padded(len), flags, len as u32).0]
    }

    /// How many bytes fit into a Chunk of at most `max` bytes.
    pub(super) fn room(max: u64) -> usize {
        (max - FIXED_BYTES) as usize
    }

    /// Splits bytes into Chunks of at most `max` bytes.
    pub(super) fn each<'a>(bytes: &'a [u8], max: u64, mut chunk: impl FnMut(Chunk<&'a [u8]>)) {
        let mut left = bytes.len();
        for bytes in bytes.chunks(Self::room(max)) {
            left -= bytes.len();
            chunk(Chunk { bytes, more: left > 0 });
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        FIXED_BYTES + padded(self.bytes.len())
    }

    pub(super) fn put(&self, out: &mut impl Sink) {
        out.start(Self::head(self.bytes.len(), self.more));
        out.bytes(self.bytes);
    }

    /// Checks one, with `rest` bytes still to come. Returns how many are to come after it.
    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header, rest: u64) -> Result<u64, Violation> {
        let bytes = u64::from(header.aux());
        if padded(bytes as usize) != check.rest() || bytes == 0 || bytes > rest {
            return Err(Violation::Length);
        }
        let rest = rest - bytes;
        if header.has(MORE) == (rest > 0) {
            Ok(rest)
        } else {
            Err(Violation::Length)
        }
    }
}

impl<'a> Chunk<Bytes<'a>> {
    pub(crate) fn read(record: &'a [u64]) -> Option<Self> {
        let (header, rest) = (Header::of(record)?, record.get(1..)?);
        let bytes = Fields(rest).bytes(header.aux() as usize)?;
        Some(Self { bytes, more: header.has(MORE) })
    }
}
