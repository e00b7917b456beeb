//! What the tests of the command share: the binary, files that Heirloom writes, and files made by hand.

#![allow(dead_code, missing_docs)]

use heirloom_core::{Context, SpanId, TraceId};
use heirloom_otlp::read::{AnyValue, KeyValue, Request, Resource, ResourceSpans, ScopeSpans, Span};
use heirloom_otlp::{write, Format, OtlpFile};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A command of the binary, without variables that change it.
pub(crate) fn command<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heirloom"));
    command.args(args).stdin(Stdio::null()).env_remove("NO_COLOR").env_remove("COLUMNS");
    command
}

/// What a run of the binary printed and returned.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: i32,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { out: text(output.stdout), err: text(output.stderr), status: output.status.code().unwrap() }
    }
}

/// Runs the binary.
pub(crate) fn heirloom<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    heirloom_harness::output_of(&mut command(args)).into()
}

/// Runs the binary, which must return 0 and print no message.
#[track_caller]
pub(crate) fn succeeds<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> String {
    let ran = heirloom(args);
    assert!(ran.status == 0 && ran.err.is_empty(), "{ran:?}");
    ran.out
}

/// A file that Heirloom writes while `body` runs below a root `work`.
pub(crate) fn record(path: &Path, body: impl FnOnce(Context)) {
    let format = Format::of_file(path).unwrap();
    let guard = heirloom_core::builder("shop").exporter(OtlpFile::create(format, path).unwrap()).start().unwrap();
    guard.tracer().in_root("work", |root| body(root.context()));
    guard.finish();
}

/// A span of trace 1 on thread 1.
pub(crate) fn span(id: u64, parent: u64, name: &str, start: u64, end: u64) -> Span {
    Span {
        trace_id: TraceId::from_u128(1),
        span_id: SpanId::from_u64(id),
        parent_span_id: Some(SpanId::from_u64(parent)).filter(|id| id.is_valid()),
        flags: 0x101,
        name: name.to_owned(),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes: vec![attribute("thread.id", AnyValue::Int(1))],
        ..Span::default()
    }
}

pub(crate) fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value }
}

/// A request of the process 100 of `shop`.
pub(crate) fn request(spans: Vec<Span>) -> Request {
    let attributes = vec![
        attribute("service.name", AnyValue::String("shop".to_owned())),
        attribute("process.pid", AnyValue::Int(100)),
    ];
    let resource = Resource { attributes, ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    Request { resource_spans: vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }] }
}

/// The bytes of a file with these requests.
pub(crate) fn file(format: Format, requests: &[Request]) -> Vec<u8> {
    let mut bytes = Vec::new();
    requests.iter().for_each(|one| write::record(format, one, &mut bytes));
    bytes
}

/// Writes a file of protobuf with these spans.
pub(crate) fn spans(path: &Path, spans: Vec<Span>) {
    std::fs::write(path, file(Format::Protobuf, &[request(spans)])).unwrap();
}
