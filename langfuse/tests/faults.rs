//! The exporter's behaviour for each response of a server.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_harness::noise;
use heirloom_langfuse::Config;
use heirloom_receiver::{Fault, Receiver, PUBLIC_KEY, SECRET_KEY};
use std::time::Duration;
use support::{account, assert_delivered, config, record, tracer, LONG};

fn statuses(receiver: &Receiver) -> Vec<u16> {
    receiver.requests().iter().map(|request| request.status).collect()
}

#[test]
fn a_request_has_the_headers_of_the_contract_and_is_compressed() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    record(&guard, 500);
    assert_delivered(&receiver, guard, 500);
    for request in receiver.requests() {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/api/public/otel/v1/traces"));
        assert_eq!(request.header("authorization"), Some("Basic cGstbGYtcmVjZWl2ZXI6c2stbGYtcmVjZWl2ZXI="));
        assert_eq!(request.header("x-langfuse-ingestion-version"), Some("4"));
        assert_eq!(request.header("x-langfuse-public-key"), Some(PUBLIC_KEY));
        assert_eq!(request.header("x-langfuse-sdk-name"), Some("heirloom"));
        assert_eq!(request.header("x-langfuse-sdk-version"), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(request.header("content-encoding"), Some("gzip"));
        assert!(request.spans < 100 || request.body_bytes < request.plain_bytes / 4, "{request:?}");
    }
}

#[test]
fn what_a_server_puts_off_is_delivered_later() {
    for status in [429, 502, 503, 504] {
        let receiver = Receiver::start();
        receiver.fail_next(3, Fault::Status(status));
        let guard = tracer(&config(&receiver));
        record(&guard, 1);
        assert_delivered(&receiver, guard, 1);
        assert_eq!(statuses(&receiver), [status, status, status, 200]);
    }
}

#[test]
fn a_connection_that_breaks_is_made_again() {
    let receiver = Receiver::start();
    receiver.fail_next(2, Fault::Close);
    let guard = tracer(&config(&receiver));
    record(&guard, 1);
    assert_delivered(&receiver, guard, 1);
    assert_eq!(statuses(&receiver), [0, 0, 200]);
}

#[test]
fn an_answer_that_does_not_come_in_time_is_no_loss() {
    let receiver = Receiver::start();
    receiver.fail_next(1, Fault::Hang);
    let guard = tracer(&config(&receiver).timeout(Duration::from_millis(300)));
    record(&guard, 1);
    assert_delivered(&receiver, guard, 1);
}

#[test]
fn a_server_that_says_when_is_not_asked_before() {
    let receiver = Receiver::start();
    receiver.fail_next(1, Fault::RetryAfter(429, "1".into()));
    let guard = tracer(&config(&receiver));
    record(&guard, 1);
    assert_delivered(&receiver, guard, 1);
    let at: Vec<_> = receiver.requests().iter().map(|request| request.at).collect();
    assert!(at[1] - at[0] >= Duration::from_millis(990), "{:?}", at[1] - at[0]);
}

#[test]
fn patience_has_an_end_and_what_is_lost_is_counted() {
    let receiver = Receiver::start();
    receiver.fail_always(Fault::Status(503));
    let guard = tracer(&config(&receiver).retry_for(Duration::from_millis(100)));
    record(&guard, 7);
    let why = guard.tracer().flush(LONG).unwrap_err().to_string();
    assert!(why.contains("lost 7 spans") && why.contains("503 Service Unavailable"), "{why}");
    let account = account(&guard.finish());
    assert_eq!((account.exported, account.dropped.failed), (0, 7));
    assert!(receiver.requests().len() > 1);
}

#[test]
fn wrong_keys_are_counted_and_the_variables_are_named() {
    for (keys, fault) in [(("pk-lf-other", SECRET_KEY), None), ((PUBLIC_KEY, SECRET_KEY), Some(Fault::Status(403)))] {
        let receiver = Receiver::start();
        if let Some(fault) = fault {
            receiver.fail_always(fault);
        }
        let guard = tracer(&Config::new(keys.0, keys.1).base_url(receiver.url()));
        record(&guard, 4);
        let why = guard.tracer().flush(LONG).unwrap_err().to_string();
        for word in ["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "LANGFUSE_BASE_URL"] {
            assert!(why.contains(word), "{why}");
        }
        let account = account(&guard.finish());
        assert_eq!((account.exported, account.dropped.failed), (0, 4));
        assert_eq!(receiver.requests().len(), 1, "it isn't tried again");
    }
}

#[test]
fn any_other_refusal_is_counted_with_its_status_and_not_tried_again() {
    for status in [400, 404, 418, 500, 302] {
        let receiver = Receiver::start();
        receiver.fail_next(1, Fault::Echo(status));
        let guard = tracer(&config(&receiver));
        record(&guard, 2);
        let why = guard.tracer().flush(LONG).unwrap_err().to_string();
        assert!(why.contains(&format!("responded with {status}")), "{why}");
        let account = account(&guard.finish());
        assert_eq!((account.exported, account.dropped.failed, receiver.requests().len()), (0, 2, 1));
    }
}

#[test]
fn a_page_instead_of_an_answer_is_a_loss_and_the_variable_is_named() {
    let receiver = Receiver::start();
    receiver.fail_always(Fault::Echo(200));
    let guard = tracer(&config(&receiver));
    record(&guard, 2);
    let why = guard.tracer().flush(LONG).unwrap_err().to_string();
    assert!(why.contains("not OTLP's") && why.contains("LANGFUSE_BASE_URL"), "{why}");
    let account = account(&guard.finish());
    assert_eq!((account.exported, account.dropped.failed, receiver.requests().len()), (0, 2, 1));
}

#[test]
fn a_partial_success_is_read_and_counted() {
    for json in [false, true] {
        let receiver = Receiver::start();
        receiver.fail_next(1, Fault::Partial { rejected: 3, message: "canary".into(), json });
        let guard = tracer(&config(&receiver));
        record(&guard, 10);
        let why = guard.tracer().flush(LONG).unwrap_err().to_string();
        assert!(why.contains("3 of 10 spans") && !why.contains("canary"), "{why}");
        let account = account(&guard.finish());
        assert_eq!((account.exported, account.dropped.failed), (7, 3));
    }
}

#[test]
fn what_is_too_large_for_the_server_is_sent_in_halves() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    receiver.refuse_over(1500);
    record(&guard, 400);
    assert_delivered(&receiver, guard, 400);
    assert!(statuses(&receiver).contains(&413));
}

#[test]
fn a_single_span_that_is_too_large_for_the_server_is_counted() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    receiver.refuse_over(2000);
    guard.tracer().in_root("root", |root| {
        root.in_span("large", |span| {
            span.set("noise", noise(8000));
        });
        root.in_span("small", |_| ());
    });
    let why = guard.tracer().flush(LONG).unwrap_err().to_string();
    assert!(why.contains("1 of 3 spans") && why.contains("single span"), "{why}");
    let account = account(&guard.finish());
    assert_eq!((account.exported, account.dropped.failed), (2, 1));
    assert_eq!(receiver.with_spans(<[_]>::len), 2);
}

#[test]
fn a_batch_over_the_limit_is_sent_in_parts_and_a_span_over_it_is_counted() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver).max_request_bytes(4096));
    guard.tracer().in_root("root", |root| {
        (0..99).for_each(|_| root.in_span("child", |_| ()));
        root.in_span("large", |span| {
            span.set("text", "x".repeat(5000));
        });
    });
    let account = account(&guard.finish());
    assert_eq!((account.exported, account.dropped.failed), (100, 1));
    let requests = receiver.requests();
    assert!(requests.len() > 1 && requests.iter().all(|request| request.status == 200 && request.plain_bytes <= 4096));
    assert_eq!(receiver.with_spans(<[_]>::len), 100);
}

#[test]
fn a_request_has_no_more_spans_than_it_may() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver).max_request_spans(10));
    record(&guard, 105);
    assert_delivered(&receiver, guard, 105);
    let spans: Vec<usize> = receiver.requests().iter().map(|request| request.spans).collect();
    assert!(spans.len() >= 11 && spans.iter().all(|spans| *spans <= 10), "{spans:?}");
}

#[test]
fn an_other_path_is_below_the_base_url() {
    let receiver = Receiver::start();
    for (base, path) in [("", "x/y"), ("/", "/x/y")] {
        let guard = tracer(&config(&receiver).base_url(format!("{}{base}", receiver.url())).path(path));
        record(&guard, 1);
        drop(guard.finish());
    }
    let paths: Vec<String> = receiver.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/x/y"; 2]);
}

/// Another host would get the keys and everything that was recorded.
#[test]
fn a_redirect_to_another_host_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (receiver, other) = (Receiver::start(), Receiver::start());
        let location = format!("{}/api/public/otel/v1/traces", other.url().replace("127.0.0.1", "localhost"));
        receiver.fail_always(Fault::Redirect(status, location));
        let guard = tracer(&config(&receiver));
        record(&guard, 2);
        let account = account(&guard.finish());
        assert_eq!((account.exported, account.dropped.failed), (0, 2));
        assert_eq!(statuses(&receiver), [status]);
        assert_eq!(other.requests().len(), 0, "{status}");
    }
}
