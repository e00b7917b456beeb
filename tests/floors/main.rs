//! The floors of the crates: a module uses only modules below it, and no modules import each other in a circle.
//!
//! The test reads the sources of every published crate. `use` statements and paths in code (`crate::x::..`, `super::x::..`)
//! are imports; code for tests only, comments, and re-exports in a `lib.rs` are not. A re-exported name counts as an import
//! from the module that declares it. The test doesn't see a call of a method whose `impl` stands on a higher floor.
//!
//! A new module of `core` needs a floor, in [`CORE`] and in ARCHITECTURE.md; a new crate a line in [`CRATES`].
#![allow(clippy::unwrap_used)]

mod house;
mod planted;
mod rules;
mod source;

use house::{Files, House};
use rules::{circles, upward, upward_crates, Circle, Floors};
use std::fs;
use std::path::Path;

/// The modules of `core`, from floor 1 up.
const CORE: Floors<'static> = &[
    &[
        "error",
        "id",
        "kind",
        "lane_name",
        "life",
        "mark_kind",
        "name",
        "random",
        "sync",
        "sys",
        "text",
        "unplaced",
        "value",
    ],
    &["diagnostics", "keyed_ids"],
    &["clock", "context", "dictionary", "environment", "mapping", "propagated", "wire"],
    &["export", "foreign", "propagation", "sampler", "serial", "shard"],
    &["config", "otel", "shm", "tree"],
    &["pipeline"],
    &["thread"],
    &["collector", "record"],
    &["capture", "future", "stream", "tracer"],
    &["llm", "testing"],
    &["macro_support", "trace_update"],
];

/// The published crates, from the lowest floor up.
const CRATES: Floors<'static> = &[
    &["heirloom_macros"],
    &["heirloom_core"],
    &["heirloom_bridge", "heirloom_ipc", "heirloom_openai", "heirloom_pool"],
    &["heirloom_otlp"],
    &["heirloom_insight", "heirloom_langfuse"],
    &["heirloom", "heirloom_cli"],
];

/// The folder of a crate, its name in paths, and its allowed circles.
const SOURCES: &[(&str, &str, &[Circle<'static>])] = &[
    ("core/macros", "heirloom_macros", &[]),
    ("core", "heirloom_core", &[]),
    ("bridge", "heirloom_bridge", &[]),
    ("openai", "heirloom_openai", &[]),
    ("ipc", "heirloom_ipc", &[]),
    ("pool", "heirloom_pool", &[]),
    ("cli", "heirloom_cli", &[]),
    ("insight", "heirloom_insight", &[]),
    ("langfuse", "heirloom_langfuse", &[]),
    ("otlp", "heirloom_otlp", &[]),
    (".", "heirloom", &[]),
];

fn files(folder: &Path, under: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = under.join(path.file_name().unwrap());
        if path.is_dir() {
            self::files(&path, &name, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn house(folder: &str) -> House {
    let source = Path::new(if folder == "." { "" } else { folder }).join("src");
    let mut all = Files::new();
    files(&root().join(&source), &source, &mut all);
    House::build(&all, &source.join("lib.rs")).unwrap()
}

#[track_caller]
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_module_of_core_uses_lower_floors_only() {
    none(&upward(&house("core"), CORE));
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let mut wrong = Vec::new();
    for (folder, _, known) in SOURCES {
        wrong.extend(circles(&house(folder), known).into_iter().map(|circle| format!("{folder}: {circle}")));
    }
    none(&wrong);
}

#[test]
fn every_crate_uses_lower_crates_only() {
    let wrong: Vec<String> =
        SOURCES.iter().flat_map(|(folder, name, _)| upward_crates(&house(folder), name, CRATES)).collect();
    none(&wrong);
}

/// The published members of the workspace, and the root package.
fn published() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.split_once("members = [").unwrap().1.split_once(']').unwrap().0;
    let names = members.split('"').skip(1).step_by(2).map(str::to_owned);
    let is_published = |name: &String| {
        let text = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        !text.lines().any(|line| line.trim() == "publish = false")
    };
    names.chain([".".to_owned()]).filter(is_published).collect()
}

/// The files that read environment variables for all others, and the tests below `src`, which read their own.
const READ_VARIABLES: &[&str] = &["core/src/environment.rs", "ipc/src/env.rs"];
const TESTS: &[&str] =
    &["core/src/config/env/tests.rs", "core/src/export/chrome/tests.rs", "core/src/shard/models/mod.rs"];

#[test]
fn no_variable_is_read_past_the_rule_for_programs_with_more_rights_than_their_user() {
    let mut found = Vec::new();
    for (folder, ..) in SOURCES {
        let source = Path::new(if *folder == "." { "" } else { folder }).join("src");
        let mut all = Files::new();
        files(&root().join(&source), &source, &mut all);
        for (path, text) in all {
            let reads = |line: &&str| {
                let code = line.split("//").next().unwrap_or_default();
                ["env::var", "std::env::{", "std::env::*"].iter().any(|way| code.contains(way))
            };
            if text.lines().any(|line| reads(&line)) {
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    found.retain(|path| !TESTS.contains(&&**path));
    found.sort();
    assert_eq!(found, READ_VARIABLES, "read variables with `environment::variable`");
}

#[test]
fn every_published_crate_is_looked_at() {
    let mut looked_at: Vec<&str> = SOURCES.iter().map(|(folder, ..)| *folder).collect();
    let mut published = published();
    published.sort();
    looked_at.sort();
    assert_eq!(published, looked_at);
    for (_, name, _) in SOURCES {
        assert!(CRATES.iter().any(|floor| floor.contains(name)), "{name} stands on no floor");
    }
}

#[test]
fn the_floors_of_core_are_in_the_architecture() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (at, modules) in CORE.iter().enumerate() {
        let modules: Vec<String> = modules.iter().map(|module| format!("`{module}`")).collect();
        let row = format!("| {} | {} |", at + 1, modules.join(", "));
        assert!(page.contains(&row), "ARCHITECTURE.md has no row that begins with\n{row}");
    }
}
