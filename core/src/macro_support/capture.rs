//! What goes into an observed function and what comes out of it.

pub use crate::capture::{debug, Captured};

use crate::capture::{arguments, record};
use crate::Span;

/// As in [`llm::keys`](crate::llm::keys), which is behind a feature of its own.
const INPUT: &str = "input.value";
const OUTPUT: &str = "output.value";

/// Captures the arguments: one JSON object.
pub fn input(span: &Span, values: &[(&str, &dyn Captured)]) {
    let _ = arguments(span, INPUT, values);
}

/// Captures what the function returned.
pub fn output(span: &Span, value: &dyn Captured) {
    let _ = record(span, OUTPUT, value);
}

#[cfg(all(test, feature = "llm"))]
#[test]
fn the_keys_are_those_of_the_vocabulary() {
    assert_eq!((INPUT, OUTPUT), (crate::llm::keys::INPUT, crate::llm::keys::OUTPUT));
}
