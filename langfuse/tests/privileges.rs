//! A program with more rights than its user sends nothing to a server that the user names.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::environment;
use heirloom_harness::{again, case, elevated, succeeded};
use heirloom_langfuse::Config;
use heirloom_receiver::Receiver;
use std::net::TcpListener;

const TEST: &str = "a_setuid_program_takes_no_key_no_server_no_proxy_and_no_certificate_from_its_user";

fn in_the_setuid_program() {
    assert!(environment::is_elevated());
    let config = Config::from_env().unwrap();
    assert_eq!(config.exporter().unwrap_err().variable(), "LANGFUSE_PUBLIC_KEY");
    // A number counts; the URL is the default one.
    let shown = format!("{config:?}");
    assert!(shown.contains("timeout: 7s"), "{shown}");
    let cloud = Config::new("pk-lf-1", "sk-lf-1");
    let why = cloud.auth_check().unwrap_err().to_string();
    assert!(why.contains("SSL_CERT_FILE or SSL_CERT_DIR is set"), "{why}");
    // Code names the server: the request gets there, past the proxy.
    let receiver = Receiver::start();
    let guard = support::tracer(&support::config(&receiver));
    support::record(&guard, 3);
    support::assert_delivered(&receiver, guard, 3);
}

#[test]
fn a_setuid_program_takes_no_key_no_server_no_proxy_and_no_certificate_from_its_user() {
    if case().is_some() {
        return in_the_setuid_program();
    }
    let users = TcpListener::bind("127.0.0.1:0").unwrap();
    users.set_nonblocking(true).unwrap();
    let url = format!("http://{}", users.local_addr().unwrap());
    let mut command = again(TEST, "setuid");
    for proxy in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(proxy, &url);
    }
    command.env_remove("no_proxy").env_remove("NO_PROXY").env("SSL_CERT_FILE", "/dev/null");
    command.env("LANGFUSE_PUBLIC_KEY", "pk-lf-user").env("LANGFUSE_SECRET_KEY", "sk-lf-user");
    command.env("LANGFUSE_BASE_URL", &url).env("LANGFUSE_HOST", &url).env("LANGFUSE_TIMEOUT", "7");
    let Some(output) = elevated(&command) else { return };
    succeeded(&output);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(users.accept().is_err(), "the user's server was called");
    for name in ["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "LANGFUSE_BASE_URL"] {
        assert_eq!(said.matches(&format!("{name} is ignored")).count(), 1, "{said}");
    }
    assert!(!said.contains("lf-user"), "{said}");
}
