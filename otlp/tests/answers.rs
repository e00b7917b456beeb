//! What becomes of spans for each answer of a server.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code, missing_docs, unreachable_pub, clippy::expect_used)]
#[path = "support/sending.rs"]
mod sending;
#[allow(dead_code, missing_docs, unreachable_pub, clippy::expect_used)]
#[path = "support/server.rs"]
mod server;

use heirloom_harness::noise;
use heirloom_otlp::{Compression, Format};
use sending::{assert_delivered, assert_lost, otlp, record, tracer, LONG};
use server::{Reply, Server};
use std::time::Duration;

const PARTIAL_JSON: &[u8] = br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"canary"}}"#;
const PARTIAL: &[u8] = b"\x0a\x0a\x08\x03\x12\x06canary";
const HTML: &[u8] = b"<!DOCTYPE html><html>canary</html>";

#[test]
fn a_request_has_the_headers_of_otlp_over_http_and_is_compressed() {
    let server = Server::start();
    let guard = tracer(otlp(&server).header("X-Team", "shop").header("x-team", "checkout"));
    record(&guard, 500);
    assert_delivered(&server, guard, 500);
    let requests = server.requests();
    assert_eq!((requests.len(), requests[0].path.as_str()), (1, "/v1/traces"));
    assert_eq!(requests[0].header("content-type"), Some("application/x-protobuf"));
    assert_eq!(requests[0].header("content-encoding"), Some("gzip"));
    assert_eq!(requests[0].header("x-team"), Some("checkout"));
    assert_eq!(requests[0].header("user-agent"), Some(concat!("heirloom-otlp/", env!("CARGO_PKG_VERSION"))));
    assert!(requests[0].body_bytes < requests[0].plain_bytes / 4, "{} bytes", requests[0].body_bytes);
}

#[test]
fn a_request_in_json_without_compression_has_the_same_spans() {
    let server = Server::start();
    let guard = tracer(otlp(&server).protocol(Format::Json).compression(Compression::None));
    record(&guard, 50);
    assert_delivered(&server, guard, 50);
    let requests = server.requests();
    assert_eq!(
        (requests[0].header("content-type"), requests[0].header("content-encoding")),
        (Some("application/json"), None)
    );
    assert_eq!(requests[0].body_bytes, requests[0].plain_bytes);
}

#[test]
fn what_a_server_puts_off_is_delivered_later() {
    for status in [429, 502, 503, 504] {
        let server = Server::start();
        server.script(vec![Reply::Status(status, "", b"later"); 3]);
        let guard = tracer(otlp(&server));
        record(&guard, 7);
        assert_delivered(&server, guard, 7);
        assert_eq!(server.requests().len(), 4);
    }
}

#[test]
fn a_connection_that_breaks_before_or_within_the_answer_is_no_loss() {
    const CUT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 99\r\n\r\n\x0a";
    const CUT_CHUNK: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n\x0a";
    for reply in [Reply::Close, Reply::Raw(CUT), Reply::Raw(CUT_CHUNK), Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-le")] {
        let server = Server::start();
        server.script(vec![reply; 2]);
        let guard = tracer(otlp(&server));
        record(&guard, 7);
        assert_delivered(&server, guard, 7);
        assert_eq!(server.requests().len(), 3);
    }
}

#[test]
fn an_answer_that_does_not_come_in_time_is_no_loss() {
    let server = Server::start();
    server.script([Reply::Hang]);
    let guard = tracer(otlp(&server).timeout(Duration::from_millis(200)));
    record(&guard, 7);
    guard.tracer().flush(LONG).unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn any_success_with_an_empty_body_or_an_answer_of_otlp_has_taken_the_spans() {
    for reply in [
        Reply::Status(202, "", b""),
        Reply::Status(204, "content-type: text/html\r\n", b""),
        Reply::Status(200, "content-type: application/json\r\n", b"{}"),
        Reply::Status(200, "content-type: application/x-protobuf\r\n", b"\x0a\x00"),
    ] {
        let server = Server::start();
        server.always(reply);
        let guard = tracer(otlp(&server));
        record(&guard, 7);
        assert_delivered(&server, guard, 7);
    }
}

#[test]
fn a_success_that_is_not_otlp_is_a_loss_and_the_message_says_where_to_look() {
    for reply in [
        Reply::Status(200, "content-type: text/html\r\n", HTML),
        Reply::Status(200, "", b"OK"),
        Reply::Status(200, "content-type: application/json\r\n", HTML),
        Reply::Endless,
    ] {
        let server = Server::start();
        server.always(reply);
        let guard = tracer(otlp(&server));
        record(&guard, 7);
        let said = guard.tracer().flush(LONG).unwrap_err().to_string();
        assert!(said.contains("not OTLP's") && said.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{said}");
        assert!(!said.contains("canary"), "{said}");
        let account = sending::account(&guard.finish());
        assert_eq!((account.exported, account.dropped.failed, server.requests().len()), (0, 7, 1));
    }
}

#[test]
fn a_partial_success_is_counted_and_not_sent_again() {
    for (headers, body) in
        [("content-type: application/json\r\n", PARTIAL_JSON), ("content-type: application/x-protobuf\r\n", PARTIAL)]
    {
        let server = Server::start();
        server.script([Reply::Status(200, headers, body)]);
        let guard = tracer(otlp(&server));
        record(&guard, 10);
        let said = guard.tracer().flush(LONG).unwrap_err().to_string();
        assert!(said.contains("3 of 10 spans") && !said.contains("canary"), "{said}");
        let account = sending::account(&guard.finish());
        assert_eq!((account.exported, account.dropped.failed, server.requests().len()), (7, 3, 1));
    }
}

#[test]
fn every_other_status_is_a_loss_and_not_tried_again() {
    for (status, hint) in [
        (400, ""),
        (401, "OTEL_EXPORTER_OTLP_HEADERS"),
        (403, "OTEL_EXPORTER_OTLP_HEADERS"),
        (404, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        (405, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        (415, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        (418, ""),
        (500, ""),
    ] {
        let server = Server::start();
        server.script([Reply::Status(status, "", b"canary")]);
        let guard = tracer(otlp(&server));
        record(&guard, 2);
        let said = assert_lost(&server, guard, [0, 2], &format!("responded with {status}"));
        assert!(said.contains(hint) && !said.contains("canary"), "{said}");
        assert_eq!(server.requests().len(), 1);
    }
}

/// Another host would get the headers and everything that was recorded.
#[test]
fn a_redirect_is_not_followed_and_its_target_is_not_told() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start();
        server.script([Reply::Status(status, "location: /canary\r\n", b"")]);
        let guard = tracer(otlp(&server));
        record(&guard, 2);
        let said = assert_lost(&server, guard, [0, 2], "redirects are not followed");
        assert!(said.contains(&status.to_string()) && !said.contains("canary"), "{said}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn what_is_too_large_for_the_server_is_sent_in_halves() {
    let server = Server::start();
    server.refuse_over(1500);
    let guard = tracer(otlp(&server));
    record(&guard, 1000);
    assert_delivered(&server, guard, 1000);
    let taken: Vec<usize> =
        server.requests().iter().filter(|request| request.body_bytes <= 1500).map(|r| r.spans()).collect();
    assert!(taken.len() > 4 && taken.iter().sum::<usize>() == 1000, "{taken:?}");
}

#[test]
fn a_server_that_refuses_a_large_body_without_reading_it_gets_smaller_ones() {
    let server = Server::start();
    server.refuse_unread_over(2 << 20);
    let guard = tracer(otlp(&server).retry_for(Duration::from_secs(5)));
    let noise = noise(60_000);
    guard.tracer().in_root("root", |root| {
        // Each text is another part of the noise.
        (0..200).for_each(|i| {
            root.in_span("turn", |span| {
                span.set("text", format!("{}{}", &noise[i * 100..], &noise[..i * 100]));
            });
        });
    });
    assert_delivered(&server, guard, 201);
}

#[test]
fn of_several_spans_only_the_one_that_is_too_large_for_the_server_is_lost() {
    let server = Server::start();
    server.refuse_over(2000);
    let guard = tracer(otlp(&server));
    guard.tracer().in_root("root", |root| {
        (0..20).for_each(|_| root.in_span("before", |_| ()));
        root.in_span("large", |span| {
            span.set("noise", noise(8000));
        });
        (0..20).for_each(|_| root.in_span("after", |_| ()));
    });
    assert_lost(&server, guard, [41, 1], "a single span is too large");
}

#[test]
fn a_request_has_at_most_the_bytes_and_the_spans_that_it_may_have() {
    for (bytes, spans) in [(4096, usize::MAX), (usize::MAX, 10), (4096, 10)] {
        let server = Server::start();
        let guard = tracer(otlp(&server).max_request_bytes(bytes).max_request_spans(spans));
        record(&guard, 205);
        assert_delivered(&server, guard, 205);
        let requests = server.requests();
        assert!(
            requests.iter().all(|request| request.plain_bytes <= bytes && request.spans() <= spans),
            "{requests:?}"
        );
        assert!(requests.len() >= 205_usize.div_ceil(spans).max(3));
    }
}

#[test]
fn of_several_spans_only_the_one_that_is_too_large_for_a_request_is_lost() {
    for format in [Format::Protobuf, Format::Json] {
        let server = Server::start();
        let guard = tracer(otlp(&server).protocol(format).max_request_bytes(4096));
        guard.tracer().in_root("root", |root| {
            (0..50).for_each(|_| root.in_span("before", |_| ()));
            root.in_span("large", |span| {
                span.set("text", "x".repeat(5000));
            });
            (0..50).for_each(|_| root.in_span("after", |_| ()));
        });
        assert_lost(&server, guard, [101, 1], "a single span is too large");
        assert!(server.requests().iter().all(|request| request.plain_bytes <= 4096));
    }
}

#[test]
fn after_a_lost_request_the_others_of_the_delivery_are_tried_and_each_reason_is_told() {
    let server = Server::start();
    server.script([Reply::Status(400, "", b""), Reply::Taken, Reply::Status(500, "", b"")]);
    let guard = tracer(otlp(&server).max_request_spans(10));
    record(&guard, 45);
    let said = guard.tracer().flush(LONG).unwrap_err().to_string();
    for words in ["20 of 45 spans", "10: the server responded with 400", "10: the server responded with 500"] {
        assert!(said.contains(words), "{said}");
    }
    let account = sending::account(&guard.finish());
    assert_eq!((account.exported, account.dropped.failed, server.taken()), (25, 20, 25));
}
