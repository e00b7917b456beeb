//! [`IntoValue`]: the types that a setter takes.

use super::Value;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The types that [`Span::set`](crate::Span::set) and the other setters take: each [`Value`], and an `Option` of one.
///
/// | type | recorded as |
/// |---|---|
/// | integers, floats, `bool` | a number or a boolean; an integer beyond `i64` as its decimal text |
/// | `str`, `String`, `Cow<str>` | a text |
/// | slices, arrays and `Vec`s of `bool`, `i64`, `f64`, `&str`, `String` | an array |
/// | [`Duration`] | its nanoseconds; end the key with `_ns` |
/// | [`Path`], [`PathBuf`] | a text; bytes that aren't UTF-8 are replaced by U+FFFD |
/// | `Option<V>` | the value; `None` records nothing |
/// | references to these, and to a `Box`, `Rc` or `Arc` of one | the same |
/// | [`Value`] | itself |
///
/// Use [`Span::set_display`](crate::Span::set_display) or [`Span::set_debug`](crate::Span::set_debug) for every other type, or
/// implement this trait for it:
///
/// ```
/// use heirloom_core::{root, IntoValue, Value};
///
/// struct UserId(u32);
///
/// impl<'v> IntoValue<'v> for UserId {
///     fn into_value(self) -> Option<Value<'v>> {
///         self.0.into_value()
///     }
/// }
///
/// root("load").set("user", UserId(7)).set("referrer", None::<&str>);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the value of an attribute",
    label = "expected a number, a boolean, a text, a list of these, a duration, a path, or an `Option` of one",
    note = "for other types call `set_display(key, &value)` or `set_debug(key, &value)`; in `#[observe]` write \
            `fields(key = value.to_string())`"
)]
pub trait IntoValue<'v> {
    /// The value; `None` if nothing is to be recorded.
    fn into_value(self) -> Option<Value<'v>>;
}

impl<'v> IntoValue<'v> for Value<'v> {
    #[inline(always)]
    fn into_value(self) -> Option<Value<'v>> {
        Some(self)
    }
}

/// Copies the text or the list.
impl<'v> IntoValue<'v> for &'v Value<'v> {
    fn into_value(self) -> Option<Value<'v>> {
        Some(self.clone())
    }
}

impl<'v, V: IntoValue<'v>> IntoValue<'v> for Option<V> {
    #[inline(always)]
    fn into_value(self) -> Option<Value<'v>> {
        self?.into_value()
    }
}

impl<'v, T> IntoValue<'v> for &'v Option<T>
where
    &'v T: IntoValue<'v>,
{
    #[inline(always)]
    fn into_value(self) -> Option<Value<'v>> {
        self.as_ref()?.into_value()
    }
}

macro_rules! scalars {
    ($($ty:ty)*) => {$(
        impl<'v> IntoValue<'v> for $ty {
            #[inline(always)]
            fn into_value(self) -> Option<Value<'v>> {
                Some(self.into())
            }
        }

        impl<'v> IntoValue<'v> for &$ty {
            #[inline(always)]
            fn into_value(self) -> Option<Value<'v>> {
                Some((*self).into())
            }
        }
    )*};
}
scalars!(bool i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64 Duration);

macro_rules! borrowed {
    ($($ty:ty)*) => {$(
        impl<'v> IntoValue<'v> for &'v $ty {
            #[inline(always)]
            fn into_value(self) -> Option<Value<'v>> {
                Some(self.into())
            }
        }
    )*};
}
borrowed!(str String [bool] [i64] [f64] Path);

impl<'v> IntoValue<'v> for &'v [&str] {
    #[inline(always)]
    fn into_value(self) -> Option<Value<'v>> {
        Some(self.into())
    }
}

impl<'v> IntoValue<'v> for &'v [String] {
    #[inline]
    fn into_value(self) -> Option<Value<'v>> {
        Some(Value::Strs(self.iter().map(|text| text.into()).collect()))
    }
}

/// A list that the caller gives away.
macro_rules! given {
    ($($item:ty => $list:expr),*) => {$(
        impl<'v> IntoValue<'v> for Vec<$item> {
            #[inline]
            fn into_value(self) -> Option<Value<'v>> {
                Some($list(self))
            }
        }

        impl<'v, const N: usize> IntoValue<'v> for [$item; N] {
            #[inline]
            fn into_value(self) -> Option<Value<'v>> {
                Vec::from(self).into_value()
            }
        }
    )*};
}
given!(
    bool => |list| Value::Bools(Cow::Owned(list)),
    i64 => |list| Value::I64s(Cow::Owned(list)),
    f64 => |list| Value::F64s(Cow::Owned(list)),
    &'v str => |list: Vec<_>| Value::Strs(list.into_iter().map(Cow::Borrowed).collect()),
    String => |list: Vec<_>| Value::Strs(list.into_iter().map(Cow::Owned).collect())
);

macro_rules! owned {
    ($($ty:ty)*) => {$(
        impl<'v> IntoValue<'v> for $ty {
            #[inline(always)]
            fn into_value(self) -> Option<Value<'v>> {
                Some(self.into())
            }
        }
    )*};
}
owned!(String Cow<'v, str> PathBuf);

impl<'v> IntoValue<'v> for &'v PathBuf {
    #[inline]
    fn into_value(self) -> Option<Value<'v>> {
        self.as_path().into_value()
    }
}

impl<'v, T> IntoValue<'v> for &'v Vec<T>
where
    &'v [T]: IntoValue<'v>,
{
    #[inline]
    fn into_value(self) -> Option<Value<'v>> {
        self.as_slice().into_value()
    }
}

impl<'v, T, const N: usize> IntoValue<'v> for &'v [T; N]
where
    &'v [T]: IntoValue<'v>,
{
    #[inline]
    fn into_value(self) -> Option<Value<'v>> {
        self.as_slice().into_value()
    }
}

macro_rules! pointers {
    ($($ty:ty)*) => {$(
        impl<'v, T: ?Sized> IntoValue<'v> for &'v $ty
        where
            &'v T: IntoValue<'v>,
        {
            #[inline(always)]
            fn into_value(self) -> Option<Value<'v>> {
                (&**self).into_value()
            }
        }
    )*};
}
pointers!(&T &mut T Box<T> Rc<T> Arc<T>);

impl<'v, T: ToOwned + ?Sized> IntoValue<'v> for &'v Cow<'_, T>
where
    &'v T: IntoValue<'v>,
{
    #[inline(always)]
    fn into_value(self) -> Option<Value<'v>> {
        self.as_ref().into_value()
    }
}

#[cfg(test)]
#[allow(clippy::needless_borrows_for_generic_args)] // that references are values is what is tested
mod tests {
    use super::*;

    fn value<'v>(of: impl IntoValue<'v>) -> Option<Value<'v>> {
        of.into_value()
    }

    #[test]
    fn none_is_nothing_and_some_is_its_value() {
        assert_eq!(value(None::<u64>), None);
        assert_eq!(value(Some(Some("text"))), Some(Value::Str("text".into())));
        assert_eq!(value(&Some(String::from("text"))), Some(Value::Str("text".into())));
        assert_eq!(value(&None::<Vec<i64>>), None);
    }

    #[test]
    fn a_duration_is_its_nanoseconds() {
        assert_eq!(value(Duration::new(1, 5)), Some(Value::I64(1_000_000_005)));
        assert_eq!(value(Duration::MAX), Some(Value::Str("18446744073709551615999999999".into())));
    }

    #[test]
    fn a_path_is_a_text_whatever_its_bytes() {
        assert_eq!(value(Path::new("a/b")), Some(Value::Str("a/b".into())));
        assert_eq!(value(PathBuf::from("a")), Some(Value::Str("a".into())));
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            let bytes = std::ffi::OsStr::from_bytes(b"a\xff");
            assert_eq!(value(Path::new(bytes)), Some(Value::Str("a\u{fffd}".into())));
        }
    }

    #[test]
    fn a_list_is_an_array_by_value_and_by_reference() {
        let (one, two) = (String::from("a"), String::from("b"));
        let texts = Some(Value::Strs(vec!["a".into(), "b".into()]));
        assert_eq!(value([true]), value(&vec![true]));
        assert_eq!(value(vec![1_i64, 2]), value(&[1_i64, 2]));
        assert_eq!(value(Some(vec![0.5])), Some(Value::F64s(vec![0.5].into())));
        assert_eq!((value(vec!["a", "b"]), value([one.as_str(), &two])), (texts.clone(), texts.clone()));
        assert_eq!((value(&[one.clone(), two.clone()]), value(vec![one, two])), (texts.clone(), texts));
    }

    #[test]
    fn what_points_to_a_value_is_that_value() {
        assert_eq!(value(&Arc::new(7_u8)), Some(Value::I64(7)));
        assert_eq!(value(&&7_u8), Some(Value::I64(7)));
        assert_eq!(value(&Box::<str>::from("text")), Some(Value::Str("text".into())));
        assert_eq!(value(&vec![1_i64]), Some(Value::I64s(vec![1].into())));
        assert_eq!(value(&["a"; 2]), Some(Value::Strs(vec!["a".into(), "a".into()])));
    }
}
