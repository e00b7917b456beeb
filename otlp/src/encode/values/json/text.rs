//! Texts and ids in JSON.

/// How a byte of a text is written: itself, with a backslash and this letter, or by its number.
const ITSELF: u8 = 0;
const NUMBER: u8 = b'u';
const ESCAPES: [u8; 256] = escapes();

const fn escapes() -> [u8; 256] {
    let mut table = [ITSELF; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = NUMBER;
        control += 1;
    }
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[b'\n' as usize] = b'n';
    table[b'\r' as usize] = b'r';
    table[b'\t' as usize] = b't';
    table
}

/// The digits of each byte.
const HEX: [[u8; 2]; 256] = hex_digits();

const fn hex_digits() -> [[u8; 2]; 256] {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
}

/// Appends a text with its quotes.
pub(crate) fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| ESCAPES[usize::from(*byte)] != ITSELF) {
        out.extend_from_slice(&rest[..at]);
        let byte = rest[at];
        match ESCAPES[usize::from(byte)] {
            NUMBER => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&HEX[usize::from(byte)]);
            }
            letter => out.extend_from_slice(&[b'\\', letter]),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends an id of at most 16 bytes with its quotes, in hexadecimal.
pub(crate) fn id<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    let mut text = [b'"'; 34];
    for (byte, digits) in bytes.iter().zip(text[1..].chunks_exact_mut(2)) {
        digits.copy_from_slice(&HEX[usize::from(*byte)]);
    }
    let end = out.len() + 2 * N + 2;
    text[2 * N + 1] = b'"';
    out.extend_from_slice(&text);
    out.truncate(end);
}
