//! Figures as text: three significant digits, with a unit.

pub use heirloom_core::tree::duration;

/// Three significant digits, without zeros behind the point. Numbers from 1,000 on have all their digits.
#[must_use]
pub fn three(value: f64) -> String {
    let size = value.abs();
    if !size.is_finite() || size == 0.0 {
        return "0".to_owned();
    }
    let digits = (2 - size.log10().floor() as i32).clamp(0, 9);
    // Rounding may add a digit: 9.996 is 10.0, not 10.00.
    let rounded = (size * 10_f64.powi(digits)).round() / 10_f64.powi(digits);
    let digits = (2 - rounded.log10().floor() as i32).clamp(0, 9) as usize;
    if digits == 0 {
        return format!("{}{}", if value < 0.0 { "-" } else { "" }, count(rounded as u64));
    }
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A whole number with commas: `4,096`.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (ix, digit) in digits.chars().enumerate() {
        if ix > 0 && (digits.len() - ix) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of a whole: `54 %`, `4.2 %`, `under 1 %`.
#[must_use]
pub fn percent(part: f64) -> String {
    let percent = part * 100.0;
    match percent {
        p if p <= 0.0 || p.is_nan() => "0 %".to_owned(),
        p if p < 0.95 => "under 1 %".to_owned(),
        p if p < 9.95 => format!("{} %", format!("{p:.1}").trim_end_matches('0').trim_end_matches('.')),
        p => format!("{p:.0} %"),
    }
}

/// A part of a whole that was saved, with two digits at least: `-54 %`, `-0.7 %`.
#[must_use]
pub fn saved(part: f64) -> String {
    match part * 100.0 {
        p if p <= 0.0 || p.is_nan() => "0 %".to_owned(),
        p if p < 0.05 => "under 0.1 %".to_owned(),
        p if p < 9.95 => format!("-{} %", three((p * 10.0).round() / 10.0)),
        p => format!("-{p:.0} %"),
    }
}

/// The share of `part` in `whole`; 0 if there is no whole.
#[must_use]
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// `1 lane`, `4 lanes`.
#[must_use]
pub fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_significant_digits_and_a_unit() {
        assert_eq!(
            [9.996, 99.95, 0.001_234, 1234.4, 3.1, -2.5].map(three),
            ["10", "100", "0.00123", "1,234", "3.1", "-2.5"]
        );
        assert_eq!(
            [0.54, 0.042, 0.004, 0.0, 1.0, 0.0995].map(percent),
            ["54 %", "4.2 %", "under 1 %", "0 %", "100 %", "10 %"]
        );
        assert_eq!([0.432, 0.0074, 0.0].map(saved), ["-43 %", "-0.7 %", "0 %"]);
        assert_eq!([7, 4096, 1_234_567].map(count), ["7", "4,096", "1,234,567"]);
    }
}
