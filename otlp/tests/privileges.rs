//! A program with more rights than its user sends nothing to a server that the user names.
#![cfg(all(target_os = "linux", feature = "http"))]
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code, missing_docs, unreachable_pub, clippy::expect_used)]
#[path = "support/sending.rs"]
mod sending;
#[allow(dead_code, missing_docs, unreachable_pub, clippy::expect_used)]
#[path = "support/server.rs"]
mod server;

use heirloom_core::{environment, Extension, Settings};
use heirloom_harness::{again, case, elevated, succeeded};
use heirloom_otlp::{FromEnv, Otlp, OtlpBuilder};
use sending::{assert_delivered, otlp, record, tracer, LONG};
use server::Server;
use std::net::TcpListener;
use std::time::Duration;

const TEST: &str = "a_setuid_program_takes_no_server_no_header_no_proxy_and_no_certificate_from_its_user";

fn in_the_setuid_program() {
    assert!(environment::is_elevated());
    let mut environment = FromEnv::new();
    assert_eq!(environment.check(&Settings::default()), []);
    assert!(environment.exporters(&Settings::default()).is_empty());
    // A number counts; address, headers and certificate are the default ones.
    let shown = format!("{:?}", OtlpBuilder::from_env().unwrap());
    assert!(shown.contains("timeout: 7s") && shown.contains("headers: []") && shown.contains("roots: None"), "{shown}");
    let guard = tracer(Otlp::builder().endpoint("https://localhost:1").retry_for(Duration::ZERO));
    record(&guard, 1);
    let said = guard.tracer().flush(LONG).unwrap_err().to_string();
    assert!(said.contains("SSL_CERT_FILE or SSL_CERT_DIR is set"), "{said}");
    // Code names the server: the request gets there, past the proxy.
    let server = Server::start();
    let guard = tracer(otlp(&server));
    record(&guard, 3);
    assert_delivered(&server, guard, 3);
}

#[test]
fn a_setuid_program_takes_no_server_no_header_no_proxy_and_no_certificate_from_its_user() {
    if case().is_some() {
        return in_the_setuid_program();
    }
    let users = TcpListener::bind("127.0.0.1:0").unwrap();
    users.set_nonblocking(true).unwrap();
    let url = format!("http://{}", users.local_addr().unwrap());
    let mut command = again(TEST, "setuid");
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "OTEL_EXPORTER_OTLP_ENDPOINT"] {
        command.env(name, &url);
    }
    command.env_remove("no_proxy").env_remove("NO_PROXY").env("SSL_CERT_FILE", "/dev/null");
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "a=canary").env("OTEL_EXPORTER_OTLP_CERTIFICATE", "/dev/null");
    command.env("OTEL_EXPORTER_OTLP_TIMEOUT", "7000").env("OTEL_TRACES_EXPORTER", "otlp,console");
    let Some(output) = elevated(&command) else { return };
    succeeded(&output);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(users.accept().is_err(), "the user's server was called");
    for name in ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_TRACES_EXPORTER"] {
        assert_eq!(said.matches(&format!("{name} is ignored")).count(), 1, "{said}");
    }
    assert!(!said.contains("canary"), "{said}");
}
