//! What a line of the tree shows of a span's attributes.

use super::text::{duration, printable};
use crate::export::marks::POLLS;
use crate::export::SpanData;
use crate::text::{count, plural};
use crate::Value;

/// How many attributes a line shows, to keep it short.
const SHOWN: usize = 3;

/// The longest text that a line shows, in characters.
const MAX_TEXT: usize = 32;

/// Attributes that Heirloom sets itself. What they say is on the line in words, or is of no use there.
const OWN: &str = "heirloom.";

/// The first attributes that the program set: `file: "sea.png", bytes: 7`. `None` if there are none.
pub(super) fn first_attributes(span: &SpanData) -> Option<String> {
    let own = span.attributes.iter().filter(|(key, _)| !key.starts_with(OWN));
    let shown: Vec<_> = own.take(SHOWN).map(|(key, value)| format!("{}: {}", printable(key), short(value))).collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

fn short(value: &Value<'_>) -> String {
    match value {
        Value::Bool(v) => v.to_string(),
        Value::I64(v) => v.to_string(),
        Value::F64(v) => v.to_string(),
        Value::Str(v) => text(v),
        Value::Bools(v) => values(v.len()),
        Value::I64s(v) => values(v.len()),
        Value::F64s(v) => values(v.len()),
        Value::Strs(v) => values(v.len()),
    }
}

fn values(n: usize) -> String {
    format!("{} {}", count(n as u64), plural(n as u64, "value", "values"))
}

fn text(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_TEXT).collect();
    if shown.len() < text.len() {
        shown.push_str("..");
    }
    format!("\"{}\"", printable(&shown))
}

/// How a polled span spent its time: `busy 2 ms in 3 polls, ready 40 µs, idle 8 ms`. `None` if that wasn't measured. It was ready
/// before it began; that is left out if it isn't known when it was submitted.
pub(super) fn polled(span: &SpanData, submitted_ns: Option<u64>) -> Option<String> {
    let ns = |key| match span.attribute(key)? {
        Value::I64(v) => u64::try_from(*v).ok(),
        _ => None,
    };
    let (busy, idle) = (ns("heirloom.busy_ns")?, ns("heirloom.idle_ns")?);
    let polls = ns(POLLS)?;
    let polls = format!("{} {}", count(polls), plural(polls, "poll", "polls"));
    let ready =
        submitted_ns.map(|at| format!(", ready {}", duration(span.start_ns.saturating_sub(at)))).unwrap_or_default();
    Some(format!("busy {} in {polls}{ready}, idle {}", duration(busy), duration(idle)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::fixture::{lane, span};

    #[test]
    fn a_line_shows_the_first_attributes_that_the_program_set_cut_and_without_control_characters() {
        let mut span = span(1, 0, "s", &lane(1), 0, 1);
        assert_eq!(first_attributes(&span), None);
        span.attributes = vec![
            ("heirloom.items".into(), 7.into()),
            ("path".into(), "\u{e9}".repeat(40).into()),
            ("a\nb".into(), "c\td".into()),
            ("list".into(), Value::I64s(vec![1, 2].into())),
            ("more".into(), 1.5.into()),
        ];
        let expected = format!("path: \"{}..\", a\\nb: \"c\\td\", list: 2 values", "\u{e9}".repeat(32));
        assert_eq!(first_attributes(&span), Some(expected));
    }

    #[test]
    fn a_span_without_measured_polls_shows_none() {
        let mut span = span(1, 0, "s", &lane(1), 0, 1);
        span.attributes = vec![("heirloom.busy_ns".into(), 7.into()), ("heirloom.idle_ns".into(), "x".into())];
        assert_eq!(polled(&span, Some(0)), None);
    }
}
