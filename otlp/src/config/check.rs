//! The valid values of each setting.

use super::ConfigError;
use crate::transport::{certificates_in, header_name, header_value, key_in, Secret, Target};
use reqwest::Url;

const URL: &str = "an http or https URL without user, password and fragment, such as http://localhost:4318";
const HEADER: &str = "headers whose names and values are printable ASCII";
const OURS: &str = "headers other than those that the exporter sets: content-type, content-encoding, content-length, \
                    transfer-encoding, connection";
const CERTIFICATE: &str = "certificates in PEM";
const IDENTITY: &str = "the client's certificates and its private key, both in PEM, the key not encrypted";

/// The path of traces below a base URL.
const TRACES: &str = "/v1/traces";

/// The URL of a target: `None` if it isn't one that spans can be sent to.
fn url(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    (is_http && is_anonymous && url.fragment().is_none()).then_some(url)
}

/// The URL for traces, as it is.
pub(super) fn traces_endpoint(text: &str) -> Result<Secret, ConfigError> {
    url(text).map(Secret::new).ok_or(ConfigError::new("traces_endpoint", URL))
}

/// The URL for traces below a base URL.
pub(super) fn endpoint(text: &str) -> Result<Secret, ConfigError> {
    let mut url = url(text).ok_or(ConfigError::new("endpoint", URL))?;
    let path = format!("{}{TRACES}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(Secret::new(url))
}

pub(super) fn header(name: &str, value: &str) -> Result<(), ConfigError> {
    let name = header_name(name).ok_or(ConfigError::new("header", HEADER))?;
    let ours = ["content-type", "content-encoding", "content-length", "transfer-encoding", "connection"];
    if ours.contains(&name.as_str()) {
        return Err(ConfigError::new("header", OURS));
    }
    header_value(value).map(drop).ok_or(ConfigError::new("header", HEADER))
}

pub(super) fn certificate(pem: &str) -> Result<(), ConfigError> {
    certificates_in(pem).map(drop).ok_or(ConfigError::new("certificate", CERTIFICATE))
}

pub(super) fn identity(certificates: &str, key: &str) -> Result<(), ConfigError> {
    let found = certificates_in(certificates).is_some() && key_in(key).is_some();
    if found {
        Ok(())
    } else {
        Err(ConfigError::new("client_certificate", IDENTITY))
    }
}

/// What is left to check when the exporter is made.
pub(super) fn numbers(target: &Target) -> Result<(), ConfigError> {
    if target.timeout.is_zero() {
        return Err(ConfigError::new("timeout", "a time above zero"));
    }
    for (name, number) in [("max_request_bytes", target.max_bytes), ("max_request_spans", target.max_spans)] {
        if number == 0 {
            return Err(ConfigError::new(name, "a number above zero"));
        }
    }
    Ok(())
}
