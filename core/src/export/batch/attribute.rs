//! [`AttributeRef`]: a typed view of the bytes of an attribute.

use super::rows::{utf8, List, Rows};
use crate::wire::{Bytes, Decoded, Packed, PackedList, Type, WireName};
use crate::Value;
use std::borrow::Cow;

/// An attribute of a span, event or link in a [`Batch`](super::Batch).
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeRef<'a> {
    /// The key.
    pub key: &'a str,
    /// The value, cut to the limits.
    pub value: Value<'a>,
    /// The size in bytes of the whole value, if it was cut.
    pub truncated_from: Option<u32>,
}

impl Rows {
    /// The key of a packed attribute.
    #[inline(always)]
    fn key<'a>(&'a self, packed: &Packed<'a>) -> &'a str {
        match packed.key() {
            WireName::Id(id) => self.names.get(id),
            WireName::Inline(text) => utf8(text),
        }
    }

    #[inline(always)]
    pub(super) fn attribute<'a>(&'a self, packed: Packed<'a>) -> AttributeRef<'a> {
        let decoded = packed.value();
        let before = match decoded {
            Some(Decoded::Bytes { before, .. }) => before,
            _ => 0,
        };
        AttributeRef {
            key: self.key(&packed),
            value: decoded.map_or(Value::Str(Cow::Borrowed("\u{fffd}")), value),
            truncated_from: (before != 0).then_some(before),
        }
    }

    #[inline]
    pub(super) fn attributes(&self, list: List) -> Attributes<'_> {
        Attributes { rows: self, now: PackedList(self.list(list)), then: PackedList(&[]), left: list.len as usize }
    }
}

/// The attributes of a span, an event or a link: two lists in a row, without those of a scope.
#[derive(Clone, Debug)]
pub(super) struct Attributes<'a> {
    pub(super) rows: &'a Rows,
    pub(super) now: PackedList<'a>,
    pub(super) then: PackedList<'a>,
    pub(super) left: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = AttributeRef<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<AttributeRef<'a>> {
        loop {
            match self.now.next() {
                Some(packed) if packed.is_of_scope() => {}
                Some(packed) => {
                    self.left = self.left.saturating_sub(1);
                    return Some(self.rows.attribute(packed));
                }
                None if self.then.0.is_empty() => return None,
                None => self.now = std::mem::replace(&mut self.then, PackedList(&[])),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Attributes<'_> {}

/// The typed value of a record's words.
#[inline(always)]
fn value(decoded: Decoded<'_>) -> Value<'_> {
    match decoded {
        Decoded::Scalar(Type::Bool, bits) => Value::Bool(bits != 0),
        Decoded::Scalar(Type::F64, bits) => Value::F64(f64::from_bits(bits)),
        Decoded::Scalar(_, bits) => Value::I64(bits as i64),
        Decoded::Bytes { ty: Type::Str, bytes, .. } => Value::Str(Cow::Borrowed(utf8(bytes))),
        Decoded::Bytes { ty, bytes, .. } => array(ty, bytes),
    }
}

/// The array of a record's words.
#[inline(never)]
fn array(ty: Type, bytes: Bytes<'_>) -> Value<'_> {
    match ty {
        Type::Bools => Value::Bools(bytes.as_slice().iter().map(|b| *b != 0).collect()),
        Type::I64s => Value::I64s(numbers(bytes).map(|word| word as i64).collect()),
        Type::F64s => Value::F64s(numbers(bytes).map(f64::from_bits).collect()),
        Type::Strs => Value::Strs(texts(bytes.as_slice())),
        _ => Value::Str(Cow::Borrowed(utf8(bytes))),
    }
}

/// The whole words of an array of numbers.
fn numbers(bytes: Bytes<'_>) -> impl Iterator<Item = u64> + '_ {
    bytes.words().iter().take(bytes.len() / 8).copied()
}

/// Reads texts that follow their lengths. Stops at the first that doesn't fit.
fn texts(mut bytes: &[u8]) -> Vec<Cow<'_, str>> {
    let mut texts = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk::<4>() {
        let Some(text) = rest.get(..u32::from_ne_bytes(*len) as usize) else { break };
        texts.push(String::from_utf8_lossy(text));
        bytes = &rest[text.len()..];
    }
    texts
}
