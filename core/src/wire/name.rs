//! The names of spans and events, and the keys of attributes.
//!
//! ```text
//! without INLINE   aux: the number of a static text in the process's dictionary
//! with INLINE      aux: the length of the text in bytes; the record contains the text, padded to whole words
//! ```

use super::check::{Check, Origin};
use super::{padded, Bytes, Fields, Header, Sink, Violation, MAX_RECORD_BYTES};

/// Begin, Attr, Event, Rename, TraceValue, item: the name is inline.
pub(super) const INLINE: u16 = 1 << 4;

/// A name in a record: a number, or the text, which is `&str` for a writer and [`Bytes`] for a reader.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WireName<T> {
    Id(u32),
    Inline(T),
}

impl WireName<&str> {
    /// The number of bytes that it takes behind the header.
    #[inline(always)]
    pub(crate) fn inline_bytes(&self) -> u64 {
        match self {
            WireName::Id(_) => 0,
            WireName::Inline(text) => padded(text.len()),
        }
    }

    /// Its flag.
    pub(super) fn flag(&self) -> u16 {
        match self {
            WireName::Id(_) => 0,
            WireName::Inline(_) => INLINE,
        }
    }

    /// Its number or its length.
    pub(super) fn aux(&self) -> u32 {
        match self {
            WireName::Id(id) => *id,
            WireName::Inline(text) => text.len() as u32,
        }
    }

    pub(super) fn put(&self, out: &mut impl Sink) {
        if let WireName::Inline(text) = self {
            out.bytes(text.as_bytes());
        }
    }
}

impl<'a> WireName<Bytes<'a>> {
    /// A copy with a text of its own.
    pub(crate) fn to_owned(self) -> WireName<Vec<u8>> {
        match self {
            WireName::Id(id) => WireName::Id(id),
            WireName::Inline(text) => WireName::Inline(text.to_vec()),
        }
    }

    /// Reads the name to which a header or an item's word refers.
    #[inline(always)]
    pub(super) fn read(fields: &mut Fields<'a>, is_inline: bool, aux: u32) -> Option<Self> {
        if is_inline {
            fields.bytes(aux as usize).map(WireName::Inline)
        } else {
            Some(WireName::Id(aux))
        }
    }
}

impl<O: Origin> Check<'_, O> {
    /// Checks the name to which the record's header refers. A number is replaced by this process's; a text must fit.
    pub(super) fn name(&mut self, header: Header) -> Result<(), Violation> {
        if header.has(INLINE) {
            return self.bytes(header.aux() as usize, MAX_RECORD_BYTES as usize);
        }
        let id = self.origin.name(header.aux())?;
        self.set_header(header.with_aux(id));
        Ok(())
    }
}
