//! Long values, which arrive in chunks.

use crate::export::NameRow;
use crate::wire::{Beginning, Bytes, Type};

/// The target of a lane's next chunks.
#[derive(Debug)]
pub(in crate::collector) enum Rest {
    Of(Partial),
    /// The early record that was kept last.
    Early,
}

/// A long attribute of which chunks are still to come.
#[derive(Debug)]
pub(in crate::collector) struct Partial {
    pub(super) index: u32,
    pub(super) span: u64,
    pub(super) key: NameRow,
    pub(super) ty: Type,
    pub(super) before: u32,
    pub(super) tick: u64,
    pub(super) bytes: Vec<u8>,
}

impl Partial {
    pub(super) fn new(index: u32, span: u64, key: NameRow, tick: u64, value: Beginning<'_>) -> Self {
        let Beginning { ty, len, before, bytes } = value;
        let mut partial = Self { index, span, key, ty, before, tick, bytes: Vec::with_capacity(len.min(1 << 20)) };
        partial.add(bytes);
        partial
    }

    pub(super) fn add(&mut self, bytes: Bytes<'_>) {
        bytes.push_to(&mut self.bytes);
    }
}
