//! One request over HTTP, and the meaning of its response.
//!
//! Messages never contain text of a response, because it may repeat recorded values. They contain its status and fixed
//! words.

use crate::config::Config;
use crate::http::{Http, Received};
use crate::partial;
use base64::Engine;
use heirloom_core::environment;
use reqwest::header::{HeaderMap, HeaderValue, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{redirect, Client, StatusCode};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The name of this crate in the headers of a request.
pub(crate) const SDK_NAME: &str = "heirloom";
pub(crate) const SDK_VERSION: &str = env!("CARGO_PKG_VERSION");
/// The server's ingestion protocol: version 4 stores spans without a delay.
const INGESTION_VERSION: &str = "4";
/// How long an idle connection is kept. A server that keeps connections for longer doesn't close one while a request is
/// sent.
const MAX_IDLE: Duration = Duration::from_secs(4);

/// The variables by which the crate `rustls-native-certs` replaces the system's certificates.
const CERTIFICATES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The outcome of one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Accepted, except for `rejected` spans.
    Taken { rejected: u64 },
    /// Too large: a smaller request may be accepted.
    TooLarge,
    /// Failed for now: retry, not before `after`.
    Later { why: String, after: Option<Duration> },
    /// Rejected: don't retry.
    Refused { why: String },
}

/// A connection to the server of one client.
#[derive(Debug)]
pub(crate) struct Transport {
    http: Http,
    traces_url: String,
}

/// A client with this configuration's headers and timeout; or the reason why there is none.
pub(crate) fn client(config: &Config) -> Result<Client, String> {
    let builder = Client::builder()
        .timeout(config.timeout)
        .redirect(redirect::Policy::none())
        .pool_idle_timeout(MAX_IDLE)
        .default_headers(headers(config)?)
        .user_agent(concat!("heirloom-langfuse/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls(config.is_https())?);
    // The client takes a proxy from the environment, which the user of such a program chooses.
    let builder = if environment::is_elevated() { builder.no_proxy() } else { builder };
    builder.build().map_err(|_| "the HTTP client can't be created".to_owned())
}

/// TLS settings with the system's certificates, so that a private certificate authority is accepted too. The client needs
/// settings even for `http`: then they have no certificates, since a system may lack them.
fn tls(verify: bool) -> Result<rustls::ClientConfig, String> {
    use rustls_platform_verifier::BuilderVerifierExt;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let failed = |error: rustls::Error| format!("TLS can't be set up: {error}");
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(failed)?;
    let verifying = if verify {
        // The verifier would use them. Without a certificate authority of its user, the program can't be deceived.
        if CERTIFICATES.iter().any(|name| environment::is_ignored(name)) {
            let [file, folder] = CERTIFICATES;
            return Err(format!(
                "TLS can't be set up: {file} or {folder} is set, and this program has more rights than its user"
            ));
        }
        builder.with_platform_verifier().map_err(failed)?
    } else {
        builder.with_root_certificates(rustls::RootCertStore::empty())
    };
    Ok(verifying.with_no_client_auth())
}

fn headers(config: &Config) -> Result<HeaderMap, String> {
    let (public, secret) = (config.public_key.reveal(), config.secret_key.reveal());
    let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{public}:{secret}"));
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, hidden(&format!("Basic {credentials}"))?);
    headers.insert("x-langfuse-public-key", hidden(public)?);
    headers.insert("x-langfuse-ingestion-version", HeaderValue::from_static(INGESTION_VERSION));
    headers.insert("x-langfuse-sdk-name", HeaderValue::from_static(SDK_NAME));
    headers.insert("x-langfuse-sdk-version", HeaderValue::from_static(SDK_VERSION));
    Ok(headers)
}

/// A header that `Debug` doesn't show.
fn hidden(text: &str) -> Result<HeaderValue, String> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| "a key contains characters that a header can't have".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

impl Transport {
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        Ok(Self { http: Http::new(client(config)?)?, traces_url: config.traces_url() })
    }

    /// Sends a compressed request once.
    pub(crate) fn post(&self, body: Vec<u8>) -> Answer {
        let request = |client: &Client| {
            let request = client.post(&self.traces_url).header(CONTENT_TYPE, "application/x-protobuf");
            request.header(CONTENT_ENCODING, "gzip").body(body)
        };
        match self.http.send(request) {
            Ok(response) => answer(response),
            Err(error) => Answer::Later { why: failure(&error), after: None },
        }
    }
}

fn answer(response: Received) -> Answer {
    let status = response.status;
    match status.as_u16() {
        200..=299 => taken(&response),
        413 => Answer::TooLarge,
        429 | 502 | 503 | 504 => Answer::Later { why: named(status), after: retry_after(&response.headers) },
        401 | 403 => Answer::Refused { why: format!("{}: {}", named(status), crate::error::LOOK_AT_KEYS) },
        300..=399 | 404 | 405 => Answer::Refused { why: format!("{}: check LANGFUSE_BASE_URL", named(status)) },
        _ => Answer::Refused { why: named(status) },
    }
}

/// A response whose body breaks off was still a 2xx: the server accepted the spans.
fn taken(response: &Received) -> Answer {
    let is_json = response.headers.get(CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"application/json"));
    Answer::Taken { rejected: partial::rejected(&response.body, is_json) }
}

fn named(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("the server responded with {} {reason}", status.as_u16()),
        None => format!("the server responded with {}", status.as_u16()),
    }
}

/// The reason for a failure without a response. The error's own text isn't used, because it may contain anything.
pub(crate) fn failure(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "no response before the deadline"
    } else if error.is_connect() {
        "no connection to the server"
    } else {
        "the connection was lost"
    };
    what.to_owned()
}

/// The value of `Retry-After`: seconds, or a date ([RFC 9110]). Any other value is ignored.
///
/// [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn after(text: &'static str) -> Option<Duration> {
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]))
    }

    #[test]
    fn a_time_to_wait_is_seconds_or_a_date() {
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
        assert_eq!(after("-1"), None);
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        let value = HeaderValue::from_str(&date).unwrap();
        let wait = retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)])).unwrap();
        assert!((55..=60).contains(&wait.as_secs()), "{wait:?}");
    }

    #[test]
    fn headers_with_a_key_are_not_shown() {
        let shown = format!("{:?}", headers(&Config::new("pk-lf-canary", "sk-lf-canary")).unwrap());
        assert!(!shown.contains("canary") && !shown.contains("Basic"), "{shown}");
    }
}
