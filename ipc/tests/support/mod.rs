//! What the tests of child processes share.
#![allow(dead_code, unreachable_pub, unused_imports)]

use heirloom_core::export::SpanData;
use heirloom_core::Status;
use std::process::Command;

pub use heirloom_harness::{again, alone, case, succeeded};

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
