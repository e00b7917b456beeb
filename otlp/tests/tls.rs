//! TLS: certificates that a program names, and those of the client.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code, missing_docs, unreachable_pub, clippy::expect_used)]
#[path = "support/sending.rs"]
mod sending;
#[allow(dead_code, missing_docs, unreachable_pub, clippy::expect_used)]
#[path = "support/server.rs"]
mod server;

use heirloom_otlp::{Otlp, OtlpBuilder};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use sending::{account, assert_delivered, record, tracer, LONG};
use server::Server;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

const AUTHORITY: &str = include_str!("support/tls/ca.pem");
const CLIENT: [&str; 2] = [include_str!("support/tls/client.pem"), include_str!("support/tls/client.key")];

/// A server with TLS, which may ask for a client's certificate.
fn server(asks_for_client: bool) -> Server {
    let certificates = vec![CertificateDer::from_pem_slice(include_bytes!("support/tls/server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("support/tls/server.key")).unwrap();
    let provider = Arc::new(default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let builder = if asks_for_client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let config = Arc::new(builder.with_single_cert(certificates, key).unwrap());
    Server::with(move |stream| Box::new(StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream)))
}

fn otlp(server: &Server) -> OtlpBuilder {
    let url = format!("https://localhost:{}", server.address().rsplit(':').next().unwrap());
    Otlp::builder().endpoint(url).timeout(Duration::from_secs(20)).retry_for(Duration::ZERO)
}

#[track_caller]
fn assert_refused(server: &Server, otlp: OtlpBuilder, why: &str) {
    let guard = tracer(otlp);
    record(&guard, 5);
    let said = guard.tracer().flush(LONG).unwrap_err().to_string();
    assert!(said.contains(why), "{said}");
    assert_eq!((account(&guard.finish()).dropped.failed, server.requests().len()), (5, 0));
}

#[test]
fn a_servers_certificate_is_accepted_if_the_program_trusts_its_authority() {
    let server = server(false);
    assert_refused(&server, otlp(&server), "the server's certificate is not trusted");
    let guard = tracer(otlp(&server).certificate(AUTHORITY));
    record(&guard, 5);
    assert_delivered(&server, guard, 5);
}

#[test]
fn a_server_without_tls_is_not_spoken_to_in_the_clear() {
    let server = Server::start();
    assert_refused(&server, otlp(&server), "no connection to ");
}

#[test]
fn a_server_that_asks_for_the_clients_certificate_gets_it() {
    let server = server(true);
    assert_refused(&server, otlp(&server).certificate(AUTHORITY), "TLS with the server failed");
    let [certificate, key] = CLIENT;
    let guard = tracer(otlp(&server).certificate(AUTHORITY).client_certificate(certificate, key));
    record(&guard, 5);
    assert_delivered(&server, guard, 5);
}

#[test]
fn the_environment_names_the_files_of_certificates() {
    let server = server(true);
    let url = format!("https://{}/v1/traces", server.address());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/tls");
    let builder = OtlpBuilder::from_variables(|name| {
        let value = match name {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" => url.clone(),
            "OTEL_EXPORTER_OTLP_CERTIFICATE" => format!("{folder}/ca.pem"),
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" => format!("{folder}/client.pem"),
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY" => format!("{folder}/client.key"),
            _ => return None,
        };
        Some(OsString::from(value))
    });
    let guard = tracer(builder.unwrap());
    record(&guard, 5);
    assert_delivered(&server, guard, 5);
}

#[test]
fn what_is_no_certificate_and_no_key_is_an_error_without_its_text() {
    let [certificate, key] = CLIENT;
    for builder in [
        Otlp::builder().certificate("canary"),
        Otlp::builder().certificate(key),
        Otlp::builder().client_certificate(certificate, "canary"),
        Otlp::builder().client_certificate(key, key),
    ] {
        let shown = format!("{builder:?}");
        let said = builder.build().unwrap_err().to_string();
        assert!(said.contains("certificate is invalid: expected") && !(said + &shown).contains("canary"));
    }
    let shown = format!("{:?}", Otlp::builder().client_certificate(certificate, key).build().unwrap());
    assert!(!shown.contains("BEGIN"), "{shown}");
}
