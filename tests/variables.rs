//! The names of environment variables: those that are read, those that are documented.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used)]

use heirloom::environment::NAMES;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The pages on which every variable that begins with `HEIRLOOM_` is documented.
const PAGES: [&str; 3] = ["core/src/config/mod.rs", "core/src/config/capture.rs", "core/src/environment.rs"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names in a text that begin with `HEIRLOOM_`, without those of tests and patterns such as `HEIRLOOM_*`.
fn names(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_part(c)).filter(|word| word.starts_with("HEIRLOOM_"));
    words.filter(|word| !word.ends_with('_') && !word.starts_with("HEIRLOOM_TEST")).map(str::to_owned).collect()
}

fn doc_lines(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_variable_is_documented_and_every_documented_one_is_known() {
    let known: BTreeSet<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let documented: BTreeSet<String> = PAGES.iter().flat_map(|page| names(&doc_lines(&root().join(page)))).collect();
    assert_eq!(documented, known);
    let mut pages = vec![root().join("README.md")];
    pages.extend(fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    for page in pages.iter().filter(|page| page.extension().is_some_and(|ending| ending == "md")) {
        let unknown: Vec<_> = names(&fs::read_to_string(page).unwrap()).difference(&known).cloned().collect();
        assert_eq!(unknown, [""; 0], "{}", page.display());
    }
}

/// What the crates read, from their sources: a variable that is read and not known would be reported as a mistake.
#[test]
fn every_variable_that_a_crate_reads_is_known() {
    let mut files: Vec<_> = ["core/src/config/env.rs", "ipc/src/env.rs"].iter().map(|file| root().join(file)).collect();
    files.extend(sources(&root().join("ipc/src")));
    files.extend(sources(&root().join("otlp/src")));
    files.extend(sources(&root().join("insight/src")));
    files.extend(sources(&root().join("langfuse/src")));
    let literals = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let literals = code.join("\n").split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        literals.into_iter().filter(|text| names(text).contains(text)).collect::<Vec<_>>()
    };
    let read: BTreeSet<String> = files.iter().flat_map(|file| literals(file)).collect();
    assert!(read.len() >= NAMES.len(), "{read:?}");
    let unknown: Vec<_> = read.iter().filter(|name| !NAMES.contains(&name.as_str())).collect();
    assert_eq!(unknown, [""; 0]);
}

/// Each process with a tracer would report them as mistakes.
#[test]
fn every_variable_of_a_script_and_of_a_bench_is_known() {
    let known = fs::read_to_string(root().join("core/src/environment/names.rs")).unwrap();
    let mut files = sources(&root().join("benches"));
    files.extend(
        fs::read_dir(root().join("ci")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()),
    );
    let used: BTreeSet<String> = files.iter().flat_map(|file| names(&fs::read_to_string(file).unwrap())).collect();
    let unknown: Vec<_> = used.iter().filter(|name| !known.contains(&format!("\"{name}\""))).collect();
    assert!(used.len() >= 5 && unknown.is_empty(), "{unknown:?}");
}

fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}
