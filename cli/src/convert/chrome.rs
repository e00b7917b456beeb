//! [`Chrome`]: requests as Chrome's [trace events], which Perfetto opens.
//!
//! A span is a slice of its thread, or an asynchronous slice if it was polled or its thread isn't known. Ids, attributes and status
//! are its arguments. Arrows lead to children on other threads, to the pieces of fan-outs, along links, and to a span that waited,
//! from the one that ended the wait: it sent a message, ended, or released a lock (`arrows.rs`). The exporter of `heirloom-core`
//! has rows for requests, too, but needs to know how each span nests, and OTLP doesn't say that.
//!
//! [trace events]: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU

use super::arrows::{Arrow, Arrows, Spot};
use super::why::Why;
use heirloom_core::export::marks;
use heirloom_core::{SpanId, Status};
use heirloom_insight::text::units::counted;
use heirloom_otlp::read::{AnyValue, KeyValue, Request, Resource, Span};
use serde_json::{json, Map, Value};
use std::collections::HashSet;
use std::io::Write;

/// How long before the first span the file's time begins: spans that come later may have started earlier. Viewers read times as
/// doubles, so times since 1970 would be wrong by up to a microsecond.
const MARGIN_NS: u64 = 86_400 * 1_000_000_000;
/// How many threads are remembered as named. With more, names are written again, which is harmless.
const MAX_NAMED: usize = 1 << 16;

/// Writes trace events.
#[derive(Debug, Default)]
pub(super) struct Chrome {
    origin_ns: Option<u64>,
    has_events: bool,
    named: HashSet<(u64, Option<i64>)>,
    arrows: Arrows,
    /// The number of the last arrow.
    last_arrow: u64,
}

impl Chrome {
    pub(super) fn request(&mut self, request: &Request, out: &mut Vec<u8>) {
        for resource in &request.resource_spans {
            for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                self.span(span, &resource.resource, out);
            }
        }
    }

    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        let mut arrows = Vec::new();
        self.arrows.end(&mut |arrow| arrows.push(arrow));
        arrows.into_iter().for_each(|arrow| self.arrow(arrow, out));
        out.extend_from_slice(if self.has_events { b"\n]}\n" } else { b"{\"traceEvents\":[]}\n" });
    }

    fn span(&mut self, span: &Span, resource: &Resource, out: &mut Vec<u8>) {
        let integer = |list, key| match value(list, key) {
            Some(AnyValue::Int(number)) => Some(*number),
            _ => None,
        };
        let of_resource = || integer(&resource.attributes, "process.pid");
        let pid = integer(&span.attributes, "process.pid").or_else(of_resource).unwrap_or(0) as u64;
        let tid = integer(&span.attributes, "thread.id");
        self.name(pid, None, "process_name", value(&resource.attributes, "service.name"), out);
        if tid.is_some() {
            self.name(pid, tid, "thread_name", value(&span.attributes, "thread.name"), out);
        }
        let is_polled = value(&span.attributes, marks::POLLS).is_some();
        let start = span.start_time_unix_nano;
        let end = span.end_time_unix_nano.max(start);
        let mut common = json!({ "name": span.name, "cat": "span", "pid": pid, "tid": tid.unwrap_or(0) });
        if span.parent_span_id.is_some() || !span.links.is_empty() {
            // An arrow from a mark may lead to it.
            common["bind_id"] = bind(span.span_id);
            common["flow_in"] = json!(true);
        }
        let on_thread = tid.filter(|_| !is_polled);
        match on_thread.is_some() {
            true => {
                let more = [("ph", json!("X")), ("args", arguments(span))];
                self.event(&common, more, &[("ts", start), ("dur", end - start)], out);
            }
            false => {
                let id = json!(span.span_id.to_string());
                let more = [("ph", json!("b")), ("id", id.clone()), ("args", arguments(span))];
                self.event(&common, more, &[("ts", start)], out);
                let common = json!({ "name": span.name, "cat": "span", "pid": pid, "tid": tid.unwrap_or(0) });
                self.event(&common, [("ph", json!("e")), ("id", id)], &[("ts", end)], out);
            }
        }
        let spot = Spot { id: span.span_id.to_u64(), pid, tid: on_thread, start_ns: start, end_ns: end };
        let mut arrows = Vec::new();
        self.arrows.span(span, spot, &mut |arrow| arrows.push(arrow));
        arrows.into_iter().for_each(|arrow| self.arrow(arrow, out));
    }

    /// The two ends of an arrow between threads, each bound to the slice that began last; or the marks at which one begins and
    /// ends. Viewers turn an arrow round whose second slice began before the first. So an end that isn't at the start of its slice
    /// has a mark, which is a slice too.
    fn arrow(&mut self, arrow: Arrow, out: &mut Vec<u8>) {
        match arrow {
            Arrow::Flow { why, from, from_ns, to, at_ns } => {
                self.last_arrow += 1;
                let id = self.last_arrow;
                for (phase, spot, ns) in [("s", from, from_ns), ("f", to, at_ns)] {
                    if ns != spot.start_ns {
                        self.mark(&why, spot, ns, json!({}), out);
                    }
                    let common = json!({ "name": why.name(), "cat": why.category(), "pid": spot.pid, "tid": spot.tid });
                    let more = [("ph", json!(phase)), ("id", json!(id)), ("bp", json!("e"))];
                    self.event(&common, more, &[("ts", ns)], out);
                }
            }
            Arrow::Mark { why, from, at_ns, to } => {
                let to = SpanId::from_u64(to);
                self.mark(
                    &why,
                    from,
                    at_ns,
                    json!({ "bind_id": bind(to), "flow_out": true, "args": { "to": to.to_string() } }),
                    out,
                );
            }
            Arrow::Marks { why, from, from_ns, to, at_ns } => {
                self.last_arrow += 1;
                // Other arrows between marks have the ids of spans.
                let id = json!(format!("0xffff{:012x}", self.last_arrow));
                self.mark(&why, from, from_ns, json!({ "bind_id": id, "flow_out": true }), out);
                self.mark(&why, to, at_ns, json!({ "bind_id": id, "flow_in": true }), out);
            }
        }
    }

    /// An event of no length on a span.
    fn mark(&mut self, why: &Why, on: Spot, at_ns: u64, mut common: Value, out: &mut Vec<u8>) {
        common["name"] = json!(why.name());
        common["cat"] = json!(why.category());
        common["pid"] = json!(on.pid);
        common["tid"] = json!(on.tid.unwrap_or(0));
        match on.tid {
            Some(_) => self.event(&common, [("ph", json!("X"))], &[("ts", at_ns), ("dur", 0)], out),
            None => {
                let id = json!(SpanId::from_u64(on.id).to_string());
                self.event(&common, [("ph", json!("n")), ("cat", json!("span")), ("id", id)], &[("ts", at_ns)], out);
            }
        }
    }

    /// Names a process or a thread, once.
    fn name(&mut self, pid: u64, tid: Option<i64>, what: &str, name: Option<&AnyValue>, out: &mut Vec<u8>) {
        let Some(AnyValue::String(name)) = name else { return };
        if self.named.len() >= MAX_NAMED {
            self.named.clear();
        }
        if self.named.insert((pid, tid)) {
            let event = json!({ "name": what, "pid": pid, "tid": tid.unwrap_or(0), "args": { "name": name } });
            self.event(&event, [("ph", json!("M"))], &[], out);
        }
    }

    fn event<const N: usize>(
        &mut self,
        common: &Value,
        more: [(&str, Value); N],
        times: &[(&str, u64)],
        out: &mut Vec<u8>,
    ) {
        let head: &[u8] = if std::mem::replace(&mut self.has_events, true) { b",\n" } else { b"{\"traceEvents\":[\n" };
        out.extend_from_slice(head);
        let mut event = common.as_object().cloned().unwrap_or_default();
        event.extend(more.map(|(key, value)| (key.to_owned(), value)));
        // A vector takes every byte.
        _ = serde_json::to_writer(&mut *out, &event);
        out.pop();
        for (key, ns) in times {
            let ns = match *key {
                "ts" => ns.saturating_sub(*self.origin_ns.get_or_insert(ns.saturating_sub(MARGIN_NS))),
                _ => *ns,
            };
            _ = write!(out, ",\"{key}\":{}.{:03}", ns / 1000, ns % 1000);
        }
        out.push(b'}');
    }
}

/// The id of the arrow from a mark to a span.
fn bind(to: SpanId) -> Value {
    json!(format!("0x{to}"))
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a AnyValue> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}

/// What the times and the track don't show.
fn arguments(span: &Span) -> Value {
    let mut all = Map::new();
    all.insert("trace_id".to_owned(), json!(span.trace_id.to_string()));
    all.insert("span_id".to_owned(), json!(span.span_id.to_string()));
    if let Some(parent) = span.parent_span_id {
        all.insert("parent_span_id".to_owned(), json!(parent.to_string()));
    }
    match &span.status {
        Status::Unset => {}
        Status::Ok => _ = all.insert("status".to_owned(), json!("ok")),
        Status::Error(why) => {
            all.insert("status".to_owned(), json!("error"));
            all.insert("status_message".to_owned(), json!(why));
        }
    }
    let is_shown = |key: &str| !key.starts_with("heirloom.marks") && !matches!(key, "thread.id" | "thread.name");
    let shown = span.attributes.iter().filter(|attribute| is_shown(&attribute.key));
    let attributes: Map<String, Value> = shown.map(|one| (one.key.clone(), any(&one.value))).collect();
    if !attributes.is_empty() {
        all.insert("attributes".to_owned(), attributes.into());
    }
    if !span.events.is_empty() {
        let events = span.events.iter().map(|event| {
            let attributes: Map<String, Value> =
                event.attributes.iter().map(|one| (one.key.clone(), any(&one.value))).collect();
            json!({ "name": event.name, "unix_ns": event.time_unix_nano.to_string(), "attributes": attributes })
        });
        all.insert("events".to_owned(), events.collect());
    }
    all.into()
}

fn any(value: &AnyValue) -> Value {
    match value {
        AnyValue::Empty => Value::Null,
        AnyValue::Bool(value) => json!(value),
        AnyValue::Int(value) => json!(value),
        // JSON has no number for some.
        AnyValue::Double(value) if value.is_finite() => json!(value),
        AnyValue::Double(value) => json!(value.to_string()),
        AnyValue::String(value) => json!(value),
        AnyValue::Array(items) => items.iter().map(any).collect(),
        AnyValue::Map(entries) => entries.iter().map(|one| (one.key.clone(), any(&one.value))).collect(),
        AnyValue::Bytes(value) => json!(counted(value.len() as u64, "byte", "bytes")),
    }
}
