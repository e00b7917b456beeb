//! Converts the contents of records to rows of a batch.

use crate::dictionary::Names;
use crate::export::{NameRow, ValueRow};
use crate::wire::{Bytes, Decoded, Type, WireName};
use std::ops::Range;

/// A name in a row: static, or copied to `bytes`. `None` if no name has that number.
pub(super) fn name(name: WireName<Bytes<'_>>, names: &mut Names, bytes: &mut Vec<u8>) -> Option<NameRow> {
    match name {
        WireName::Id(id) => names.get(id).map(NameRow::Static),
        WireName::Inline(text) => Some(NameRow::Text(text.push_to(bytes))),
    }
}

/// A value that is no scalar, with its bytes at `range`.
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

/// The value of an attribute of an event or a link, and its length before it was cut; zero if it wasn't.
pub(super) fn value(value: Decoded<'_>, bytes: &mut Vec<u8>) -> Option<(ValueRow, u32)> {
    Some(match value {
        Decoded::Scalar(ty, bits) => (scalar(ty, bits)?, 0),
        Decoded::Bytes { ty, bytes: value, before } => (ranged(ty, value.push_to(bytes))?, before),
    })
}
