//! Some cases of the table, shortened: they work, and what must hold does. `ci/outages.sh` runs all of them.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn a_slow_backend_one_that_refuses_and_one_that_asks_for_time_get_every_span() {
    let cases = ["answers in 300 ms", "30 s refused", "Retry-After"];
    let output = Command::new(env!("CARGO_BIN_EXE_heirloom-outages")).arg("--smoke").args(cases).output().unwrap();
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{table}{}", String::from_utf8_lossy(&output.stderr));
    let rows = table.lines().filter(|line| line.ends_with("| yes |")).count();
    assert_eq!(rows, 2 * cases.len(), "{table}");
}
