//! Long values, which come in chunks.

use super::super::decode::{self, Fields};
use crate::export::NameRow;
use crate::wire::{aux_of, flags_of, Type};

/// Where the next chunks of a lane belong.
#[derive(Debug)]
pub(in crate::collector) enum Rest {
    Of(Partial),
    /// To the early record that was kept last.
    Early,
}

/// A long attribute of which more chunks are to come.
#[derive(Debug)]
pub(in crate::collector) struct Partial {
    pub(super) slot: u32,
    pub(super) span: u64,
    pub(super) key: NameRow,
    pub(super) ty: Type,
    pub(super) before: u32,
    pub(super) tick: u64,
    pub(super) bytes: Vec<u8>,
}

impl Partial {
    pub(super) fn new(
        slot: u32,
        span: u64,
        key: NameRow,
        header: u64,
        fields: &mut Fields<'_>,
        tick: u64,
    ) -> Option<Self> {
        let ty = Type::of(flags_of(header))?;
        let (len, before) = decode::lengths(fields.word()?);
        let mut bytes = Vec::with_capacity(len.min(1 << 20));
        decode::push_bytes(&mut bytes, fields.0, fields.0.len() * 8);
        Some(Self { slot, span, key, ty, before, tick, bytes })
    }

    pub(super) fn add(&mut self, header: u64, rest: &[u64]) {
        decode::push_bytes(&mut self.bytes, rest, aux_of(header) as usize);
    }
}
