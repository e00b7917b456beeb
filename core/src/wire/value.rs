//! The values of attributes.
//!
//! ```text
//! Bool, I64, F64   one word of bits
//! others           a word: length in bytes | length before the cut << 32, zero if it wasn't cut; then the bytes
//!
//! Str              UTF-8
//! Bools            one byte each
//! I64s, F64s       eight bytes each
//! Strs             of each the length in four bytes, then its bytes
//! ```
//!
//! The lowest four bits of the flags (in the header, or in the item's word) contain the type.

use super::check::{Check, Origin};
use super::numbers::numbered;
use super::{padded, Bytes, Fields, Sink, Violation, MAX_RECORD_BYTES};
use crate::Value;
use std::borrow::Cow;

numbered! {
    /// The type of a value.
    pub(crate) enum Type: u8, of {
        Bool = 1,
        I64 = 2,
        F64 = 3,
        Str = 4,
        Bools = 5,
        I64s = 6,
        F64s = 7,
        Strs = if cfg!(heirloom_wire_variant = "type") { 9 } else { 8 },
    }
}

/// The bits of the flags that contain the type.
pub(super) const TYPE_MASK: u16 = 15;
/// Attr, TraceValue, item: the value was cut.
pub(super) const CUT: u16 = 1 << 5;
/// The length of the first word of a value, in bytes: all of a scalar, or the lengths of other values.
pub(crate) const VALUE_WORD_BYTES: u64 = 8;

impl Type {
    #[inline]
    pub(crate) fn of_flags(flags: u16) -> Option<Self> {
        Self::of((flags & TYPE_MASK) as u8)
    }

    /// Whether its values take one word.
    #[inline]
    pub(crate) fn is_scalar(self) -> bool {
        matches!(self, Type::Bool | Type::I64 | Type::F64)
    }
}

/// The first word of a value that is no scalar.
#[inline(always)]
pub(super) const fn lengths(len: usize, before: usize) -> u64 {
    let before = if len < before { (before as u64) << 32 } else { 0 };
    len as u64 | before
}

/// The length of a value that is no scalar, and its length before it was cut (zero if it wasn't).
#[inline]
pub(super) fn lengths_of(word: u64) -> (usize, u32) {
    (word as u32 as usize, (word >> 32) as u32)
}

/// A value to be written.
pub(crate) enum Encoded<'a> {
    Scalar(Type, u64),
    /// `whole` is the length before it was cut.
    Bytes {
        ty: Type,
        bytes: Cow<'a, [u8]>,
        whole: usize,
    },
}

impl<'a> Encoded<'a> {
    /// Encodes a value. Copies arrays into a buffer on the heap, and borrows texts.
    pub(crate) fn new(value: &'a Value<'_>) -> Self {
        let bytes = |ty, bytes: Cow<'a, [u8]>| Encoded::Bytes { ty, whole: bytes.len(), bytes };
        match value {
            Value::Bool(v) => Encoded::Scalar(Type::Bool, u64::from(*v)),
            Value::I64(v) => Encoded::Scalar(Type::I64, *v as u64),
            Value::F64(v) => Encoded::Scalar(Type::F64, v.to_bits()),
            Value::Str(v) => bytes(Type::Str, Cow::Borrowed(v.as_bytes())),
            Value::Bools(v) => bytes(Type::Bools, v.iter().map(|b| u8::from(*b)).collect()),
            Value::I64s(v) => bytes(Type::I64s, v.iter().flat_map(|n| n.to_ne_bytes()).collect()),
            Value::F64s(v) => bytes(Type::F64s, v.iter().flat_map(|n| n.to_ne_bytes()).collect()),
            Value::Strs(v) => bytes(Type::Strs, v.iter().flat_map(|s| with_length(s)).collect()),
        }
    }

    /// A text, with its length in bytes before it was cut.
    #[cfg(feature = "capture")]
    pub(crate) fn text(bytes: &'a [u8], whole: usize) -> Self {
        Encoded::Bytes { ty: Type::Str, bytes: Cow::Borrowed(bytes), whole }
    }

    pub(super) fn flags(&self) -> u16 {
        match self {
            Encoded::Scalar(ty, _) => *ty as u16,
            Encoded::Bytes { ty, bytes, whole } => *ty as u16 | if bytes.len() < *whole { CUT } else { 0 },
        }
    }

    /// The number of bytes that it takes.
    pub(crate) fn len(&self) -> u64 {
        VALUE_WORD_BYTES + padded(self.bytes().len())
    }

    /// The bytes behind its first word.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Encoded::Scalar(..) => &[],
            Encoded::Bytes { bytes, .. } => bytes,
        }
    }

    /// Its first word.
    pub(super) fn word(&self) -> u64 {
        match self {
            Encoded::Scalar(_, bits) => *bits,
            Encoded::Bytes { bytes, whole, .. } => lengths(bytes.len(), *whole),
        }
    }

    /// Writes it into one record.
    pub(super) fn put(&self, out: &mut impl Sink) {
        out.word(self.word());
        out.bytes(self.bytes());
    }

    /// Shortens the bytes to at most this many, at a boundary of a character or an element.
    pub(crate) fn cut(&mut self, max: usize) {
        if let Encoded::Bytes { ty, bytes, .. } = self {
            let keep = boundary(*ty, bytes, max);
            match bytes {
                Cow::Borrowed(bytes) => *bytes = &bytes[..keep],
                Cow::Owned(bytes) => bytes.truncate(keep),
            }
        }
    }
}

fn with_length(text: &str) -> impl Iterator<Item = u8> + '_ {
    (text.len() as u32).to_ne_bytes().into_iter().chain(text.bytes())
}

/// The largest length up to `max` at which encoded bytes can be cut without splitting a character or an element.
fn boundary(ty: Type, bytes: &[u8], max: usize) -> usize {
    if bytes.len() <= max {
        return bytes.len();
    }
    match ty {
        Type::Str => (0..=max).rev().find(|&i| i == 0 || bytes[i] & 0xc0 != 0x80).unwrap_or(0),
        Type::Strs => {
            let mut keep = 0;
            while let Some(len) = bytes.get(keep..keep + 4) {
                let len = u32::from_ne_bytes([len[0], len[1], len[2], len[3]]) as usize;
                if keep + 4 + len > max {
                    break;
                }
                keep += 4 + len;
            }
            keep
        }
        Type::I64s | Type::F64s => max & !7,
        _ => max,
    }
}

/// A value that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decoded<'a> {
    Scalar(Type, u64),
    /// `before` is the length before it was cut; zero if it wasn't.
    Bytes {
        ty: Type,
        bytes: Bytes<'a>,
        before: u32,
    },
}

impl<'a> Decoded<'a> {
    /// Reads a value that is in one record.
    #[inline(always)]
    pub(super) fn read(fields: &mut Fields<'a>, flags: u16) -> Option<Self> {
        let ty = Type::of_flags(flags)?;
        let word = fields.word()?;
        if ty.is_scalar() {
            return Some(Decoded::Scalar(ty, word));
        }
        let (len, before) = lengths_of(word);
        let bytes = fields.bytes(len)?;
        Some(Decoded::Bytes { ty, bytes, before: if flags & CUT != 0 { before } else { 0 } })
    }
}

impl<O: Origin> Check<'_, O> {
    /// Checks a value that is in one record.
    pub(super) fn value(&mut self, flags: u16) -> Result<(), Violation> {
        let ty = Type::of_flags(flags).ok_or(Violation::Kind)?;
        let (len, _) = lengths_of(*self.word()?);
        if ty.is_scalar() {
            return Ok(());
        }
        self.bytes(len, MAX_RECORD_BYTES as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(value: Value<'_>, max: usize) -> Vec<u8> {
        let mut encoded = Encoded::new(&value);
        encoded.cut(max);
        assert_eq!(encoded.flags() & CUT != 0, max < Encoded::new(&value).bytes().len());
        encoded.bytes().to_vec()
    }

    #[test]
    fn what_is_left_of_a_value_that_is_cut_is_whole() {
        assert_eq!(cut(Value::from("aé"), 2), b"a");
        assert_eq!(cut(Value::from("aé"), 3), "aé".as_bytes());
        assert_eq!(cut(Value::from("é"), 1), b"");
        assert_eq!(cut(Value::I64s(vec![1, 2].into()), 15), 1_i64.to_ne_bytes());
        assert_eq!(cut(Value::Bools(vec![true, false, true].into()), 2), [1, 0]);
        let texts = || Value::Strs(vec!["ab".into(), "cd".into()]);
        assert_eq!(cut(texts(), 11), [&2_u32.to_ne_bytes()[..], b"ab"].concat());
        assert_eq!(cut(texts(), 5), b"");
        assert_eq!(cut(texts(), 12).len(), 12);
    }
}
