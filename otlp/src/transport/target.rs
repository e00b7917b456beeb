//! [`Target`]: where spans are sent, and how.

use super::secret::Secret;
use crate::format::Format;
use std::time::Duration;

/// How a request's body is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// By gzip, at its fastest level.
    #[default]
    Gzip,
}

/// What a message tells the operator to look at, if a server refuses requests. Each is a phrase that starts with a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hints {
    /// Where the credentials are set: for 401 and 403.
    pub credentials: &'static str,
    /// Where the address is set: for redirects, 404, 405, and answers of something that isn't a backend.
    pub address: &'static str,
    /// Where the format is set: for 415.
    pub format: &'static str,
}

/// The names of OpenTelemetry's variables.
impl Default for Hints {
    fn default() -> Self {
        Self {
            credentials: "check the headers (OTEL_EXPORTER_OTLP_HEADERS)",
            address: "check the address (OTEL_EXPORTER_OTLP_ENDPOINT; it is for OTLP over HTTP, usually port 4318)",
            format: "try the other format (OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf or http/json)",
        }
    }
}

/// Where spans are sent, and how. Checked by the exporter's builder.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The exporter's name, in messages and the ledger.
    pub(crate) name: String,
    pub(crate) url: Secret,
    /// Names and values.
    pub(crate) headers: Vec<(String, Secret)>,
    /// Of one request.
    pub(crate) timeout: Duration,
    pub(crate) compression: Compression,
    pub(crate) format: Format,
    /// Certificates in PEM that are trusted besides the system's.
    pub(crate) roots: Option<Secret>,
    /// The client's certificates and its key, in PEM.
    pub(crate) identity: Option<(Secret, Secret)>,
    /// Of one request, before compression.
    pub(crate) max_bytes: usize,
    /// Of one request.
    pub(crate) max_spans: usize,
    /// How long one request is retried.
    pub(crate) retry_for: Duration,
    /// The bound of the first wait between two tries.
    pub(crate) first_wait: Duration,
    pub(crate) hints: Hints,
}

impl Target {
    pub(crate) fn is_https(&self) -> bool {
        self.url.reveal().starts_with("https:")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A target that takes no connection.
    pub(crate) fn target() -> Target {
        Target {
            name: "otlp".into(),
            url: Secret::new("http://127.0.0.1:9/v1/traces"),
            headers: Vec::new(),
            timeout: Duration::from_secs(1),
            compression: Compression::Gzip,
            format: Format::Protobuf,
            roots: None,
            identity: None,
            max_bytes: 1 << 20,
            max_spans: usize::MAX,
            retry_for: Duration::ZERO,
            first_wait: Duration::ZERO,
            hints: Hints::default(),
        }
    }
}
