//! The kinds of records.

use super::numbers::numbered;

numbered! {
    /// The kind of a record.
    pub(crate) enum Kind: u8, of {
        Begin = 1,
        End = 2,
        Attr = 3,
        Chunk = 4,
        Event = 5,
        Link = 6,
        Status = 7,
        Rename = 8,
        Tracestate = 9,
        ThreadStart = 10,
        TraceValue = if cfg!(heirloom_wire_variant = "kind") { 14 } else { 11 },
        More = 12,
        Skip = 13,
        Mark = 15,
        Strand = 16,
    }
}
