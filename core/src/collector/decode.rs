//! Reads the fields of a record. Nothing here trusts a length: a record that lies is `None`.

use crate::dictionary::Names;
use crate::export::{AttributeRow, NameRow, ValueRow};
use crate::wire::{padded, Type, CUT, INLINE};
use std::ops::Range;

/// The words of a record that are not read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u64]);

impl<'a> Fields<'a> {
    pub(super) fn word(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The words of `len` bytes.
    pub(super) fn words_of(&mut self, len: usize) -> Option<&'a [u64]> {
        let words = usize::try_from(padded(len) / 8).ok()?;
        let bytes = self.0.get(..words)?;
        self.0 = &self.0[words..];
        Some(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends the first `len` bytes of words, and says where they went.
pub(super) fn push_bytes(to: &mut Vec<u8>, words: &[u64], len: usize) -> Range<u32> {
    let start = to.len();
    to.reserve(words.len() * 8);
    words.iter().for_each(|word| to.extend_from_slice(&word.to_ne_bytes()));
    to.truncate(start + len);
    start as u32..to.len() as u32
}

/// Reads a name that is a number, or stands inline and is copied to `bytes`.
pub(super) fn name(
    fields: &mut Fields<'_>,
    inline: bool,
    aux: u32,
    names: &mut Names,
    bytes: &mut Vec<u8>,
) -> Option<NameRow> {
    if !inline {
        return names.get(aux).map(NameRow::Static);
    }
    let words = fields.words_of(aux as usize)?;
    Some(NameRow::Text(push_bytes(bytes, words, aux as usize)))
}

/// The length of a value that is not a scalar, and its length before it was cut (zero if it wasn't).
pub(super) fn lengths(word: u64) -> (usize, u32) {
    (word as u32 as usize, (word >> 32) as u32)
}

/// A value whose bytes are at `range`.
pub(super) fn ranged(ty: Type, range: Range<u32>) -> Option<ValueRow> {
    Some(match ty {
        Type::Str => ValueRow::Str(range),
        Type::Bools => ValueRow::Bools(range),
        Type::I64s => ValueRow::I64s(range),
        Type::F64s => ValueRow::F64s(range),
        Type::Strs => ValueRow::Strs(range),
        Type::Bool | Type::I64 | Type::F64 => return None,
    })
}

pub(super) fn scalar(ty: Type, bits: u64) -> Option<ValueRow> {
    Some(match ty {
        Type::Bool => ValueRow::Bool(bits != 0),
        Type::I64 => ValueRow::I64(bits as i64),
        Type::F64 => ValueRow::F64(f64::from_bits(bits)),
        _ => return None,
    })
}

/// Reads the next attribute of an event or a link.
pub(super) fn item(fields: &mut Fields<'_>, names: &mut Names, bytes: &mut Vec<u8>) -> Option<AttributeRow> {
    let head = fields.word()?;
    let flags = head as u16;
    let ty = Type::of(flags)?;
    let key = name(fields, flags & INLINE != 0, (head >> 32) as u32, names, bytes)?;
    let word = fields.word()?;
    if ty.is_scalar() {
        return Some(AttributeRow { key, value: scalar(ty, word)?, truncated_from: 0 });
    }
    let (len, before) = lengths(word);
    let words = fields.words_of(len)?;
    let value = ranged(ty, push_bytes(bytes, words, len))?;
    Some(AttributeRow { key, value, truncated_from: if flags & CUT != 0 { before } else { 0 } })
}
