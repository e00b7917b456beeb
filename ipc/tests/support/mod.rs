//! What the tests of child processes share.
#![allow(dead_code, unreachable_pub)]

use heirloom_core::export::SpanData;
use heirloom_core::Status;
use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

const CASE: &str = "HEIRLOOM_TEST_CASE";

/// The case that this process was started for; `None` in the process that `cargo test` started.
pub fn case() -> Option<String> {
    std::env::var(CASE).ok()
}

/// The test binary itself, to run one test of it as this case, with none of the variables that carry a trace.
pub fn again(test: &str, case: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(CASE, case).stdin(Stdio::null());
    for name in ["TRACEPARENT", "TRACESTATE", "BAGGAGE"] {
        command.env_remove(name);
    }
    command
}

/// Runs `body` in a new process that has these variables. The process runs only the test with this name, which calls this.
pub fn alone<V: AsRef<OsStr>>(test: &str, variables: &[(&str, V)], body: impl FnOnce()) {
    if case().is_some() {
        return body();
    }
    let mut command = again(test, "alone");
    for (name, value) in variables {
        command.env(name, value);
    }
    succeeded(&command.output().unwrap());
}

/// Checks that a run of [`again`] ran its test and succeeded.
#[track_caller]
pub fn succeeded(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{}\n{out}\n{err}", output.status);
    out.into_owned()
}

pub fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

pub fn text<'a>(span: &'a SpanData, key: &str) -> Option<&'a str> {
    span.attribute(key).and_then(|value| value.as_str())
}

pub fn integer(span: &SpanData, key: &str) -> Option<i64> {
    span.attribute(key).and_then(|value| value.as_i64())
}

pub fn seconds(span: &SpanData, key: &str) -> f64 {
    match span.attribute(key) {
        Some(heirloom_core::Value::F64(seconds)) => *seconds,
        other => panic!("{key} is {other:?} in {span:#?}"),
    }
}

/// The CPU time that a command's span tells, user and system.
pub fn cpu(span: &SpanData) -> f64 {
    seconds(span, "process.cpu.time.user") + seconds(span, "process.cpu.time.system")
}

pub fn is_error(span: &SpanData) -> bool {
    matches!(span.status, Status::Error(_))
}
