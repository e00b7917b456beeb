//! Tests that need a process of their own: the test binary runs itself again, with only that test.

use heirloom_harness::{again, output_of, succeeded};
use std::process::Output;

#[allow(unused_imports)]
pub use heirloom_harness::case;

/// Runs the test with this name in a process of its own, where [`case`] is `case`, with these variables and none of our
/// own that change what a tracer does.
#[track_caller]
pub fn run(test: &str, case: &str, variables: &[(&str, &str)]) -> Output {
    output_of(again(test, case).envs(variables.iter().copied()))
}

/// As [`run`], and checks that the test ran and passed. Returns what it wrote to standard error.
#[track_caller]
pub fn run_well(test: &str, case: &str, variables: &[(&str, &str)]) -> String {
    let output = run(test, case, variables);
    succeeded(&output);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A path for a file of this test, which is not there yet.
pub fn new_file(name: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("heirloom-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}
