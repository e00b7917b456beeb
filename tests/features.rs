//! The crate page of each published crate names every feature of its manifest.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

/// The features of a manifest: the keys of its section `[features]`.
fn features(manifest: &str) -> Vec<&str> {
    let section = manifest.split("[features]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap();
    let keys = section.lines().filter(|line| !line.starts_with(['#', ' ']));
    keys.filter_map(|line| line.split_once(" = ")).map(|(key, _)| key).filter(|key| *key != "default").collect()
}

/// Those that the docs of the crate don't name in backquotes.
fn unnamed<'m>(manifest: &'m str, source: &str) -> Vec<&'m str> {
    let page: String = source.lines().filter_map(|line| line.strip_prefix("//!")).collect();
    features(manifest).into_iter().filter(|feature| !page.contains(&format!("`{feature}`"))).collect()
}

#[test]
fn every_crate_page_names_the_crates_features() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for package in [".", "bridge", "core", "insight", "ipc", "openai", "otlp", "pool"] {
        let read = |file| std::fs::read_to_string(root.join(package).join(file)).unwrap();
        let (manifest, source) = (read("Cargo.toml"), read("src/lib.rs"));
        assert!(!features(&manifest).is_empty(), "{package} has features");
        assert_eq!(unnamed(&manifest, &source), [""; 0], "features that the crate page of {package} doesn't name");
    }
}

#[test]
fn a_feature_that_the_page_does_not_name_is_found() {
    let manifest = "[package]\n[features]\ndefault = [\"a\"]\n# Adds a.\na = []\nb = [\n    \"a\",\n]\n[dependencies]\nc = \"1\"\n";
    assert_eq!(unnamed(manifest, "//! | `a` | adds a |\n// `b`\n"), ["b"]);
}
