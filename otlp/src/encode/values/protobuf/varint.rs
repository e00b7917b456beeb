//! Integers of variable length, texts, and messages whose length comes before them.

use std::ops::Range;

/// Below this, a length takes one byte.
const ONE: usize = 1 << 7;
/// Below this, two.
const TWO: usize = 1 << 14;

/// Up to one tag and an integer of variable length.
#[derive(Clone, Copy)]
pub(crate) struct Varint {
    bytes: [u8; 16],
    len: usize,
}

impl Varint {
    #[inline(always)]
    pub(crate) fn new(number: u64) -> Self {
        let mut varint = Self { bytes: [0; 16], len: 0 };
        varint.number(number);
        varint
    }

    /// A tag, and the length of what follows.
    #[inline(always)]
    pub(crate) fn head(tag: u8, len: usize) -> Self {
        let mut varint = Self { bytes: [0; 16], len: 0 };
        varint.byte(tag);
        varint.number(len as u64);
        varint
    }

    #[inline(always)]
    fn byte(&mut self, byte: u8) {
        self.bytes[self.len & 15] = byte;
        self.len += 1;
    }

    #[inline(always)]
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    #[inline(always)]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len.min(16)]
    }
}

/// How many bytes an integer takes.
#[inline(always)]
pub(super) fn len_of(number: u64) -> usize {
    // Seven bits for each byte; zero takes one.
    ((70 - (number | 1).leading_zeros()) / 7) as usize
}

/// Appends an integer.
#[inline(always)]
pub(crate) fn varint(out: &mut Vec<u8>, number: u64) {
    if number < 0x80 {
        out.push(number as u8);
    } else {
        out.extend_from_slice(Varint::new(number).as_slice());
    }
}

/// Appends a tag and a length.
#[inline(always)]
pub(super) fn head(out: &mut Vec<u8>, tag: u8, len: usize) {
    if len < ONE {
        out.extend_from_slice(&[tag, len as u8]);
    } else {
        out.extend_from_slice(Varint::head(tag, len).as_slice());
    }
}

/// Appends a field with a text, unless it is empty: protobuf leaves out what is the default.
#[inline(always)]
pub(crate) fn text(out: &mut Vec<u8>, tag: u8, text: &str) {
    if !text.is_empty() {
        head(out, tag, text.len());
        bytes(out, text.as_bytes());
    }
}

/// Appends bytes. A copy of unknown length is a call; for short ones, two copies of known lengths that overlap aren't.
#[inline(always)]
pub(super) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        4..=8 => overlapping::<4>(out, bytes),
        9..=16 => overlapping::<8>(out, bytes),
        17..=32 => overlapping::<16>(out, bytes),
        _ => out.extend_from_slice(bytes),
    }
}

/// Appends `N` to `2 * N` bytes.
#[inline(always)]
fn overlapping<const N: usize>(out: &mut Vec<u8>, bytes: &[u8]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) {
        let end = out.len() + bytes.len();
        out.extend_from_slice(first);
        out.truncate(end - N);
        out.extend_from_slice(last);
    }
}

/// Appends a field with a message that `write` appends.
#[inline(always)]
pub(crate) fn message(out: &mut Vec<u8>, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    message_like(&mut false, out, tag, write);
}

/// The same. Expects a message whose length takes one byte if the last one `was_short`.
#[inline(always)]
pub(crate) fn message_like(was_short: &mut bool, out: &mut Vec<u8>, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let room = if *was_short { 1 } else { 2 };
    out.extend_from_slice(&[tag, 0, 0]);
    out.truncate(out.len() + room - 2);
    let start = out.len();
    write(out);
    let len = out.len() - start;
    *was_short = len < ONE;
    if room == 1 && len < ONE {
        out[start - 1] = len as u8;
    } else if room == 2 && (ONE..TWO).contains(&len) {
        out[start - 2..start].copy_from_slice(&[len as u8 | 0x80, (len >> 7) as u8]);
    } else {
        replace(out, start - room..start, len);
    }
}

/// Replaces the room for a length by the length, which takes more or less.
#[inline(never)]
fn replace(out: &mut Vec<u8>, room: Range<usize>, len: usize) {
    let length = Varint::new(len as u64);
    let length = length.as_slice();
    let end = room.start + length.len();
    if length.len() < room.len() {
        out.copy_within(room.end.., end);
        out.truncate(end + len);
    } else {
        let old = out.len();
        out.resize(end + len, 0);
        out.copy_within(room.end..old, end);
    }
    out[room.start..end].copy_from_slice(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The official rule, byte for byte.
    fn by_definition(mut number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 128 {
            bytes.push((number % 128 + 128) as u8);
            number /= 128;
        }
        bytes.push(number as u8);
        bytes
    }

    #[test]
    fn an_integer_of_every_length_is_what_the_definition_says() {
        for shift in 0..64 {
            for number in [(1_u64 << shift) - 1, 1 << shift, u64::MAX >> shift] {
                let mut out = Vec::new();
                varint(&mut out, number);
                assert_eq!((&out, out.len()), (&by_definition(number), len_of(number)), "{number}");
            }
        }
    }

    #[test]
    fn a_text_of_any_length_is_copied_as_it_is() {
        let text: Vec<u8> = (0..40).collect();
        for len in 0..=text.len() {
            let mut out = b"before".to_vec();
            bytes(&mut out, &text[..len]);
            assert_eq!(out, [b"before", &text[..len]].concat());
        }
    }

    #[test]
    fn the_length_of_a_message_is_minimal_and_what_comes_before_and_after_stays() {
        for len in [0, 1, 127, 128, 129, 16_383, 16_384, 100_000, 2_097_151, 2_097_152] {
            for guess in [false, true] {
                let mut out = b"before".to_vec();
                let mut was_short = guess;
                message_like(&mut was_short, &mut out, 0x12, |out| out.resize(out.len() + len, 7));
                out.extend_from_slice(b"after");
                let expected = [&b"before\x12"[..], &by_definition(len as u64), &vec![7; len], b"after"].concat();
                assert!(out == expected && was_short == (len < 128), "{len}");
            }
        }
    }
}
