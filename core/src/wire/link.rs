//! Link: links a span to another one.
//!
//! ```text
//! Link   header(aux: trace flags | propagated << 16) span trace.hi trace.lo linked dropped [text..] item..
//! ```
//!
//! `dropped` is the number of its attributes that did not fit; its upper half is the length of `text`, the linked span's
//! tracestate. In a process's own shards there is an index instead (as in a Begin), in a region the text: the region's
//! reader has another table.

use super::check::{Check, Origin};
use super::item::{Item, Items};
use super::numbers::flags;
use super::{padded, Bytes, Fields, Header, Kind, Sink, Violation};
use crate::{SpanId, TraceId};

/// The fields of a Link, without its attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link<T> {
    pub(crate) span: u64,
    pub(crate) trace: TraceId,
    pub(crate) linked: SpanId,
    pub(crate) trace_flags: u8,
    pub(crate) is_remote: bool,
    pub(crate) dropped: u32,
    /// The index of what the linked trace brought. Zero in a region.
    pub(crate) propagated: u16,
    /// The linked span's tracestate, only in a region; else empty.
    pub(crate) tracestate: T,
}

flags! {
    impl Link<()> {
        /// The linked span's ids came from another process.
        REMOTE = 1 << 4;
    }
}

/// The length without tracestate and attributes.
const BARE_BYTES: u64 = 48;
/// The bits of the aux that contain the trace flags.
const TRACE_FLAGS_MASK: u32 = 0xff;
/// The lowest bit of the index in the aux.
const PROPAGATED_AT: u32 = 16;
/// The lowest bit of the tracestate's length in the word with `dropped`.
const LENGTH_AT: u32 = 32;

impl<T> Link<T> {
    const fn head(&self, bytes: u64, text_bytes: usize) -> [u64; 6] {
        let flags = if self.is_remote { Link::REMOTE } else { 0 };
        let aux = self.trace_flags as u32 | (self.propagated as u32) << PROPAGATED_AT;
        let header = Header::new(Kind::Link, bytes, flags, aux);
        let dropped = self.dropped as u64 | (text_bytes as u64) << LENGTH_AT;
        [header.0, self.span, self.trace.hi, self.trace.lo, self.linked.0, dropped]
    }
}

impl Link<()> {
    pub(super) const SAMPLE: &'static [u64] = &Self {
        span: 1,
        trace: TraceId { hi: 2, lo: 3 },
        linked: SpanId(4),
        trace_flags: 5,
        is_remote: true,
        dropped: 6,
        propagated: 7,
        tracestate: (),
    }
    .head(BARE_BYTES, 8);

    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header) -> Result<(), Violation> {
        check.has_no_stamp(header)?;
        check.own_span()?;
        for _trace_linked in 0..3 {
            check.word()?;
        }
        let text_bytes = (*check.word()? >> LENGTH_AT) as usize;
        check.set_header(header.with_aux(header.aux() & TRACE_FLAGS_MASK));
        if text_bytes > 0 {
            check.tracestate(text_bytes)?;
        }
        check.items()
    }
}

impl Link<&str> {
    /// The length without attributes.
    pub(crate) fn bare_bytes(tracestate: &str) -> u64 {
        BARE_BYTES + padded(tracestate.len())
    }

    /// Writes it, with attributes of this many bytes.
    pub(crate) fn put(&self, items: &[Item<'_>], items_bytes: u64, out: &mut impl Sink) {
        let bytes = Self::bare_bytes(self.tracestate) + items_bytes;
        out.start(self.head(bytes, self.tracestate.len()));
        if !self.tracestate.is_empty() {
            out.bytes(self.tracestate.as_bytes());
        }
        items.iter().for_each(|item| item.put(out));
    }
}

impl<'a> Link<Bytes<'a>> {
    /// The fields of a Link, and its attributes.
    pub(crate) fn read(record: &'a [u64]) -> Option<(Self, Items<'a>)> {
        let [header, span, hi, lo, linked, dropped, rest @ ..] = record else { return None };
        let header = Header(*header);
        let mut fields = Fields(rest);
        let tracestate = fields.bytes((*dropped >> LENGTH_AT) as usize)?;
        let link = Self {
            span: *span,
            trace: TraceId { hi: *hi, lo: *lo },
            linked: SpanId(*linked),
            trace_flags: header.aux() as u8,
            is_remote: header.has(Link::REMOTE),
            dropped: *dropped as u32,
            propagated: (header.aux() >> PROPAGATED_AT) as u16,
            tracestate,
        };
        Some((link, Items(fields)))
    }
}
