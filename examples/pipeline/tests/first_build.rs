//! What the README's first command builds.
#![allow(clippy::unwrap_used)]

use std::process::Command;

/// A parser of Rust is a seventh of the first build: docs/decisions/0025-a-first-build-without-derive.md.
#[test]
fn the_first_build_has_no_derive_macros() {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--offline", "--prefix=none", "--edges=normal,build", "--package=heirloom-pipeline"]);
    let out = tree.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let tree = String::from_utf8(out.stdout).unwrap();
    let crates: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains(&"serde_core"), "{tree}{}", String::from_utf8_lossy(&out.stderr));
    let parsers = ["serde_derive", "syn", "quote", "proc-macro2"];
    assert_eq!(crates.iter().find(|name| parsers.contains(name)), None, "{tree}");
}
