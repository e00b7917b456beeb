//! `HEIRLOOM_TREE=1`: what a whole program shows when it finishes, with the feature `report`.
#![cfg(all(feature = "record", feature = "report", feature = "rayon"))]
#![allow(clippy::unwrap_used)]

use heirloom::prelude::*;
use heirloom_harness::{again, alone, case, output_of, succeeded};
use rayon::prelude::*;
use std::time::Duration;

const TREE: &str = "HEIRLOOM_TREE";

/// A whole program: 30 jobs on two threads, one of them long.
fn program() {
    let guard = heirloom::init("shop").unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    heirloom::in_root("orders", |root| {
        pool.traced(root).install("day", |day| {
            (0..30_u64).into_par_iter().traced(day).for_each("order", |span, n| {
                span.set("n", n);
                std::thread::sleep(Duration::from_millis(if n == 17 { 60 } else { 1 }));
            });
        });
    });
    assert!(guard.finish().ledger().is_balanced());
}

/// What the program writes on standard error.
fn shown(test: &str, value: &str) -> String {
    let mut command = again(test, "child");
    command.env(TREE, value).env_remove("COLUMNS");
    let output = output_of(&mut command);
    succeeded(&output);
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn findings_come_first_and_then_the_tree_with_the_longest_of_a_folded_line() {
    let test = "findings_come_first_and_then_the_tree_with_the_longest_of_a_folded_line";
    if case().is_some() {
        return program();
    }
    let text = shown(test, "1");
    let (findings, tree) = text.split_once("\nTree\n").unwrap_or_else(|| panic!("{text}"));
    assert!(findings.lines().all(|line| line.chars().count() <= 80), "{findings}");
    assert!(findings.contains("`order`"), "{findings}");
    let folded = tree.lines().find(|line| line.contains("order x 30")).unwrap_or_else(|| panic!("{tree}"));
    assert!(folded.contains("(n: 17)"), "{folded}");
}

#[test]
fn nothing_is_written_unless_it_is_asked_for() {
    let test = "nothing_is_written_unless_it_is_asked_for";
    if case().is_some() {
        return program();
    }
    for value in ["", "0", "false"] {
        assert_eq!(shown(test, value), "");
    }
    let wrong = shown(test, "yes");
    assert!(wrong.contains("HEIRLOOM_TREE=\"yes\" is ignored: it takes true, 1, false or 0"), "{wrong}");
}

#[test]
#[cfg(all(target_os = "linux", feature = "ipc"))]
fn an_attached_child_leaves_the_tree_to_its_parent_and_complains_of_nothing() {
    let test = "an_attached_child_leaves_the_tree_to_its_parent_and_complains_of_nothing";
    match case().as_deref() {
        None => {
            let mut command = again(test, "parent");
            let output = output_of(command.env(TREE, "1").env("HEIRLOOM_STRICT", "1"));
            succeeded(&output);
            let text = String::from_utf8(output.stderr).unwrap();
            assert!(!text.contains(TREE) && text.matches("\nTree\n").count() == 1, "{text}");
            assert!(text.contains("in the child"), "{text}");
        }
        Some("parent") => {
            let guard = heirloom::init("shop").unwrap();
            heirloom::in_root("orders", |root| {
                let mut command = again(test, "child");
                succeeded(&command.stdout(std::process::Stdio::piped()).traced(root).attached().output().unwrap());
            });
            assert!(guard.finish().ledger().is_balanced());
        }
        Some(_) => {
            // Without the extension for the variable, as in a program without the feature.
            heirloom_ipc::shm::attach_to_parent();
            let guard = heirloom_core::init("child").unwrap();
            heirloom::Context::from_env().unwrap().in_span("in the child", |_| ());
            drop(guard);
        }
    }
}

#[test]
fn without_the_extension_the_variable_names_the_feature() {
    alone("without_the_extension_the_variable_names_the_feature", &[(TREE, "1"), ("HEIRLOOM_STRICT", "1")], || {
        let error = heirloom_core::init("shop").unwrap_err().to_string();
        assert!(error.contains("it needs the feature \"analysis\" of the crate `heirloom`"), "{error}");
    });
}
