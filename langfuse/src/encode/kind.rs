//! The observation type of a span.

use heirloom_core::export::SpanRef;
use heirloom_core::llm::{keys, ObservationType};
use heirloom_core::Value;

/// The recorded type; without one, the type by OpenTelemetry's GenAI conventions; for any other span `span`.
pub(super) fn of(span: SpanRef<'_>) -> ObservationType {
    recorded(span).or_else(|| of_operation(span)).unwrap_or_else(|| of_model(span))
}

/// Whether it may have a model, usage and cost: Langfuse adds them up only for these types.
pub(super) fn has_usage(kind: ObservationType) -> bool {
    matches!(kind, ObservationType::Generation | ObservationType::Embedding)
}

/// The type with this name.
pub(super) fn named(value: &Value<'_>) -> Option<ObservationType> {
    value.as_str()?.parse().ok()
}

fn recorded(span: SpanRef<'_>) -> Option<ObservationType> {
    named(&span.attribute(keys::OBSERVATION_TYPE)?)
}

/// The names of operations of the [conventions] that have a type.
///
/// [conventions]: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
fn of_operation(span: SpanRef<'_>) -> Option<ObservationType> {
    match span.attribute(keys::OPERATION)?.as_str()? {
        "chat" | "text_completion" | "generate_content" => Some(ObservationType::Generation),
        "embeddings" => Some(ObservationType::Embedding),
        "execute_tool" => Some(ObservationType::Tool),
        "invoke_agent" | "create_agent" => Some(ObservationType::Agent),
        "invoke_workflow" => Some(ObservationType::Chain),
        "retrieval" => Some(ObservationType::Retriever),
        _ => None,
    }
}

/// Whether a span without an operation is a call of a model: it has a model and usage.
fn of_model(span: SpanRef<'_>) -> ObservationType {
    let any_of = |names: [&str; 2]| span.attributes().any(|a| names.contains(&a.key));
    let called = any_of([keys::REQUEST_MODEL, keys::RESPONSE_MODEL]);
    if called && any_of([keys::INPUT_TOKENS, keys::OUTPUT_TOKENS]) {
        return ObservationType::Generation;
    }
    ObservationType::Span
}
