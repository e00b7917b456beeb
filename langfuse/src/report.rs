//! Messages for the operator of the program, on standard error.

use std::io::{self, Write};

/// Writes a line. A closed standard error is no error. Callers limit how often.
pub(crate) fn warn(message: &str) {
    drop(writeln!(io::stderr(), "heirloom: {message}"));
}
