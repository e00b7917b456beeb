//! Link: links a span to another one.
//!
//! ```text
//! Link   header(aux: trace flags) span trace.hi trace.lo linked dropped item..
//! ```
//!
//! `dropped` is the number of its attributes that did not fit.

use super::check::{Check, Origin};
use super::item::{Item, Items};
use super::numbers::flags;
use super::{Fields, Header, Kind, Sink, Violation};
use crate::{SpanId, TraceId};

/// The fields of a Link, without its attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) span: u64,
    pub(crate) trace: TraceId,
    pub(crate) linked: SpanId,
    pub(crate) trace_flags: u8,
    pub(crate) is_remote: bool,
    pub(crate) dropped: u32,
}

flags! {
    impl Link {
        /// The linked span's ids came from another process.
        REMOTE = 1 << 4;
    }
}

impl Link {
    pub(super) const SAMPLE: &'static [u64] = &Self {
        span: 1,
        trace: TraceId { hi: 2, lo: 3 },
        linked: SpanId(4),
        trace_flags: 5,
        is_remote: true,
        dropped: 6,
    }
    .head(Self::BARE_BYTES);

    /// The length without attributes.
    pub(crate) const BARE_BYTES: u64 = 48;

    const fn head(&self, bytes: u64) -> [u64; 6] {
        let flags = if self.is_remote { Self::REMOTE } else { 0 };
        let header = Header::new(Kind::Link, bytes, flags, self.trace_flags as u32);
        [header.0, self.span, self.trace.hi, self.trace.lo, self.linked.0, self.dropped as u64]
    }

    /// Writes it, with attributes of this many bytes.
    pub(crate) fn put(&self, items: &[Item<'_>], items_bytes: u64, out: &mut impl Sink) {
        out.start(self.head(Self::BARE_BYTES + items_bytes));
        items.iter().for_each(|item| item.put(out));
    }

    /// The fields of a Link, and its attributes.
    pub(crate) fn read(record: &[u64]) -> Option<(Self, Items<'_>)> {
        let [header, span, hi, lo, linked, dropped, rest @ ..] = record else { return None };
        let header = Header(*header);
        let link = Self {
            span: *span,
            trace: TraceId { hi: *hi, lo: *lo },
            linked: SpanId(*linked),
            trace_flags: header.aux() as u8,
            is_remote: header.has(Self::REMOTE),
            dropped: *dropped as u32,
        };
        Some((link, Items(Fields(rest))))
    }

    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header) -> Result<(), Violation> {
        check.has_no_stamp(header)?;
        check.own_span()?;
        for _trace_linked_dropped in 0..4 {
            check.word()?;
        }
        check.items()
    }
}
