//! Rename: gives a span another name.
//!
//! ```text
//! Rename   header(aux: name) span [tick] [inline name]
//! ```

use super::check::{Check, Origin};
use super::name::INLINE;
use super::numbers::flags;
use super::stamp::{self, STAMPED};
use super::{Bytes, Fields, Header, Kind, Sink, Violation, WireName};

/// The fields of a Rename. `T` is the type of an inline name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rename<T> {
    pub(crate) span: u64,
    /// The time at which it was set, if several threads write to the span.
    pub(crate) tick: Option<u64>,
    pub(crate) name: WireName<T>,
}

flags! {
    impl Rename<&str> {
        /// The name is inline.
        INLINE = INLINE;
        /// A tick follows the span.
        STAMPED = STAMPED;
    }
}

/// The header and the span.
const FIXED_BYTES: u64 = 16;

impl Rename<&str> {
    pub(super) const SAMPLE: &'static [u64] = &Self::head(1, FIXED_BYTES, 2, 3);

    const fn head(span: u64, bytes: u64, flags: u16, name: u32) -> [u64; 2] {
        [Header::new(Kind::Rename, bytes, flags, name).0, span]
    }

    pub(crate) fn bytes(&self) -> u64 {
        FIXED_BYTES + stamp::bytes(self.tick.is_some()) + self.name.inline_bytes()
    }

    pub(crate) fn put(&self, out: &mut impl Sink) {
        let flags = stamp::flag(self.tick) | self.name.flag();
        out.start(Self::head(self.span, self.bytes(), flags, self.name.aux()));
        self.tick.iter().for_each(|tick| out.word(*tick));
        self.name.put(out);
    }

    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header) -> Result<(), Violation> {
        check.span_and_stamp(header)?;
        check.name(header)
    }
}

impl<'a> Rename<Bytes<'a>> {
    pub(crate) fn read(record: &'a [u64]) -> Option<Self> {
        let [header, span, rest @ ..] = record else { return None };
        let (header, mut fields) = (Header(*header), Fields(rest));
        let tick = fields.word_if(header.has(STAMPED))?;
        let name = WireName::read(&mut fields, header.has(INLINE), header.aux())?;
        Some(Self { span: *span, tick, name })
    }
}
