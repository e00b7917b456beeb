//! The helpers fail where they must.
#![allow(missing_docs)]

use heirloom_harness::{again, alone, case, output_of, succeeded, within};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The message of a panic.
fn panic_of(body: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(body).expect_err("no panic");
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap_or(&"").to_string())
}

#[test]
fn a_name_that_no_test_has_is_no_success() {
    let said = panic_of(|| drop(succeeded(&output_of(&mut again("no_test_has_this_name", "any")))));
    assert!(said.contains("ran no test"), "{said}");
}

#[test]
fn a_test_that_fails_alone_fails_here() {
    const NAME: &str = "a_test_that_fails_alone_fails_here";
    if case().is_some() {
        panic!("as it should");
    }
    let said = panic_of(|| alone(NAME, &[("ANY", "value")], || ()));
    assert!(said.contains("1 failed") && said.contains("as it should"), "{said}");
}

#[test]
fn what_runs_alone_runs_once_in_another_process_with_its_variables() {
    const NAME: &str = "what_runs_alone_runs_once_in_another_process_with_its_variables";
    static RAN_HERE: AtomicBool = AtomicBool::new(false);
    alone(NAME, &[("HEIRLOOM_ANY", "value")], || {
        RAN_HERE.store(true, Ordering::Relaxed);
        assert_eq!(std::env::var("HEIRLOOM_ANY").as_deref(), Ok("value"));
    });
    assert_eq!(RAN_HERE.load(Ordering::Relaxed), case().is_some());
}

#[test]
fn a_wait_that_outlasts_its_limit_aborts_with_the_name_of_its_test() {
    const NAME: &str = "a_wait_that_outlasts_its_limit_aborts_with_the_name_of_its_test";
    if case().is_some() {
        std::thread::Builder::new()
            .name("the waiting test".to_owned())
            .spawn(|| within(Duration::from_millis(10), || std::thread::sleep(Duration::from_secs(3600))))
            .map(|thread| thread.join())
            .expect("a thread")
            .expect("no panic");
    }
    // With the output of tests captured, as `cargo test` runs them.
    let mut hangs = std::process::Command::new(std::env::current_exe().expect("this program"));
    let output = output_of(hangs.args([NAME, "--exact"]).env("HEIRLOOM_TEST_CASE", "hangs"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), None, "ended by a signal: {}", output.status);
    assert!(said.contains("the waiting test at") && said.contains("harness.rs"), "{said}");
}

#[test]
fn what_ends_in_time_returns_its_value_and_its_panic() {
    assert_eq!(within(Duration::from_secs(60), || 5), 5);
    assert_eq!(panic_of(|| within(Duration::from_secs(60), || panic!("{}", "its own"))), "its own");
}
