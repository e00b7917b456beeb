//! How fast finished spans are encoded as OTLP, on one core: protobuf and JSON, beside OpenTelemetry's own way.
//!
//! OpenTelemetry's way is that of its exporter: a batch of `opentelemetry_sdk`'s `SpanData` becomes messages by
//! `opentelemetry-proto`'s `group_spans_by_resource_and_scope`, and `prost` encodes them. The batch has the same spans. Once it has
//! what Heirloom adds to each span (`thread.id`, `thread.name`), once only what the program set, as the SDK would record it.
//!
//! Conversion and encoding are timed together for all: from the form in which the exporter gets spans to bytes. The conversion
//! consumes its batch, so a copy is made for each, and isn't timed.
//!
//! An exporter's thread encodes one delivery again and again, and the ways take turns. The measure is the thread's CPU time, which
//! other programs disturb less than the clock. What the bytes go to (a compressor, a socket, a file) does nothing here.

mod support;

use heirloom::export::{Delivery, ExportError, Exporter, SpanRef};
use heirloom::{Span, Value};
use heirloom_otlp::{Encoder, Format, Plain};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, Key, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use prost::Message;
use std::hint::black_box;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::{sync_channel, SyncSender};
use std::time::{Duration, SystemTime};
use support::bench::ratios;
use support::spans::{set_three, TEXT};
use support::usage::thread_cpu_ns;
use support::{Bench, Goal, Summary};

/// How long all rounds may take, also on a busy machine: they last by the CPU time.
const LONGEST: Duration = Duration::from_secs(300);
/// Spans of a delivery: as many as a batch has.
const SPANS: u64 = 4096;
const OFFICIAL: &str = "opentelemetry-proto, prost, the same attributes";
const OFFICIAL_SDK: &str = "opentelemetry-proto, prost, without thread.id and thread.name";
/// Million spans a second and core, without attributes and with three. For a machine with a free core of this decade; it is missed
/// on slower ones.
const GOALS: [f64; 2] = [40.0, 15.0];

fn main() -> ExitCode {
    support::run("encode", &[], encode)
}

fn encode(bench: &mut Bench) -> Result<(), String> {
    let (rounds, round_ns) = bench.pick((9, 200_000_000), (1, 1_000_000));
    bench.say(
        "Million spans a second of one core's CPU time, from the form in which an exporter gets spans to bytes; median [min-max] of the \
         rounds. OpenTelemetry's way converts `SpanData` by `group_spans_by_resource_and_scope` and encodes the messages by `prost`, \
         both timed. *times* is the ratio of the same round.",
    );
    let mut rows = Vec::new();
    for (attributes, goal) in [0, 3].into_iter().zip(GOALS) {
        let ways = measured(attributes, rounds, round_ns)?;
        let official = ways.iter().find(|way| way.name == OFFICIAL).ok_or("the official way is missing")?;
        for way in &ways {
            let speed = Summary::of(way.speeds.iter().copied()).ok_or("no round")?;
            let times = ratios(&way.speeds, &official.speeds).ok_or("no round")?;
            let what = format!("{}, {attributes} attributes", way.name);
            bench.keep(&what, "million spans a second", &way.speeds);
            rows.push(vec![what.clone(), speed.text(2), way.bytes.to_string(), times.text(1)]);
            if way.name == "protobuf" {
                bench.goal(&what, Goal::AtLeast(goal), " million/s", Some(speed));
            }
        }
    }
    bench.table(
        &[
            "way, spans",
            "million spans/s and core",
            "bytes of a span",
            "times OpenTelemetry's with the same attributes",
        ],
        &rows,
    );
    Ok(())
}

fn measured(attributes: u64, rounds: usize, round_ns: u64) -> Result<Vec<Way>, String> {
    let (results, received) = sync_channel(1);
    let guard = heirloom::builder("encode").exporter(Measure { rounds, round_ns, results }).start();
    let guard = guard.map_err(|error| error.to_string())?;
    guard.tracer().in_root("root", |root| record(root, attributes));
    guard.tracer().flush(LONGEST).map_err(|error| error.to_string())?;
    received.recv_timeout(LONGEST).map_err(|error| error.to_string())
}

fn record(root: &Span, attributes: u64) {
    for n in 1..SPANS {
        let span = root.span("decode");
        if attributes > 0 {
            set_three(&span, n, TEXT);
        }
    }
}

/// Encodes its first delivery.
struct Measure {
    rounds: usize,
    round_ns: u64,
    results: SyncSender<Vec<Way>>,
}

/// Encodes a delivery, and returns how many bytes that are and the CPU time.
type Run<'a> = Box<dyn FnMut() -> (usize, u64) + 'a>;

/// A way to encode.
struct Way {
    name: &'static str,
    /// Million spans a second, by round.
    speeds: Vec<f64>,
    /// Of one span.
    bytes: usize,
}

impl Exporter for Measure {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let mut protobuf = Encoder::new(Format::Protobuf, Plain);
        let mut json = Encoder::new(Format::Json, Plain);
        let (same, sdk) = (Official::of(delivery, true), Official::of(delivery, false));
        let mut ways: [(&str, Run<'_>); 4] = [
            (OFFICIAL, Box::new(|| same.encode())),
            (OFFICIAL_SDK, Box::new(|| sdk.encode())),
            ("protobuf", Box::new(|| timed(|| with(&mut protobuf, delivery)))),
            ("JSON", Box::new(|| timed(|| with(&mut json, delivery)))),
        ];
        let begun = |(name, way): &mut (&'static str, Run<'_>)| Way {
            name,
            speeds: Vec::new(),
            bytes: way().0 / delivery.len(),
        };
        let mut results: Vec<Way> = ways.iter_mut().map(begun).collect();
        for _ in 0..self.rounds {
            for ((_, way), result) in ways.iter_mut().zip(&mut results) {
                let (mut spans, mut ns) = (0, 0);
                while ns < self.round_ns {
                    ns += way().1;
                    spans += delivery.len();
                }
                result.speeds.push(1e3 * spans as f64 / ns as f64);
            }
        }
        // Nobody waits for the results of a second delivery.
        let _ = self.results.try_send(results);
        Ok(())
    }
}

/// Takes bytes, and does nothing with them.
struct Taken(usize);

impl Write for Taken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += black_box(bytes).len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn with(encoder: &mut Encoder<Plain>, delivery: &Delivery) -> usize {
    let mut taken = Taken(0);
    for part in delivery.parts() {
        let filled = encoder.fill(part.resource(), &mut part.spans().peekable(), usize::MAX, &mut taken);
        assert_eq!(filled.map_or(0, |filled| filled.spans), part.len());
    }
    taken.0
}

/// The bytes, and the CPU time of this thread in nanoseconds.
fn timed(encode: impl FnOnce() -> usize) -> (usize, u64) {
    let begin = thread_cpu_ns();
    let bytes = black_box(encode());
    (bytes, thread_cpu_ns() - begin)
}

/// A batch as `opentelemetry_sdk` gives it to an exporter.
struct Official {
    batch: Vec<SpanData>,
    resource: ResourceAttributesWithSchema,
}

impl Official {
    /// The spans of a delivery. `adds_thread`: with the attributes that Heirloom adds.
    fn of(delivery: &Delivery, adds_thread: bool) -> Self {
        let scope = InstrumentationScope::builder("heirloom").with_version(env!("CARGO_PKG_VERSION")).build();
        let attributes = delivery.parts().flat_map(|part| part.resource().attributes.iter());
        let attributes = attributes.map(|(key, value)| key_value(key, value));
        let resource = opentelemetry_sdk::Resource::builder_empty().with_attributes(attributes).build();
        let batch = delivery.spans().map(|span| span_data(span, &scope, adds_thread)).collect();
        Self { batch, resource: (&resource).into() }
    }

    fn encode(&self) -> (usize, u64) {
        let batch = self.batch.clone();
        timed(|| {
            let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
            black_box(ExportTraceServiceRequest { resource_spans }.encode_to_vec()).len()
        })
    }
}

fn span_data(span: SpanRef<'_>, scope: &InstrumentationScope, adds_thread: bool) -> SpanData {
    let time = |ns| SystemTime::UNIX_EPOCH + Duration::from_nanos(ns);
    let (trace, id) = (TraceId::from_bytes(span.trace_id().to_bytes()), SpanId::from_bytes(span.span_id().to_bytes()));
    let mut attributes: Vec<KeyValue> = span.attributes().map(|a| key_value(a.key, &a.value)).collect();
    if adds_thread {
        let lane = span.lane();
        attributes.push(KeyValue::new("thread.id", lane.thread_id as i64));
        if !lane.thread_name.is_empty() {
            attributes.push(KeyValue::new("thread.name", lane.thread_name.to_string()));
        }
    }
    SpanData {
        span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, TraceState::default()),
        parent_span_id: span.parent_span_id().map_or(SpanId::INVALID, |id| SpanId::from_bytes(id.to_bytes())),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: span.name().to_owned().into(),
        start_time: time(span.start_ns()),
        end_time: time(span.end_ns()),
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: scope.clone(),
    }
}

fn key_value(key: &str, value: &Value<'_>) -> KeyValue {
    // A program's keys are static: dropping them costs nothing.
    let key = Key::from_static_str(Box::leak(key.to_owned().into_boxed_str()));
    match value {
        Value::Bool(v) => KeyValue::new(key, *v),
        Value::I64(v) => KeyValue::new(key, *v),
        Value::F64(v) => KeyValue::new(key, *v),
        other => KeyValue::new(key, other.to_string()),
    }
}
