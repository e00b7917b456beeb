//! JSON as Langfuse's SDK writes it.

use heirloom_core::Value;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::fmt::Display;

/// Larger integers are quoted.
const MAX_SAFE: u64 = Value::MAX_JSON_INTEGER;
/// The smallest number of digits of a larger integer.
const MAX_SAFE_DIGITS: usize = 16;

/// Whether the text is one JSON value.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A text that is JSON already stays as it is, except for integers that a reader would round. Any other text is quoted.
pub(crate) fn from_text(text: &str) -> Cow<'_, str> {
    if is_json(text) {
        return safe_integers(text);
    }
    Cow::Owned(quoted(text))
}

/// An input or output as Langfuse's SDK sends it: a text without quotes, any other value as JSON; `None` for JSON's `null`.
pub(crate) fn plain(value: &Value<'_>) -> Option<String> {
    let Value::Str(text) = value else { return Some(from_value(value).into_owned()) };
    if text.trim() == "null" {
        return None;
    }
    let inner = serde_json::from_str::<String>(text).ok();
    let text = inner.as_deref().unwrap_or(text);
    Some(if is_json(text) { safe_integers(text).into_owned() } else { text.to_owned() })
}

/// The text as a JSON string, quotes included.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Any recorded value as JSON.
pub(crate) fn from_value<'a>(value: &'a Value<'_>) -> Cow<'a, str> {
    match value {
        Value::Str(text) => from_text(text),
        Value::Bool(v) => Cow::Borrowed(if *v { "true" } else { "false" }),
        Value::I64(v) => Cow::Owned(integer(*v)),
        Value::F64(v) => Cow::Owned(float(*v)),
        Value::Bools(v) => array(v, |v| v.to_string()),
        Value::I64s(v) => array(v, |v| integer(*v)),
        Value::F64s(v) => array(v, |v| float(*v)),
        Value::Strs(v) => array(v, |v| quoted(v)),
        other => Cow::Owned(quoted(&other.to_string())),
    }
}

fn array<'a, T>(items: &[T], json: impl Fn(&T) -> String) -> Cow<'a, str> {
    let items: Vec<String> = items.iter().map(json).collect();
    Cow::Owned(format!("[{}]", items.join(",")))
}

fn integer(number: i64) -> String {
    quoted_if(number.unsigned_abs() > MAX_SAFE, number)
}

/// A number; a string if JSON has no number for the value.
fn float(number: f64) -> String {
    if number.is_nan() {
        return "\"NaN\"".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }.to_owned();
    }
    serde_json::Value::from(number).to_string()
}

fn quoted_if(quotes: bool, number: impl Display) -> String {
    if quotes {
        format!("\"{number}\"")
    } else {
        number.to_string()
    }
}

/// Puts integers beyond 2^53 - 1 in a JSON text into quotes. Allocates only if there are any.
fn safe_integers(json: &str) -> Cow<'_, str> {
    let mut safe = String::new();
    let mut copied = 0;
    for number in Numbers::of(json) {
        if is_unsafe(&json[number.clone()]) {
            safe.push_str(&json[copied..number.start]);
            safe.push_str(&quoted_if(true, &json[number.clone()]));
            copied = number.end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    safe.push_str(&json[copied..]);
    Cow::Owned(safe)
}

fn is_unsafe(number: &str) -> bool {
    let digits = number.trim_start_matches('-');
    let is_integer = digits.bytes().all(|b| b.is_ascii_digit());
    is_integer && digits.len() >= MAX_SAFE_DIGITS && digits.parse::<u64>().map_or(true, |n| n > MAX_SAFE)
}

/// Finds the numbers in a JSON text.
struct Numbers<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Numbers<'a> {
    fn of(json: &'a str) -> Self {
        Self { json: json.as_bytes(), at: 0 }
    }

    /// The position after the string that starts here.
    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.json.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                return;
            }
        }
    }
}

impl Iterator for Numbers<'_> {
    type Item = std::ops::Range<usize>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.json.get(self.at)? {
                b'"' => self.skip_string(),
                b'-' | b'0'..=b'9' => break,
                _ => self.at += 1,
            }
        }
        let start = self.at;
        let in_number = |b: &&u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        self.at += self.json[start..].iter().take_while(in_number).count();
        Some(start..self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_json_stays_and_any_other_is_quoted() {
        for json in [r#"{"a":[1,2.5,"ü"]}"#, "7", "null", r#""said""#, "[]"] {
            assert_eq!(from_text(json), json);
        }
        assert_eq!(from_text("plain \"text\" ü"), r#""plain \"text\" ü""#);
        assert_eq!(from_text(r#"{"cut":"of"#), r#""{\"cut\":\"of""#);
        assert_eq!(from_text(""), "\"\"");
    }

    #[test]
    fn an_integer_that_a_reader_would_round_becomes_a_string() {
        assert_eq!(from_value(&Value::I64(9_007_199_254_740_991)), "9007199254740991");
        assert_eq!(from_value(&Value::I64(-9_007_199_254_740_992)), "\"-9007199254740992\"");
        assert_eq!(from_value(&Value::I64(i64::MIN)), "\"-9223372036854775808\"");
        let text = r#"{"id":9007199254740993,"s":"9007199254740993 \" 1","f":1e20,"big":-123456789012345678901}"#;
        let safe = r#"{"id":"9007199254740993","s":"9007199254740993 \" 1","f":1e20,"big":"-123456789012345678901"}"#;
        assert_eq!(from_text(text), safe);
        assert_eq!(from_text("[9007199254740991,9007199254740992]"), "[9007199254740991,\"9007199254740992\"]");
    }

    #[test]
    fn what_json_has_no_number_for_is_a_string() {
        let floats = Value::from(&[1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY][..]);
        assert_eq!(from_value(&floats), r#"[1.0,"NaN","Infinity","-Infinity"]"#);
        assert_eq!(from_value(&Value::F64(f64::NAN)), "\"NaN\"");
    }

    #[test]
    fn arrays_and_booleans_are_compact_json() {
        assert_eq!(from_value(&Value::from(&["a\n", "b"][..])), r#"["a\n","b"]"#);
        assert_eq!(from_value(&Value::from(&[true, false][..])), "[true,false]");
        assert_eq!(from_value(&Value::from(&[1_i64, 2][..])), "[1,2]");
        assert_eq!(from_value(&Value::Bool(true)), "true");
    }
}
