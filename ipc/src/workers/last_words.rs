//! The end of a dead worker's stderr, as an attribute of the span of its death.

use super::stderr::TAIL_BYTES;
use heirloom_core::{capture, Span};

/// The attribute.
const STDERR: &str = "heirloom.worker.stderr";
/// Recorded in place of the value of a denied name.
const REDACTED: &str = "<redacted>";

/// Records the text by the tracer's rules for captured values: the switch, the limit, the mask. The deny-list applies to names
/// in the text: in each line, what follows `name=` or `name:` is left out if the name is denied.
pub(super) fn record(span: &Span, tail: &str) {
    let text = redacted(whole_lines(tail), |name| capture::is_denied(span, name));
    if !text.trim().is_empty() {
        let _ = capture::text(span, STDERR, &text);
    }
}

/// Without the rest of a line whose start is missing: a name in it could be missing too.
fn whole_lines(tail: &str) -> &str {
    match tail.split_once('\n') {
        _ if tail.len() < TAIL_BYTES => tail,
        Some((_, rest)) => rest,
        None => "",
    }
}

fn redacted(text: &str, is_denied: impl Fn(&str) -> bool) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match secret(line, &is_denied) {
            None => kept.push_str(line),
            Some(at) => {
                kept.push_str(&line[..at]);
                kept.push_str(REDACTED);
                kept.push_str(if line.ends_with('\n') { "\n" } else { "" });
            }
        }
    }
    kept
}

/// The position behind the first `=` or `:` of a line that follows a denied name.
fn secret(line: &str, is_denied: impl Fn(&str) -> bool) -> Option<usize> {
    let separators = line.match_indices(['=', ':']);
    separators.map(|(at, _)| at).find(|at| is_denied(name_before(&line[..*at]))).map(|at| at + 1)
}

/// The last word of a text, without quotes and blanks behind it.
fn name_before(text: &str) -> &str {
    let is_outside = |c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.');
    let text = text.trim_end_matches(is_outside);
    text.rsplit(is_outside).next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_denied_name_is_left_out() {
        let denied = |name: &str| {
            let name = name.to_lowercase();
            ["password", "api_key", "authorization", "token"].iter().any(|end| name.ends_with(end))
        };
        for (text, expected) in [
            ("loading\nDB_PASSWORD=hunter2 user=u1\nend", "loading\nDB_PASSWORD=<redacted>\nend"),
            ("{\"user\": 1, \"api_key\": \"sk-1\"}\n", "{\"user\": 1, \"api_key\":<redacted>\n"),
            ("Authorization: Bearer x\n", "Authorization:<redacted>\n"),
            ("user: u1, token = t", "user: u1, token =<redacted>"),
            ("\u{fc}-token\u{2003}: \u{fc}\n", "\u{fc}-token\u{2003}:<redacted>\n"),
            (":=\n= b: c\n\nmax_tokens: 4", ":=\n= b: c\n\nmax_tokens: 4"),
        ] {
            assert_eq!(redacted(text, denied), expected);
        }
    }

    #[test]
    fn a_line_without_its_start_is_left_out() {
        let long = "x".repeat(TAIL_BYTES);
        let cut = format!("hunter2\n{long}");
        assert_eq!(whole_lines(&cut), long);
        assert_eq!((whole_lines(&long), whole_lines("hunter2\nx")), ("", "hunter2\nx"));
    }
}
