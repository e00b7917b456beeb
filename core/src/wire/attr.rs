//! Attr: sets an attribute.
//!
//! ```text
//! Attr   header(aux: key) span [tick] [inline key] value
//! ```
//!
//! A value that is longer than a record starts in an Attr with [`Attr::MORE`], and continues in [`Chunk`]s right behind
//! it. All of them are published together.

use super::check::{Check, Origin};
use super::chunk::{Chunk, MORE};
use super::name::INLINE;
use super::numbers::flags;
use super::stamp::{self, STAMPED};
use super::value::{lengths, lengths_of, CUT, VALUE_WORD_BYTES};
use super::{padded, Bytes, Decoded, Encoded, Fields, Header, Kind, Sink, Type, Violation, WireName};

/// The fields of an Attr, without its value. `T` is the type of an inline key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attr<T> {
    pub(crate) span: u64,
    /// The time at which it was set, if several threads write to the span.
    pub(crate) tick: Option<u64>,
    pub(crate) key: WireName<T>,
}

flags! {
    impl Attr<&str> {
        /// The key is inline.
        INLINE = INLINE;
        /// The value was cut.
        CUT = CUT;
        /// A Chunk follows.
        MORE = MORE;
        /// A tick follows the span.
        STAMPED = STAMPED;
    }
}

/// The header and the span.
const FIXED_BYTES: u64 = 16;

/// The first words of every Attr.
#[inline(always)]
const fn head(bytes: u64, flags: u16, key: u32, span: u64) -> [u64; 2] {
    [Header::new(Kind::Attr, bytes, flags, key).0, span]
}

/// The most frequent records: a scalar or a short text, under a key that is a number.
impl Attr<&str> {
    /// The length with a scalar.
    pub(crate) const SCALAR_BYTES: u64 = FIXED_BYTES + VALUE_WORD_BYTES;
    /// The same with a stamp.
    pub(crate) const STAMPED_SCALAR_BYTES: u64 = Self::SCALAR_BYTES + stamp::bytes(true);

    pub(super) const SAMPLE: &'static [u64] = &Self::stamped_scalar(1, 2, 3, Type::I64, 4);

    #[inline(always)]
    pub(crate) const fn scalar(span: u64, key: u32, ty: Type, bits: u64) -> [u64; 3] {
        let [header, span] = head(Self::SCALAR_BYTES, ty as u16, key, span);
        [header, span, bits]
    }

    #[inline(always)]
    pub(crate) const fn stamped_scalar(span: u64, tick: u64, key: u32, ty: Type, bits: u64) -> [u64; 4] {
        let [header, span] = head(Self::STAMPED_SCALAR_BYTES, ty as u16 | STAMPED, key, span);
        [header, span, tick, bits]
    }

    /// The length with a text of this many bytes.
    #[inline(always)]
    pub(crate) const fn text_bytes(len: usize) -> u64 {
        Self::SCALAR_BYTES + padded(len)
    }

    /// The words in front of the text.
    #[inline(always)]
    pub(crate) const fn before_text(span: u64, key: u32, len: usize) -> [u64; 3] {
        let [header, span] = head(Self::text_bytes(len), Type::Str as u16, key, span);
        [header, span, lengths(len, len)]
    }

    /// The length with a text of this many bytes and a stamp.
    #[inline(always)]
    pub(crate) const fn stamped_text_bytes(len: usize) -> u64 {
        Self::STAMPED_SCALAR_BYTES + padded(len)
    }

    /// The words in front of the text.
    #[inline(always)]
    pub(crate) const fn before_stamped_text(span: u64, tick: u64, key: u32, len: usize) -> [u64; 4] {
        let [header, span] = head(Self::stamped_text_bytes(len), Type::Str as u16 | STAMPED, key, span);
        [header, span, tick, lengths(len, len)]
    }
}

/// An attribute with its value, as one record, or as an Attr followed by Chunks.
pub(crate) struct Split<'a> {
    attr: Attr<&'a str>,
    value: &'a Encoded<'a>,
    /// The length of the Attr.
    bytes: u64,
    /// The part of the value's bytes that is in the Attr.
    first: &'a [u8],
    /// The rest of the bytes.
    rest: &'a [u8],
    /// The most bytes in each Chunk.
    chunk: usize,
}

impl<'a> Attr<&'a str> {
    /// Splits it into records of at most `max` bytes; `None` if not even the start fits.
    pub(crate) fn split(self, value: &'a Encoded<'a>, max: u64) -> Option<Split<'a>> {
        let fixed = FIXED_BYTES + stamp::bytes(self.tick.is_some()) + self.key.inline_bytes() + VALUE_WORD_BYTES;
        let room = (max.saturating_sub(fixed) & !7) as usize;
        let (first, rest) = value.bytes().split_at(room.min(value.bytes().len()));
        let bytes = fixed + padded(first.len());
        let chunk = Chunk::room(max);
        (bytes <= max).then_some(Split { attr: self, value, bytes, first, rest, chunk })
    }
}

impl Split<'_> {
    /// The length of all records together.
    pub(crate) fn bytes(&self) -> u64 {
        match self.rest {
            [] => self.bytes,
            _ => self.bytes + self.chunks().map(|chunk| chunk.bytes()).sum::<u64>(),
        }
    }

    fn chunks(&self) -> impl Iterator<Item = Chunk<&[u8]>> {
        let mut left = self.rest.len();
        self.rest.chunks(self.chunk).map(move |bytes| {
            left -= bytes.len();
            Chunk { bytes, more: left > 0 }
        })
    }

    pub(crate) fn put(&self, out: &mut impl Sink) {
        let Attr { span, tick, key } = &self.attr;
        let more = if self.rest.is_empty() { 0 } else { MORE };
        let flags = self.value.flags() | stamp::flag(*tick) | key.flag() | more;
        out.start(head(self.bytes, flags, key.aux(), *span));
        if let Some(tick) = tick {
            out.word(*tick);
        }
        key.put(out);
        out.word(self.value.word());
        out.bytes(self.first);
        if more != 0 {
            self.chunks().for_each(|chunk| chunk.put(out));
        }
    }
}

/// The value of an Attr that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AttrValue<'a> {
    Whole(Decoded<'a>),
    Beginning(Beginning<'a>),
}

/// The start of a value that continues in Chunks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning<'a> {
    pub(crate) ty: Type,
    /// Its complete length, in bytes.
    pub(crate) len: usize,
    /// Its length before it was cut, in bytes; zero if it wasn't.
    pub(crate) before: u32,
    pub(crate) bytes: Bytes<'a>,
}

impl Attr<Bytes<'_>> {
    /// Whether a header is that of an Attr without a stamp, whose key has a number and whose value is whole.
    #[inline(always)]
    pub(crate) fn is_plain(header: u64) -> bool {
        let mask = Header::of_parts(0xff, 0, INLINE | MORE | STAMPED, 0).0;
        header & mask == Kind::Attr as u64
    }
}

impl<'a> Attr<Bytes<'a>> {
    /// The fields of an Attr, and its value.
    #[inline(always)]
    pub(crate) fn read(record: &'a [u64]) -> Option<(Self, AttrValue<'a>)> {
        let [header, span, rest @ ..] = record else { return None };
        let (header, mut fields) = (Header(*header), Fields(rest));
        let tick = fields.word_if(header.has(STAMPED))?;
        let key = WireName::read(&mut fields, header.has(INLINE), header.aux())?;
        let value = if header.has(MORE) {
            let ty = Type::of_flags(header.flags())?;
            let (len, before) = lengths_of(fields.word()?);
            AttrValue::Beginning(Beginning { ty, len, before, bytes: fields.rest() })
        } else {
            AttrValue::Whole(Decoded::read(&mut fields, header.flags())?)
        };
        Some((Self { span: *span, tick, key }, value))
    }
}

impl Attr<&str> {
    /// Returns how many bytes of its value are still to come in Chunks.
    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header) -> Result<u64, Violation> {
        check.span_and_stamp(header)?;
        check.name(header)?;
        let ty = Type::of_flags(header.flags()).ok_or(Violation::Kind)?;
        let (len, _) = lengths_of(*check.word()?);
        let max = check.origin.max_value();
        match (ty.is_scalar(), header.has(MORE)) {
            (true, true) => Err(Violation::Kind),
            (true, false) => Ok(0),
            (false, false) => check.bytes(len, max).map(|()| 0),
            (false, true) => {
                let here = check.rest();
                if len as u64 <= here || len > max {
                    return Err(Violation::Length);
                }
                Ok(len as u64 - here)
            }
        }
    }
}
