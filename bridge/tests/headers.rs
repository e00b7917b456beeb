//! The trace in `http::HeaderMap`.

use heirloom_bridge::HeaderMapExt;
use heirloom_core::{in_root, testing, Baggage, Context, SpanId, TraceId};
use http::{HeaderMap, HeaderValue};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn with(values: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append("traceparent", HeaderValue::from_bytes(value).expect("no control characters"));
    }
    headers
}

#[test]
fn what_is_inserted_is_found() {
    testing::run(|_| {
        let mut headers = with(&[PARENT.as_bytes()]);
        headers.append("tracestate", HeaderValue::from_static("a=1"));
        headers.append("tracestate", HeaderValue::from_static("b=2"));
        let received = headers.trace().unwrap();
        assert!(received.is_remote() && received.is_sampled());

        let mut onward = HeaderMap::new();
        let sent = received.in_span("proxy", |span| {
            onward.insert_trace(span);
            span.context()
        });
        assert_eq!(onward["tracestate"], "a=1,b=2");
        let found = onward.trace().unwrap();
        assert_eq!((found.trace_id(), found.span_id()), (sent.trace_id(), sent.span_id()));
    });
}

#[test]
fn headers_of_another_trace_do_not_stay() {
    let mut headers = with(&[PARENT.as_bytes(), PARENT.as_bytes()]);
    headers.insert("tracestate", HeaderValue::from_static("a=1"));
    headers.insert_trace(Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(9), false));
    assert_eq!(headers.get_all("traceparent").iter().count(), 1);
    assert_eq!(headers["traceparent"], "00-00000000000000000000000000000007-0000000000000009-00");
    assert!(!headers.contains_key("tracestate"));
    headers.insert_trace(Context::INERT);
    assert!(headers.is_empty());
}

#[test]
fn bad_headers_are_an_error_that_says_what_is_wrong_and_children_are_roots() {
    testing::run(|t| {
        let long = [b'a'; 5000];
        let bad: [&[&[u8]]; 6] = [
            &[b""],
            &[b"00-xyz"],
            &[b"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"],
            &[PARENT.as_bytes(), PARENT.as_bytes()],
            &[b"00-\xff\xfe"],
            &[&long],
        ];
        for values in bad {
            let headers = with(values);
            let error = headers.trace().unwrap_err().to_string();
            assert!(error.contains("traceparent"), "{error}");
            assert!(error.len() < 1000, "{error}");
            headers.trace_or_root().in_span("root", |_| ());
        }
        let spans = t.spans();
        assert_eq!(spans.len(), bad.len());
        assert!(spans.iter().all(|span| span.parent_span_id.is_none()), "{spans:?}");
    });
}

#[test]
fn a_bad_tracestate_does_not_lose_the_parent() {
    testing::run(|_| {
        let mut headers = with(&[PARENT.as_bytes()]);
        headers.insert("tracestate", HeaderValue::from_bytes(b"\xff=,,=").unwrap());
        assert!(headers.trace().unwrap().is_valid());
    });
}

#[test]
fn baggage_travels_in_whatever_number_of_headers() {
    let mut headers = HeaderMap::new();
    headers.append("baggage", HeaderValue::from_static("tenant=blue"));
    headers.append("baggage", HeaderValue::from_static("plan=free"));
    let (baggage, dropped) = headers.baggage();
    assert_eq!((baggage.get("tenant"), baggage.get("plan"), dropped.total()), (Some("blue"), Some("free"), 0));
    headers.insert_baggage(&Baggage::default());
    assert!(headers.is_empty());
    headers.insert_baggage(&baggage);
    assert_eq!(headers["baggage"], "tenant=blue,plan=free");
}

#[test]
fn without_a_tracer_a_trace_passes_through() {
    let headers = with(&[PARENT.as_bytes()]);
    let mut onward = HeaderMap::new();
    headers.trace_or_root().in_span("not recorded", |span| onward.insert_trace(span));
    assert_eq!(onward["traceparent"], PARENT);
    in_root("nor this", |_| ());
}

/// What a proxy sends on, from a span of its own.
fn through(headers: &HeaderMap) -> HeaderMap {
    let mut onward = HeaderMap::new();
    headers.trace_or_root().in_span("proxy", |span| span.in_span("client", |client| onward.insert_trace(client)));
    onward
}

#[test]
fn a_program_without_a_tracer_passes_on_all_headers_unchanged() {
    let mut headers = with(&[PARENT.as_bytes()]);
    headers.append("tracestate", HeaderValue::from_static("tenant@a-very-long-vendor=1,other=2"));
    headers.append("baggage", HeaderValue::from_static("token=YWJj%3D%3D,tenant=blue"));
    assert_eq!(through(&headers), headers);
}

#[test]
fn baggage_that_arrived_is_sent_with_the_context_and_other_baggage_replaces_it() {
    testing::run(|_| {
        let mut headers = with(&[PARENT.as_bytes()]);
        headers.append("baggage", HeaderValue::from_static("tenant=blue"));
        headers.append("baggage", HeaderValue::from_static("plan=free"));
        assert_eq!(through(&headers)["baggage"], "tenant=blue,plan=free");
        // A bad parent, or none, doesn't lose it.
        headers.insert("traceparent", HeaderValue::from_static("00-xyz"));
        assert_eq!(through(&headers)["baggage"], "tenant=blue,plan=free");
        headers.remove("traceparent");
        assert_eq!(through(&headers)["baggage"], "tenant=blue,plan=free");
        let mut onward = HeaderMap::new();
        onward.insert("baggage", HeaderValue::from_static("mine=1"));
        onward.insert_trace(headers.trace_or_root());
        assert_eq!(onward["baggage"], "mine=1");
    });
}
