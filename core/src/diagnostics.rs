//! Warnings for the operator of the program: few lines, on standard error.

/// Writes a warning. Callers limit how often.
pub(crate) fn warn(message: &str) {
    eprintln!("heirloom: {message}");
}
