//! A serde serialiser that writes to [`Json`].

use super::json::{Bracket, Json, Stop};
use super::key::Key;
use crate::Value;
use serde::ser::{self, Serialize};
use std::fmt;

/// The largest absolute value of an integer that is written as a number. Others become texts.
const MAX_SAFE: u64 = Value::MAX_JSON_INTEGER;

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stop::Full => "there is no more room",
            Stop::Failed => "the value could not be serialised",
        })
    }
}

impl std::error::Error for Stop {}

impl ser::Error for Stop {
    /// The text isn't kept, because it may quote the value.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Stop::Failed
    }
}

/// Writes one value.
pub(super) struct Serializer<'a, 'j>(pub(super) &'a mut Json<'j>);

/// An array that is being written; `variant` closes the object around it.
pub(super) struct Elements<'a, 'j> {
    json: &'a mut Json<'j>,
    is_first: bool,
    in_variant: bool,
}

/// An object that is being written.
pub(super) struct Entries<'a, 'j> {
    json: &'a mut Json<'j>,
    is_first: bool,
    in_variant: bool,
    kind: Kind,
}

/// How a struct is written.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Object,
    /// One of serde_json's own types, with a single field: JSON in a text, or the digits of a number of any precision.
    /// Both are written as texts.
    Text,
}

impl<'a, 'j> Serializer<'a, 'j> {
    fn elements(self) -> Result<Elements<'a, 'j>, Stop> {
        self.0.open(Bracket::Array)?;
        Ok(Elements { json: self.0, is_first: true, in_variant: false })
    }

    fn entries(self) -> Result<Entries<'a, 'j>, Stop> {
        self.0.open(Bracket::Object)?;
        Ok(Entries { json: self.0, is_first: true, in_variant: false, kind: Kind::Object })
    }

    /// Opens an object with the variant's name as its only key.
    fn variant(self, variant: &'static str) -> Result<Self, Stop> {
        self.0.open(Bracket::Object)?;
        self.0.key(variant, true)?;
        self.0.begin_value()?;
        Ok(self)
    }

    fn number(self, is_safe: bool, digits: &str) -> Result<(), Stop> {
        if is_safe {
            self.0.put(digits.as_bytes())
        } else {
            self.0.text(digits)
        }
    }
}

/// Writes a part of another value, unless its key is denied.
#[inline]
fn part<T: Serialize + ?Sized>(json: &mut Json<'_>, value: &T) -> Result<(), Stop> {
    match json.is_muted() {
        true => Ok(()),
        false => json.whole_part(|json| value.serialize(Serializer(json))),
    }
}

/// Closes the object of a variant.
fn end_variant(json: &mut Json<'_>) {
    json.end_value();
    json.close();
}

macro_rules! integers {
    ($($name:ident: $type:ty, $is_safe:expr;)*) => {
        $(#[inline]
        fn $name(self, value: $type) -> Result<(), Stop> {
            let is_safe: fn($type) -> bool = $is_safe;
            self.number(is_safe(value), itoa::Buffer::new().format(value))
        })*
    };
}

impl<'a, 'j> ser::Serializer for Serializer<'a, 'j> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Elements<'a, 'j>;
    type SerializeTuple = Elements<'a, 'j>;
    type SerializeTupleStruct = Elements<'a, 'j>;
    type SerializeTupleVariant = Elements<'a, 'j>;
    type SerializeMap = Entries<'a, 'j>;
    type SerializeStruct = Entries<'a, 'j>;
    type SerializeStructVariant = Entries<'a, 'j>;

    integers! {
        serialize_i8: i8, |_| true;
        serialize_i16: i16, |_| true;
        serialize_i32: i32, |_| true;
        serialize_i64: i64, |value| value.unsigned_abs() <= MAX_SAFE;
        serialize_i128: i128, |value| value.unsigned_abs() <= u128::from(MAX_SAFE);
        serialize_u8: u8, |_| true;
        serialize_u16: u16, |_| true;
        serialize_u32: u32, |_| true;
        serialize_u64: u64, |value| value <= MAX_SAFE;
        serialize_u128: u128, |value| value <= u128::from(MAX_SAFE);
    }

    fn serialize_bool(self, value: bool) -> Result<(), Stop> {
        self.0.put(if value { b"true" } else { b"false" })
    }

    fn serialize_f32(self, value: f32) -> Result<(), Stop> {
        match value.is_finite() {
            true => self.0.put(zmij::Buffer::new().format_finite(value).as_bytes()),
            false => self.0.text(not_finite(value.into())),
        }
    }

    fn serialize_f64(self, value: f64) -> Result<(), Stop> {
        match value.is_finite() {
            true => self.0.put(zmij::Buffer::new().format_finite(value).as_bytes()),
            false => self.0.text(not_finite(value)),
        }
    }

    fn serialize_char(self, value: char) -> Result<(), Stop> {
        self.0.text(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Stop> {
        self.0.text(value)
    }

    /// Writes the number of bytes: people can't read their values.
    fn serialize_bytes(self, value: &[u8]) -> Result<(), Stop> {
        match value.len() {
            1 => self.0.text("<1 byte>"),
            len => self.0.text(&format!("<{len} bytes>")),
        }
    }

    fn serialize_none(self) -> Result<(), Stop> {
        self.0.put(b"null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        part(self.0, value)
    }

    fn serialize_unit(self) -> Result<(), Stop> {
        self.0.put(b"null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Stop> {
        self.0.put(b"null")
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Stop> {
        self.0.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Stop> {
        part(self.0, value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        let this = self.variant(variant)?;
        part(this.0, value)?;
        end_variant(this.0);
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements<'a, 'j>, Stop> {
        self.elements()
    }

    fn serialize_tuple(self, _: usize) -> Result<Elements<'a, 'j>, Stop> {
        self.elements()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Elements<'a, 'j>, Stop> {
        self.elements()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Elements<'a, 'j>, Stop> {
        Ok(Elements { in_variant: true, ..self.variant(variant)?.elements()? })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'a, 'j>, Stop> {
        self.entries()
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Entries<'a, 'j>, Stop> {
        match name {
            "$serde_json::private::Number" | "$serde_json::private::RawValue" => {
                Ok(Entries { json: self.0, is_first: true, in_variant: false, kind: Kind::Text })
            }
            _ => self.entries(),
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Entries<'a, 'j>, Stop> {
        Ok(Entries { in_variant: true, ..self.variant(variant)?.entries()? })
    }

    /// Writes a text part by part, without a copy of the whole.
    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), Stop> {
        self.0.whole_part(|json| {
            json.begin_text()?;
            let mut parts = Parts { json, stop: None };
            let written = fmt::write(&mut parts, format_args!("{value}"));
            if let Some(stop) = parts.stop.take() {
                return Err(stop);
            }
            parts.json.end_text();
            written.map_err(|_| Stop::Failed)
        })
    }
}

/// Writes the parts of a text.
struct Parts<'a, 'j> {
    json: &'a mut Json<'j>,
    stop: Option<Stop>,
}

impl fmt::Write for Parts<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.json.part(text).map_err(|stop| {
            self.stop = Some(stop);
            fmt::Error
        })
    }
}

fn not_finite(value: f64) -> &'static str {
    match value {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
}

impl Elements<'_, '_> {
    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.json.begin_element(self.is_first)?;
        self.is_first = false;
        part(self.json, value)?;
        self.json.end_value();
        Ok(())
    }

    fn finish(self) -> Result<(), Stop> {
        self.json.close();
        if self.in_variant {
            end_variant(self.json);
        }
        Ok(())
    }
}

/// Serde has one trait for each kind of array; their JSON is the same.
macro_rules! elements {
    ($($kind:ident: $element:ident;)*) => {
        $(impl ser::$kind for Elements<'_, '_> {
            type Ok = ();
            type Error = Stop;

            fn $element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                self.element(value)
            }

            fn end(self) -> Result<(), Stop> {
                self.finish()
            }
        })*
    };
}

elements! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

impl Entries<'_, '_> {
    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Stop> {
        match self.kind {
            Kind::Object => {
                self.json.static_key(key, std::mem::take(&mut self.is_first))?;
                self.json.begin_value()?;
                part(self.json, value)?;
                self.json.end_value();
                Ok(())
            }
            Kind::Text => part(self.json, value),
        }
    }

    fn finish(self) -> Result<(), Stop> {
        if self.kind == Kind::Object {
            self.json.close();
        }
        if self.in_variant {
            end_variant(self.json);
        }
        Ok(())
    }
}

impl ser::SerializeMap for Entries<'_, '_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        let is_first = std::mem::take(&mut self.is_first);
        self.json.whole_part(|json| key.serialize(Key { json, is_first }))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.json.begin_value()?;
        part(self.json, value)?;
        self.json.end_value();
        Ok(())
    }

    fn end(self) -> Result<(), Stop> {
        self.finish()
    }
}

/// The same for each kind of object with fields.
macro_rules! fields {
    ($($kind:ident),*) => {
        $(impl ser::$kind for Entries<'_, '_> {
            type Ok = ();
            type Error = Stop;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Stop> {
                self.field(key, value)
            }

            fn end(self) -> Result<(), Stop> {
                self.finish()
            }
        })*
    };
}

fields! { SerializeStruct, SerializeStructVariant }
