//! TraceValue: sets a value of a whole trace.
//!
//! ```text
//! TraceValue   header(aux: key) span trace.hi trace.lo tick [inline key] value
//! ```
//!
//! `span` is the span through whose context it was set. The value is never split into Chunks.

use super::check::{Check, Origin};
use super::name::INLINE;
use super::numbers::flags;
use super::value::{lengths, CUT, VALUE_WORD_BYTES};
use super::{padded, Bytes, Decoded, Encoded, Fields, Header, Kind, Sink, Type, Violation, WireName};
use crate::{SpanId, TraceId};

/// The fields of a TraceValue, without its value. `T` is the type of an inline key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TraceValue<T> {
    pub(crate) span: SpanId,
    pub(crate) trace: TraceId,
    pub(crate) tick: u64,
    pub(crate) is_remote: bool,
    /// It came with the trace from another process. It gives way to any value that a program sets.
    pub(crate) arrived: bool,
    pub(crate) key: WireName<T>,
}

flags! {
    impl TraceValue<&str> {
        /// The key is inline.
        INLINE = INLINE;
        /// The value was cut.
        CUT = CUT;
        /// The span's ids came from another process.
        REMOTE = 1 << 6;
        /// The value arrived with the trace.
        ARRIVED = 1 << 7;
    }
}

/// The length of everything in front of an inline key.
const FIXED_BYTES: u64 = 40;

impl TraceValue<&str> {
    pub(super) const SAMPLE: &'static [u64] = &TraceValue {
        span: SpanId(1),
        trace: TraceId { hi: 2, lo: 3 },
        tick: 4,
        is_remote: true,
        arrived: true,
        key: WireName::Id(5),
    }
    .head(FIXED_BYTES, 7, 5);

    #[inline(always)]
    const fn head(&self, bytes: u64, flags: u16, key: u32) -> [u64; 5] {
        let remote = if self.is_remote { Self::REMOTE } else { 0 };
        let arrived = if self.arrived { Self::ARRIVED } else { 0 };
        let header = Header::new(Kind::TraceValue, bytes, flags | remote | arrived, key);
        [header.0, self.span.0, self.trace.hi, self.trace.lo, self.tick]
    }

    /// The length with a short text under a key that is a number.
    #[inline(always)]
    pub(crate) fn text_bytes(len: usize) -> u64 {
        FIXED_BYTES + VALUE_WORD_BYTES + padded(len)
    }

    /// The words in front of a text; the key must be a number.
    #[inline(always)]
    pub(crate) fn before_text(&self, len: usize) -> [u64; 6] {
        let head = self.head(Self::text_bytes(len), Type::Str as u16, self.key.aux());
        let [header, span, hi, lo, tick] = head;
        [header, span, hi, lo, tick, lengths(len, len)]
    }

    /// The longest value in a record of at most `max` bytes.
    pub(crate) fn room(key: &WireName<&str>, max: u64) -> u64 {
        max.saturating_sub(FIXED_BYTES + key.inline_bytes() + VALUE_WORD_BYTES)
    }

    /// The length with a value.
    pub(crate) fn bytes(key: &WireName<&str>, value: &Encoded<'_>) -> u64 {
        FIXED_BYTES + key.inline_bytes() + value.len()
    }

    pub(crate) fn put(&self, value: &Encoded<'_>, out: &mut impl Sink) {
        let flags = value.flags() | self.key.flag();
        out.start(self.head(Self::bytes(&self.key, value), flags, self.key.aux()));
        self.key.put(out);
        value.put(out);
    }

    /// Any trace is allowed: a job's trace is its parent's. The values are limited like the process's spans.
    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header) -> Result<(), Violation> {
        let span = *check.word()?;
        check.trace()?;
        if span == 0 {
            return Err(Violation::Forged);
        }
        check.stamp()?;
        check.name(header)?;
        check.value(header.flags())
    }
}

impl<'a> TraceValue<Bytes<'a>> {
    /// The fields of a TraceValue, and its value.
    pub(crate) fn read(record: &'a [u64]) -> Option<(Self, Decoded<'a>)> {
        let [header, span, hi, lo, tick, rest @ ..] = record else { return None };
        let (header, mut fields) = (Header(*header), Fields(rest));
        let key = WireName::read(&mut fields, header.has(INLINE), header.aux())?;
        let value = Self {
            span: SpanId(*span),
            trace: TraceId { hi: *hi, lo: *lo },
            tick: *tick,
            is_remote: header.has(TraceValue::REMOTE),
            arrived: header.has(TraceValue::ARRIVED),
            key,
        };
        Some((value, Decoded::read(&mut fields, header.flags())?))
    }
}
