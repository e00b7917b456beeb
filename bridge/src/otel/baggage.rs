//! Baggage between Heirloom's type, which parses and prints headers, and OpenTelemetry's, which its contexts have.

use heirloom_core::{Baggage, BaggageMember};
use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use std::collections::HashSet;

/// One of OpenTelemetry's contexts, with this baggage in it.
pub(super) fn with(theirs: &opentelemetry::Context, baggage: &Baggage) -> opentelemetry::Context {
    if baggage.is_empty() {
        return theirs.clone();
    }
    theirs.with_baggage(
        baggage.iter().map(|member| {
            KeyValueMetadata::new(member.key().to_owned(), member.value().to_owned(), &*properties(member))
        }),
    )
}

/// The properties of a member, as a header has them.
fn properties(member: &BaggageMember) -> String {
    let text = member.to_string();
    text.split_once(';').map(|(_, properties)| properties.to_owned()).unwrap_or_default()
}

/// The baggage to send with one of OpenTelemetry's contexts: its own members. Those that `arrived` has too keep their order.
/// If the context has none, what arrived is passed on.
pub(super) fn to_send(theirs: &opentelemetry::Context, arrived: Baggage) -> Baggage {
    let own = theirs.baggage();
    if own.is_empty() {
        return arrived;
    }
    let mut all = Baggage::new();
    let mut add = |key: &str| {
        let Some((value, metadata)) = own.get_with_metadata(key) else { return };
        let (member, _) = Baggage::parse(&format!("key=;{}", metadata.as_str()));
        let properties: Vec<_> = member.iter().flat_map(BaggageMember::properties).collect();
        // A key that the specification doesn't allow, or one beyond its limits, is dropped alone.
        let _ = all.insert_with(key, value.as_str(), &properties);
    };
    arrived.iter().for_each(|member| add(member.key()));
    let known: HashSet<&str> = arrived.iter().map(BaggageMember::key).collect();
    let mut others: Vec<&str> = own.iter().map(|(key, _)| key.as_str()).filter(|key| !known.contains(key)).collect();
    others.sort_unstable();
    others.into_iter().for_each(add);
    all
}
