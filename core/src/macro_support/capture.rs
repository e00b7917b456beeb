//! What goes into an observed function and what comes out of it.

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
