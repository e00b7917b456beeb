//! The allowed attributes, their places, and the format rule of each.

use super::{ensure, envelope, format, Finding, Findings};
use crate::span::Value;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;

/// Limit for the number of attributes that were recorded: OpenTelemetry's default, which Langfuse's SDK keeps.
const MAX_ATTRIBUTES: usize = 128;

type Rule = (&'static str, fn(&Value) -> Finding);

/// The rule of each attribute. A name that ends in a dot is a prefix.
const RULES: [Rule; 28] = [
    ("langfuse.trace.name", format::short_text),
    ("user.id", format::short_text),
    ("session.id", format::short_text),
    ("langfuse.trace.tags", format::short_texts),
    ("langfuse.trace.metadata", format::strict_json),
    ("langfuse.trace.metadata.", format::short_json),
    ("langfuse.trace.public", format::bool),
    ("langfuse.environment", format::environment),
    ("langfuse.release", format::text),
    ("langfuse.version", format::text),
    ("langfuse.observation.type", format::observation_type),
    ("langfuse.observation.input", format::json),
    ("langfuse.observation.output", format::json),
    ("langfuse.observation.metadata", format::strict_json),
    ("langfuse.observation.metadata.", format::strict_json),
    ("langfuse.observation.level", format::level),
    ("langfuse.observation.status_message", format::text),
    ("langfuse.observation.model.name", format::text),
    ("langfuse.observation.model.parameters", format::object_of_scalars),
    ("langfuse.observation.usage_details", format::object_of_ints),
    ("langfuse.observation.cost_details", format::object_of_floats),
    ("langfuse.observation.completion_start_time", format::quoted_time),
    ("langfuse.observation.prompt.name", format::text),
    ("langfuse.observation.prompt.version", format::int),
    ("langfuse.internal.as_root", format::always_true),
    ("langfuse.internal.is_app_root", format::always_true),
    ("langfuse.experiment.metadata", format::json),
    ("langfuse.experiment.", format::text),
];

/// The attributes that only generations and embeddings have.
const OF_MODELS: [&str; 4] = [
    "langfuse.observation.model.",
    "langfuse.observation.usage_details",
    "langfuse.observation.cost_details",
    "langfuse.observation.completion_start_time",
];
const OF_PROMPTS: &str = "langfuse.observation.prompt.";

pub(super) fn check(findings: &mut Findings, span: &Span) {
    let place = format!("span {:?}", span.name);
    findings.check("type-is-there", &place, ensure(kind(span).is_some(), || "no observation type".to_owned()));
    findings.check("attribute-count", &place, count(span));
    findings.check("keys-once", &place, envelope::once(&span.attributes));
    findings.check("prompt-version-with-name", &place, prompt_version(span));
    for kv in &span.attributes {
        let place = format!("{place}, {}", kv.key);
        findings.check("value-is-there", &place, present(kv));
        findings.check("generation-only", &place, generation_only(kv, kind(span)));
        if let Some(value) = kv.value.as_ref().and_then(|v| v.value.as_ref()) {
            by_table(findings, &place, &kv.key, value);
        }
    }
}

/// The rule of an attribute: first by its whole name, then by prefix.
fn by_table(findings: &mut Findings, place: &str, key: &str, value: &Value) {
    let whole = RULES.iter().find(|(name, _)| *name == key);
    let beginning = || RULES.iter().find(|(name, _)| name.ends_with('.') && key.starts_with(name) && key != *name);
    match whole.or_else(beginning) {
        Some((name, rule)) => findings.check(name, place, rule(value)),
        None => findings.check("unknown-attribute", place, unknown(key)),
    }
}

/// Names outside Langfuse's prefix are free; under the prefix only known names are allowed.
fn unknown(key: &str) -> Finding {
    ensure(!key.starts_with("langfuse.") && !key.is_empty(), || {
        "unknown attribute under Langfuse's prefix, or an empty name".to_owned()
    })
}

pub(super) fn find<'a>(list: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    list.iter().find(|kv| kv.key == key)?.value.as_ref()?.value.as_ref()
}

pub(super) fn kind(span: &Span) -> Option<&str> {
    crate::span::as_text(find(&span.attributes, "langfuse.observation.type")?)
}

/// Attributes that an exporter adds, beside the recorded ones. A name that ends in a dot is a prefix.
const ADDED: [&str; 15] = [
    "langfuse.observation.type",
    "langfuse.observation.level",
    "langfuse.observation.status_message",
    "langfuse.internal.",
    "langfuse.environment",
    "langfuse.release",
    "langfuse.trace.public",
    "heirloom.incomplete",
    "heirloom.aborted",
    "heirloom.truncated",
    "heirloom.left_out",
    "thread.",
    "process.pid",
    "span.kind",
    "otel.scope.",
];

fn count(span: &Span) -> Finding {
    let is_added = |key: &str| ADDED.iter().any(|name| key == *name || name.ends_with('.') && key.starts_with(name));
    let recorded = span.attributes.iter().filter(|kv| !is_added(&kv.key)).count();
    ensure(recorded <= MAX_ATTRIBUTES, || format!("{recorded} attributes"))
}

fn present(kv: &KeyValue) -> Finding {
    let there = kv.value.as_ref().is_some_and(|v| v.value.is_some());
    ensure(there, || "no value".to_owned())
}

fn generation_only(kv: &KeyValue, kind: Option<&str>) -> Finding {
    let of_model = OF_MODELS.iter().any(|name| kv.key.starts_with(name)) || kv.key.starts_with(OF_PROMPTS);
    let allowed = matches!(kind, Some("generation" | "embedding"));
    ensure(allowed || !of_model, || format!("on a {}", kind.unwrap_or("span without a type")))
}

fn prompt_version(span: &Span) -> Finding {
    let has = |key| find(&span.attributes, key).is_some();
    let alone = has("langfuse.observation.prompt.version") && !has("langfuse.observation.prompt.name");
    ensure(!alone, || "a version without a name".to_owned())
}
