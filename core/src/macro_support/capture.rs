//! Captures the input and output of an observed function.

pub use crate::capture::{debug, Captured};

use crate::capture::{arguments, record};
use crate::llm::keys::{INPUT, OUTPUT};
use crate::Span;

/// Captures the arguments: one JSON object.
pub fn input(span: &Span, values: &[(&str, &dyn Captured)]) {
    let _ = arguments(span, INPUT, values);
}

/// Captures what the function returned.
pub fn output(span: &Span, value: &dyn Captured) {
    let _ = record(span, OUTPUT, value);
}
