//! Model, usage, cost and prompt: only generations and embeddings have them.

use super::usage::Usage;
use super::value::{text, KeyValue};
use crate::json;
use heirloom_core::export::AttributeRef;
use heirloom_core::llm::keys;
use heirloom_core::Value;
use serde_json::{Map, Number, Value as Json};

/// Names that the conventions deprecated and that crates still use.
const PROMPT_TOKENS: &str = "gen_ai.usage.prompt_tokens";
const COMPLETION_TOKENS: &str = "gen_ai.usage.completion_tokens";

/// The recorded attributes of a call of a model.
#[derive(Default)]
pub(super) struct Generation<'a> {
    request_model: Option<Value<'a>>,
    response_model: Option<Value<'a>>,
    parameters: Map<String, Json>,
    usage: Usage,
    cost: Map<String, Json>,
    completion_start: Option<String>,
    prompt_name: Option<String>,
    prompt_version: Option<i64>,
}

/// Whether an attribute is one of a call of a model.
pub(super) fn is_one(key: &str) -> bool {
    let names = [keys::RESPONSE_MODEL, keys::COMPLETION_START_TIME, keys::PROMPT_NAME, keys::PROMPT_VERSION];
    key.starts_with(keys::REQUEST) || key.starts_with(keys::USAGE) || names.contains(&key)
}

impl<'a> Generation<'a> {
    /// Takes an attribute, or returns it if its value has the wrong type.
    pub(super) fn take(&mut self, a: AttributeRef<'a>) -> Option<AttributeRef<'a>> {
        let taken = match a.key {
            keys::REQUEST_MODEL => put(&mut self.request_model, &a.value),
            keys::RESPONSE_MODEL => put(&mut self.response_model, &a.value),
            keys::COMPLETION_START_TIME => put_text(&mut self.completion_start, &a.value),
            keys::PROMPT_NAME => put_text(&mut self.prompt_name, &a.value),
            keys::PROMPT_VERSION => {
                self.prompt_version = a.value.as_i64();
                self.prompt_version.is_some()
            }
            key => self.take_detail(key, &a.value),
        };
        (!taken).then_some(a)
    }

    fn take_detail(&mut self, key: &str, value: &Value<'_>) -> bool {
        let cost = key.strip_prefix(keys::COST_DETAIL).or((key == keys::COST).then_some("total"));
        if let Some(name) = cost {
            return insert(&mut self.cost, name, dollars(value));
        }
        if let Some(name) = key.strip_prefix(keys::USAGE) {
            return value.as_i64().map(|count| self.take_usage(key, name, count)).is_some();
        }
        let parameter = key.strip_prefix(keys::REQUEST);
        parameter.is_some_and(|name| insert(&mut self.parameters, name, Some(scalar(value))))
    }

    fn take_usage(&mut self, key: &str, name: &str, count: i64) {
        match key {
            keys::INPUT_TOKENS | PROMPT_TOKENS => self.usage.input = Some(count),
            keys::OUTPUT_TOKENS | COMPLETION_TOKENS => self.usage.output = Some(count),
            keys::TOTAL_TOKENS => self.usage.total = Some(count),
            _ => self.usage.details.push((name.to_owned(), count)),
        }
    }

    /// Adds the attributes to `list`. Returns those without a place, unchanged.
    pub(super) fn add_to(self, list: &mut Vec<KeyValue<'a>>) -> Vec<KeyValue<'a>> {
        let (usage, mut rest) = self.usage.exclusive();
        // The response's model determines the price.
        let (model, asked) = match (self.response_model, self.request_model) {
            (Some(answered), Some(asked)) if answered != asked => (Some(answered), Some(asked)),
            (answered, asked) => (answered.or(asked), None),
        };
        list.extend(model.map(|model| text("langfuse.observation.model.name", model.to_string())));
        rest.extend(asked.map(|asked| KeyValue::new(keys::REQUEST_MODEL, asked)));
        let objects = [("model.parameters", self.parameters), ("usage_details", usage), ("cost_details", self.cost)];
        for (name, object) in objects.into_iter().filter(|(_, object)| !object.is_empty()) {
            list.push(text(format!("langfuse.observation.{name}"), Json::Object(object).to_string()));
        }
        let start = self.completion_start.map(|start| json::quoted(&start));
        list.extend(start.map(|start| text("langfuse.observation.completion_start_time", start)));
        let version = self.prompt_version;
        match self.prompt_name {
            Some(name) => {
                list.push(text("langfuse.observation.prompt.name", name));
                list.extend(version.map(|version| KeyValue::new("langfuse.observation.prompt.version", version)));
            }
            None => rest.extend(version.map(|version| KeyValue::new(keys::PROMPT_VERSION, version))),
        }
        rest
    }
}

fn put<'a>(slot: &mut Option<Value<'a>>, value: &Value<'a>) -> bool {
    *slot = value.as_str().is_some().then(|| value.clone());
    slot.is_some()
}

fn put_text(slot: &mut Option<String>, value: &Value<'_>) -> bool {
    *slot = value.as_str().map(str::to_owned);
    slot.is_some()
}

fn insert(object: &mut Map<String, Json>, name: &str, value: Option<Json>) -> bool {
    let found = value.is_some();
    object.extend(value.map(|value| (name.to_owned(), value)));
    found
}

/// A cost; `None` if it is not finite.
fn dollars(value: &Value<'_>) -> Option<Json> {
    let dollars = match value {
        Value::F64(dollars) => *dollars,
        Value::I64(dollars) => *dollars as f64,
        _ => return None,
    };
    Number::from_f64(dollars).map(Json::Number)
}

/// A parameter: a scalar; an array becomes its JSON text.
fn scalar(value: &Value<'_>) -> Json {
    match value {
        Value::Bool(v) => Json::from(*v),
        Value::Str(v) => Json::from(v.as_ref()),
        Value::I64(_) | Value::F64(_) => serde_json::from_str(&json::from_value(value)).unwrap_or_default(),
        other => Json::from(json::from_value(other)),
    }
}
