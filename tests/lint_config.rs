//! The documented configuration of clippy is the one that `ci/lint-await.sh` tests.
#![allow(clippy::unwrap_used)]

const CRATE_PAGE: &str = include_str!("../src/lib.rs");
const TESTED: &str = include_str!("../clippy.toml");

#[test]
fn the_lint_for_scopes_held_over_an_await_is_documented_as_it_is_tested() {
    let documented = CRATE_PAGE.split("//! ```toml\n").nth(1).and_then(|rest| rest.split("//! ```").next()).unwrap();
    let lines: Vec<&str> = documented.lines().filter_map(|line| line.strip_prefix("//! ")).collect();
    assert!(lines[0].starts_with("await-holding-invalid-types"), "{documented}");
    assert!(TESTED.contains(&lines.join("\n")), "clippy.toml doesn't have what the crate page says:\n{documented}");
}
