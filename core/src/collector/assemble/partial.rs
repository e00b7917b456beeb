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

/// What a long value belongs to.
#[derive(Clone, Copy, Debug)]
pub(in crate::collector) enum Target {
    /// An attribute of the span, set at this time.
    Span { tick: u64 },
    /// An attribute of the span's last event or link.
    Item,
}

/// A long attribute of which chunks are still to come.
#[derive(Debug)]
pub(in crate::collector) struct Partial {
    pub(super) index: u32,
    pub(super) span: u64,
    pub(super) key: NameRow,
    pub(super) ty: Type,
    pub(super) before: u32,
    pub(super) into: Target,
    pub(super) bytes: Vec<u8>,
}

impl Partial {
    pub(super) fn new(index: u32, span: u64, key: NameRow, into: Target, value: Beginning<'_>) -> Self {
        let Beginning { ty, len, before, bytes } = value;
        let mut partial = Self { index, span, key, ty, before, into, bytes: Vec::with_capacity(len.min(1 << 20)) };
        partial.add(bytes);
        partial
    }

    pub(super) fn add(&mut self, bytes: Bytes<'_>) {
        bytes.push_to(&mut self.bytes);
    }
}
