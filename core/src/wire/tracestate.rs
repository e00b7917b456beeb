//! The tracestate of a span that began under another process's context, right behind its Begin.
//!
//! ```text
//! Tracestate   header(aux: index) span               in a process's own shards: its tracer's table has the text
//! Tracestate   header(aux: length) span text..       in a region, whose reader has another table
//! ```
//!
//! The check turns the second form into the first.

use super::check::{Check, Origin};
use super::name::INLINE;
use super::numbers::flags;
use super::{padded, Bytes, Header, Kind, Violation};

/// What a Tracestate says in a process's own shards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tracestate {
    pub(crate) span: u64,
    /// Its place in the tracer's table, from one on; zero if there is none.
    pub(crate) index: u16,
}

flags! {
    impl Tracestate {
        /// The text stands inline. Set in a region, where nothing else is read.
        INLINE = INLINE;
    }
}

impl Tracestate {
    /// The length without a text.
    pub(crate) const BYTES: u64 = 16;
    /// The longest text that another process may bring, in bytes.
    pub(crate) const MAX_TEXT_BYTES: usize = 4096;

    pub(super) const SAMPLE: &'static [u64] = &Self::head(1, Self::BYTES, 2, 3);

    const fn head(span: u64, bytes: u64, flags: u16, aux: u32) -> [u64; 2] {
        [Header::new(Kind::Tracestate, bytes, flags, aux).0, span]
    }

    pub(crate) const fn record(self) -> [u64; 2] {
        Self::head(self.span, Self::BYTES, 0, self.index as u32)
    }

    /// The length with a text of so many bytes.
    pub(crate) fn text_bytes(len: usize) -> u64 {
        Self::BYTES + padded(len)
    }

    /// The words in front of the text.
    pub(crate) fn before_text(span: u64, len: usize) -> [u64; 2] {
        Self::head(span, Self::text_bytes(len), INLINE, len as u32)
    }

    pub(crate) fn read(record: &[u64]) -> Option<Self> {
        let [header, span, ..] = record else { return None };
        Some(Self { span: *span, index: Header(*header).aux() as u16 })
    }

    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header) -> Result<(), Violation> {
        check.own_span()?;
        let (from, len) = (check.at, header.aux() as usize);
        check.bytes(len, Self::MAX_TEXT_BYTES)?;
        if !check.is_at_end() {
            return Err(Violation::Length);
        }
        let text = Bytes::new(&check.record[from..], len).to_vec();
        let index = std::str::from_utf8(&text).map_or(0, |text| check.origin.tracestate(text));
        let span = check.record[1];
        check.replace(&Self { span, index }.record());
        Ok(())
    }
}
