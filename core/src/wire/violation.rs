//! The errors that a check finds in the data of another process.

use std::fmt;

/// An error in a record, or in a shard's positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The published position went back, or forward by more than the length of the ring.
    Position,
    /// An impossible length, of the record or of a part of it.
    Length,
    /// The record changed while it was copied.
    Unsteady,
    /// An unknown kind of record or of value.
    Kind,
    /// The number of a name that is not in the region's dictionary.
    Name,
    /// A text that is no tracestate.
    Tracestate,
    /// A span of another shard, region or process.
    Forged,
    /// A span that is already open is started, or one that is not open is ended.
    Sequence,
    /// More spans are open than the writer of one shard may open.
    OpenCap,
    /// More spans of the process are open than a region allows. Each shard may be within its own limit.
    TooManyOpen,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Violation::Position => "its position went back, or forward beyond the ring",
            Violation::Length => "a record has an inconsistent length",
            Violation::Unsteady => "a record changed after it was published",
            Violation::Kind => "a record has an unknown kind",
            Violation::Name => "a record has a name that is not in the dictionary",
            Violation::Tracestate => "a record has an invalid tracestate",
            Violation::Forged => "a record is about a span that isn't its own",
            Violation::Sequence => "a span starts twice, or ends without a start",
            Violation::OpenCap => "more spans are open than allowed",
            Violation::TooManyOpen => "the process has too many open spans",
        })
    }
}
