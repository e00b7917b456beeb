//! Langfuse's rule for the name of an environment.

const MAX_CHARS: usize = 40;

/// Whether the name matches `^(?!langfuse)[a-z0-9_-]+$` and has at most 40 characters.
pub(crate) fn is_valid(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    !text.is_empty() && text.len() <= MAX_CHARS && !text.starts_with("langfuse") && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::is_valid;

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
