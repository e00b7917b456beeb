//! Event: adds an event to a span.
//!
//! ```text
//! Event   header(aux: name) span tick dropped [inline name] item..
//! ```
//!
//! `dropped` is the number of its attributes that did not fit.

use super::check::{Check, Origin};
use super::item::{Item, Items};
use super::name::INLINE;
use super::numbers::flags;
use super::{Bytes, Fields, Header, Kind, Sink, Violation, WireName};

/// The fields of an Event, without its attributes. `T` is the type of an inline name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<T> {
    pub(crate) span: u64,
    pub(crate) tick: u64,
    pub(crate) dropped: u32,
    pub(crate) name: WireName<T>,
}

flags! {
    impl Event<&str> {
        /// The name is inline.
        INLINE = INLINE;
    }
}

impl Event<&str> {
    pub(super) const SAMPLE: &'static [u64] =
        &Event { span: 1, tick: 2, dropped: 3, name: WireName::Id(4) }.head(Self::FIXED_BYTES, 5, 6);

    /// The length of the first words of every Event.
    const FIXED_BYTES: u64 = 32;

    const fn head(&self, bytes: u64, flags: u16, name: u32) -> [u64; 4] {
        [Header::new(Kind::Event, bytes, flags, name).0, self.span, self.tick, self.dropped as u64]
    }

    /// The length without attributes.
    pub(crate) fn bare_bytes(name: &WireName<&str>) -> u64 {
        Self::FIXED_BYTES + name.inline_bytes()
    }

    /// Writes it, with attributes of this many bytes.
    pub(crate) fn put(&self, items: &[Item<'_>], items_bytes: u64, out: &mut impl Sink) {
        let bytes = Self::bare_bytes(&self.name) + items_bytes;
        out.start(self.head(bytes, self.name.flag(), self.name.aux()));
        self.name.put(out);
        items.iter().for_each(|item| item.put(out));
    }

    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header) -> Result<(), Violation> {
        check.has_no_stamp(header)?;
        check.own_span()?;
        check.stamp()?;
        let _dropped = check.word()?;
        check.name(header)?;
        check.items()
    }
}

impl<'a> Event<Bytes<'a>> {
    /// The fields of an Event, and its attributes.
    pub(crate) fn read(record: &'a [u64]) -> Option<(Self, Items<'a>)> {
        let [header, span, tick, dropped, rest @ ..] = record else { return None };
        let (header, mut fields) = (Header(*header), Fields(rest));
        let name = WireName::read(&mut fields, header.has(INLINE), header.aux())?;
        Some((Self { span: *span, tick: *tick, dropped: *dropped as u32, name }, Items(fields)))
    }
}
