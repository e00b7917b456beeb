//! The attributes of events and links.
//!
//! ```text
//! item   bits 0..4 value type, bit 4 inline key, bit 5 cut, bit 6 more; bits 32..64 key      [inline key] value
//! ```
//!
//! With [`Item::MORE`], which only the last item of a [`More`](super::More) may have, the value continues in Chunks.

use super::check::{Check, Origin};
use super::chunk::MORE;
use super::name::INLINE;
use super::numbers::flags;
use super::value::{lengths_of, CUT, TYPE_MASK, VALUE_WORD_BYTES};
use super::{AttrValue, Beginning, Bytes, Decoded, Encoded, Fields, Sink, Type, Violation, WireName, MAX_RECORD_BYTES};

/// An attribute to be written.
pub(crate) struct Item<'a> {
    pub(crate) key: WireName<&'a str>,
    pub(crate) value: Encoded<'a>,
}

flags! {
    impl Item<'_> {
        /// The key is inline.
        INLINE = INLINE;
        /// The value was cut.
        CUT = CUT;
        /// The rest of the value follows in Chunks.
        MORE = MORE;
    }
}

/// The lowest bit of the key.
const KEY_AT: u32 = 32;

/// The first word of an item.
const fn word(flags: u16, key: u32) -> u64 {
    flags as u64 | (key as u64) << KEY_AT
}

impl Item<'_> {
    pub(super) const SAMPLE: &'static [u64] = &[word(super::Type::Str as u16 | INLINE | CUT, 5)];

    pub(crate) fn len(&self) -> u64 {
        8 + self.key.inline_bytes() + self.value.len()
    }

    /// The length without the value's bytes.
    pub(super) fn fixed_bytes(&self) -> u64 {
        8 + self.key.inline_bytes() + VALUE_WORD_BYTES
    }

    fn flags(&self) -> u16 {
        self.value.flags() & (CUT | TYPE_MASK) | self.key.flag()
    }

    pub(super) fn put(&self, out: &mut impl Sink) {
        out.word(word(self.flags(), self.key.aux()));
        self.key.put(out);
        self.value.put(out);
    }

    /// Writes it with the first bytes of its value. The rest follows in Chunks.
    pub(super) fn put_beginning(&self, first: &[u8], out: &mut impl Sink) {
        out.word(word(self.flags() | MORE, self.key.aux()));
        self.key.put(out);
        out.word(self.value.word());
        out.bytes(first);
    }
}

/// The unread items of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Items<'a>(pub(super) Fields<'a>);

impl<'a> Items<'a> {
    /// The next one. `None` at the end; `Some(None)` if it is invalid.
    pub(crate) fn read(&mut self) -> Option<Option<(WireName<Bytes<'a>>, AttrValue<'a>)>> {
        (!self.0.is_empty()).then(|| self.read_one())
    }

    fn read_one(&mut self) -> Option<(WireName<Bytes<'a>>, AttrValue<'a>)> {
        let word = self.0.word()?;
        let flags = word as u16;
        let key = WireName::read(&mut self.0, flags & INLINE != 0, (word >> KEY_AT) as u32)?;
        if flags & MORE == 0 {
            return Some((key, AttrValue::Whole(Decoded::read(&mut self.0, flags)?)));
        }
        let ty = Type::of_flags(flags)?;
        let (len, before) = lengths_of(self.0.word()?);
        let bytes = std::mem::replace(&mut self.0, Fields(&[])).rest();
        Some((key, AttrValue::Beginning(Beginning { ty, len, before, bytes })))
    }
}

impl<O: Origin> Check<'_, O> {
    /// All items up to the end of the record, which are whole.
    pub(super) fn items(&mut self) -> Result<(), Violation> {
        match self.items_and_beginning()? {
            0 => Ok(()),
            _ => Err(Violation::Length),
        }
    }

    /// All items up to the end of the record. Returns how many bytes of the last one's value are still to come.
    pub(super) fn items_and_beginning(&mut self) -> Result<u64, Violation> {
        while !self.is_at_end() {
            let place = self.at;
            let head = *self.word()?;
            let flags = head as u16;
            // Checked before the key, so that an unknown type is reported as such, even if the key is invalid too.
            let ty = Type::of_flags(flags).ok_or(Violation::Kind)?;
            let key = (head >> KEY_AT) as u32;
            if flags & INLINE != 0 {
                self.bytes(key as usize, MAX_RECORD_BYTES as usize)?;
            } else {
                let id = self.origin.name(key)?;
                self.record[place] = head & ((1 << KEY_AT) - 1) | u64::from(id) << KEY_AT;
            }
            if flags & MORE != 0 {
                return self.beginning(ty);
            }
            self.value(flags)?;
        }
        Ok(0)
    }

    /// The start of a value, which takes the rest of the record. Returns how many bytes are still to come.
    fn beginning(&mut self, ty: Type) -> Result<u64, Violation> {
        let (len, _) = lengths_of(*self.word()?);
        let here = self.rest();
        if ty.is_scalar() || len as u64 <= here || len > self.origin.max_value() {
            return Err(Violation::Length);
        }
        Ok(len as u64 - here)
    }
}
