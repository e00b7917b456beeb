//! Tests that need a separate process: the test program runs itself again, with only that test.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// The variable that contains the case.
const CASE: &str = "HEIRLOOM_TEST_CASE";
/// The variables that contain a trace.
const OF_TRACES: [&str; 3] = ["TRACEPARENT", "TRACESTATE", "BAGGAGE"];
/// The longest that such a process may take.
const LIMIT: Duration = Duration::from_secs(120);

/// The case for which [`again`] started this process; `None` in the process that `cargo test` started.
pub fn case() -> Option<String> {
    std::env::var(CASE).ok()
}

/// This test program, to run only the test with this name, as this case. It has no variable that contains a trace or
/// settings of a tracer.
///
/// The test's name is its path in the program, with the names of its modules. Check the result with [`succeeded`]: a
/// program in which no test has that name succeeds too.
pub fn again(test: &str, case: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("OTEL_") || text.starts_with("HEIRLOOM_") || OF_TRACES.contains(&&*text) {
            command.env_remove(&name);
        }
    }
    command.env(CASE, case);
    command
}

/// Runs `body` in a new process that has these variables. The process runs only the test with this name, which calls this.
///
/// # Panics
/// If it fails, or if no test has this name.
#[track_caller]
pub fn alone<V: AsRef<OsStr>>(test: &str, variables: &[(&str, V)], body: impl FnOnce()) {
    if case().is_some() {
        return body();
    }
    let mut command = again(test, "alone");
    for (name, value) in variables {
        command.env(name, value);
    }
    succeeded(&output_of(&mut command));
}

/// The output of a process, which must end within two minutes.
///
/// # Panics
/// If it doesn't start, or doesn't end in time. It is killed then.
#[track_caller]
pub fn output_of(command: &mut Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
    let id = child.id();
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    match receiver.recv_timeout(LIMIT) {
        Ok(output) => output.expect("the output of a process"),
        Err(_) => {
            // The thread above has not reaped it, so the id is still its own.
            drop(Command::new("kill").args(["-9", &id.to_string()]).status());
            panic!("{command:?} has not ended after {LIMIT:?}");
        }
    }
}

/// Checks that a run of [`again`] ran its test, and that the test passed. Returns its standard output.
///
/// # Panics
/// If it isn't so.
#[track_caller]
pub fn succeeded(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the process ended with {}\n{out}\n{err}", output.status);
    assert!(out.contains("test result: ok. 1 passed;"), "the process ran no test, or more than one\n{out}\n{err}");
    out.into_owned()
}
