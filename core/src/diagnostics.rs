//! What Heirloom has to say to the person who runs the program: few lines, on standard error.

/// Says something. Callers see to it that it isn't said often.
pub(crate) fn warn(message: &str) {
    eprintln!("heirloom: {message}");
}
