//! Values in `fields(..)`.

use crate::{IntoValue, Span};

/// Sets an attribute to the value behind a reference: values that the function uses are not moved.
#[inline(always)]
pub fn field<T: Field + ?Sized>(span: &Span, key: &'static str, value: &T) {
    value.set(span, key);
}

/// A type whose references are values. A separate trait, because the compiler can't infer a type behind a reference from
/// what the reference implements.
pub trait Field {
    /// Sets the attribute, if there is a value.
    fn set(&self, span: &Span, key: &'static str);
}

impl<T: ?Sized> Field for T
where
    for<'v> &'v T: IntoValue<'v>,
{
    #[inline(always)]
    fn set(&self, span: &Span, key: &'static str) {
        span.set(key, self);
    }
}
