//! Cuts texts, and writes numbers for people.

/// The longest prefix of a text with at most `bytes` bytes that ends at a character boundary.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let mut end = bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A count with a comma at each thousand: `4,096`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The form of a word for this number: `one` for 1, `many` for every other number.
pub(crate) fn plural(n: u64, one: &'static str, many: &'static str) -> &'static str {
    match n {
        1 => one,
        _ => many,
    }
}

/// A number of bytes in the largest unit in which it is whole: `64 MiB`.
pub(crate) fn bytes(n: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.iter().find(|(bits, _)| n > 0 && n.trailing_zeros() >= *bits) {
        Some((bits, unit)) => format!("{} {unit}", n >> bits),
        None => format!("{} {}", count(n), plural(n, "byte", "bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("äöü", 6), "äöü");
        assert_eq!(cut("äöü", 5), "äö");
        assert_eq!(cut("äöü", 1), "");
        assert_eq!(cut("abc", 2), "ab");
    }

    #[test]
    fn numbers_are_for_people() {
        assert_eq!([0, 999, 1000, 4_194_304].map(count), ["0", "999", "1,000", "4,194,304"]);
        let units = [0, 1, 1000, 65_536, 64 << 20, 3 << 30, (1 << 20) + 1024].map(bytes);
        assert_eq!(units, ["0 bytes", "1 byte", "1,000 bytes", "64 KiB", "64 MiB", "3 GiB", "1025 KiB"]);
    }
}
