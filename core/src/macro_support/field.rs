//! What can be a value in `fields(..)`.

use crate::{Span, Value};
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

/// Sets an attribute, unless the value is a `None`.
#[inline]
pub fn field<T: Field + ?Sized>(span: &Span, key: &'static str, value: &T) {
    if let Some(value) = value.value() {
        span.set(key, value);
    }
}

/// A value of an attribute, by reference: what the function is going to use is not moved.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the value of an attribute",
    label = "no number, boolean, text, nor a list of these",
    note = "write the text: `fields(key = format!(\"{{value:?}}\"))` or `fields(key = value.to_string())`"
)]
pub trait Field {
    /// The value; `None` where there is nothing to set.
    fn value(&self) -> Option<Value<'_>>;
}

macro_rules! copied {
    ($($ty:ty)*) => {$(
        impl Field for $ty {
            #[inline(always)]
            fn value(&self) -> Option<Value<'_>> {
                Some(Value::from(*self))
            }
        }
    )*};
}
copied!(bool i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

macro_rules! lists {
    ($($ty:ty)*) => {$(
        impl Field for [$ty] {
            #[inline]
            fn value(&self) -> Option<Value<'_>> {
                Some(Value::from(self))
            }
        }
    )*};
}
lists!(bool i64 f64 &str);

impl Field for str {
    #[inline(always)]
    fn value(&self) -> Option<Value<'_>> {
        Some(Value::from(self))
    }
}

impl Field for String {
    #[inline(always)]
    fn value(&self) -> Option<Value<'_>> {
        self.as_str().value()
    }
}

impl Field for Value<'_> {
    #[inline]
    fn value(&self) -> Option<Value<'_>> {
        Some(self.clone())
    }
}

impl<T: Field> Field for Option<T> {
    #[inline]
    fn value(&self) -> Option<Value<'_>> {
        self.as_ref()?.value()
    }
}

impl<T> Field for Vec<T>
where
    [T]: Field,
{
    #[inline]
    fn value(&self) -> Option<Value<'_>> {
        self.as_slice().value()
    }
}

impl<T, const N: usize> Field for [T; N]
where
    [T]: Field,
{
    #[inline]
    fn value(&self) -> Option<Value<'_>> {
        self.as_slice().value()
    }
}

impl<T: Field + ToOwned + ?Sized> Field for Cow<'_, T> {
    #[inline]
    fn value(&self) -> Option<Value<'_>> {
        self.as_ref().value()
    }
}

macro_rules! pointers {
    ($($ty:ty)*) => {$(
        impl<T: Field + ?Sized> Field for $ty {
            #[inline(always)]
            fn value(&self) -> Option<Value<'_>> {
                (**self).value()
            }
        }
    )*};
}
pointers!(&T &mut T Box<T> Rc<T> Arc<T>);
