//! The stamp of a write to a span to which several threads write.
//!
//! ```text
//! without STAMPED   nothing: it was set after the last clock reading in the shard
//! with STAMPED      a tick right behind the span; of two values of one thing the later wins
//! ```

use super::check::{Check, Origin};
use super::{Header, Violation};

/// Attr, Status, Rename: a tick follows the span.
pub(super) const STAMPED: u16 = 1 << 7;

/// The length of a stamp, in bytes.
#[inline(always)]
pub(super) const fn bytes(is_stamped: bool) -> u64 {
    if is_stamped {
        8
    } else {
        0
    }
}

/// The flag of a record with this stamp.
pub(super) fn flag(tick: Option<u64>) -> u16 {
    if tick.is_some() {
        STAMPED
    } else {
        0
    }
}

impl<O: Origin> Check<'_, O> {
    /// Checks the span of the record, and the stamp behind it if there is one.
    pub(super) fn span_and_stamp(&mut self, header: Header) -> Result<(), Violation> {
        self.own_span()?;
        if header.has(STAMPED) {
            self.stamp()?;
        }
        Ok(())
    }

    /// Rejects the flag in records that always or never have a tick.
    pub(super) fn has_no_stamp(&self, header: Header) -> Result<(), Violation> {
        if header.has(STAMPED) {
            Err(Violation::Kind)
        } else {
            Ok(())
        }
    }
}
