//! What can be a value in `fields(..)`.

use crate::{IntoValue, Span};

/// Sets an attribute to what a reference points to: what the function is going to use is not moved.
#[inline(always)]
pub fn field<T: Field + ?Sized>(span: &Span, key: &'static str, value: &T) {
    value.set(span, key);
}

/// A type whose references are values. A trait of its own, since the compiler can't infer a type behind a reference from
/// what the reference implements.
pub trait Field {
    /// Sets the attribute, if there is something to set.
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
