//! An end beside the rings.

/// An end that its own shard did not take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StrayEnd {
    pub(crate) span: u64,
    pub(crate) tick: u64,
    pub(crate) flags: u16,
    pub(crate) dropped: u32,
}
