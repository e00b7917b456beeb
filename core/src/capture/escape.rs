//! The bytes of a text that JSON requires to be escaped (RFC 8259, section 7).

/// Whether any byte needs an escape. Tests many bytes in one step, without a branch for each.
#[inline]
pub(super) fn needs_escape(bytes: &[u8]) -> bool {
    match bytes.len() {
        0..=3 => wanting(short(bytes)) != 0,
        4..=7 => wanting(ends_of_four(bytes)) != 0,
        8..=31 => in_words(bytes),
        _ => in_stretches(bytes),
    }
}

/// Up to three bytes as a word: the first, the middle and the last one, which may coincide.
#[inline]
fn short(bytes: &[u8]) -> u64 {
    const NONE: u8 = b' ';
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return u64::from_ne_bytes([NONE; 8]) };
    let middle = bytes[bytes.len() / 2];
    u64::from_ne_bytes([*first, middle, *last, NONE, NONE, NONE, NONE, NONE])
}

/// Four to seven bytes as a word. It may contain those in the middle twice.
#[inline]
fn ends_of_four(bytes: &[u8]) -> u64 {
    let half = |four: Option<&[u8; 4]>| four.map_or(0, |four| u64::from(u32::from_ne_bytes(*four)));
    half(bytes.first_chunk()) << 32 | half(bytes.last_chunk())
}

/// Eight bytes in each step. The last step may overlap the one before.
#[inline]
fn in_words(bytes: &[u8]) -> bool {
    let words = bytes.chunks_exact(8).filter_map(|word| word.first_chunk());
    words.chain(bytes.last_chunk()).fold(0, |any, word| any | wanting(u64::from_ne_bytes(*word))) != 0
}

/// The position of the first byte that needs an escape.
#[inline]
pub(super) fn next_escape(bytes: &[u8]) -> Option<usize> {
    let plain: usize = bytes.chunks(STRETCH).take_while(|stretch| !any_in(stretch)).map(<[u8]>::len).sum();
    let wanting = bytes[plain..].iter().position(|byte| ESCAPES[*byte as usize] != 0)?;
    Some(plain + wanting)
}

/// Bytes in one step: the compiler makes vector instructions of this length.
const STRETCH: usize = 32;

fn in_stretches(bytes: &[u8]) -> bool {
    let last = &bytes[bytes.len().saturating_sub(STRETCH)..];
    bytes.chunks_exact(STRETCH).any(any_in) || any_in(last)
}

#[inline]
fn any_in(stretch: &[u8]) -> bool {
    let wants = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    stretch.iter().fold(false, |any, byte| any | wants(*byte))
}

/// Not zero if any of eight bytes needs an escape. A byte is below a limit if subtracting the limit borrows. It equals
/// another byte if their xor is below one.
///
/// Source: <https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord>.
#[inline]
fn wanting(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let below = |word: u64, limit: u64| word.wrapping_sub(EACH * limit) & !word & (EACH << 7);
    let is = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    below(word, 0x20) | is(b'"') | is(b'\\')
}

/// The byte that follows the backslash, for each byte that needs an escape; `u` for those that are escaped by number.
pub(super) static ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

#[cfg(test)]
mod tests {
    use super::{needs_escape, next_escape, ESCAPES};

    #[test]
    fn the_quick_look_knows_the_same_bytes_as_the_table_wherever_they_stand() {
        for length in 1..=80 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut text = vec![0xc3; length];
                    text[at] = byte;
                    let wants = ESCAPES[byte as usize] != 0;
                    assert_eq!(needs_escape(&text), wants, "{byte} at {at} of {length}");
                    assert_eq!(next_escape(&text), wants.then_some(at), "{byte} at {at} of {length}");
                }
            }
        }
    }
}
