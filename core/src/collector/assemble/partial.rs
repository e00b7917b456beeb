//! Long values, which arrive in chunks.

use crate::wire::{Beginning, Bytes, Type, WireName};

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
    pub(super) key: WireName<Vec<u8>>,
    pub(super) ty: Type,
    pub(super) before: u32,
    pub(super) into: Target,
    pub(super) bytes: Vec<u8>,
}

impl Partial {
    pub(super) fn new(index: u32, span: u64, key: WireName<Bytes<'_>>, into: Target, value: Beginning<'_>) -> Self {
        let Beginning { ty, len, before, bytes } = value;
        let key = key.to_owned();
        let mut partial = Self { index, span, key, ty, before, into, bytes: Vec::with_capacity(len.min(1 << 20)) };
        partial.add(bytes);
        partial
    }

    pub(super) fn add(&mut self, bytes: Bytes<'_>) {
        self.bytes.extend_from_slice(bytes.as_slice());
    }
}
