//! What the command does on a terminal only: texts as wide as it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use heirloom_harness::output_of;
use std::path::Path;
use support::{command, span, spans};
use terminal::output_on_terminal;

/// A file with a root and, on the same thread, a child in it.
fn trace(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("run.otlp");
    let second = 1_000_000_000;
    spans(&file, vec![span(1, 0, "root", second, 2 * second), span(2, 1, "step", second, 2 * second)]);
    file
}

/// The columns of the longest line.
fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap()
}

#[test]
fn a_report_is_as_wide_as_the_terminal_or_the_variable_and_has_80_columns_without_either() {
    let folder = tempfile::tempdir().unwrap();
    let file = trace(folder.path());
    let report = || command([Path::new("report"), &file]);
    for (columns, expected) in [(120, 120), (60, 80), (300, 160)] {
        let text = output_on_terminal(report(), columns);
        assert_eq!(widest(&text), expected, "{text}");
        assert!(
            text.lines().any(|line| line.matches('█').count() > expected - 60 && line.contains("thread 1")),
            "{text}"
        );
    }
    let piped = |variable: Option<&str>| {
        let mut command = report();
        command.envs(variable.map(|columns| ("COLUMNS", columns)));
        String::from_utf8(output_of(&mut command).stdout).unwrap()
    };
    assert_eq!([piped(None), piped(Some("100"))].map(|text| widest(&text)), [80, 100]);
    // A terminal knows best.
    let mut command = report();
    command.env("COLUMNS", "100");
    assert_eq!(widest(&output_on_terminal(command, 120)), 120);
}
