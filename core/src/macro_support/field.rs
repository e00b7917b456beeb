//! What can be a value in `fields(..)`.

use crate::{Span, Value};
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

/// Sets an attribute, unless the value is a `None`.
#[inline(always)]
pub fn field<T: Field + ?Sized>(span: &Span, key: &'static str, value: &T) {
    value.set(span, key);
}

/// A value of an attribute, by reference: what the function is going to use is not moved.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the value of an attribute",
    label = "no number, boolean, text, nor a list of these",
    note = "write the text: `fields(key = format!(\"{{value:?}}\"))` or `fields(key = value.to_string())`"
)]
pub trait Field {
    /// Sets the attribute to it, if there is something to set.
    fn set(&self, span: &Span, key: &'static str);
}

macro_rules! copied {
    ($($ty:ty)*) => {$(
        impl Field for $ty {
            #[inline(always)]
            fn set(&self, span: &Span, key: &'static str) {
                span.set(key, *self);
            }
        }
    )*};
}
copied!(bool i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

macro_rules! borrowed {
    ($($ty:ty)*) => {$(
        impl Field for $ty {
            #[inline(always)]
            fn set(&self, span: &Span, key: &'static str) {
                span.set(key, self);
            }
        }
    )*};
}
borrowed!(str String [bool] [i64] [f64] [&str]);

impl Field for Value<'_> {
    #[inline]
    fn set(&self, span: &Span, key: &'static str) {
        span.set(key, self.clone());
    }
}

impl<T: Field> Field for Option<T> {
    #[inline]
    fn set(&self, span: &Span, key: &'static str) {
        if let Some(value) = self {
            value.set(span, key);
        }
    }
}

impl<T> Field for Vec<T>
where
    [T]: Field,
{
    #[inline]
    fn set(&self, span: &Span, key: &'static str) {
        self.as_slice().set(span, key);
    }
}

impl<T, const N: usize> Field for [T; N]
where
    [T]: Field,
{
    #[inline]
    fn set(&self, span: &Span, key: &'static str) {
        self.as_slice().set(span, key);
    }
}

impl<T: Field + ToOwned + ?Sized> Field for Cow<'_, T> {
    #[inline]
    fn set(&self, span: &Span, key: &'static str) {
        self.as_ref().set(span, key);
    }
}

macro_rules! pointers {
    ($($ty:ty)*) => {$(
        impl<T: Field + ?Sized> Field for $ty {
            #[inline(always)]
            fn set(&self, span: &Span, key: &'static str) {
                (**self).set(span, key);
            }
        }
    )*};
}
pointers!(&T &mut T Box<T> Rc<T> Arc<T>);
