//! [`StrayEnd`]: an end outside of the rings.

/// An end for which its shard had no room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StrayEnd {
    pub(crate) span: u64,
    pub(crate) tick: u64,
    pub(crate) flags: u16,
    pub(crate) dropped: u32,
}
