//! Durations, counts and names for people.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Deepest indent, in levels: the text stays linear in the number of spans.
pub(super) const MAX_INDENT: usize = 100;

/// A length of time with three significant digits at most: `812 ns`, `16.9 µs`, `1.2 ms`, `4.2 s`, `2 min 03 s`, `1 h 02 min`.
///
/// All texts of Heirloom write durations in this form: the tree, the lanes, and the reports of `heirloom-insight`. Zeros behind the
/// point are left out. The text is UTF-8.
///
/// ```
/// use heirloom_core::tree::duration;
/// assert_eq!([16_900, 1_200_000, 123_000_000_000].map(duration), ["16.9 µs", "1.2 ms", "2 min 03 s"]);
/// ```
#[must_use]
pub fn duration(ns: u64) -> String {
    const MINUTE_S: u64 = 60;
    const HOUR_S: u64 = 3600;
    let seconds = ns / 1_000_000_000 + u64::from(ns % 1_000_000_000 >= 500_000_000);
    if seconds >= HOUR_S {
        return format!("{} h {:02} min", seconds / HOUR_S, seconds % HOUR_S / MINUTE_S);
    }
    if seconds >= MINUTE_S {
        return format!("{} min {:02} s", seconds / MINUTE_S, seconds % MINUTE_S);
    }
    let ns = three_digits(ns);
    match ns {
        0 => "0 s".to_owned(),
        1..=999 => format!("{ns} ns"),
        1_000..=999_999 => decimal(ns, 1_000, "µs"),
        1_000_000..=999_999_999 => decimal(ns, 1_000_000, "ms"),
        _ => decimal(ns, 1_000_000_000, "s"),
    }
}

/// Rounds to three significant digits.
fn three_digits(n: u64) -> u64 {
    let mut unit = 1;
    while n / unit >= 1000 {
        unit *= 10;
    }
    let rounded = n / unit + u64::from(n % unit * 2 >= unit && unit > 1);
    rounded * unit
}

/// `n / unit`, where `n` has three significant digits.
fn decimal(n: u64, unit: u64, name: &str) -> String {
    let (whole, hundredths) = (n / unit, n % unit * 100 / unit);
    match hundredths {
        0 => format!("{whole} {name}"),
        h if h % 10 == 0 => format!("{whole}.{} {name}", h / 10),
        h => format!("{whole}.{h:02} {name}"),
    }
}

/// A part of a whole: `12.5 %`.
pub(super) fn share(part: u64, whole: u64) -> String {
    let per_mille = match whole {
        0 => 0,
        whole => (u128::from(part) * 1000 + u128::from(whole) / 2) / u128::from(whole),
    };
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

/// A text on one line. Control characters are escaped, so that a name can neither break the layout nor send commands to
/// the terminal.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char.is_control() {
            true => escaped.extend(char.escape_default()),
            false => escaped.push(char),
        }
    }
    Cow::Owned(escaped)
}

/// Lines of cells. Each column is as wide as its widest cell, up to `max_width`. The columns in `right` are aligned to
/// the right.
pub(super) fn table(rows: &[Vec<String>], right: &[usize], max_width: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width_of = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width_of(column).unwrap_or(0).min(max_width)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if column > 0 {
                line.push_str("  ");
            }
            // Writing to a `String` can't fail.
            let _ = match right.contains(&column) {
                true => write!(line, "{cell:>width$}"),
                false => write!(line, "{cell:<width$}"),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_the_unit_that_fits() {
        let cases = [
            (0, "0 s"),
            (999, "999 ns"),
            (1_000, "1 µs"),
            (12_345, "12.3 µs"),
            (999_499, "999 µs"),
            (1_050_000, "1.05 ms"),
            (10_300_000, "10.3 ms"),
            (100_000_000, "100 ms"),
            (999_600, "1 ms"),
            (1_235_000, "1.24 ms"),
            (123_456_789, "123 ms"),
            (3_200_000_000, "3.2 s"),
            (59_449_999_999, "59.4 s"),
            (59_960_000_000, "1 min 00 s"),
            (123_000_000_000, "2 min 03 s"),
            (3_720_000_000_000, "1 h 02 min"),
            (u64::MAX, "5124095 h 34 min"),
        ];
        for (ns, text) in cases {
            assert_eq!(duration(ns), text, "{ns}");
        }
    }

    #[test]
    fn shares() {
        assert_eq!(share(1, 8), "12.5 %");
        assert_eq!(share(u64::MAX, u64::MAX), "100.0 %");
        assert_eq!(share(1, 0), "0.0 %");
    }

    #[test]
    fn a_name_stays_on_its_line_and_away_from_the_terminal() {
        assert_eq!(printable("añb"), "añb");
        assert_eq!(printable("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
    }

    #[test]
    fn columns_line_up() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        assert_eq!(table(&[row("a", "10"), row("long one", "9")], &[1], 5), "a      10\nlong one   9\n");
    }
}
