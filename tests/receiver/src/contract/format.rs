//! Rules for the format of values.

use super::{ensure, Finding};
use crate::span::Value;
use serde_json::Value as Json;

/// Langfuse's limit, in characters, for a name, a user, a session, a tag or a value of the trace's metadata.
const MAX_CHARS: usize = 200;
const MAX_ENVIRONMENT_CHARS: usize = 40;
const TYPES: [&str; 10] =
    ["span", "generation", "event", "embedding", "agent", "tool", "chain", "retriever", "evaluator", "guardrail"];
const LEVELS: [&str; 4] = ["DEBUG", "DEFAULT", "WARNING", "ERROR"];

fn as_text(value: &Value) -> Result<&str, String> {
    crate::span::as_text(value).ok_or_else(|| format!("{value:?} is no text"))
}

pub(super) fn text(value: &Value) -> Finding {
    as_text(value).map(drop)
}

/// At most 200 characters.
pub(super) fn short_text(value: &Value) -> Finding {
    let chars = as_text(value)?.chars().count();
    ensure((1..=MAX_CHARS).contains(&chars), || format!("{chars} characters"))
}

pub(super) fn short_texts(value: &Value) -> Finding {
    let Value::ArrayValue(array) = value else { return Err(format!("{value:?} is no array")) };
    let item = |item: &opentelemetry_proto::tonic::common::v1::AnyValue| match &item.value {
        Some(value) => short_text(value),
        None => Err("an item without a value".to_owned()),
    };
    array.values.iter().try_for_each(item)
}

pub(super) fn bool(value: &Value) -> Finding {
    ensure(matches!(value, Value::BoolValue(_)), || format!("{value:?} is no boolean"))
}

pub(super) fn always_true(value: &Value) -> Finding {
    ensure(*value == Value::BoolValue(true), || format!("{value:?} is not true"))
}

pub(super) fn int(value: &Value) -> Finding {
    ensure(matches!(value, Value::IntValue(_)), || format!("{value:?} is no integer"))
}

/// JSON, or a plain text without quotes. A text that looks like an object must be JSON, and a list must if it is closed.
pub(super) fn json(value: &Value) -> Finding {
    let text = as_text(value)?;
    let is_list = text.starts_with('[') && text.trim_end().ends_with(']');
    ensure(!text.starts_with('"') || parsed(value).is_err(), || format!("{text:?} is a text in quotes"))?;
    ensure(text != "null", || "null is not sent".to_owned())?;
    if text.starts_with('{') || is_list {
        return strict_json(value);
    }
    Ok(())
}

/// JSON. Texts are quoted, and integers that a reader would round are texts.
pub(super) fn strict_json(value: &Value) -> Finding {
    exact(&parsed(value)?)
}

pub(super) fn short_json(value: &Value) -> Finding {
    strict_json(value)?;
    short_text(value)
}

fn parsed(value: &Value) -> Result<Json, String> {
    let text = as_text(value)?;
    serde_json::from_str(text).map_err(|error| format!("{text:?} is not JSON: {error}"))
}

fn exact(json: &Json) -> Finding {
    match json {
        Json::Array(items) => items.iter().try_for_each(exact),
        Json::Object(object) => object.values().try_for_each(exact),
        Json::Number(number) => {
            let magnitude = number.as_u64().or(number.as_i64().map(i64::unsigned_abs)).unwrap_or(0);
            ensure(magnitude < 1 << 53, || format!("{number} is too large for JSON"))
        }
        _ => Ok(()),
    }
}

fn object(value: &Value, what: &str, fits: impl Fn(&Json) -> bool) -> Finding {
    let json = parsed(value)?;
    let object = json.as_object().ok_or_else(|| format!("{json} is no object"))?;
    match object.iter().find(|(_, item)| !fits(item)) {
        Some((name, item)) => Err(format!("{name} is {item}, not {what}")),
        None => Ok(()),
    }
}

pub(super) fn object_of_scalars(value: &Value) -> Finding {
    object(value, "a scalar", |item| !item.is_array() && !item.is_object())
}

pub(super) fn object_of_ints(value: &Value) -> Finding {
    object(value, "an integer", |item| item.is_i64() || item.is_u64())
}

pub(super) fn object_of_floats(value: &Value) -> Finding {
    object(value, "a number", Json::is_number)
}

pub(super) fn observation_type(value: &Value) -> Finding {
    one_of(value, &TYPES)
}

pub(super) fn level(value: &Value) -> Finding {
    one_of(value, &LEVELS)
}

fn one_of(value: &Value, all: &[&str]) -> Finding {
    let text = as_text(value)?;
    ensure(all.contains(&text), || format!("{text:?} is not one of {all:?}"))
}

/// `^(?!langfuse)[a-z0-9_-]+$`, or the SDK's name for experiments.
pub(super) fn environment(value: &Value) -> Finding {
    let text = as_text(value)?;
    let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    let length = (1..=MAX_ENVIRONMENT_CHARS).contains(&text.len());
    ensure(letters && length && !text.starts_with("langfuse"), || format!("{text:?} is not a valid environment"))
}

/// ISO 8601 with a zone, as a JSON string, quotes included.
pub(super) fn quoted_time(value: &Value) -> Finding {
    let json = parsed(value)?;
    let text = json.as_str().ok_or_else(|| format!("{json} is not a JSON string"))?;
    ensure(is_time(text), || format!("{text:?} is not a time with a zone"))
}

/// `2026-01-01T00:00:00`, a fraction if there is one, `Z` or `+01:00`.
fn is_time(text: &str) -> bool {
    let Some((day, rest)) = text.split_once('T') else { return false };
    let Some(zone_at) = rest.find(['Z', '+', '-']) else { return false };
    let (time, zone) = rest.split_at(zone_at);
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let is_zone = zone == "Z" || (like("+00:00", &zone.replace('-', "+")));
    like("0000-00-00", day) && like("00:00:00", seconds) && is_zone && is_number(fraction)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether two texts are equal, with any digit equal to any other.
fn like(pattern: &str, text: &str) -> bool {
    let same = |(p, t): (u8, u8)| if p == b'0' { t.is_ascii_digit() } else { p == t };
    pattern.len() == text.len() && pattern.bytes().zip(text.bytes()).all(same)
}
