//! Attributes and their values in JSON: `KeyValue` and `AnyValue`.

mod text;

pub(crate) use text::{id, quoted};

use heirloom_core::Value;

/// Appends a comma, unless a list that begins at this byte is empty.
#[inline(always)]
pub(crate) fn comma(out: &mut Vec<u8>, start: usize) {
    if out.len() > start {
        out.push(b',');
    }
}

/// Appends an attribute to a list that begins at `start`.
pub(crate) fn attribute(out: &mut Vec<u8>, start: usize, key: &str, value: &Value<'_>) {
    comma(out, start);
    out.extend_from_slice(b"{\"key\":");
    quoted(out, key);
    out.extend_from_slice(b",\"value\":");
    any(out, value);
    out.push(b'}');
}

fn any(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Bool(truth) => boolean(out, *truth),
        Value::I64(number) => int(out, *number),
        Value::F64(number) => double(out, *number),
        Value::Str(text) => string(out, text),
        Value::Bools(items) => array(out, items, |out, item| boolean(out, *item)),
        Value::I64s(items) => array(out, items, |out, item| int(out, *item)),
        Value::F64s(items) => array(out, items, |out, item| double(out, *item)),
        Value::Strs(items) => array(out, items, |out, item| string(out, item)),
        other => string(out, &other.to_string()),
    }
}

fn boolean(out: &mut Vec<u8>, truth: bool) {
    out.extend_from_slice(if truth { b"{\"boolValue\":true}" } else { b"{\"boolValue\":false}" });
}

pub(crate) fn int(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(b"{\"intValue\":\"");
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\"}");
}

pub(crate) fn double(out: &mut Vec<u8>, number: f64) {
    out.extend_from_slice(b"{\"doubleValue\":");
    match number {
        number if number.is_finite() => out.extend_from_slice(zmij::Buffer::new().format(number).as_bytes()),
        number if number.is_nan() => out.extend_from_slice(b"\"NaN\""),
        number if number > 0.0 => out.extend_from_slice(b"\"Infinity\""),
        _ => out.extend_from_slice(b"\"-Infinity\""),
    }
    out.push(b'}');
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"{\"stringValue\":");
    quoted(out, text);
    out.push(b'}');
}

fn array<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    out.extend_from_slice(b"{\"arrayValue\":{\"values\":[");
    let start = out.len();
    for item in items {
        comma(out, start);
        write(out, item);
    }
    out.extend_from_slice(b"]}}");
}
