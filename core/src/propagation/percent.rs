//! Percent-encoding ([RFC 3986]) as W3C Baggage requires it.
//!
//! [RFC 3986]: https://www.rfc-editor.org/rfc/rfc3986#section-2.1

use core::fmt::{self, Write};

/// Whether a byte may occur in the value of a baggage member ([baggage-octet]): printable ASCII without space, `"`,
/// `,`, `;` and `\`.
///
/// [baggage-octet]: https://www.w3.org/TR/baggage/#definition
pub(crate) fn is_baggage_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

/// Whether [`encode`] writes a byte as it is. `=` and `+` are baggage octets, but many parsers split a member at every `=`
/// and read `+` as a space.
fn is_literal(byte: u8) -> bool {
    is_baggage_octet(byte) && !matches!(byte, b'%' | b'=' | b'+')
}

/// The length of [`encode`]'s output.
pub(crate) fn encoded_bytes(text: &str) -> usize {
    text.bytes().map(|byte| if is_literal(byte) { 1 } else { 3 }).sum()
}

/// Writes `text`, with `%`, `=`, `+` and every byte that is no baggage octet encoded.
pub(crate) fn encode(out: &mut impl Write, text: &str) -> fmt::Result {
    for byte in text.bytes() {
        if is_literal(byte) {
            out.write_char(char::from(byte))?;
        } else {
            write!(out, "%{byte:02X}")?;
        }
    }
    Ok(())
}

/// A decoded text.
pub(crate) struct Decoded {
    /// Not necessarily UTF-8.
    pub(crate) bytes: Vec<u8>,
    /// Whether a `%` was not followed by two hexadecimal digits. It is then kept.
    pub(crate) malformed: bool,
}

/// Decodes `%XX`; keeps everything else.
pub(crate) fn decode(text: &str) -> Decoded {
    let mut decoded = Decoded { bytes: Vec::with_capacity(text.len()), malformed: false };
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.bytes.push(nibble(*high) << 4 | nibble(*low));
                rest = after;
            }
            _ => {
                decoded.malformed |= *byte == b'%';
                decoded.bytes.push(*byte);
            }
        }
    }
    decoded
}

/// The value of a hexadecimal digit.
fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a') + 10,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn encoded(text: &str) -> String {
        let mut out = String::new();
        encode(&mut out, text).unwrap();
        assert_eq!(out.len(), encoded_bytes(text));
        out
    }

    #[test]
    fn every_byte_survives_encoding() {
        let all: String = (0..=0x2ff).filter_map(char::from_u32).collect();
        let text = encoded(&all);
        assert!(text.bytes().all(is_baggage_octet));
        let decoded = decode(&text);
        assert_eq!((String::from_utf8(decoded.bytes), decoded.malformed), (Ok(all), false));
    }

    #[test]
    fn only_what_must_be_is_encoded_and_what_others_misread() {
        assert_eq!(encoded("Amélie 28!#$&'()*-./:<>?@[]^_`{|}~"), "Am%C3%A9lie%2028!#$&'()*-./:<>?@[]^_`{|}~");
        assert_eq!(encoded("YWJj==+"), "YWJj%3D%3D%2B");
        assert_eq!(encoded("\"%,;\\\t\u{7f}"), "%22%25%2C%3B%5C%09%7F");
    }

    #[test]
    fn both_cases_of_digits_are_decoded() {
        assert_eq!(decode("%c3%A9%aF%Fa").bytes, [0xc3, 0xa9, 0xaf, 0xfa]);
    }

    #[test]
    fn a_percent_sign_without_two_digits_stands_for_itself_and_is_reported() {
        for text in ["%", "a%", "%4", "%zz", "%4z", "%%", "100% sure", "%é"] {
            let decoded = decode(text);
            assert_eq!((decoded.bytes.as_slice(), decoded.malformed), (text.as_bytes(), true), "{text}");
        }
        assert_eq!(decode("%%41").bytes, b"%A");
    }
}
