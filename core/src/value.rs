//! Attribute values: OpenTelemetry's types, borrowed.

use std::borrow::Cow;
use std::fmt;

/// The value of an attribute: a boolean, a 64-bit integer, a double, a text, or an array of one of these
/// ([Attribute]).
///
/// Made by `From` from every integer type (what lies beyond an `i64` becomes a text), floats, `bool`, texts and
/// slices, so that setters take plain values: `span.set("bytes", 12_u64)`.
///
/// [Attribute]: https://opentelemetry.io/docs/specs/otel/common/#attribute
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A boolean.
    Bool(bool),
    /// A signed 64-bit integer.
    I64(i64),
    /// A double.
    F64(f64),
    /// A text.
    Str(Cow<'a, str>),
    /// Booleans.
    Bools(Cow<'a, [bool]>),
    /// Signed 64-bit integers.
    I64s(Cow<'a, [i64]>),
    /// Doubles.
    F64s(Cow<'a, [f64]>),
    /// Texts.
    Strs(Vec<Cow<'a, str>>),
}

impl<'a> Value<'a> {
    /// The largest integer that every reader of JSON keeps exact: 2^53 - 1. Many make a double of a number. A larger one is
    /// written as a text.
    pub const MAX_JSON_INTEGER: u64 = (1 << 53) - 1;

    /// The same value, owning what it borrowed. Allocates if it borrows.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Bool(v) => Value::Bool(v),
            Value::I64(v) => Value::I64(v),
            Value::F64(v) => Value::F64(v),
            Value::Str(v) => Value::Str(Cow::Owned(v.into_owned())),
            Value::Bools(v) => Value::Bools(Cow::Owned(v.into_owned())),
            Value::I64s(v) => Value::I64s(Cow::Owned(v.into_owned())),
            Value::F64s(v) => Value::F64s(Cow::Owned(v.into_owned())),
            Value::Strs(v) => Value::Strs(v.into_iter().map(|s| Cow::Owned(s.into_owned())).collect()),
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(v) => Some(v),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::I64(v) => Some(*v),
            _ => None,
        }
    }
}

/// Prints scalars and texts as they are, arrays as in `[1, 2]`.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
            f.write_str("[")?;
            for (i, item) in items.iter().enumerate() {
                write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
            }
            f.write_str("]")
        }
        match self {
            Value::Bool(v) => v.fmt(f),
            Value::I64(v) => v.fmt(f),
            Value::F64(v) => v.fmt(f),
            Value::Str(v) => v.fmt(f),
            Value::Bools(v) => list(f, v),
            Value::I64s(v) => list(f, v),
            Value::F64s(v) => list(f, v),
            Value::Strs(v) => list(f, v),
        }
    }
}

macro_rules! from_small_integers {
    ($($int:ty)*) => {$(
        impl From<$int> for Value<'_> {
            #[inline]
            fn from(value: $int) -> Self { Value::I64(i64::from(value)) }
        }
    )*};
}
from_small_integers!(i8 i16 i32 i64 u8 u16 u32);

macro_rules! from_large_integers {
    ($($int:ty)*) => {$(
        /// An integer where an `i64` holds it, else its decimal text: no digit is lost.
        impl From<$int> for Value<'_> {
            #[inline]
            fn from(value: $int) -> Self {
                match i64::try_from(value) {
                    Ok(value) => Value::I64(value),
                    Err(_) => Value::Str(Cow::Owned(value.to_string())),
                }
            }
        }
    )*};
}
from_large_integers!(u64 usize isize i128 u128);

impl From<bool> for Value<'_> {
    #[inline]
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<f64> for Value<'_> {
    #[inline]
    fn from(value: f64) -> Self {
        Value::F64(value)
    }
}

impl From<f32> for Value<'_> {
    #[inline]
    fn from(value: f32) -> Self {
        Value::F64(f64::from(value))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    #[inline]
    fn from(value: &'a str) -> Self {
        Value::Str(Cow::Borrowed(value))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    #[inline]
    fn from(value: &'a String) -> Self {
        Value::Str(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    #[inline]
    fn from(value: String) -> Self {
        Value::Str(Cow::Owned(value))
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    #[inline]
    fn from(value: Cow<'a, str>) -> Self {
        Value::Str(value)
    }
}

impl<'a> From<&'a [bool]> for Value<'a> {
    #[inline]
    fn from(value: &'a [bool]) -> Self {
        Value::Bools(Cow::Borrowed(value))
    }
}

impl<'a> From<&'a [i64]> for Value<'a> {
    #[inline]
    fn from(value: &'a [i64]) -> Self {
        Value::I64s(Cow::Borrowed(value))
    }
}

impl<'a> From<&'a [f64]> for Value<'a> {
    #[inline]
    fn from(value: &'a [f64]) -> Self {
        Value::F64s(Cow::Borrowed(value))
    }
}

/// Allocates a list of the borrowed texts.
impl<'a> From<&'a [&'a str]> for Value<'a> {
    #[inline]
    fn from(value: &'a [&'a str]) -> Self {
        Value::Strs(value.iter().map(|s| Cow::Borrowed(*s)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_beyond_i64_keeps_its_digits_as_text() {
        assert_eq!(Value::from(7_u64), Value::I64(7));
        assert_eq!(Value::from(u64::MAX), Value::Str("18446744073709551615".into()));
        assert_eq!(Value::from(i128::MIN).to_string(), i128::MIN.to_string());
    }

    #[test]
    fn arrays_print_as_lists() {
        assert_eq!(Value::from(&[1_i64, 2][..]).to_string(), "[1, 2]");
        assert_eq!(Value::from(&["a", "b"][..]).to_string(), "[a, b]");
    }
}
