//! Calls that fail.

use crate::support::server::Server;
use crate::support::{block_on, client, config, everything, integer, question, text, KEY};
use async_openai::error::OpenAIError;
use heirloom_core::export::SpanData;
use heirloom_core::{testing, Status};

/// Calls, and gives back the error and the span of the call.
fn failed(model: &str) -> (OpenAIError, SpanData) {
    let server = Server::start();
    testing::run(|t| {
        let error = block_on(client(&server).capture(true).chat().create(question(model))).expect_err("a failure");
        t.assert_complete();
        assert!(!everything(&t.spans()).contains(KEY), "the key was recorded");
        (error, t.span(&format!("chat {model}")))
    })
}

fn description(span: &SpanData) -> &str {
    match &span.status {
        Status::Error(description) => description,
        other => panic!("the status is {other:?}"),
    }
}

#[test]
fn a_wrong_key_is_an_error_that_does_not_name_the_key() {
    let (error, span) = failed("m-401");
    assert!(error.to_string().contains(KEY), "the caller gets the server's message as it is");
    assert_eq!(text(&span, "error.type").as_deref(), Some("invalid_api_key"));
    assert_eq!(integer(&span, "http.response.status_code"), Some(401));
    assert_eq!(description(&span), "the server answered 401: invalid_api_key");
    assert_eq!(text(&span, "heirloom.cancelled"), None);
}

#[test]
fn a_rate_limit_is_an_error_with_its_code() {
    let (_, span) = failed("m-429");
    assert_eq!(text(&span, "error.type").as_deref(), Some("rate_limit_exceeded"));
    assert_eq!(integer(&span, "http.response.status_code"), Some(429));
}

#[test]
fn an_error_of_the_server_without_a_code_has_the_status_as_its_type() {
    let (_, span) = failed("m-500");
    assert_eq!(text(&span, "error.type").as_deref(), Some("500"));
    assert_eq!(integer(&span, "http.response.status_code"), Some(500));
}

#[test]
fn an_answer_that_is_no_json_is_an_invalid_response() {
    let (_, span) = failed("m-bad");
    assert_eq!(text(&span, "error.type").as_deref(), Some("invalid_response"));
    assert!(!description(&span).contains("this is no JSON"));
}

#[test]
fn a_request_that_is_not_sent_is_an_invalid_argument() {
    let server = Server::start();
    testing::run(|t| {
        let mut request = question("m-small");
        request.stream = Some(true);
        block_on(client(&server).chat().create(request)).unwrap_err();
        assert_eq!(text(&t.span("chat m-small"), "error.type").as_deref(), Some("invalid_argument"));
        assert_eq!(server.seen().len(), 0);
    });
}

#[test]
fn one_span_covers_all_attempts() {
    let server = Server::start();
    testing::run(|t| {
        block_on(client(&server).chat().create(question("m-429-once"))).unwrap();
        assert_eq!(server.seen().len(), 2);
        t.assert_tree("chat m-429-once");
        let span = t.span("chat m-429-once");
        assert_eq!((text(&span, "error.type"), &span.status), (None, &Status::Unset));
        let resent = if cfg!(feature = "middleware") { Some(1) } else { None };
        assert_eq!(integer(&span, "http.request.resend_count"), resent);
    });
}

#[test]
fn a_stream_that_is_refused_is_an_error() {
    let server = Server::start();
    testing::run(|t| {
        assert!(block_on(client(&server).chat().create_stream(question("m-401"))).is_err());
        let span = t.span("chat m-401");
        assert_eq!(text(&span, "error.type").as_deref(), Some("invalid_api_key"));
        assert_eq!(text(&span, "heirloom.cancelled"), None);
        assert!(!everything(&t.spans()).contains(KEY));
    });
}

#[test]
fn debug_output_hides_the_key() {
    let server = Server::start();
    let client = heirloom_openai::Client::with_config(config(&server));
    assert!(!format!("{client:?}").contains(KEY));
}
