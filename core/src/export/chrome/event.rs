//! The lines of the file: one trace event each ([Trace Event Format]), with a comma at the end.
//!
//! [Trace Event Format]: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU

use super::super::{AttributeRef, Lane, SpanRef};
use super::flow::{Arrow, Cause, Slice, Spot};
use super::json::{self, Object};
use super::lane::Drawn;
use super::row::Placed;
use crate::{SpanId, SpanKind, Status};

/// The category of slices, and of the arrows between them.
const SPAN: &str = "span";
const ARROW: &str = "arrow";

/// The origin of the file's times. Viewers read times as doubles, which can't represent nanoseconds since 1970 exactly,
/// so the times in the file count from here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// Nanoseconds since 1970 (UTC).
    pub(super) unix_ns: u64,
}

impl Origin {
    fn since(self, unix_ns: u64) -> u64 {
        unix_ns.saturating_sub(self.unix_ns)
    }
}

/// Writes one event and ends its line.
fn event(out: &mut Vec<u8>, phase: &str, name: &str, process_id: u32, fill: impl FnOnce(&mut Object<'_>)) {
    let mut event = Object::new(out);
    event.text("ph", phase);
    event.text("name", name);
    event.plain("pid", process_id);
    fill(&mut event);
    event.end();
    out.extend_from_slice(b",\n");
}

/// A metadata event. It has no position in time.
fn metadata(out: &mut Vec<u8>, name: &str, process_id: u32, thread_id: u64, fill: impl FnOnce(&mut Object<'_>)) {
    event(out, "M", name, process_id, |event| {
        event.plain("tid", thread_id);
        let mut args = event.object("args");
        fill(&mut args);
        args.end();
    });
}

/// The first bytes of a file. Viewers recognise the format by them.
pub(super) fn head(out: &mut Vec<u8>, process_id: u32) {
    out.extend_from_slice(b"[\n");
    metadata(out, "heirloom", process_id, u64::from(process_id), |args| args.plain("format", 1));
}

/// The time from which the file's times count.
pub(super) fn origin(out: &mut Vec<u8>, process_id: u32, origin: Origin) {
    metadata(out, "heirloom_origin", process_id, u64::from(process_id), |args| args.id("unix_ns", origin.unix_ns));
}

/// The name of a process, and its position: this program's process comes before its workers'.
pub(super) fn process(out: &mut Vec<u8>, process_id: u32, own: bool, name: &str) {
    if !name.is_empty() {
        metadata(out, "process_name", process_id, u64::from(process_id), |args| args.text("name", name));
    }
    let place = u32::from(!own);
    metadata(out, "process_sort_index", process_id, u64::from(process_id), |args| args.plain("sort_index", place));
}

pub(super) fn thread_name(out: &mut Vec<u8>, lane: &Lane) {
    if !lane.thread_name.is_empty() {
        metadata(out, "thread_name", lane.process_id, lane.thread_id, |args| args.text("name", &lane.thread_name));
    }
}

/// The last line and the closing bracket.
pub(super) fn tail(out: &mut Vec<u8>, process_id: u32, counts: &[(&str, u64)]) {
    metadata(out, "heirloom_summary", process_id, u64::from(process_id), |args| {
        counts.iter().for_each(|(key, count)| args.plain(key, *count));
    });
    out.truncate(out.len() - 2); // no comma behind the last event
    out.extend_from_slice(b"\n]\n");
}

/// A complete event on the span's thread track.
pub(super) fn slice(out: &mut Vec<u8>, span: &SpanRef<'_>, drawn: Drawn, origin: Origin) {
    let lane = span.lane();
    let (start_ns, end_ns) = (origin.since(drawn.start_ns), origin.since(drawn.end_ns));
    event(out, "X", span.name(), lane.process_id, |event| {
        event.plain("tid", lane.thread_id);
        event.text("cat", SPAN);
        event.micros("ts", start_ns);
        event.micros("dur", end_ns.saturating_sub(start_ns));
        accept_arrow(event, span);
        let mut args = event.object("args");
        describe(&mut args, span, origin);
        args.end();
    });
}

/// Lets an arrow from a mark lead to this span.
fn accept_arrow(event: &mut Object<'_>, span: &SpanRef<'_>) {
    if span.parent_span_id().is_some() || span.links().len() > 0 {
        bind(event, span.span_id());
        event.plain("flow_in", true);
    }
}

/// The id of the arrow from a mark to this span.
fn bind(event: &mut Object<'_>, to: SpanId) {
    event.id("bind_id", format_args!("0x{to}"));
}

/// The row of an asynchronous event.
fn in_row(event: &mut Object<'_>, row: u64) {
    event.text("cat", SPAN);
    let mut id = event.object("id2");
    id.id("local", format_args!("0x{row:x}"));
    id.end();
}

/// The pair of asynchronous events of a span, and one for each frame.
pub(super) fn async_slice(out: &mut Vec<u8>, span: &SpanRef<'_>, placed: &Placed, origin: Origin) {
    let lane = span.lane();
    let mut half = |phase, row, ns, fill: &dyn Fn(&mut Object<'_>)| {
        event(out, phase, span.name(), lane.process_id, |event| {
            event.plain("tid", lane.thread_id);
            in_row(event, row);
            event.micros("ts", origin.since(ns));
            fill(event);
        });
    };
    let end_ns = span.end_ns().max(span.start_ns());
    half("b", placed.row, placed.start_ns, &|event| {
        accept_arrow(event, span);
        let mut args = event.object("args");
        args.plain("thread_id", lane.thread_id);
        args.text("thread_name", &lane.thread_name);
        describe(&mut args, span, origin);
        args.end();
    });
    half("e", placed.row, end_ns, &|_| ());
    for row in &placed.frames {
        half("b", *row, placed.start_ns, &|event| {
            let mut args = event.object("args");
            args.id("frame_of", span.span_id());
            args.end();
        });
        half("e", *row, end_ns, &|_| ());
    }
}

/// The two events of an arrow between slices, each bound to the slice that starts at its time; or the mark at which an
/// arrow starts.
pub(super) fn arrow(out: &mut Vec<u8>, number: u64, arrow: &Arrow, origin: Origin) {
    match arrow {
        Arrow::Slices { cause, from, to } => slices(out, number, *cause, [from, to], origin),
        Arrow::Mark { cause, from, at_ns, to } => mark(out, *cause, from, *at_ns, *to, origin),
    }
}

fn slices(out: &mut Vec<u8>, number: u64, cause: Cause, ends: [&Slice; 2], origin: Origin) {
    for (phase, slice) in ["s", "f"].into_iter().zip(ends) {
        event(out, phase, name_of(cause), slice.process_id, |event| {
            event.plain("tid", slice.thread_id);
            event.text("cat", ARROW);
            event.plain("id", number);
            event.text("bp", "e");
            event.micros("ts", origin.since(slice.drawn.start_ns));
        });
    }
}

fn name_of(cause: Cause) -> &'static str {
    match cause {
        Cause::Child => "child",
        Cause::Link => "link",
    }
}

fn mark(out: &mut Vec<u8>, cause: Cause, from: &Spot, at_ns: u64, to: SpanId, origin: Origin) {
    let (phase, process_id) = match from {
        Spot::Thread(slice) => ("X", slice.process_id),
        Spot::Row(slice) => ("n", slice.process_id),
    };
    event(out, phase, name_of(cause), process_id, |event| {
        match from {
            Spot::Thread(slice) => {
                event.plain("tid", slice.thread_id);
                event.text("cat", ARROW);
                event.plain("dur", 0);
            }
            Spot::Row(slice) => in_row(event, slice.row),
        }
        event.micros("ts", origin.since(at_ns));
        bind(event, to);
        event.plain("flow_out", true);
        let mut args = event.object("args");
        args.id("to", to);
        args.end();
    });
}

/// Writes everything that the times and the track don't show.
fn describe(args: &mut Object<'_>, span: &SpanRef<'_>, origin: Origin) {
    ids(args, span);
    outcome(args, span);
    attributes(args, span.attributes());
    if let Some(scope) = span.scope() {
        let mut object = args.object("scope");
        scope.all().for_each(|a| json::value(object.key(a.key), &a.value));
        object.end();
    }
    if span.events().len() > 0 {
        args.objects("events", span.events(), |object, event| {
            object.text("name", event.name());
            object.micros("ts", origin.since(event.time_ns()));
            attributes(object, event.attributes());
            dropped(object, &[("attributes", event.dropped_attributes())]);
        });
    }
    if span.links().len() > 0 {
        args.objects("links", span.links(), |object, link| {
            object.id("trace_id", link.trace_id());
            object.id("span_id", link.span_id());
            attributes(object, link.attributes());
            dropped(object, &[("attributes", link.dropped_attributes())]);
        });
    }
    let lost =
        [("attributes", span.dropped_attributes()), ("events", span.dropped_events()), ("links", span.dropped_links())];
    dropped(args, &lost);
}

fn ids(args: &mut Object<'_>, span: &SpanRef<'_>) {
    args.id("trace_id", span.trace_id());
    args.id("span_id", span.span_id());
    if let Some(parent) = span.parent_span_id() {
        args.id("parent_span_id", parent);
    }
    if span.parent_is_remote() {
        args.plain("parent_is_remote", true);
    }
    if !span.tracestate().is_empty() {
        args.text("tracestate", span.tracestate());
    }
}

fn outcome(args: &mut Object<'_>, span: &SpanRef<'_>) {
    let kind = match span.kind() {
        SpanKind::Internal => None,
        SpanKind::Server => Some("server"),
        SpanKind::Client => Some("client"),
        SpanKind::Producer => Some("producer"),
        SpanKind::Consumer => Some("consumer"),
    };
    if let Some(kind) = kind {
        args.text("kind", kind);
    }
    match span.status() {
        Status::Unset => {}
        Status::Ok => args.text("status", "ok"),
        Status::Error(message) => {
            args.text("status", "error");
            args.text("status_message", &message);
        }
    }
    if span.is_incomplete() {
        args.plain("incomplete", true);
    }
    if span.is_aborted() {
        args.plain("aborted", true);
    }
    if span.dropped_children() > 0 {
        args.plain("dropped_children", span.dropped_children());
    }
    if span.is_skeleton() {
        args.plain("skeleton", true);
    }
}

/// The attributes as one object, and the uncut sizes of those that were cut as another.
fn attributes<'a>(args: &mut Object<'_>, list: impl ExactSizeIterator<Item = AttributeRef<'a>>) {
    if list.len() == 0 {
        return;
    }
    let mut cut = Vec::new();
    let mut object = args.object("attributes");
    for attribute in list {
        json::value(object.key(attribute.key), &attribute.value);
        cut.extend(attribute.truncated_from.map(|bytes| (attribute.key, bytes)));
    }
    object.end();
    if !cut.is_empty() {
        let mut object = args.object("truncated_from_bytes");
        cut.iter().for_each(|(key, bytes)| object.plain(key, bytes));
        object.end();
    }
}

fn dropped(args: &mut Object<'_>, counts: &[(&str, u32)]) {
    if counts.iter().all(|(_, count)| *count == 0) {
        return;
    }
    let mut object = args.object("dropped");
    counts.iter().filter(|(_, count)| *count > 0).for_each(|(key, count)| object.plain(key, *count));
    object.end();
}
