//! Programs that compile, and programs that must not compile, each with its message.
//!
//! Most messages are the compiler's, and change with it: `err/*.stderr` has those of one release. With other releases only
//! the programs that compile are checked. `TRYBUILD=overwrite cargo test -p heirloom-ui` rewrites the messages.

use std::process::Command;

/// The release whose messages are in the files.
const MESSAGES_OF: &str = "rustc 1.95.";

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output();
    version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

#[test]
fn what_is_right_compiles_and_what_is_wrong_is_refused_with_a_reason() {
    let cases = trybuild::TestCases::new();
    cases.pass("ok/*.rs");
    match compiler() {
        version if version.starts_with(MESSAGES_OF) => cases.compile_fail("err/*.rs"),
        version => eprintln!("the messages of {} are not compared with those of {MESSAGES_OF}x", version.trim()),
    }
}
