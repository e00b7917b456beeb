//! The form of a file, by its first bytes: endings can be wrong, and standard input has none.

use heirloom_otlp::Format;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Records of OTLP.
    Records(Format),
    /// One request, as a server receives it: JSON over several lines, or protobuf without a length.
    Request(Format),
    /// Something known that isn't OTLP: what it is, and what to do.
    Other(&'static str, &'static str),
}

/// The tag of a `ResourceSpans` in a request.
const TAG: u8 = 0x0a;
const CHROME: Form = Form::Other(
    "Chrome's trace events",
    "Run the program with heirloom's feature `otlp` and HEIRLOOM_TRACE_FILE=run.otlp",
);

/// The form of a file that begins with these bytes.
pub(crate) fn of(head: &[u8]) -> Form {
    let text = head.trim_ascii_start();
    match text {
        [b'{', rest @ ..] if is_object(rest) => {
            if rest.trim_ascii_start().starts_with(b"\"traceEvents\"") {
                return CHROME;
            }
            match is_one_line(text) {
                true => Form::Records(Format::Json),
                false => Form::Request(Format::Json),
            }
        }
        [b'[', rest @ ..] if rest.trim_ascii_start().first().is_none_or(|byte| matches!(byte, b'{' | b']')) => CHROME,
        [b'<', b'!' | b'h' | b'H', ..] => Form::Other("HTML", "Name the trace file that it was made of"),
        // A request begins with the tag of its first field, and the length of a record is followed by that tag.
        _ if head.first() == Some(&TAG) && head.get(1).is_some_and(|byte| *byte != TAG) => {
            Form::Request(Format::Protobuf)
        }
        _ => Form::Records(Format::Protobuf),
    }
}

/// Whether this follows the brace of an object in JSON. In protobuf the brace is a length of 123 bytes, and the tag of the first
/// field behind it is a line feed: then the length of that field and a tag follow, and no name of letters.
fn is_object(rest: &[u8]) -> bool {
    match rest.trim_ascii_start() {
        [b'"', letter, ..] => letter.is_ascii_alphabetic() || *letter == b'"',
        [b'}', ..] => true,
        [] => !rest.is_empty(),
        _ => false,
    }
}

/// Whether the first line is a whole object, or may be one that goes on behind these bytes.
fn is_one_line(text: &[u8]) -> bool {
    match text.iter().position(|byte| *byte == b'\n') {
        None => true,
        Some(end) => text[..end].trim_ascii_end().ends_with(b"}"),
    }
}

/// The error for a file that can't be recognised.
pub(crate) fn unknown(place: &str) -> String {
    format!("{place}: expected a record of OTLP: a length and a request in protobuf, or a line of JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_file_is_recognised_by_its_first_bytes() {
        let records = Form::Records;
        for (head, form) in [
            (&b"{\"resourceSpans\":[]}\n"[..], records(Format::Json)),
            (b"\n {\"resourceSpans\":[{\"a\":", records(Format::Json)),
            (b"{}\n{\"resourceSpans\":[]}", records(Format::Json)),
            (b"{\n  \"resourceSpans\": [\n", Form::Request(Format::Json)),
            (b"{\"resourceSpans\": [\n  {", Form::Request(Format::Json)),
            (b"{\"traceEvents\":[{\"ph\":\"X\"", CHROME),
            (b"[\n{\"ph\":\"X\"", CHROME),
            (b"\x0a\x0a\x08\x12", records(Format::Protobuf)),
            (b"\x0a\x95\x03\x0a\x20", Form::Request(Format::Protobuf)),
            (b"\x7b\x0a\x79\x0a\x20", records(Format::Protobuf)),
            (b"", records(Format::Protobuf)),
        ] {
            assert_eq!(of(head), form, "{}", head.escape_ascii());
        }
        assert!(matches!(of(b"<!doctype html>"), Form::Other("HTML", _)));
    }
}
