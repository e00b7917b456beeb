//! Status: sets a span's status.
//!
//! ```text
//! Status   header(aux: length) span [tick] text..
//! ```
//!
//! The two lowest bits of the flags contain the status; only an error has a text.

use super::check::{Check, Origin};
use super::numbers::flags;
use super::stamp::{self, STAMPED};
use super::{padded, Bytes, Fields, Header, Kind, Sink, Violation, MAX_RECORD_BYTES};

/// The fields of a Status. `T` is the type of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status<T> {
    pub(crate) span: u64,
    /// The time at which it was set, if several threads write to the span.
    pub(crate) tick: Option<u64>,
    pub(crate) is_ok: bool,
    /// The description of an error.
    pub(crate) text: T,
}

flags! {
    impl Status<&str> {
        /// Success. A number, not a bit.
        OK = 1;
        /// An error.
        ERROR = 2;
        /// A tick follows the span.
        STAMPED = STAMPED;
    }
}

/// The bits of the flags that contain the status.
const CODE_MASK: u16 = 3;
/// The header and the span.
const FIXED_BYTES: u64 = 16;

impl Status<&str> {
    pub(super) const SAMPLE: &'static [u64] = &Self::head(1, FIXED_BYTES, 2, 3);

    const fn head(span: u64, bytes: u64, flags: u16, len: usize) -> [u64; 2] {
        [Header::new(Kind::Status, bytes, flags, len as u32).0, span]
    }

    /// The longest text in a record of at most `max` bytes.
    pub(crate) fn room(max: u64) -> u64 {
        max - FIXED_BYTES - stamp::bytes(true)
    }

    pub(crate) fn bytes(&self) -> u64 {
        FIXED_BYTES + stamp::bytes(self.tick.is_some()) + padded(self.text.len())
    }

    pub(crate) fn put(&self, out: &mut impl Sink) {
        let code = if self.is_ok { Self::OK } else { Self::ERROR };
        out.start(Self::head(self.span, self.bytes(), code | stamp::flag(self.tick), self.text.len()));
        self.tick.iter().for_each(|tick| out.word(*tick));
        out.bytes(self.text.as_bytes());
    }

    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header) -> Result<(), Violation> {
        check.span_and_stamp(header)?;
        check.bytes(header.aux() as usize, MAX_RECORD_BYTES as usize)
    }
}

impl<'a> Status<Bytes<'a>> {
    pub(crate) fn read(record: &'a [u64]) -> Option<Self> {
        let [header, span, rest @ ..] = record else { return None };
        let (header, mut fields) = (Header(*header), Fields(rest));
        let tick = fields.word_if(header.has(STAMPED))?;
        let text = fields.bytes(header.aux() as usize)?;
        Some(Self { span: *span, tick, is_ok: header.flags() & CODE_MASK == Status::OK, text })
    }
}
