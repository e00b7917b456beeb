//! What can be wrong with what another process wrote.

use std::fmt;

/// What was wrong with a record, or with a shard's positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The published position went back, or further than the ring is long.
    Position,
    /// A length that can't be: of the record, or of something in it.
    Length,
    /// The record changed while it was copied.
    Unsteady,
    /// No such kind of record, or of value.
    Kind,
    /// A name that the region's dictionary doesn't have.
    Name,
    /// A span of another shard, region or process.
    Forged,
    /// A span that is open already, or one that ended without having begun.
    Sequence,
    /// More spans are open than its writer may open.
    OpenCap,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Violation::Position => "its position went back or beyond the ring",
            Violation::Length => "a record has an inconsistent length",
            Violation::Unsteady => "a record changed after it was published",
            Violation::Kind => "a record is of no known kind",
            Violation::Name => "a record has a name that is in no dictionary",
            Violation::Forged => "a record is about a span that isn't its own",
            Violation::Sequence => "a span begins twice or ends without having begun",
            Violation::OpenCap => "more spans are open than may be",
        })
    }
}
