//! [`Collector`]: an exporter that keeps spans for an analysis.

use super::raw::{Facts, NewSpan, ProcessKey, Raw, RawMark, NO_TEXT};
use super::Builder;
use heirloom_core::export::marks::POLLS;
use heirloom_core::export::{Delivery, ExportError, Exporter, Part, Resource, SpanRef};
use heirloom_core::{SpanId, Status, Value};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps what an analysis needs of finished spans: 56 bytes for each span, up to 110 for each trace, 80 for each mark, and each
/// name once. A clone is a handle to the same spans: give one to the tracer, keep one to read.
///
/// It runs on its exporter's thread and locks a mutex once per delivery. Attributes of the program are not kept.
///
/// ```
/// use heirloom_insight::read::Collector;
///
/// let collector = Collector::new();
/// let guard = heirloom_core::builder("shop").exporter(collector.clone()).start()?;
/// guard.tracer().in_root("order", |_| ());
/// assert!(guard.finish().is_complete());
/// let run = collector.take().finish();
/// assert_eq!((&*run.program, run.spans.len()), ("shop", 1));
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Collector {
    builder: Arc<Mutex<Builder>>,
}

impl Collector {
    /// Keeps every span, without a bound.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the first `max_spans` spans, and as many marks. Later ones are counted, and a note of the run says how many they were.
    pub fn bounded(max_spans: usize) -> Self {
        Self { builder: Arc::new(Mutex::new(Builder::bounded(max_spans))) }
    }

    /// Removes and returns what was collected so far. The bound stays.
    pub fn take(&self) -> Builder {
        let mut builder = self.lock();
        let empty = Builder::bounded(builder.max_spans);
        std::mem::replace(&mut builder, empty)
    }

    fn lock(&self) -> MutexGuard<'_, Builder> {
        self.builder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exporter for Collector {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.lock().delivery(delivery);
        Ok(())
    }

    fn name(&self) -> &str {
        "analysis"
    }
}

/// Adds the spans of a part, up to `max` in all.
pub(super) fn part(raw: &mut Raw, part: &Part, max: usize) {
    let resource = part.resource();
    let mut key = process(resource);
    let cores = resource.get("heirloom.cores").and_then(int).and_then(|cores| u32::try_from(cores).ok());
    raw.machine(resource.get("heirloom.cpus").and_then(number), cores);
    for span in part.spans() {
        if raw.spans.len() < max {
            add(raw, span, &mut key);
        } else {
            raw.faults.beyond += 1;
        }
    }
    for mark in part.marks() {
        let lane = lane(raw, mark.lane(), &mut key);
        let text = if mark.text().is_empty() { NO_TEXT } else { raw.texts.number(mark.text()) };
        let (kind, time, length) = (mark.kind() as u8, mark.time_ns(), mark.length_ns());
        let span = mark.span().map_or(0, SpanId::to_u64);
        let [a, b, c, d] = [mark.a(), mark.b(), mark.c(), mark.d()];
        raw.mark(RawMark { kind, time, length, span, a, b, c, d, lane, text }, max);
    }
}

fn process(resource: &Resource) -> ProcessKey {
    let text = |key| match resource.get(key) {
        Some(Value::Str(text)) => &**text,
        _ => "",
    };
    let (instance, host) = (text("service.instance.id"), text("host.name"));
    let pid = resource.get("process.pid").and_then(int).and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
    let place = if instance.is_empty() { host.into() } else { format!("{host} {instance}").into() };
    ProcessKey { pid, name: text("service.name").into(), place }
}

fn add(raw: &mut Raw, span: SpanRef<'_>, key: &mut ProcessKey) {
    let lane = lane(raw, span.lane(), key);
    let status = span.has_more().then(|| span.status());
    let mut facts = Facts {
        left_lane: !span.is_nested(),
        open: span.is_incomplete(),
        error: matches!(status, Some(Status::Error(_))),
        dropped_children: span.dropped_children(),
        fan: span.fan_out(),
        ..Facts::default()
    };
    for attribute in span.attributes() {
        match attribute.key {
            "heirloom.items" => facts.items = int(&attribute.value).and_then(|items| u64::try_from(items).ok()),
            POLLS => facts.polled = true,
            _ => {}
        }
    }
    raw.span(NewSpan {
        trace: span.trace_id(),
        id: span.span_id(),
        parent: span.parent_span_id(),
        name: span.name(),
        lane,
        start: span.start_ns(),
        end: span.end_ns(),
        aborted: status.as_ref().filter(|_| span.is_aborted()),
        facts,
    });
}

/// The lane of a thread, in the process that it belongs to.
fn lane(raw: &mut Raw, lane: &heirloom_core::export::Lane, key: &mut ProcessKey) -> u32 {
    key.pid = lane.process_id;
    let process = raw.process(key.clone());
    raw.lane(process, lane.thread_id, &lane.thread_name)
}

fn int(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::I64(value) => Some(*value),
        _ => None,
    }
}

fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::F64(value) => Some(*value),
        value => int(value).map(|value| value as f64),
    }
}
