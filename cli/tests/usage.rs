//! The arguments: help, errors, completions.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use support::{heirloom, succeeds};

#[test]
fn each_subcommand_has_a_help_with_examples_in_80_columns() {
    let help = succeeds(["--help"]);
    for name in ["report", "html", "check", "diff", "convert", "scale", "completions"] {
        assert!(help.contains(&format!("\n  {name} ")), "{help}");
        let own = heirloom(["help", name]);
        assert!(own.status == 0 && own.out.contains("\nExample"), "{own:?}");
        assert!(own.out.contains(&format!("heirloom {name}")), "{}", own.out);
        let short = succeeds([name, "-h"]);
        assert!(short.lines().count() < 60, "{short}");
        assert!(short.lines().chain(own.out.lines()).all(|line| line.chars().count() <= 80), "{short}");
    }
    assert!(help.contains("Exit status: 0 done; 1 a check"), "{help}");
    assert!(succeeds(["--version"]).starts_with("heirloom 0."));
}

#[test]
fn wrong_usage_is_status_2_and_says_what_was_expected() {
    for (args, wanted) in [
        (&[][..], "Usage: heirloom"),
        (&["chek"], "check"),
        (&["check"], "<FILE>..."),
        (&["check", "--allow", "orphan", "x"], "expected one of orphans, duplicates,"),
        (&["check", "--list", "-1", "x"], "-1"),
        (&["check", "--color", "blue", "x"], "blue"),
        (&["convert", "a.otlp"], "<TO>"),
        (&["convert", "--strip-names", "a.otlp", "b.otlp"], "--strip"),
        (&["diff", "a"], "<B>"),
        (&["diff", "--a", "x"], "--b <FILE>..."),
        (&["diff", "--each", "a", "b"], "--threshold"),
        (&["completions", "tcl"], "tcl"),
    ] {
        let ran = heirloom(args);
        assert!(ran.status == 2 && ran.out.is_empty() && ran.err.contains(wanted), "{args:?}: {ran:?}");
    }
}

#[test]
fn completions_are_made_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = succeeds(["completions", shell]);
        assert!(script.contains("heirloom") && script.contains("check"), "{shell}");
    }
}

#[test]
fn examples_fit_80_columns_and_a_comparison_shows_both_of_its_forms() {
    for name in ["report", "html", "check", "diff", "convert", "scale", "completions"] {
        let help = succeeds([name, "--help"]);
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        // A line that was wrapped begins a new one.
        let examples = help.split("Example").nth(1).unwrap().lines().skip(1).take_while(|line| !line.is_empty());
        examples.for_each(|line| assert!(line.starts_with("  heirloom "), "{line}: {help}"));
    }
    let usage = succeeds(["diff", "--help"]);
    assert!(usage.contains("diff [OPTIONS] <A> <B>\n") && usage.contains("--a <FILE>... --b <FILE>...\n"), "{usage}");
}

#[test]
fn a_threshold_that_nothing_can_exceed_is_an_error() {
    for threshold in ["NaN", "inf", "-5", "1e400", "5%"] {
        let ran = heirloom(["diff", "--threshold", threshold, "a.otlp", "b.otlp"]);
        assert!(ran.status == 2 && ran.err.contains("expected a number from 0, such as 5 or 2.5"), "{ran:?}");
    }
    let ran = heirloom(["convert", "--strip", "--strip-names", "--key", "", "a.otlp", "b.otlp"]);
    assert!(ran.status == 2 && ran.err.contains("a value is required for '--key <TEXT>'"), "{ran:?}");
}
