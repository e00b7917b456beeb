//! End: ends a span.
//!
//! ```text
//! End   header(aux: dropped attributes | dropped events << 16) span tick
//! ```
//!
//! `dropped` counts the records for which the writer had no room.

use super::check::{Check, Origin};
use super::numbers::flags;
use super::{Header, Kind, Violation};

/// The fields of an End.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) flags: u16,
    /// Attributes in the lower half, events in the upper.
    pub(crate) dropped: u32,
    pub(crate) span: u64,
    pub(crate) tick: u64,
}

flags! {
    impl End {
        /// The span's context was handed out.
        ESCAPED = 1 << 4;
        /// A panic ended the span.
        PANICKED = 1 << 5;
        /// The writing thread did not start the span. The credit belongs to the shard of the Begin.
        ELSEWHERE = if cfg!(heirloom_wire_variant = "flag") { 1 << 7 } else { 1 << 6 };
        /// Another thread wrote to the span.
        WRITTEN = 1 << 8;
        /// A poll left the span's future or stream pending, so that the span occupied no thread.
        OFF_LANE = 1 << 9;
    }
}

impl End {
    /// The length, for which a Begin reserves room.
    pub(crate) const BYTES: u64 = 24;

    pub(super) const SAMPLE: &'static [u64] = &Self { flags: 1, dropped: 2, span: 3, tick: 4 }.record();

    #[inline(always)]
    pub(crate) const fn record(self) -> [u64; 3] {
        [Header::new(Kind::End, Self::BYTES, self.flags, self.dropped).0, self.span, self.tick]
    }

    #[inline(always)]
    pub(crate) fn read(record: &[u64]) -> Option<Self> {
        record.first_chunk().map(Self::of_words)
    }

    /// The fields of the record.
    #[inline(always)]
    pub(crate) fn of_words([header, span, tick]: &[u64; 3]) -> Self {
        let header = Header(*header);
        Self { flags: header.flags(), dropped: header.aux(), span: *span, tick: *tick }
    }

    /// Whether a header is that of an End that ends a span on its own thread, without a panic, and lost nothing. The span may
    /// have been handed out.
    #[inline(always)]
    pub(crate) fn is_plain(header: u64) -> bool {
        const ALLOWED: u16 = End::ESCAPED | End::OFF_LANE;
        Header(header).is_plain(Kind::End, Self::BYTES, !ALLOWED & 0xfff, u32::MAX)
    }

    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>) -> Result<(), Violation> {
        check.own_span()?;
        check.stamp()
    }
}
