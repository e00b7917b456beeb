//! The binary form: messages, fields and lengths of protobuf ([encoding]).
//!
//! A length stands before what it counts. Where that is known, it is written at once. Where it isn't (a span, an event), two bytes
//! are left free for it, which is right for 128 to 16,383 bytes, or one if the last span was shorter; otherwise what follows is
//! moved.
//!
//! [encoding]: https://protobuf.dev/programming-guides/encoding/

mod span;

pub(super) use span::span;

use super::attributes::{Attributes, Place, Threads};
use super::counted::Counted;
use super::mapping::{Mapping, Scope};
use super::values::protobuf::{attribute, message, tag, text, Varint};
use heirloom_core::export::{Resource, ScopeRef};
use heirloom_core::Value;
use std::io;

const RESOURCE_SPANS: u8 = tag(1);
const RESOURCE_SPANS_RESOURCE: u8 = tag(1);
const RESOURCE_SPANS_SCOPE_SPANS: u8 = tag(2);
const RESOURCE_ATTRIBUTES: u8 = tag(1);
const SCOPE_SPANS_SCOPE: u8 = tag(1);
const SCOPE_NAME: u8 = tag(1);
const SCOPE_VERSION: u8 = tag(2);
const SCOPE_ATTRIBUTES: u8 = tag(3);

/// The field of a `ResourceSpans` that has the resource.
pub(super) fn resource(out: &mut Vec<u8>, resource: &Resource, mapping: &mut impl Mapping, threads: &mut Threads) {
    message(out, RESOURCE_SPANS_RESOURCE, |out| {
        let place = Place::Protobuf(RESOURCE_ATTRIBUTES);
        mapping.resource(resource, &mut Attributes { out, place, threads });
    });
}

/// The field of a `ScopeSpans` that has the scope.
pub(super) fn scope(out: &mut Vec<u8>, scope: &Scope<'_>) {
    message(out, SCOPE_SPANS_SCOPE, |out| {
        text(out, SCOPE_NAME, &scope.name);
        text(out, SCOPE_VERSION, &scope.version);
        scope.attributes.iter().for_each(|(key, value)| attribute(out, SCOPE_ATTRIBUTES, key, value));
    });
}

/// The same of a scope that was recorded.
pub(super) fn recorded_scope(out: &mut Vec<u8>, scope: ScopeRef<'_>) {
    message(out, SCOPE_SPANS_SCOPE, |out| {
        for a in scope.all() {
            match (a.key, &a.value) {
                (ScopeRef::NAME, Value::Str(name)) => text(out, SCOPE_NAME, name),
                (ScopeRef::NAME, other) => text(out, SCOPE_NAME, &other.to_string()),
                (ScopeRef::VERSION, Value::Str(version)) => text(out, SCOPE_VERSION, version),
                (ScopeRef::VERSION, other) => text(out, SCOPE_VERSION, &other.to_string()),
                (key, value) => {
                    let key = key.strip_prefix(ScopeRef::ATTRIBUTE).unwrap_or(key);
                    attribute(out, SCOPE_ATTRIBUTES, key, value);
                }
            }
        }
    });
}

/// A field of the request: a `ResourceSpans` with this resource and these scopes and spans.
pub(super) fn chunk<'c>(
    out: &mut Counted<'_>,
    resource: &[u8],
    groups: impl Iterator<Item = (&'c [u8], &'c [u8])> + Clone,
) -> io::Result<()> {
    let head = |(scope, spans): (&[u8], &[u8])| Varint::head(RESOURCE_SPANS_SCOPE_SPANS, scope.len() + spans.len());
    let bodies: usize = groups.clone().map(|group| head(group).as_slice().len() + group.0.len() + group.1.len()).sum();
    out.write(Varint::head(RESOURCE_SPANS, resource.len() + bodies).as_slice())?;
    out.write(resource)?;
    for (scope, spans) in groups {
        out.write(head((scope, spans)).as_slice())?;
        out.write(scope)?;
        out.write(spans)?;
    }
    Ok(())
}
