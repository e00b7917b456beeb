//! Tracestate: the tracestate of a span in a region, right behind its Begin.
//!
//! ```text
//! Tracestate   header(aux: length) span text..
//! ```
//!
//! The region's reader has another table of tracestates, so the text is in the record. In a process's own shards the Begin
//! has an index, and there is no Tracestate.

use super::check::{Check, Origin};
use super::numbers::flags;
use super::{padded, Bytes, Fields, Header, Kind, Violation};

/// The fields of a Tracestate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tracestate<'a> {
    pub(crate) text: Bytes<'a>,
}

flags! {
    impl Tracestate<'_> {}
}

/// The length without the text.
const BARE_BYTES: u64 = 16;
/// The longest text, in bytes. It is what [`TraceState`](crate::TraceState) keeps.
pub(crate) const MAX_TRACESTATE_BYTES: usize = 512;

impl<'a> Tracestate<'a> {
    pub(super) const SAMPLE: &'static [u64] = &Self::head(1, BARE_BYTES, 2);

    const fn head(span: u64, bytes: u64, aux: u32) -> [u64; 2] {
        [Header::new(Kind::Tracestate, bytes, 0, aux).0, span]
    }

    /// The length with a text of this many bytes.
    pub(crate) fn bytes(len: usize) -> u64 {
        BARE_BYTES + padded(len)
    }

    /// The words in front of the text.
    pub(crate) fn before_text(span: u64, len: usize) -> [u64; 2] {
        Self::head(span, Self::bytes(len), len as u32)
    }

    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header) -> Result<(), Violation> {
        check.own_span()?;
        check.tracestate(header.aux() as usize)
    }

    pub(crate) fn read(record: &'a [u64]) -> Option<Self> {
        let [header, _span, text @ ..] = record else { return None };
        Fields(text).bytes(Header(*header).aux() as usize).map(|text| Self { text })
    }
}

impl<O: Origin> Check<'_, O> {
    /// Checks a tracestate of this many bytes at this place.
    pub(super) fn tracestate(&mut self, len: usize) -> Result<(), Violation> {
        let from = self.at;
        self.bytes(len, MAX_TRACESTATE_BYTES)?;
        let text = Bytes::new(&self.record[from..self.at], len).to_vec();
        match std::str::from_utf8(&text) {
            Ok(text) if self.origin.is_tracestate(text) => Ok(()),
            _ => Err(Violation::Tracestate),
        }
    }
}
