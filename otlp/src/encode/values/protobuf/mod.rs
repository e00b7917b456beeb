//! Attributes and their values in protobuf: `KeyValue` and `AnyValue`.

mod varint;

pub(crate) use varint::{message, message_like, text, varint, Varint};

use heirloom_core::Value;
use varint::{bytes, head, len_of};

/// The tag of a field whose value has a length.
pub(crate) const fn tag(field: u8) -> u8 {
    field << 3 | 2
}

const KEY: u8 = tag(1);
const VALUE: u8 = tag(2);
const STRING: u8 = tag(1);
const BOOL: u8 = 2 << 3;
const INT: u8 = 3 << 3;
const DOUBLE: u8 = 4 << 3 | 1;
const ARRAY: u8 = tag(5);
/// The values of an `ArrayValue`.
const ITEMS: u8 = tag(1);

/// The longest key for which the fast paths' lengths take one byte each.
const SHORT: usize = 100;

/// Appends a field with this tag: a `KeyValue`.
#[inline(always)]
pub(crate) fn attribute(out: &mut Vec<u8>, tag: u8, key: &str, value: &Value<'_>) {
    match value {
        Value::I64(number) if key.len() <= SHORT => {
            let len = len_of(*number as u64);
            entry(out, tag, key, len + 1);
            let mut last = [0; 16];
            [last[0], last[1], last[2]] = [VALUE, len as u8 + 1, INT];
            let mut rest = *number as u64;
            for byte in &mut last[3..len + 2] {
                *byte = rest as u8 | 0x80;
                rest >>= 7;
            }
            last[len + 2] = rest as u8;
            // Copied as a whole: a copy of known length is two instructions.
            let end = out.len() + len + 3;
            out.extend_from_slice(&last);
            out.truncate(end);
        }
        Value::Str(text) if key.len() + text.len() <= SHORT => {
            entry(out, tag, key, text.len() + 2);
            out.extend_from_slice(&[VALUE, text.len() as u8 + 2, STRING, text.len() as u8]);
            bytes(out, text.as_bytes());
        }
        Value::F64(number) if key.len() <= SHORT => {
            entry(out, tag, key, 9);
            let mut last = [VALUE, 9, DOUBLE, 0, 0, 0, 0, 0, 0, 0, 0];
            last[3..].copy_from_slice(&number.to_le_bytes());
            out.extend_from_slice(&last);
        }
        Value::Bool(truth) if key.len() <= SHORT => {
            entry(out, tag, key, 2);
            out.extend_from_slice(&[VALUE, 2, BOOL, u8::from(*truth)]);
        }
        any => long(out, tag, key, any),
    }
}

/// Appends everything up to the value, whose message has so many bytes. All lengths are below 128.
#[inline(always)]
fn entry(out: &mut Vec<u8>, tag: u8, key: &str, value: usize) {
    out.extend_from_slice(&[tag, (key.len() + value + 4) as u8, KEY, key.len() as u8]);
    bytes(out, key.as_bytes());
}

/// An attribute of any length.
#[inline(never)]
fn long(out: &mut Vec<u8>, tag: u8, key: &str, value: &Value<'_>) {
    let len = any_len(value);
    let key_len = field_len(key.len());
    head(out, tag, key_len + field_len(len));
    head(out, KEY, key.len());
    out.extend_from_slice(key.as_bytes());
    head(out, VALUE, len);
    any(out, value);
}

/// The bytes of a field with a tag, a length, and so many bytes.
fn field_len(len: usize) -> usize {
    1 + len_of(len as u64) + len
}

/// The bytes of an `AnyValue`.
fn any_len(value: &Value<'_>) -> usize {
    match value {
        Value::Bool(_) => 2,
        Value::I64(number) => int_len(*number),
        Value::F64(_) => 9,
        Value::Str(text) => field_len(text.len()),
        Value::Bools(_) | Value::I64s(_) | Value::F64s(_) | Value::Strs(_) => field_len(items_len(value)),
        other => field_len(other.to_string().len()),
    }
}

/// The bytes of an `ArrayValue`.
fn items_len(array: &Value<'_>) -> usize {
    match array {
        Value::Bools(items) => items.len() * field_len(2),
        Value::I64s(items) => items.iter().map(|number| field_len(int_len(*number))).sum(),
        Value::F64s(items) => items.len() * field_len(9),
        Value::Strs(items) => items.iter().map(|text| field_len(field_len(text.len()))).sum(),
        _ => 0,
    }
}

fn int_len(number: i64) -> usize {
    1 + len_of(number as u64)
}

/// Appends an `AnyValue`.
fn any(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Bool(truth) => boolean(out, *truth),
        Value::I64(number) => int(out, *number),
        Value::F64(number) => double(out, *number),
        Value::Str(text) => string(out, text),
        Value::Bools(items) => array(out, value, items.iter().copied(), |_| 2, boolean),
        Value::I64s(items) => array(out, value, items.iter().copied(), |n| int_len(*n), int),
        Value::F64s(items) => array(out, value, items.iter().copied(), |_| 9, double),
        Value::Strs(items) => array(out, value, items.iter(), |t| field_len(t.len()), |out, text| string(out, text)),
        other => string(out, &other.to_string()),
    }
}

fn boolean(out: &mut Vec<u8>, truth: bool) {
    out.extend_from_slice(&[BOOL, u8::from(truth)]);
}

fn int(out: &mut Vec<u8>, number: i64) {
    out.push(INT);
    varint(out, number as u64);
}

fn double(out: &mut Vec<u8>, number: f64) {
    out.push(DOUBLE);
    out.extend_from_slice(&number.to_le_bytes());
}

/// An empty text is written too: the field says that it is a text.
fn string(out: &mut Vec<u8>, text: &str) {
    head(out, STRING, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn array<T>(
    out: &mut Vec<u8>,
    whole: &Value<'_>,
    items: impl Iterator<Item = T>,
    len: impl Fn(&T) -> usize,
    write: impl Fn(&mut Vec<u8>, T),
) {
    head(out, ARRAY, items_len(whole));
    for item in items {
        head(out, ITEMS, len(&item));
        write(out, item);
    }
}
