//! Reads the number of rejected spans from a response ([partial success]).
//!
//! [partial success]: https://opentelemetry.io/docs/specs/otlp/#partial-success-1

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::Value;

/// The number of rejected spans; 0 for a response that can't be parsed.
pub(crate) fn rejected(body: &[u8], is_json: bool) -> u64 {
    let rejected = if is_json { in_json(body) } else { in_protobuf(body) };
    rejected.and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}

fn in_protobuf(body: &[u8]) -> Option<i64> {
    Some(ExportTraceServiceResponse::decode(body).ok()?.partial_success?.rejected_spans)
}

/// In protobuf's JSON a 64-bit integer is a string; a number is accepted too.
fn in_json(body: &[u8]) -> Option<i64> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let rejected = answer.get("partialSuccess")?.get("rejectedSpans")?;
    rejected.as_i64().or_else(|| rejected.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    #[test]
    fn rejected_spans_are_read_from_both_encodings() {
        let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message: "no".into() };
        let body = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        assert_eq!(rejected(&body, false), 3);
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":"3"}}"#, true), 3);
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":3}}"#, true), 3);
    }

    #[test]
    fn an_answer_that_says_nothing_rejects_nothing() {
        for body in [&b""[..], b"{}", b"<html>", &[0xff; 9]] {
            assert_eq!((rejected(body, false), rejected(body, true)), (0, 0));
        }
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":"-3"}}"#, true), 0);
    }
}
