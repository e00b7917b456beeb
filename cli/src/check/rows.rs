//! [`Rows`]: the spans of all files, 72 bytes each.

use super::names::Names;
use heirloom_core::export::marks;
use heirloom_core::{SpanKind, TraceId};
use heirloom_otlp::read::{AnyValue, KeyValue, Request, Resource, Span};
use std::collections::HashMap;

/// Bits of [`Row::marks`].
pub(crate) const REMOTE: u8 = 1;
/// It didn't occupy its thread from start to end, as far as that is known.
pub(crate) const ASYNC: u8 = 1 << 1;
pub(crate) const OPEN: u8 = 1 << 2;
pub(crate) const ABORTED: u8 = 1 << 3;

/// No thread is known.
pub(crate) const NO_THREAD: u32 = u32::MAX;

/// OTLP's flags: it is known whether the parent is remote; it is.
const KNOWS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// What the check needs of a span.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The trace in two halves: as one number it would need more room.
    trace: [u64; 2],
    pub(crate) id: u64,
    /// Zero for a root.
    pub(crate) parent: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) name: u32,
    pub(crate) process: u32,
    pub(crate) thread: u32,
    pub(crate) dropped_children: u32,
    pub(crate) marks: u8,
}

impl Row {
    pub(crate) fn trace_id(&self) -> TraceId {
        TraceId::from_u128(u128::from(self.trace[0]) << 64 | u128::from(self.trace[1]))
    }

    /// What its id is unique in.
    pub(crate) fn trace(&self) -> [u64; 2] {
        self.trace
    }

    pub(crate) fn is(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }
}

/// The spans of all files.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) all: Vec<Row>,
    pub(crate) names: Names,
    processes: HashMap<String, u32>,
    threads: HashMap<(u32, i64), u32>,
}

impl Rows {
    /// Adds the spans of a request.
    ///
    /// # Errors
    /// There are more spans than a number of 32 bits counts.
    pub(crate) fn request(&mut self, request: &Request) -> Result<(), String> {
        for resource in &request.resource_spans {
            let process = self.process(&resource.resource);
            for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                self.span(span, process);
            }
        }
        match self.all.len() < u32::MAX as usize {
            true => Ok(()),
            false => Err("the files have more than 4 billion spans: check them one by one".to_owned()),
        }
    }

    pub(crate) fn processes(&self) -> usize {
        self.processes.len()
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads.len()
    }

    /// A process is told from others by what OpenTelemetry's conventions have for that.
    fn process(&mut self, resource: &Resource) -> u32 {
        let keys = ["service.name", "service.instance.id", "host.name", "process.pid"];
        let mut text = String::new();
        for value in keys.map(|key| value(&resource.attributes, key)) {
            text.push_str(&value.map(|value| format!("{value:?}")).unwrap_or_default());
            text.push('\n');
        }
        self.process_named(text)
    }

    fn process_named(&mut self, text: String) -> u32 {
        let next = self.processes.len() as u32;
        *self.processes.entry(text).or_insert(next)
    }

    fn span(&mut self, span: &Span, process: u32) {
        let (mut process, mut thread, mut dropped_children) = (process, None, 0);
        let mut marks = if is_remote(span) { REMOTE } else { 0 };
        for KeyValue { key, value } in &span.attributes {
            match (key.as_str(), value) {
                ("thread.id", AnyValue::Int(id)) => thread = Some(*id),
                // A span of another process than the resource's.
                ("process.pid", AnyValue::Int(pid)) => process = self.process_named(format!("{process}: {pid}")),
                (marks::POLLS | "heirloom.busy_ns" | "heirloom.cancelled", _) => marks |= ASYNC,
                (marks::NESTED, AnyValue::Bool(false)) => marks |= ASYNC,
                ("heirloom.incomplete", AnyValue::Bool(true)) => marks |= OPEN,
                ("heirloom.aborted", AnyValue::Bool(true)) => marks |= ABORTED,
                ("heirloom.dropped_children", AnyValue::Int(count)) => {
                    dropped_children = u32::try_from(*count).unwrap_or(u32::MAX);
                }
                _ => {}
            }
        }
        let threads = self.threads.len() as u32;
        let trace = span.trace_id.to_u128();
        let row = Row {
            trace: [(trace >> 64) as u64, trace as u64],
            id: span.span_id.to_u64(),
            parent: span.parent_span_id.map_or(0, |parent| parent.to_u64()),
            start: span.start_time_unix_nano,
            end: span.end_time_unix_nano,
            name: self.names.number(&span.name),
            process,
            thread: thread.map_or(NO_THREAD, |id| *self.threads.entry((process, id)).or_insert(threads)),
            dropped_children,
            marks,
        };
        self.all.push(row);
    }
}

/// Whether the parent is in another process that may write elsewhere. Where the file doesn't say, it is for the two kinds of spans
/// that have such a parent.
fn is_remote(span: &Span) -> bool {
    match span.flags & KNOWS_REMOTE != 0 {
        true => span.flags & IS_REMOTE != 0,
        false => matches!(span.kind, SpanKind::Server | SpanKind::Consumer),
    }
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a AnyValue> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}
