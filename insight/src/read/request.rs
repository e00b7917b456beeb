//! Requests of OTLP, of any OpenTelemetry program.

use super::raw::{Facts, NewSpan, ProcessKey, Raw, RawMark, NO_TEXT};
use heirloom_core::export::marks::{unpack, FAN_OUT, MARKS, NESTED, POLLS, TEXTS};
use heirloom_core::export::MarkData;
use heirloom_core::{SpanId, Status};
use heirloom_otlp::read::{AnyValue, KeyValue, Resource, Span, Visitor};

/// A span of `tracing-opentelemetry` is entered and left. One that was left for more than this part of its time was asynchronous.
const IDLE_PART: u64 = 10;

/// Adds the spans of requests, up to `max` in all.
pub(super) struct Adding<'r> {
    raw: &'r mut Raw,
    max: usize,
    /// Of the resource: its process, which is added with its first span, and what it says of the machine.
    key: ProcessKey,
    process: Option<u32>,
    machine: (Option<f64>, Option<u32>),
}

impl<'r> Adding<'r> {
    pub(super) fn to(raw: &'r mut Raw, max: usize) -> Self {
        Self { raw, max, key: ProcessKey::default(), process: None, machine: (None, None) }
    }
}

impl Visitor for Adding<'_> {
    fn resource<T: AsRef<str>>(&mut self, resource: &Resource<T>) {
        let attributes = &resource.attributes;
        let cores = find(attributes, "heirloom.cores").and_then(int).and_then(|cores| u32::try_from(cores).ok());
        self.machine = (find(attributes, "heirloom.cpus").and_then(number), cores);
        (self.key, self.process) = (process(attributes), None);
    }

    fn span<T: AsRef<str>>(&mut self, span: &Span<T>) {
        let process = match self.process {
            Some(process) => process,
            None => {
                self.raw.machine(self.machine.0, self.machine.1);
                let process = self.raw.process(self.key.clone());
                self.process = Some(process);
                process
            }
        };
        if self.raw.spans.len() < self.max {
            add(self.raw, span, process, &mut self.key, self.max);
        } else {
            self.raw.faults.beyond += 1;
        }
    }
}

fn process<T: AsRef<str>>(attributes: &[KeyValue<T>]) -> ProcessKey {
    let text = |key| find(attributes, key).and_then(text).unwrap_or_default();
    let instance = text("service.instance.id");
    let host = text("host.name");
    ProcessKey {
        pid: find(attributes, "process.pid").and_then(int).and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default(),
        name: text("service.name").into(),
        place: if instance.is_empty() { host.into() } else { format!("{host} {instance}").into() },
    }
}

/// What the attributes of a span say.
struct Seen<'a, T> {
    facts: Facts,
    thread_id: u64,
    thread_name: &'a str,
    pid: Option<u32>,
    aborted: bool,
    marks: &'a [AnyValue<T>],
    texts: &'a [AnyValue<T>],
    /// Of `tracing-opentelemetry`.
    busy_ns: u64,
    idle_ns: u64,
}

fn add<T: AsRef<str>>(raw: &mut Raw, span: &Span<T>, process: u32, key: &mut ProcessKey, max: usize) {
    let mut seen = Seen::new();
    span.attributes.iter().for_each(|attribute| seen.see(attribute));
    seen.facts.error = matches!(span.status, Status::Error(_));
    seen.facts.polled |= seen.idle_ns.saturating_mul(IDLE_PART) > seen.idle_ns.saturating_add(seen.busy_ns);
    let process = match seen.pid {
        Some(pid) if pid != key.pid => {
            key.pid = pid;
            raw.process(key.clone())
        }
        Some(_) => raw.process(key.clone()),
        None => process,
    };
    raw.faults.without_lane += u64::from(seen.thread_id == 0);
    let lane = raw.lane(process, seen.thread_id, seen.thread_name);
    raw.span(NewSpan {
        trace: span.trace_id,
        id: span.span_id,
        parent: span.parent_span_id,
        name: span.name.as_ref(),
        lane,
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        aborted: seen.aborted.then_some(&span.status),
        facts: seen.facts,
    });
    if !seen.marks.is_empty() {
        marks(raw, &seen, process, span.start_time_unix_nano, max);
    }
}

/// Adds the marks that a span carries: of its process.
fn marks<T: AsRef<str>>(raw: &mut Raw, seen: &Seen<'_, T>, process: u32, start: u64, max: usize) {
    let numbers: Vec<i64> = seen.marks.iter().map_while(int).collect();
    let texts: Vec<&str> = seen.texts.iter().map(|text| self::text(text).unwrap_or_default()).collect();
    match unpack(&numbers, &texts, start, raw.processes[process as usize].pid) {
        Ok(marks) if numbers.len() == seen.marks.len() => marks.iter().for_each(|mark| push(raw, process, mark, max)),
        _ => raw.faults.marks += 1,
    }
}

fn push(raw: &mut Raw, process: u32, mark: &MarkData, max: usize) {
    let MarkData { kind, lane, span, time_ns: time, length_ns: length, a, b, c, d, text } = mark;
    let lane = raw.lane(process, lane.thread_id, &lane.thread_name);
    let text = if text.is_empty() { NO_TEXT } else { raw.texts.number(text) };
    let span = span.map_or(0, SpanId::to_u64);
    raw.mark(
        RawMark { kind: *kind as u8, time: *time, length: *length, span, a: *a, b: *b, c: *c, d: *d, lane, text },
        max,
    );
}

impl<'a, T: AsRef<str>> Seen<'a, T> {
    fn new() -> Self {
        Self {
            facts: Facts::default(),
            thread_id: 0,
            thread_name: "",
            pid: None,
            aborted: false,
            marks: &[],
            texts: &[],
            busy_ns: 0,
            idle_ns: 0,
        }
    }

    #[inline]
    fn see(&mut self, attribute: &'a KeyValue<T>) {
        let value = &attribute.value;
        let positive = || int(value).and_then(|value| u64::try_from(value).ok());
        let is_true = || matches!(value, AnyValue::Bool(true));
        match attribute.key.as_ref() {
            "thread.id" => self.thread_id = positive().unwrap_or_default(),
            "thread.name" => self.thread_name = text(value).unwrap_or_default(),
            "process.pid" => self.pid = positive().and_then(|pid| u32::try_from(pid).ok()),
            "busy_ns" => self.busy_ns = positive().unwrap_or_default(),
            "idle_ns" => self.idle_ns = positive().unwrap_or_default(),
            FAN_OUT => self.facts.fan = int(value).map(|id| id as u64),
            "heirloom.items" => self.facts.items = positive(),
            POLLS => self.facts.polled = true,
            NESTED => self.facts.left_lane |= matches!(value, AnyValue::Bool(false)),
            "heirloom.incomplete" => self.facts.open |= is_true(),
            "heirloom.aborted" => self.aborted |= is_true(),
            "heirloom.dropped_children" => self.facts.dropped_children = positive().unwrap_or_default(),
            MARKS => self.marks = list(value),
            TEXTS => self.texts = list(value),
            _ => {}
        }
    }
}

fn find<'a, T: AsRef<str>>(attributes: &'a [KeyValue<T>], key: &str) -> Option<&'a AnyValue<T>> {
    attributes.iter().find(|attribute| attribute.key.as_ref() == key).map(|attribute| &attribute.value)
}

fn list<T>(value: &AnyValue<T>) -> &[AnyValue<T>] {
    match value {
        AnyValue::Array(values) => values,
        _ => &[],
    }
}

/// An integer. Some programs write theirs as text.
fn int<T: AsRef<str>>(value: &AnyValue<T>) -> Option<i64> {
    match value {
        AnyValue::Int(value) => Some(*value),
        AnyValue::String(text) => text.as_ref().parse().ok(),
        _ => None,
    }
}

fn number<T: AsRef<str>>(value: &AnyValue<T>) -> Option<f64> {
    match value {
        AnyValue::Double(value) => Some(*value),
        value => int(value).map(|value| value as f64),
    }
}

fn text<T: AsRef<str>>(value: &AnyValue<T>) -> Option<&str> {
    match value {
        AnyValue::String(text) => Some(text.as_ref()),
        _ => None,
    }
}
