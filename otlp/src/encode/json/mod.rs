//! The form in JSON, by OTLP's [rules]: names in `lowerCamelCase`, ids in hexadecimal, 64-bit integers as texts, enums as numbers.
//! A double that JSON has no number for is a text (`NaN`, `Infinity`, `-Infinity`), as in protobuf's [JSON].
//!
//! [rules]: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
//! [JSON]: https://protobuf.dev/programming-guides/json/

mod span;

pub(super) use span::span;

use super::attributes::{Attributes, Place, Threads};
use super::counted::Counted;
use super::mapping::{Mapping, Scope};
use super::values::json::{attribute, quoted};
use heirloom_core::export::{Resource, ScopeRef};
use heirloom_core::Value;
use std::io;

/// Appends a list of attributes with its name, unless `write` appends none.
fn attributes<T>(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let before = out.len();
    out.extend_from_slice(b",\"attributes\":[");
    let start = out.len();
    let result = write(out);
    if out.len() == start {
        out.truncate(before);
    } else {
        out.push(b']');
    }
    result
}

/// The start of a `ResourceSpans`, up to its scopes.
pub(super) fn resource(out: &mut Vec<u8>, resource: &Resource, mapping: &mut impl Mapping, threads: &mut Threads) {
    out.extend_from_slice(b"{\"resource\":{\"attributes\":[");
    let place = Place::Json(out.len());
    mapping.resource(resource, &mut Attributes { out, place, threads });
    out.extend_from_slice(b"]}");
}

/// The start of a `ScopeSpans`, up to its spans.
pub(super) fn scope(out: &mut Vec<u8>, scope: &Scope<'_>) {
    out.extend_from_slice(b"{\"scope\":{\"name\":");
    quoted(out, &scope.name);
    if !scope.version.is_empty() {
        out.extend_from_slice(b",\"version\":");
        quoted(out, &scope.version);
    }
    attributes(out, |out| {
        let start = out.len();
        scope.attributes.iter().for_each(|(key, value)| attribute(out, start, key, value));
    });
    out.push(b'}');
}

/// The same of a scope that was recorded.
pub(super) fn recorded_scope(out: &mut Vec<u8>, recorded: ScopeRef<'_>) {
    let is_name = |key: &str| key == ScopeRef::NAME || key == ScopeRef::VERSION;
    let others = recorded.all().filter(|a| !is_name(a.key));
    let attributes = others.map(|a| (a.key.strip_prefix(ScopeRef::ATTRIBUTE).unwrap_or(a.key).into(), a.value));
    let made = Scope {
        name: recorded.name().into(),
        version: recorded.version().unwrap_or_default().into(),
        attributes: attributes.collect::<Vec<(_, Value<'_>)>>(),
    };
    scope(out, &made);
}

/// An element of the request's list: a `ResourceSpans` with this resource and these scopes and spans.
pub(super) fn chunk<'c>(
    out: &mut Counted<'_>,
    comma: bool,
    resource: &[u8],
    groups: impl Iterator<Item = (&'c [u8], &'c [u8])>,
) -> io::Result<()> {
    out.write(if comma { b"," } else { b"" })?;
    out.write(resource)?;
    out.write(b",\"scopeSpans\":[")?;
    for (n, (scope, spans)) in groups.enumerate() {
        out.write(if n > 0 { b"," } else { b"" })?;
        out.write(scope)?;
        out.write(b",\"spans\":[")?;
        out.write(spans)?;
        out.write(b"]}")?;
    }
    out.write(b"]}")
}
