//! Capture with empty bodies, for a library without the feature `record`.
#![allow(missing_docs)]

use crate::{Name, SetError, Span};
use core::fmt;
use serde::{Serialize, Serializer};

pub trait Captured {}

impl<T: Serialize + ?Sized> Captured for T {}

#[derive(Clone, Copy, Debug)]
pub struct Debugged<'a, T: ?Sized>(&'a T);

impl<T: fmt::Debug + ?Sized> Serialize for Debugged<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

#[inline(always)]
pub fn debug<T: fmt::Debug + ?Sized>(value: &T) -> Debugged<'_, T> {
    Debugged(value)
}

#[inline(always)]
pub fn record<'k>(_span: &Span, _key: impl Into<Name<'k>>, _value: &(impl Captured + ?Sized)) -> Result<(), SetError> {
    Err(SetError::NotRecording)
}

#[inline(always)]
pub fn text<'k>(_span: &Span, _key: impl Into<Name<'k>>, _text: &str) -> Result<(), SetError> {
    Err(SetError::NotRecording)
}

#[inline(always)]
pub fn to_text(_span: &Span, _key: &str, _text: &str) -> Result<String, SetError> {
    Err(SetError::NotRecording)
}

#[inline(always)]
pub fn to_json(_span: &Span, _key: &str, _value: &(impl Captured + ?Sized)) -> Result<String, SetError> {
    Err(SetError::NotRecording)
}

#[inline(always)]
pub fn is_denied(_span: &Span, _key: &str) -> bool {
    false
}

#[inline(always)]
pub fn arguments<'k>(
    _span: &Span,
    _key: impl Into<Name<'k>>,
    _arguments: &[(&str, &dyn Captured)],
) -> Result<(), SetError> {
    Err(SetError::NotRecording)
}
