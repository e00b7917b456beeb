//! The examples as a user runs them: their output and their exit status.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "record", feature = "rayon", feature = "workers"))]

#[path = "support/ran.rs"]
mod ran;

use ran::Ran;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

/// The program of an example. `cargo test` builds it along with this file. If only this file was built
/// (`--test examples`), and the program is missing or older than its source, it is built now.
fn program(name: &str) -> PathBuf {
    static UP_TO_DATE: Once = Once::new();
    let this = std::env::current_exe().unwrap();
    let profile = this.parent().and_then(Path::parent).unwrap();
    let program = profile.join("examples").join(name);
    UP_TO_DATE.call_once(|| {
        let sources = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap();
        let newest = sources.filter_map(|entry| entry.ok()?.metadata().ok()?.modified().ok()).max();
        let built = fs::metadata(&program).and_then(|program| program.modified()).ok();
        if built < newest {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--examples"]);
            cargo.arg(if cfg!(feature = "tokio") { "--features=tokio,workers" } else { "--features=workers" });
            cargo.args(profile.ends_with("release").then_some("--release"));
            assert!(cargo.status().unwrap().success(), "the examples don't compile");
        }
    });
    program
}

/// The example, without settings from the environment.
fn command(name: &str) -> Command {
    let mut command = Command::new(program(name));
    command.env_clear();
    command
}

#[test]
fn a_killed_worker_is_in_the_example_s_tree() {
    let ran: Ran = command("worker_processes").arg(env!("CARGO_MANIFEST_DIR")).output().unwrap().into();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!((2..=3).contains(&ran.ledger("aborted")), "{ran}");
    assert_eq!((ran.ledger("orphans"), ran.ledger("open")), (0, 0), "{ran}");
    assert!(ran.stdout.ends_with("balanced=yes\n") && ran.stdout.contains("worker died"), "{ran}");
    assert!(ran.stdout.contains("aborted: digest in process"), "{ran}");
}

#[test]
fn the_example_of_commands_shows_each_with_its_exit() {
    let mut run = command("child_command");
    let ran: Ran = run.env("PATH", std::env::var_os("PATH").unwrap()).output().unwrap().into();
    ran.assert_lossless();
    for line in ["  sort  ", "  no-such-program  ", "  process.exit.code = 0", "  error.type = not_found"] {
        assert!(ran.stdout.contains(line), "{line:?} is not in {ran}");
    }
}

#[test]
fn the_example_of_parallel_iterators_shows_each_way() {
    let ran: Ran = command("par_iter").output().unwrap().into();
    ran.assert_lossless();
    let at_level = |level: usize, name: &str| {
        let start = format!("{}{name} ", "  ".repeat(level));
        ran.stdout.lines().any(|line| line.starts_with(&start))
    };
    assert!(at_level(1, "per item x 40"), "{ran}");
    for (level, name) in [(1, "per leaf"), (1, "summary"), (2, "leaf"), (2, "half"), (3, "inner")] {
        assert!(at_level(level, name), "{name} at level {level} of {ran}");
    }
    assert!(ran.stdout.contains("sum: 820\n"), "{ran}");
}

#[test]
fn the_example_of_background_jobs_exports_the_main_trace_first() {
    let ran: Ran = command("background_jobs").output().unwrap().into();
    ran.assert_lossless();
    let (before, after) = ran.stdout.split_once("\nreindexed\n").unwrap();
    assert!(before.contains("\nrequest\n  notify\n  save\n") && !before.contains("\nreindex\n"), "{ran}");
    assert!(after.contains("\nreindex\n  sort\n") && after.contains("\nhousekeeping\n"), "{ran}");
    assert!(after.contains("\"reindex\" is linked to Some(\"request\")"), "{ran}");
}

#[cfg(feature = "tokio")]
#[test]
fn the_example_of_async_tasks_cancels_the_slower_replica_of_each_request() {
    let ran: Ran = command("async_tasks").output().unwrap().into();
    ran.assert_lossless();
    assert_eq!(ran.stdout.matches("cancelled: \"ask replica two\"").count(), 3, "{ran}");
    let in_each = ["ask replica one", "ask replica two", "read settings", "count primes", "reply"];
    assert!(ran.count(0, "request") == 3 && in_each.iter().all(|name| ran.count(1, name) == 3), "{ran}");
}
