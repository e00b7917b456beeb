//! The settings of the environment and of the program, and the errors for invalid ones.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_langfuse::{AuthError, Config, ConfigError, Langfuse};
use heirloom_receiver::{Receiver, PUBLIC_KEY, SECRET_KEY};
use std::ffi::OsString;
use std::time::Duration;
use support::config;

const KEYS: [(&str, &str); 2] = [("LANGFUSE_PUBLIC_KEY", "pk-lf-1"), ("LANGFUSE_SECRET_KEY", "sk-lf-2")];

/// The exporter with these variables and valid keys.
fn from(variables: &[(&str, &str)]) -> Result<Langfuse, ConfigError> {
    config_from(variables)?.exporter()
}

fn config_from(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let all = [&KEYS[..], variables].concat();
    Config::from_variables(|name| {
        all.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
    })
}

#[test]
fn a_missing_key_is_named() {
    for missing in ["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"] {
        for empty in ["", "  "] {
            let error = from(&[(missing, empty)]).unwrap_err();
            assert_eq!(error, ConfigError::Missing { variable: missing });
            assert!(error.to_string().starts_with(missing), "{error}");
        }
    }
}

#[test]
fn swapped_keys_are_told_before_the_secret_one_is_sent_as_the_public_one() {
    for swapped in [("LANGFUSE_PUBLIC_KEY", "sk-lf-2"), ("LANGFUSE_SECRET_KEY", "pk-lf-1")] {
        assert_eq!(from(&[swapped]).unwrap_err(), ConfigError::Swapped);
    }
}

#[test]
fn what_cannot_be_used_is_named_and_its_value_is_not_told() {
    let canary = "canary-7";
    for (variable, value) in [
        ("LANGFUSE_PUBLIC_KEY", "canary-7:x"),
        ("LANGFUSE_SECRET_KEY", "canary-7 x"),
        ("LANGFUSE_SECRET_KEY", "canary-7\n"),
        ("LANGFUSE_BASE_URL", "https://user:canary-7@localhost"),
        ("LANGFUSE_BASE_URL", "ftp://canary-7"),
        ("LANGFUSE_BASE_URL", "canary-7"),
        ("LANGFUSE_BASE_URL", "http://localhost?key=canary-7"),
        ("LANGFUSE_TIMEOUT", "canary-7"),
        ("LANGFUSE_TIMEOUT", "0"),
        ("LANGFUSE_TIMEOUT", "-1"),
        ("LANGFUSE_TIMEOUT", "NaN"),
        ("LANGFUSE_TIMEOUT", "1e300"),
        ("LANGFUSE_OTEL_MAX_BATCH_SIZE_BYTES", "1MB"),
        ("LANGFUSE_FLUSH_AT", "0"),
        ("LANGFUSE_FLUSH_INTERVAL", "canary-7"),
        ("LANGFUSE_TRACING_ENVIRONMENT", "canary 7: canary-7"),
        ("LANGFUSE_TRACING_ENVIRONMENT", "langfuse-canary-7"),
        ("LANGFUSE_SAMPLE_RATE", "1.5"),
        ("LANGFUSE_SAMPLE_RATE", "NaN"),
        ("LANGFUSE_TRACING_ENABLED", "canary-7"),
    ] {
        // A trailing newline is trimmed, as any space is.
        let Err(error) = from(&[(variable, value)]) else {
            assert_eq!(value, "canary-7\n");
            continue;
        };
        assert_eq!(error.variable(), variable);
        let said = format!("{error} {error:?}");
        assert!(said.contains(variable) && !said.contains(canary), "{said}");
    }
}

#[test]
fn settings_come_from_the_environment() {
    let receiver = Receiver::start();
    let config = config_from(&[
        ("LANGFUSE_PUBLIC_KEY", PUBLIC_KEY),
        ("LANGFUSE_SECRET_KEY", SECRET_KEY),
        ("LANGFUSE_HOST", receiver.url()),
        ("LANGFUSE_TIMEOUT", "2.5"),
        ("LANGFUSE_TRACING_ENVIRONMENT", "beta"),
        ("LANGFUSE_RELEASE", "1.2"),
        ("LANGFUSE_FLUSH_AT", "2"),
        ("LANGFUSE_FLUSH_INTERVAL", "0.01"),
        ("LANGFUSE_SAMPLE_RATE", "1"),
    ]);
    let guard = config.unwrap().tracer_builder("shop").unwrap().start().unwrap();
    guard.tracer().in_root("root", |root| (0..4).for_each(|_| root.in_span("child", |_| ())));
    assert!(receiver.wait_for_spans(5, support::LONG), "the interval is a short one");
    assert!(guard.finish().is_complete());
    let span = receiver.span("root");
    assert_eq!((span.resource("langfuse.environment"), span.resource("langfuse.release")), (Some("beta"), Some("1.2")));
    let requests = receiver.requests();
    assert!(requests.len() >= 3 && requests.iter().all(|request| request.spans <= 2), "{requests:?}");
    receiver.assert_contract();
}

#[test]
fn the_newer_name_of_the_server_wins() {
    let receiver = Receiver::start();
    let urls = [("LANGFUSE_HOST", "http://127.0.0.1:9"), ("LANGFUSE_BASE_URL", receiver.url())];
    let keys = [("LANGFUSE_PUBLIC_KEY", PUBLIC_KEY), ("LANGFUSE_SECRET_KEY", SECRET_KEY)];
    let config = config_from(&[urls, keys].concat()).unwrap();
    assert!(config.auth_check().is_ok());
}

#[test]
fn a_client_that_is_switched_off_needs_no_keys_and_records_nothing() {
    let off = [("LANGFUSE_TRACING_ENABLED", "False"), ("LANGFUSE_PUBLIC_KEY", "")];
    assert_eq!(from(&off).unwrap_err(), ConfigError::Disabled);
    let guard = config_from(&off).unwrap().tracer_builder("shop").unwrap().start().unwrap();
    guard.tracer().in_root("root", |root| assert!(!root.is_recording()));
    assert_eq!(guard.finish().ledger().begun, 0);
}

#[test]
fn right_keys_are_accepted_and_the_project_is_named() {
    let receiver = Receiver::start();
    let projects = config(&receiver).auth_check().unwrap();
    assert_eq!((projects[0].id.as_str(), projects[0].name.as_str()), ("p1", "receiver"));
    let request = &receiver.requests()[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/api/public/projects"));
}

#[test]
fn wrong_keys_are_rejected_and_the_variables_are_named() {
    let receiver = Receiver::start();
    let error = Config::new("pk-lf-other", "sk-lf-canary").base_url(receiver.url()).auth_check().unwrap_err();
    assert_eq!(error, AuthError::Rejected { status: 401 });
    let said = error.to_string();
    assert!(said.contains("LANGFUSE_SECRET_KEY") && !said.contains("canary"), "{said}");
}

#[test]
fn a_check_of_the_keys_ends_by_its_deadline_and_says_what_is_wrong() {
    let mut receiver = Receiver::start();
    assert_eq!(Config::new("", "").auth_check(), Err(ConfigError::Missing { variable: "LANGFUSE_PUBLIC_KEY" }.into()));
    let elsewhere = config(&receiver).base_url(format!("{}/elsewhere", receiver.url()));
    assert_eq!(elsewhere.auth_check(), Err(AuthError::Unexpected { status: 404 }));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let error = config(&receiver).base_url(url).timeout(Duration::from_millis(100)).auth_check().unwrap_err();
    assert_eq!(error, AuthError::Unreachable { why: "no response before the deadline".into() });
    receiver.close();
    let error = config(&receiver).auth_check().unwrap_err();
    assert!(matches!(&error, AuthError::Unreachable { why } if why.starts_with("no connection to ")), "{error:?}");
}

#[test]
fn a_server_without_tls_is_not_spoken_to_in_the_clear_where_tls_is_asked_for() {
    let receiver = Receiver::start();
    let url = receiver.url().replace("http://", "https://");
    let error = config(&receiver).base_url(url).timeout(Duration::from_millis(500)).auth_check().unwrap_err();
    assert!(matches!(error, AuthError::Unreachable { .. }), "{error:?}");
    assert_eq!(receiver.requests().len(), 0);
}
