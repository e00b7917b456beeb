//! `gen_ai.*` attributes of bridged spans: they turn the spans into observations.
//!
//! | attribute | becomes |
//! |---|---|
//! | `gen_ai.operation.name` | itself, and the observation type ([`keys::OBSERVATION_TYPE`]) |
//! | `gen_ai.usage.*` of a generation or an embedding | itself, as an integer |
//! | `gen_ai.usage.*` of any other span | `heirloom.aggregate.gen_ai.usage.*`: the sum of the usage of the generations below it |
//! | `gen_ai.usage.prompt_tokens`, `.completion_tokens` | the names that replaced them: `.input_tokens`, `.output_tokens` |
//! | messages, instructions, prompts, completions, arguments and results of tools | itself, under the tracer's rules for captured values ([`Capture`](heirloom_core::Capture)): secrets in JSON are redacted |
//! | any other attribute | itself |
//!
//! Counts of usage are taken to follow OpenTelemetry's conventions: `input_tokens` includes cached tokens, `output_tokens`
//! those of reasoning ([`Usage`](heirloom_core::llm::Usage)).

use heirloom_core::llm::{keys, ObservationType};
use heirloom_core::{Name, Value};
use std::sync::atomic::{AtomicU8, Ordering};

/// The prefix of all attributes of the vocabulary.
const PREFIX: &str = "gen_ai.";

/// Prefix of usage on a span that isn't a model's call: the spans below it have used that, and their usage is counted there.
pub const AGGREGATE: &str = "heirloom.aggregate.";

/// Whether a key belongs to the vocabulary.
pub(crate) fn is_gen_ai(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// The observation type of an operation; `None` for an unknown operation.
fn observation_type(operation: &str) -> Option<ObservationType> {
    Some(match operation {
        "chat" | "completion" | "generate_content" | "text_completion" => ObservationType::Generation,
        "embeddings" => ObservationType::Embedding,
        "execute_tool" => ObservationType::Tool,
        "create_agent" | "invoke_agent" => ObservationType::Agent,
        "invoke_workflow" => ObservationType::Chain,
        "retrieval" => ObservationType::Retriever,
        _ => return None,
    })
}

/// The observation type of a span, if it is known yet.
#[derive(Debug, Default)]
pub(crate) struct Observed(AtomicU8);

impl Observed {
    /// Stores the type of an operation, and returns it; `None` for an unknown operation.
    pub(crate) fn learn(&self, operation: &str) -> Option<ObservationType> {
        let found = observation_type(operation)?;
        let number = ObservationType::ALL.iter().position(|known| *known == found)?;
        self.0.store(number as u8 + 1, Ordering::Relaxed);
        Some(found)
    }

    fn get(&self) -> Option<ObservationType> {
        let number = usize::from(self.0.load(Ordering::Relaxed)).checked_sub(1)?;
        ObservationType::ALL.get(number).copied()
    }

    /// Whether usage on this span is only the sum of other spans' usage.
    fn is_aggregate(&self) -> bool {
        let uses = |kind| matches!(kind, ObservationType::Generation | ObservationType::Embedding);
        self.get().is_some_and(|kind| !uses(kind))
    }
}

/// Maps an attribute, and passes the result to `set`, in one or two calls.
pub(crate) fn map<'k, 'v>(
    observed: &Observed,
    key: Key<'k>,
    value: Value<'v>,
    mut set: impl FnMut(Name<'k>, Value<'v>),
) {
    if !is_gen_ai(key.text()) {
        return set(key.name(), value);
    }
    if key.text() == keys::OPERATION {
        if let Some(found) = value.as_str().and_then(|operation| observed.learn(operation)) {
            set(keys::OBSERVATION_TYPE.into(), found.name().into());
        }
        return set(key.name(), value);
    }
    if key.text().starts_with(keys::USAGE) {
        let key = key.current_name();
        let value = if key.text().starts_with(keys::COST) { value } else { integer(value) };
        let name = if observed.is_aggregate() { format!("{AGGREGATE}{}", key.text()).into() } else { key.name() };
        return set(name, value);
    }
    set(key.name(), value);
}

/// An attribute's key. Static keys are cheaper to record.
#[derive(Clone, Debug)]
pub(crate) enum Key<'a> {
    Static(&'static str),
    #[cfg_attr(not(feature = "otel"), allow(dead_code))]
    Dynamic(&'a str),
}

impl<'a> Key<'a> {
    fn text(&self) -> &'a str {
        match self {
            Key::Static(text) => text,
            Key::Dynamic(text) => text,
        }
    }

    fn name(self) -> Name<'a> {
        match self {
            Key::Static(text) => text.into(),
            Key::Dynamic(text) => Name::dynamic(text),
        }
    }

    fn current_name(self) -> Self {
        match self.text() {
            "gen_ai.usage.prompt_tokens" => Key::Static(keys::INPUT_TOKENS),
            "gen_ai.usage.completion_tokens" => Key::Static(keys::OUTPUT_TOKENS),
            _ => self,
        }
    }
}

/// A count as an integer, if it is an integer of any type or the text of one.
fn integer(value: Value<'_>) -> Value<'_> {
    match &value {
        Value::Str(text) => whole(text).map_or(value, Value::I64),
        Value::F64(number) if number.fract() == 0.0 && number.abs() < 9e15 => Value::I64(*number as i64),
        _ => value,
    }
}

/// The integer in a text, also in the `Debug` text of an `Option` (`Some(12)`).
fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    text.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mapped attributes of one span.
    fn mapped(attributes: &[(&'static str, Value<'static>)]) -> Vec<(String, Value<'static>)> {
        let (observed, mut found) = (Observed::default(), Vec::new());
        for (key, value) in attributes {
            map(&observed, Key::Static(key), value.clone(), |name, value| {
                found.push((name.as_str().to_owned(), value))
            });
        }
        found
    }

    fn one(operation: &'static str, key: &'static str, value: Value<'static>) -> (String, Value<'static>) {
        mapped(&[(keys::OPERATION, operation.into()), (key, value)]).pop().expect("the last attribute")
    }

    #[test]
    fn each_operation_has_its_type() {
        let types = [
            ("chat", Some("generation")),
            ("generate_content", Some("generation")),
            ("text_completion", Some("generation")),
            ("embeddings", Some("embedding")),
            ("execute_tool", Some("tool")),
            ("invoke_agent", Some("agent")),
            ("create_agent", Some("agent")),
            ("rerank", None),
        ];
        for (operation, expected) in types {
            let found = mapped(&[(keys::OPERATION, operation.into())]);
            let kind =
                found.iter().find(|(key, _)| key == keys::OBSERVATION_TYPE).and_then(|(_, value)| value.as_str());
            assert_eq!(kind, expected, "{operation}");
            assert!(found.contains(&(keys::OPERATION.to_owned(), operation.into())));
        }
    }

    #[test]
    fn usage_is_an_integer_however_it_was_written() {
        for value in [Value::I64(12), "12".into(), "Some(12)".into(), Value::F64(12.0)] {
            assert_eq!(one("chat", keys::INPUT_TOKENS, value), (keys::INPUT_TOKENS.to_owned(), Value::I64(12)));
        }
        for value in [Value::F64(0.5), "many".into(), "None".into()] {
            assert_eq!(one("chat", keys::INPUT_TOKENS, value.clone()).1, value);
        }
    }

    #[test]
    fn usage_of_what_is_no_generation_is_an_aggregate() {
        let (key, value) = one("invoke_agent", keys::OUTPUT_TOKENS, 7.into());
        assert_eq!((key.as_str(), value), ("heirloom.aggregate.gen_ai.usage.output_tokens", Value::I64(7)));
        assert_eq!(one("embeddings", keys::INPUT_TOKENS, 7.into()).0, keys::INPUT_TOKENS);
    }

    #[test]
    fn deprecated_names_of_usage_become_todays() {
        assert_eq!(one("chat", "gen_ai.usage.prompt_tokens", 7.into()).0, keys::INPUT_TOKENS);
        assert_eq!(one("chat", "gen_ai.usage.completion_tokens", 7.into()).0, keys::OUTPUT_TOKENS);
    }

    #[test]
    fn a_cost_stays_a_float() {
        assert_eq!(one("chat", keys::COST, 3.0.into()).1, Value::F64(3.0));
    }

    #[test]
    fn messages_stay_as_they_are() {
        let messages = r#"[{"role":"user"}]"#;
        assert_eq!(one("chat", "gen_ai.input.messages", messages.into()).1, messages.into());
    }
}
