//! How a `Result` is recorded on a span.

use crate::{Span, Status};
use std::any::type_name;
use std::fmt::Display;

/// The key of the error's type, from OpenTelemetry.
const ERROR_TYPE: &str = "error.type";

/// An `Err` sets an error status, and the name of its type; not its text.
#[inline]
pub fn failed<T, E>(span: &Span, result: &Result<T, E>) {
    if result.is_err() {
        close(span, type_name::<E>(), String::new);
    }
}

/// The same with its text.
#[inline]
pub fn failed_with<T, E: Display>(span: &Span, result: &Result<T, E>) {
    if let Err(error) = result {
        close(span, type_name::<E>(), || error.to_string());
    }
}

#[cold]
fn close(span: &Span, error_type: &'static str, text: impl FnOnce() -> String) {
    if span.is_recording() {
        span.set(ERROR_TYPE, error_type).set_status(Status::Error(text()));
    }
}
