//! The reason why a value can't be serialised. postcard's error drops the text of a failed `Serialize`. So the value is serialised
//! again, without output, to get that text.

use serde::ser::{self, Serialize};
use std::fmt;

/// The error of the value's `Serialize`. If it has none, postcard's error.
pub(super) fn explain(value: &impl Serialize, error: &postcard::Error) -> String {
    match value.serialize(Nothing) {
        Err(Text(text)) => text,
        Ok(()) => error.to_string(),
    }
}

/// A serializer that writes nothing.
struct Nothing;

#[derive(Debug)]
struct Text(String);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Text {}

impl ser::Error for Text {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Text(text.to_string())
    }
}

macro_rules! ignore {
    ($($method:ident($type:ty);)*) => {
        $(fn $method(self, _value: $type) -> Result<(), Text> {
            Ok(())
        })*
    };
}

impl ser::Serializer for Nothing {
    type Ok = ();
    type Error = Text;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    ignore! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_unit_struct(&'static str);
    }

    fn serialize_none(self) -> Result<(), Text> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), Text> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Text> {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Text> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Text> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Text> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Text> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Text> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Text> {
        Ok(self)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Text> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Text> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Text> {
        Ok(self)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Text> {
        Ok(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! compound {
    ($($trait:ident: $method:ident($($key:ty)?);)*) => {
        $(impl ser::$trait for Nothing {
            type Ok = ();
            type Error = Text;

            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $key,)? value: &T) -> Result<(), Text> {
                value.serialize(Nothing)
            }

            fn end(self) -> Result<(), Text> {
                Ok(())
            }
        })*
    };
}

compound! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeStruct: serialize_field(&'static str);
    SerializeStructVariant: serialize_field(&'static str);
}

impl ser::SerializeMap for Nothing {
    type Ok = ();
    type Error = Text;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Text> {
        key.serialize(Nothing)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Text> {
        value.serialize(Nothing)
    }

    fn end(self) -> Result<(), Text> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::ser::Error as _;
    use serde::Serializer;

    struct Refuses;

    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("it is secret"))
        }
    }

    #[test]
    fn a_refusal_deep_inside_is_heard() {
        let value = (1, vec![Some(Refuses)]);
        let error = postcard::to_stdvec(&value).unwrap_err();
        assert_eq!(explain(&value, &error), "it is secret");
    }
}
