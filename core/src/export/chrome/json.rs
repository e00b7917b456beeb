//! JSON values appended to a buffer: texts, numbers, times.

use crate::Value;
use std::fmt::Display;
use std::io::Write as _;

/// Appends a number or anything else whose text needs no quotes.
pub(super) fn plain(out: &mut Vec<u8>, value: impl Display) {
    // Writing to a `Vec` can't fail.
    let _ = write!(out, "{value}");
}

/// Appends a quoted text. Escapes only what JSON requires ([RFC 8259, section 7]); everything else stays UTF-8, because
/// Perfetto rejects the escapes of characters beyond the 16-bit plane.
///
/// [RFC 8259, section 7]: https://www.rfc-editor.org/rfc/rfc8259#section-7
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1f => {
                let _ = write!(out, "\\u{byte:04x}");
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Appends nanoseconds as microseconds with three decimals, the unit of the format. Exact: no float is involved.
pub(super) fn micros(out: &mut Vec<u8>, ns: u64) {
    let _ = write!(out, "{}.{:03}", ns / 1000, ns % 1000);
}

/// Appends an attribute's value with its type. JSON has no infinity and no NaN: they become texts.
pub(super) fn value(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Bool(v) => plain(out, v),
        Value::I64(v) => plain(out, v),
        Value::F64(v) => double(out, *v),
        Value::Str(v) => text(out, v),
        Value::Bools(v) => list(out, v, |out, v| plain(out, v)),
        Value::I64s(v) => list(out, v, |out, v| plain(out, v)),
        Value::F64s(v) => list(out, v, |out, v| double(out, *v)),
        Value::Strs(v) => list(out, v, |out, v| text(out, v)),
    }
}

fn double(out: &mut Vec<u8>, value: f64) {
    match value {
        v if v.is_finite() => {
            // `Debug` prints the shortest digits that parse to the same value, and an exponent for large values.
            let _ = write!(out, "{v:?}");
        }
        v if v.is_nan() => text(out, "NaN"),
        v => text(out, if v > 0.0 { "Infinity" } else { "-Infinity" }),
    }
}

fn list<T>(out: &mut Vec<u8>, items: &[T], mut item: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (i, v) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        item(out, v);
    }
    out.push(b']');
}

/// Writes the fields of an object. [`end`](Self::end) writes the closing brace.
pub(super) struct Object<'a> {
    pub(super) out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Writes a key. The caller appends its value to the returned buffer.
    pub(super) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        text(self.out, key);
        self.out.push(b':');
        self.out
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        text(self.key(key), value);
    }

    pub(super) fn plain(&mut self, key: &str, value: impl Display) {
        plain(self.key(key), value);
    }

    /// An id: digits that need no escapes, in quotes.
    pub(super) fn id(&mut self, key: &str, id: impl Display) {
        let out = self.key(key);
        let _ = write!(out, "\"{id}\"");
    }

    pub(super) fn micros(&mut self, key: &str, ns: u64) {
        micros(self.key(key), ns);
    }

    pub(super) fn object(&mut self, key: &str) -> Object<'_> {
        Object::new(self.key(key))
    }

    /// A list of objects, one for each item.
    pub(super) fn objects<T>(
        &mut self,
        key: &str,
        items: impl Iterator<Item = T>,
        mut fill: impl FnMut(&mut Object<'_>, T),
    ) {
        let out = self.key(key);
        out.push(b'[');
        for (i, item) in items.enumerate() {
            if i > 0 {
                out.push(b',');
            }
            let mut object = Object::new(out);
            fill(&mut object, item);
            object.end();
        }
        out.push(b']');
    }

    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn written(fill: impl FnOnce(&mut Vec<u8>)) -> serde_json::Value {
        let mut out = Vec::new();
        fill(&mut out);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn any_text_reads_back_as_it_was_and_stays_on_its_line() {
        let all: String = (0..0x300).chain(0x2028..0x2030).chain(0x1f600..0x1f610).filter_map(char::from_u32).collect();
        let mut out = Vec::new();
        text(&mut out, &all);
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), all);
        assert!(out.iter().all(|byte| *byte >= 0x20));
    }

    #[test]
    fn times_are_exact() {
        let micros = |ns| {
            let mut out = Vec::new();
            micros(&mut out, ns);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(micros(0), "0.000");
        assert_eq!(micros(1_007), "1.007");
        assert_eq!(micros(u64::MAX), "18446744073709551.615");
    }

    #[test]
    fn values_keep_their_types_and_no_number_is_invalid() {
        let cases = [
            (Value::from(true), json!(true)),
            (Value::from(i64::MIN), json!(i64::MIN)),
            (Value::from(1.5e300), json!(1.5e300)),
            (Value::from(2.0), json!(2.0)),
            (Value::from(f64::NAN), json!("NaN")),
            (Value::from(f64::NEG_INFINITY), json!("-Infinity")),
            (Value::from("a\"b"), json!("a\"b")),
            (Value::from(&[true, false][..]), json!([true, false])),
            (Value::from(&[1_i64, 2][..]), json!([1, 2])),
            (Value::from(&[0.5, f64::INFINITY][..]), json!([0.5, "Infinity"])),
            (Value::from(&["x", "\n"][..]), json!(["x", "\n"])),
        ];
        for (given, expected) in cases {
            assert_eq!(written(|out| value(out, &given)), expected);
        }
    }

    #[test]
    fn objects_nest() {
        let object = written(|out| {
            let mut object = Object::new(out);
            object.text("a", "x");
            let mut inner = object.object("b");
            inner.plain("n", 1);
            inner.end();
            object.objects("c", 0..2, |object, i| object.plain("i", i));
            object.end();
        });
        assert_eq!(object, json!({"a": "x", "b": {"n": 1}, "c": [{"i": 0}, {"i": 1}]}));
    }
}
