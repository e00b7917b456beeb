//! Reads an answer's body: the number of rejected spans ([partial success]).
//!
//! [partial success]: https://opentelemetry.io/docs/specs/otlp/#partial-success-1

use crate::format::Format;
use serde_json::Value;

/// The number of rejected spans in an `ExportTraceServiceResponse`; `None` if the body isn't one. An empty body is one, without
/// rejected spans. Unknown fields are skipped.
pub(super) fn rejected(body: &[u8], format: Format) -> Option<u64> {
    if body.is_empty() {
        return Some(0);
    }
    let rejected = match format {
        Format::Protobuf => in_protobuf(body)?,
        Format::Json => in_json(body)?,
    };
    // A negative number is a mistake of a server that has taken the spans.
    Some(u64::try_from(rejected).unwrap_or(0))
}

/// Field 1 of the response is a message, and field 1 of that is the number ([trace_service.proto]).
///
/// [trace_service.proto]: https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/collector/trace/v1/trace_service.proto
fn in_protobuf(body: &[u8]) -> Option<i64> {
    let mut rejected = 0;
    let mut fields = Fields(body);
    while !fields.0.is_empty() {
        if let (1, Wire::Bytes(partial)) = fields.next()? {
            let mut fields = Fields(partial);
            while !fields.0.is_empty() {
                if let (1, Wire::Number(number)) = fields.next()? {
                    rejected = number as i64;
                }
            }
        }
    }
    Some(rejected)
}

/// A field's value in [protobuf's format](https://protobuf.dev/programming-guides/encoding/).
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The next field's number and value; `None` if the bytes are no message.
    fn next(&mut self) -> Option<(u64, Wire<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            1 => self.take(8).map(|_| Wire::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Wire::Fixed)?,
            _ => return None,
        };
        (tag >> 3 != 0).then_some((tag >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }
}

/// In protobuf's JSON a 64-bit integer is a string; a number is accepted too, and null is an absent field.
fn in_json(body: &[u8]) -> Option<i64> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let absent = |value: &&Value| !value.is_null();
    let Some(partial) = answer.as_object()?.get("partialSuccess").filter(absent) else { return Some(0) };
    let Some(rejected) = partial.as_object()?.get("rejectedSpans").filter(absent) else { return Some(0) };
    rejected.as_i64().or_else(|| rejected.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
    use prost::Message;

    fn response(rejected_spans: i64, error_message: &str) -> Vec<u8> {
        let partial = ExportTracePartialSuccess { rejected_spans, error_message: error_message.into() };
        ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec()
    }

    #[test]
    fn rejected_spans_are_read_from_both_encodings() {
        for rejected_spans in [0, 1, 3, 127, 128, 70_000, i64::MAX] {
            for message in ["", "no", &"long ".repeat(1000)] {
                let body = response(rejected_spans, message);
                assert_eq!(rejected(&body, Format::Protobuf), Some(rejected_spans as u64));
            }
        }
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":"3"}}"#, Format::Json), Some(3));
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":3,"new":[]},"x":1}"#, Format::Json), Some(3));
    }

    #[test]
    fn an_answer_that_says_nothing_rejects_nothing() {
        assert_eq!((rejected(b"", Format::Protobuf), rejected(b"", Format::Json)), (Some(0), Some(0)));
        for body in [&b"{}"[..], br#"{"partialSuccess":null}"#, br#"{"partialSuccess":{"errorMessage":"a warning"}}"#] {
            assert_eq!(rejected(body, Format::Json), Some(0));
        }
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":"-3"}}"#, Format::Json), Some(0));
        assert_eq!(rejected(&response(-3, "no"), Format::Protobuf), Some(0));
        // Unknown fields: a number, eight bytes, a text, four bytes.
        let unknown = [0x10, 7, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x22, 2, b'h', b'i', 0x2d, 1, 2, 3, 4];
        assert_eq!(rejected(&[&unknown[..], &response(2, "")].concat(), Format::Protobuf), Some(2));
    }

    #[test]
    fn what_is_no_answer_is_told_from_one() {
        let cut = response(300, "a long message");
        let html = b"<!DOCTYPE html><html><body>Sign in</body></html>";
        for body in [&html[..], b"OK", b"{}", &[0xff; 20], &cut[..cut.len() - 3], &[0x0a], &[0x00, 0x00]] {
            assert_eq!(rejected(body, Format::Protobuf), None, "{body:?}");
        }
        for body in
            [&html[..], b"[]", b"3", b"{", br#"{"partialSuccess":7}"#, br#"{"partialSuccess":{"rejectedSpans":{}}}"#]
        {
            assert_eq!(rejected(body, Format::Json), None, "{body:?}");
        }
    }
}
