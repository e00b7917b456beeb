//! The headers of a request.

use super::{ensure, Finding, Findings};
use crate::http::Raw;

pub(super) fn check(findings: &mut Findings, raw: &Raw, key: &str) {
    let place = "request";
    findings.check("ingestion-version", place, ingestion_version(raw));
    findings.check("public-key-header", place, public_key(raw, key));
    findings.check("sdk-name-header", place, present(raw, "x-langfuse-sdk-name"));
    findings.check("sdk-version-header", place, present(raw, "x-langfuse-sdk-version"));
    findings.check("content-type", place, content_type(raw));
    findings.check("content-encoding", place, content_encoding(raw));
}

fn ingestion_version(raw: &Raw) -> Finding {
    let version = raw.header("x-langfuse-ingestion-version");
    ensure(version == Some("4"), || format!("x-langfuse-ingestion-version is {version:?}, not 4"))
}

fn public_key(raw: &Raw, key: &str) -> Finding {
    let same = raw.header("x-langfuse-public-key") == Some(key);
    ensure(same, || "x-langfuse-public-key is not the key of the authorization".to_owned())
}

fn present(raw: &Raw, name: &str) -> Finding {
    ensure(raw.header(name).is_some_and(|value| !value.is_empty()), || format!("{name} is missing"))
}

fn content_type(raw: &Raw) -> Finding {
    let value = raw.header("content-type");
    ensure(value == Some("application/x-protobuf"), || format!("content-type is {value:?}"))
}

fn content_encoding(raw: &Raw) -> Finding {
    let value = raw.header("content-encoding");
    ensure(matches!(value, None | Some("gzip")), || format!("content-encoding is {value:?}"))
}
