//! Packed attributes: the form in which attributes travel from the collector to an exporter. They never leave the process.
//!
//! ```text
//! packed   head [inline key] value
//! head     bits 0..4 value type, bit 4 inline key, bit 5 cut, bit 6 of the scope; bits 8..32 length in words, itself
//!          included; bits 32..64 the number of the key, or its length in bytes
//! ```
//!
//! Behind its head, a packed attribute has the words of the record that set it. So packing one copies words, and converts
//! nothing. A list of them is a part of a vector of words, in the order in which they were set.

use super::name::INLINE;
use super::value::{CUT, TYPE_MASK};
use super::{Attr, Bytes, Decoded, Encoded, Fields, Header, Sink, Type, WireName};
use std::ops::Range;

/// The attribute belongs to the span's instrumentation scope.
const SCOPE: u64 = 1 << 6;
/// The bits of the type, of [`INLINE`] and of [`CUT`]: the same as in the record.
const FROM_RECORD: u64 = (TYPE_MASK | INLINE | CUT) as u64;
/// The lowest bit of the length.
const LENGTH_AT: u32 = 8;
/// The largest length in words: 128 MiB.
const MAX_WORDS: usize = (1 << 24) - 1;
/// The lowest bit of the key.
const KEY_AT: u32 = 32;
/// The bits in which two heads with the same key agree, if neither key is inline.
const SAME_KEY: u64 = !0 << KEY_AT | INLINE as u64;

/// One attribute: its head, and the words behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<'a> {
    head: u64,
    body: &'a [u64],
}

impl<'a> Packed<'a> {
    #[inline(always)]
    fn new(flags: u16, key: u32, body: &'a [u64]) -> Self {
        let len = (body.len() + 1).min(MAX_WORDS) as u64;
        Self { head: u64::from(flags) & FROM_RECORD | len << LENGTH_AT | u64::from(key) << KEY_AT, body }
    }

    /// The attribute of an Attr without a stamp, whose value is whole.
    #[inline(always)]
    pub(crate) fn of_plain(record: &'a [u64]) -> Option<Self> {
        let [header, _span, body @ ..] = record else { return None };
        let header = Header(*header);
        (!header.has(Attr::STAMPED | Attr::MORE)).then(|| Self::new(header.flags(), header.aux(), body))
    }

    /// The attribute of an Attr of which [`Attr::is_plain`] is true, without its check.
    #[inline(always)]
    pub(crate) fn of_checked(header: u64, body: &'a [u64]) -> Self {
        let header = Header(header);
        let len = (header.words() - 1) as u64;
        let head = u64::from(header.flags()) & FROM_RECORD | len << LENGTH_AT | u64::from(header.aux()) << KEY_AT;
        Self { head, body }
    }

    /// The attribute with this key and this value, whose words are put into an empty vector.
    pub(crate) fn build(key: WireName<Bytes<'_>>, value: Decoded<'_>, words: &'a mut Vec<u64>) -> Self {
        let (inline, aux) = put_key(key, words);
        let (ty, cut) = match value {
            Decoded::Scalar(ty, bits) => {
                words.push(bits);
                (ty, 0)
            }
            Decoded::Bytes { ty, bytes, before } => {
                words.push(bytes.len() as u64 | u64::from(before) << 32);
                words.extend_from_slice(bytes.words());
                (ty, if before != 0 { CUT } else { 0 })
            }
        };
        Self::new(ty as u16 | inline | cut, aux, words)
    }

    /// The attribute with bytes of a long value that came in several records. `before` is their number before the value was
    /// cut; zero if it wasn't.
    pub(crate) fn build_long(
        key: &WireName<Vec<u8>>,
        ty: Type,
        bytes: &[u8],
        before: u32,
        words: &'a mut Vec<u64>,
    ) -> Self {
        let (inline, aux) = match key {
            WireName::Id(id) => (0, *id),
            WireName::Inline(text) => {
                words.bytes(text);
                (INLINE, text.len() as u32)
            }
        };
        words.push(bytes.len() as u64 | u64::from(before) << 32);
        words.bytes(bytes);
        Self::new(ty as u16 | inline | if before != 0 { CUT } else { 0 }, aux, words)
    }

    /// The attribute with a value of this process.
    pub(crate) fn build_own(key: &str, value: &Encoded<'_>, words: &'a mut Vec<u64>) -> Self {
        words.bytes(key.as_bytes());
        value.put(words);
        Self::new(value.flags() | INLINE, key.len() as u32, words)
    }

    /// The number of words.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.body.len() + 1
    }

    /// Appends it to a list.
    #[inline(always)]
    pub(crate) fn push_to(self, words: &mut Vec<u64>) {
        match self.body {
            // Most values are one word: shorter than the call of a copy.
            [word] => words.extend_from_slice(&[self.head, *word]),
            body => {
                words.push(self.head);
                words.extend_from_slice(body);
            }
        }
    }

    /// The number of its key, unless that is inline.
    #[inline(always)]
    pub(crate) fn key_id(&self) -> Option<u32> {
        (self.head & u64::from(INLINE) == 0).then_some((self.head >> KEY_AT) as u32)
    }

    #[inline(always)]
    pub(crate) fn key(&self) -> WireName<Bytes<'a>> {
        let read = WireName::read(&mut Fields(self.body), self.has(INLINE), (self.head >> KEY_AT) as u32);
        read.unwrap_or(WireName::Id(0))
    }

    /// The value; `None` if its words are not a value.
    #[inline(always)]
    pub(crate) fn value(&self) -> Option<Decoded<'a>> {
        let mut fields = Fields(self.body);
        WireName::read(&mut fields, self.has(INLINE), (self.head >> KEY_AT) as u32)?;
        Decoded::read(&mut fields, self.head as u16)
    }

    #[inline(always)]
    fn has(&self, flag: u16) -> bool {
        self.head & u64::from(flag) != 0
    }

    /// Whether its value was cut.
    #[inline(always)]
    pub(crate) fn is_cut(&self) -> bool {
        self.has(CUT)
    }

    #[inline(always)]
    pub(crate) fn is_of_scope(&self) -> bool {
        self.head & SCOPE != 0
    }

    /// The same attribute, of the span's scope.
    pub(crate) fn of_scope(self) -> Self {
        Self { head: self.head | SCOPE, ..self }
    }

    /// Whether both have the same key. `is_text` returns whether a number is that of a text.
    #[inline(always)]
    fn same_key(&self, other: &Self, is_text: impl Fn(u32, &[u8]) -> bool) -> bool {
        if (self.head | other.head) & u64::from(INLINE) == 0 {
            return (self.head ^ other.head) & SAME_KEY == 0;
        }
        match (self.key(), other.key()) {
            (WireName::Inline(a), WireName::Inline(b)) => a.as_slice() == b.as_slice(),
            (WireName::Id(id), WireName::Inline(text)) | (WireName::Inline(text), WireName::Id(id)) => {
                is_text(id, text.as_slice())
            }
            (WireName::Id(a), WireName::Id(b)) => a == b,
        }
    }
}

fn put_key(key: WireName<Bytes<'_>>, words: &mut Vec<u64>) -> (u16, u32) {
    match key {
        WireName::Id(id) => (0, id),
        WireName::Inline(text) => {
            words.extend_from_slice(text.words());
            (INLINE, text.len() as u32)
        }
    }
}

/// The attributes of a list, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedList<'a>(pub(crate) &'a [u64]);

impl<'a> Iterator for PackedList<'a> {
    type Item = Packed<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Packed<'a>> {
        let head = *self.0.first()?;
        let body = self.0.get(1..length_of(head))?;
        self.0 = &self.0[1 + body.len()..];
        Some(Packed { head, body })
    }
}

/// The length of an attribute in words. At least one, so that a walk ends.
#[inline(always)]
fn length_of(head: u64) -> usize {
    ((head >> LENGTH_AT) as usize & MAX_WORDS).max(1)
}

/// Finds the attribute of a list that has the same key as another one: its place in the order, and its words. `is_text` returns
/// whether a number is that of a text.
#[inline(always)]
pub(crate) fn find(
    words: &[u64],
    wanted: Packed<'_>,
    is_text: impl Fn(u32, &[u8]) -> bool,
) -> Option<(usize, Range<usize>)> {
    let mut at = 0;
    for (n, packed) in PackedList(words).enumerate() {
        if packed.same_key(&wanted, &is_text) {
            return Some((n, at..at + packed.len()));
        }
        at += packed.len();
    }
    None
}

/// Replaces the attribute at these words by another one.
pub(crate) fn replace(words: &mut Vec<u64>, at: Range<usize>, by: Packed<'_>) {
    words.splice(at, std::iter::once(by.head).chain(by.body.iter().copied()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    fn pack(key: &'static str, value: Value<'_>, to: &mut Vec<u64>) {
        Packed::build_own(key, &Encoded::new(&value), &mut Vec::new()).push_to(to);
    }

    #[test]
    fn a_list_is_read_in_order_and_an_attribute_is_replaced_where_it_is() {
        let mut words = Vec::new();
        pack("a", Value::from(1), &mut words);
        pack("long key of a text", Value::from("some text"), &mut words);
        pack("b", Value::from(true), &mut words);
        let mut made = Vec::new();
        let wanted = Packed::build_own("long key of a text", &Encoded::Scalar(Type::I64, 7), &mut made);
        let (n, at) = find(&words, wanted, |_, _| false).unwrap_or_default();
        assert_eq!(n, 1);
        replace(&mut words, at, wanted);
        let keys: Vec<_> = PackedList(&words)
            .map(|packed| match packed.key() {
                WireName::Inline(text) => String::from_utf8_lossy(text.as_slice()).into_owned(),
                WireName::Id(_) => String::new(),
            })
            .collect();
        assert_eq!(keys, ["a", "long key of a text", "b"]);
        let values: Vec<_> = PackedList(&words).filter_map(|packed| packed.value()).collect();
        assert!(matches!(values[..], [Decoded::Scalar(_, 1), Decoded::Scalar(_, 7), Decoded::Scalar(_, 1)]));
    }

    #[test]
    fn a_record_and_its_packed_form_have_the_same_key_and_value() {
        let record = Attr::scalar(9, 5, Type::F64, 2.5_f64.to_bits());
        let packed = Packed::of_plain(&record);
        assert_eq!(packed.and_then(|p| p.key_id()), Some(5));
        assert!(
            matches!(packed.and_then(|p| p.value()), Some(Decoded::Scalar(Type::F64, bits)) if bits == 2.5_f64.to_bits())
        );
        assert!(Packed::of_plain(&Attr::stamped_scalar(9, 1, 5, Type::I64, 1)).is_none());
    }

    #[test]
    fn a_key_is_the_same_as_a_number_and_as_a_text() {
        let mut words = Vec::new();
        Packed::build(WireName::Id(5), Decoded::Scalar(Type::I64, 1), &mut Vec::new()).push_to(&mut words);
        let mut made = Vec::new();
        let by_text = Packed::build_own("five", &Encoded::Scalar(Type::I64, 2), &mut made);
        assert!(find(&words, by_text, |id, text| id == 5 && text == b"five").is_some());
        assert!(find(&words, by_text, |_, _| false).is_none());
    }
}
