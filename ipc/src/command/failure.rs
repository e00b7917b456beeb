//! Values of the attribute `error.type`: few, and the same on every machine.

use crate::process;
use std::borrow::Cow;
use std::io::{Error, ErrorKind};

/// The kind of the error, as in `not_found`; OpenTelemetry's `_OTHER` for an error without a kind.
pub(super) fn error_type(error: &Error) -> Cow<'static, str> {
    match process::error_name(error) {
        Some(name) => Cow::Borrowed(name),
        None => of_kind(error.kind()),
    }
}

/// `NotFound` becomes `not_found`.
fn of_kind(kind: ErrorKind) -> Cow<'static, str> {
    let name = format!("{kind:?}");
    if matches!(name.as_str(), "Other" | "Uncategorized") {
        return Cow::Borrowed("_OTHER");
    }
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    Cow::Owned(snake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        for (kind, name) in [
            (ErrorKind::NotFound, "not_found"),
            (ErrorKind::PermissionDenied, "permission_denied"),
            (ErrorKind::ArgumentListTooLong, "argument_list_too_long"),
            (ErrorKind::Other, "_OTHER"),
        ] {
            assert_eq!(error_type(&kind.into()), name);
        }
    }

    #[test]
    #[cfg(unix)]
    fn what_the_standard_library_does_not_name_has_a_name() {
        let named = |code| error_type(&Error::from_raw_os_error(code));
        assert_eq!(named(libc::EMFILE), "too_many_open_files");
        assert_eq!(named(libc::ENOEXEC), "exec_format_error");
        assert_eq!(named(libc::EXDEV), "crosses_devices");
        assert_eq!(named(i32::MAX), "_OTHER");
    }
}
