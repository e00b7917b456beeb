//! Numbers, ids and bytes in JSON, in each of the ways in which they are written.

use super::super::ReadError;
use super::parse::Json;

/// An integer of this type, as a number or as a text.
pub(super) fn integer<T: TryFrom<i128>>(json: &mut Json<'_>, expected: &'static str) -> Result<T, ReadError> {
    json.made(expected, |json| json.number(expected), |text| parsed(&text).and_then(|number| T::try_from(number).ok()))
}

/// An enum: its number, or one of these names.
pub(super) fn named(json: &mut Json<'_>, names: &[(&str, i128)]) -> Result<i128, ReadError> {
    let expected = "a number or a name of OTLP";
    let name = |text: &str| names.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
    json.made(expected, |json| json.number(expected), |text| name(&text).or_else(|| parsed(&text)))
}

/// The integer that a text has: digits, or a double without a fraction (`1e3`).
fn parsed(text: &str) -> Option<i128> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok()?;
    (number.fract() == 0.0 && number.abs() <= u64::MAX as f64).then_some(number as i128)
}

/// A double, as a number or as a text (`"NaN"`, `"Infinity"`, `"-Infinity"`).
pub(super) fn double(json: &mut Json<'_>) -> Result<f64, ReadError> {
    json.made(
        "a number",
        |json| json.number("a number"),
        |text| match &*text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            // `parse` takes more names than JSON does.
            text => {
                text.parse().ok().filter(|_| text.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']))
            }
        },
    )
}

/// An id of this many bytes: hexadecimal, as OTLP says, or base64, as protobuf's JSON does; all zero if it is empty.
pub(super) fn id<const N: usize>(json: &mut Json<'_>, expected: &'static str) -> Result<[u8; N], ReadError> {
    json.made(expected, Json::text, |text| {
        let bytes = match text.len() {
            0 => return Some([0; N]),
            len if len == 2 * N => hex(&text)?,
            _ => base64(&text)?,
        };
        bytes.try_into().ok()
    })
}

/// Bytes in base64.
pub(super) fn bytes(json: &mut Json<'_>) -> Result<Vec<u8>, ReadError> {
    json.made("base64", Json::text, |text| base64(&text))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    text.as_bytes().chunks(2).map(|pair| Some((digit(pair[0])? << 4 | digit(*pair.get(1)?)?) as u8)).collect()
}

/// The bytes of base64 ([RFC 4648]), of either alphabet, with padding or without.
///
/// [RFC 4648]: https://www.rfc-editor.org/rfc/rfc4648
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    if text.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.chunks(4) {
        let mut bits = 0;
        for byte in group {
            bits = bits << 6 | sextet(*byte)?;
        }
        bits <<= 6 * (4 - group.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn sextet(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_either_alphabet_is_read_with_padding_and_without() {
        // The examples of RFC 4648, section 10.
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob")] {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_bytes()), "{text}");
            assert_eq!(base64(text.trim_end_matches('=')).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(base64("-_+/"), base64("+/-_"));
        assert_eq!([base64("Z"), base64("Zm9vY"), base64("Zm9?"), base64("Zé")], [None, None, None, None]);
    }

    #[test]
    fn an_integer_may_be_a_double_without_a_fraction() {
        assert_eq!(
            [parsed("1e3"), parsed("-2.0"), parsed("18446744073709551615")].map(Option::unwrap_or_default),
            [1000, -2, u64::MAX.into()]
        );
        assert_eq!([parsed("1.5"), parsed("NaN"), parsed("1e300"), parsed("")], [None, None, None, None]);
    }
}
