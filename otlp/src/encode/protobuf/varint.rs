//! Integers of variable length, texts, and messages whose length comes before them.

/// Below this, a length takes one byte.
const ONE: usize = 1 << 7;
/// Below this, two.
const TWO: usize = 1 << 14;

/// Up to one tag and an integer of variable length.
#[derive(Clone, Copy)]
pub(super) struct Varint {
    bytes: [u8; 16],
    len: usize,
}

impl Varint {
    #[inline(always)]
    pub(super) fn new(number: u64) -> Self {
        let mut varint = Self { bytes: [0; 16], len: 0 };
        varint.number(number);
        varint
    }

    /// A tag, and the length of what follows.
    #[inline(always)]
    pub(super) fn head(tag: u8, len: usize) -> Self {
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
    pub(super) fn as_slice(&self) -> &[u8] {
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
pub(super) fn varint(out: &mut Vec<u8>, number: u64) {
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
pub(super) fn text(out: &mut Vec<u8>, tag: u8, text: &str) {
    if !text.is_empty() {
        head(out, tag, text.len());
        out.extend_from_slice(text.as_bytes());
    }
}

/// Appends a field with a message that `write` appends.
#[inline(always)]
pub(super) fn message(out: &mut Vec<u8>, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[tag, 0, 0]);
    let start = out.len();
    write(out);
    let len = out.len() - start;
    if (ONE..TWO).contains(&len) {
        out[start - 2..start].copy_from_slice(&[len as u8 | 0x80, (len >> 7) as u8]);
    } else if len < ONE {
        out[start - 2] = len as u8;
        out.copy_within(start.., start - 1);
        out.truncate(start - 1 + len);
    } else {
        move_to(out, start, len);
    }
}

/// Puts the length before a message for which two bytes are too few.
#[cold]
fn move_to(out: &mut Vec<u8>, start: usize, len: usize) {
    let length = Varint::new(len as u64);
    out.splice(start - 2..start, length.as_slice().iter().copied());
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
    fn the_length_of_a_message_is_minimal_and_what_comes_before_and_after_stays() {
        for len in [0, 1, 127, 128, 129, 16_383, 16_384, 100_000, 2_097_151, 2_097_152] {
            let mut out = b"before".to_vec();
            message(&mut out, 0x12, |out| out.resize(out.len() + len, 7));
            out.extend_from_slice(b"after");
            let expected = [&b"before\x12"[..], &by_definition(len as u64), &vec![7; len], b"after"].concat();
            assert!(out == expected, "{len}");
        }
    }
}
