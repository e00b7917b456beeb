//! Tests that need a separate process: the test binary runs itself again, with only that test.

use heirloom_harness::{again, output_of, succeeded};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

#[allow(unused_imports)]
pub use heirloom_harness::case;

/// The command that runs the test with this name in a separate process, where [`case`] is `case`, with these variables and
/// none of our own that change what a tracer does.
pub fn command(test: &str, case: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = again(test, case);
    command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits for the child, which is killed if it has not ended after this time: then the result is `None`. Pipes that were
/// taken from the child aren't read.
pub fn wait_for(child: Child, limit: Duration) -> Option<Output> {
    let id = child.id();
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    let output = receiver.recv_timeout(limit).ok();
    if output.is_none() {
        let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
    }
    output
}

/// Runs the test with this name in a separate process: see [`command`].
#[track_caller]
pub fn run(test: &str, case: &str, variables: &[(&str, &str)]) -> Output {
    output_of(&mut command(test, case, variables))
}

/// As [`run`], and checks that the test ran and passed. Returns what it wrote to standard error.
#[track_caller]
pub fn run_well(test: &str, case: &str, variables: &[(&str, &str)]) -> String {
    let output = run(test, case, variables);
    succeeded(&output);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs the test with this name in a new process, which shares no memory with other tests. True in that process.
#[track_caller]
pub fn alone(test: &str) -> bool {
    if case().is_none() {
        run_well(test, "alone", &[]);
        return false;
    }
    true
}

/// A path for a file of this test, which is not there yet.
pub fn new_file(name: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("heirloom-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}
