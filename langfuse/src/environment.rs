//! Langfuse's rule for the name of an environment.

use heirloom_core::diagnostics::{report, Cause, Diagnostic, Level};
use std::sync::Once;

const MAX_CHARS: usize = 40;

/// Whether the name matches `^(?!langfuse)[a-z0-9_-]+$` and has at most 40 characters.
pub(crate) fn is_valid(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    !text.is_empty() && text.len() <= MAX_CHARS && !text.starts_with("langfuse") && text.bytes().all(allowed)
}

/// The name in lower case, if that is valid. The first name with other letters is reported on standard error, without the
/// name: any setting could contain a key by mistake.
pub(crate) fn valid(text: &str) -> Option<String> {
    static REPORTED: Once = Once::new();
    let name = text.to_lowercase();
    if !is_valid(&name) {
        return None;
    }
    if name != text {
        REPORTED.call_once(|| {
            report(Diagnostic::new(
                Level::Warn,
                Cause::Setting,
                "the name of the environment has upper-case letters, which Langfuse refuses: it is sent in lower case \
                 (LANGFUSE_TRACING_ENVIRONMENT, deployment.environment.name)",
            ));
        });
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::{is_valid, valid};

    #[test]
    fn other_letters_are_lowered_and_the_rest_stays_invalid() {
        assert_eq!(valid("Production").as_deref(), Some("production"));
        assert_eq!(valid("EU_West-2").as_deref(), Some("eu_west-2"));
        assert_eq!([valid("Langfuse-x"), valid("A b"), valid("É"), valid("")], [None, None, None, None]);
    }

    #[test]
    fn a_name_is_short_and_lowercase_and_not_langfuses_own() {
        for good in ["production", "beta-2", "eu_west", "a", &"x".repeat(40), "my-langfuse"] {
            assert!(is_valid(good), "{good}");
        }
        for bad in ["", "Production", "langfuse", "langfuse-x", "a b", "é", &"x".repeat(41), "a.b"] {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}
