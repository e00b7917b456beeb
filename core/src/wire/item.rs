//! The attributes of events and links.
//!
//! ```text
//! item   bits 0..4 value type, bit 4 inline key, bit 5 cut; bits 32..64 key      [inline key] value
//! ```

use super::check::{Check, Origin};
use super::name::INLINE;
use super::numbers::flags;
use super::value::{CUT, TYPE_MASK, VALUE_WORD_BYTES};
use super::{Bytes, Decoded, Encoded, Fields, Sink, Violation, WireName, MAX_RECORD_BYTES};

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

    pub(super) fn put(&self, out: &mut impl Sink) {
        out.word(word(self.value.flags() & (CUT | TYPE_MASK) | self.key.flag(), self.key.aux()));
        self.key.put(out);
        self.value.put(out);
    }
}

/// How many of the items fit into `room` bytes, after cutting their values, and their length.
pub(crate) fn fit(items: &mut [Item<'_>], mut room: u64, max_value_bytes: usize) -> (usize, u64) {
    let mut total = 0;
    for (i, item) in items.iter_mut().enumerate() {
        item.value.cut(max_value_bytes);
        let overhead = item.len() - item.value.len() + VALUE_WORD_BYTES;
        if item.len() > room {
            if room < overhead + 8 || matches!(item.value, Encoded::Scalar(..)) {
                return (i, total);
            }
            item.value.cut(((room - overhead) & !7) as usize);
        }
        room -= item.len();
        total += item.len();
    }
    (items.len(), total)
}

/// The unread items of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Items<'a>(pub(super) Fields<'a>);

impl<'a> Items<'a> {
    /// The next one. `None` at the end; `Some(None)` if it is invalid.
    pub(crate) fn read(&mut self) -> Option<Option<(WireName<Bytes<'a>>, Decoded<'a>)>> {
        (!self.0.is_empty()).then(|| self.read_one())
    }

    fn read_one(&mut self) -> Option<(WireName<Bytes<'a>>, Decoded<'a>)> {
        let word = self.0.word()?;
        let flags = word as u16;
        let key = WireName::read(&mut self.0, flags & INLINE != 0, (word >> KEY_AT) as u32)?;
        Some((key, Decoded::read(&mut self.0, flags)?))
    }
}

impl<O: Origin> Check<'_, O> {
    /// All items up to the end of the record.
    pub(super) fn items(&mut self) -> Result<(), Violation> {
        while !self.is_at_end() {
            let place = self.at;
            let head = *self.word()?;
            let flags = head as u16;
            // Checked before the key, so that an unknown type is reported as such, even if the key is invalid too.
            super::Type::of_flags(flags).ok_or(Violation::Kind)?;
            let key = (head >> KEY_AT) as u32;
            if flags & INLINE != 0 {
                self.bytes(key as usize, MAX_RECORD_BYTES as usize)?;
            } else {
                let id = self.origin.name(key)?;
                self.record[place] = head & ((1 << KEY_AT) - 1) | u64::from(id) << KEY_AT;
            }
            self.value(flags)?;
        }
        Ok(())
    }
}
