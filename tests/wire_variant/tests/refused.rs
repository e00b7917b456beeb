//! Two builds whose records differ refuse each other, with the error that says why.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// This build of the program.
const NORMAL: &str = env!("CARGO_BIN_EXE_heirloom-wire-variant");
/// What a child says that attaches to nothing.
const REFUSED: &str = "the parent's region has another format than this program's: records, offsets or lengths differ";

/// Builds the program with one number of the format changed, in a separate target directory.
fn build(variant: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wire-variant").join(variant);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--locked", "--target-dir"]).arg(&target);
    // The flags of the build that runs this test would take the place of these, or come on top.
    for variable in ["CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_BUILD_RUSTFLAGS"] {
        cargo.env_remove(variable);
    }
    cargo.env("RUSTFLAGS", format!("--cfg heirloom_wire_variant=\"{variant}\""));
    cargo.envs([("CARGO_PROFILE_DEV_OPT_LEVEL", "0"), ("CARGO_PROFILE_DEV_DEBUG", "0")]);
    assert!(cargo.status().is_ok_and(|status| status.success()), "the variant `{variant}` doesn't compile");
    target.join("debug/heirloom-wire-variant")
}

/// What came of a parent that starts a child: the spans that the parent got from it, and what the child wrote.
fn run(parent: &Path, child: &Path) -> (String, String) {
    let Ok(Output { status, stdout, stderr }) = Command::new(parent).arg(child).output() else {
        panic!("{} doesn't start", parent.display())
    };
    let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    let (spans, said) = (text(&stdout), text(&stderr));
    assert!(status.success(), "{said}");
    (spans, said)
}

fn attaches(parent: &Path, child: &Path) {
    let (spans, said) = run(parent, child);
    assert!(spans.contains("work") && spans.contains("of the trace") && said.is_empty(), "{spans}\n{said}");
}

fn is_refused(parent: &Path, child: &Path) {
    let (spans, said) = run(parent, child);
    assert_eq!(spans, "", "the parent read records of another format");
    assert!(said.contains(REFUSED) && said.contains("build both with the same version of Heirloom"), "{said}");
}

/// The numbers of the format are in `core/src/wire`, where each variant changes one of a kind; that the fingerprint covers
/// every one of them is `the_fingerprint_covers_each_kind_type_flag_and_header_word` there. `HEIRLOOM_WIRE_VARIANTS` says
/// which are built here: CI builds all, `kind type flag header`.
#[test]
fn builds_that_differ_in_a_kind_a_type_a_flag_or_the_header_refuse_each_other() {
    let normal = Path::new(NORMAL);
    attaches(normal, normal);
    let variants = std::env::var("HEIRLOOM_WIRE_VARIANTS").unwrap_or_else(|_| "kind".to_owned());
    for variant in variants.split_whitespace() {
        let other = build(variant);
        is_refused(normal, &other);
        is_refused(&other, normal);
        // The variant is a format as good as the normal one.
        attaches(&other, &other);
    }
}
