//! Captured values beside `serde_json` into a buffer and a copy.

use crate::support::bench::{cell, named, ratios};
use crate::support::spans::FLUSH_TIMEOUT;
use crate::support::{Bench, Goal, Summary};
use heirloom::export::{Delivery, ExportError, Exporter};
use heirloom::{capture, Capture, Guard, Sampler, Span, Value};
use serde::Serialize;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Shaped like a conversation with tool calls.
#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: String,
    calls: Vec<Call>,
}

#[derive(Serialize)]
struct Call {
    id: u64,
    name: &'static str,
    arguments: Vec<(&'static str, f64)>,
    ok: bool,
    note: Option<String>,
}

/// A nested value of about `bytes` bytes of JSON.
fn nested(bytes: usize) -> Vec<Message> {
    let call = |id| Call {
        id,
        name: "look_up_in_the_index",
        arguments: vec![("limit", 10.0), ("score", 0.25), ("offset", 1e3)],
        ok: id % 3 != 0,
        note: (id % 2 == 0).then(|| "found \"more\" than was asked for".to_owned()),
    };
    let message = |i: u64| Message {
        role: if i % 2 == 0 { "user" } else { "assistant" },
        content: "The quick brown fox jumps over the lazy dog, and comes back for the second half of it. ".repeat(2),
        calls: (0..3).map(|n| call(3 * i + n)).collect(),
    };
    let one = serde_json::to_vec(&message(0)).map_or(1, |json| json.len());
    (0..bytes.div_ceil(one) as u64).map(message).collect()
}

/// Sums the bytes of captured values.
#[derive(Clone, Default)]
struct Bytes(Arc<AtomicUsize>);

impl Exporter for Bytes {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let captured = delivery.spans().flat_map(|span| span.attributes()).filter(|attribute| attribute.key == KEY);
        let bytes = captured.map(|attribute| match &attribute.value {
            Value::Str(json) => json.len(),
            _ => 0,
        });
        self.0.fetch_add(bytes.sum(), Ordering::Relaxed);
        Ok(())
    }
}

struct Stage {
    bytes: Bytes,
    guard: Guard,
    others: Vec<Guard>,
    span: Span,
    off: Span,
    unsampled: Span,
    small: Vec<Message>,
    limit: Vec<Message>,
    large: Vec<Message>,
    flat: String,
    buffers: (Vec<u8>, Vec<u8>),
}

struct Operation {
    name: &'static str,
    /// Runs a block; returns its duration and the number of runs in it.
    block: fn(&mut Stage) -> (Duration, u32),
}

#[inline(always)]
fn block(times: u32, mut once: impl FnMut()) -> (Duration, u32) {
    let begin = Instant::now();
    for _ in 0..times {
        once();
    }
    (begin.elapsed(), times)
}

#[inline(always)]
fn captured<T: Serialize>(times: u32, span: &Span, value: &T) -> (Duration, u32) {
    block(times, || _ = black_box(capture::record(black_box(span), KEY, black_box(value))))
}

const KEY: &str = "input.value";
/// Longer values are cut.
const MOST_BYTES: usize = 64 << 10;

const BASE: &str = "10 KB nested: `serde_json::to_writer` and a copy";
const SMALL: &str = "10 KB nested: captured";
const LIMIT: &str = "64 KiB nested: captured";
const LARGE: &str = "1 MB nested: captured, cut at 64 KiB";
const FLAT: &str = "1 MB text: captured, cut at 64 KiB";
const OFF: &str = "1 MB nested: capture switched off";
const UNSAMPLED: &str = "1 MB nested: not sampled";

const OPERATIONS: &[Operation] = &[
    Operation { name: BASE, block: |stage| block(20, || stage.serialise_and_copy()) },
    Operation { name: SMALL, block: |stage| captured(20, &stage.span, &stage.small) },
    Operation { name: LIMIT, block: |stage| captured(5, &stage.span, &stage.limit) },
    Operation { name: LARGE, block: |stage| captured(5, &stage.span, &stage.large) },
    Operation { name: FLAT, block: |stage| captured(5, &stage.span, &stage.flat) },
    Operation { name: OFF, block: |stage| captured(1000, &stage.off, &stage.large) },
    Operation { name: UNSAMPLED, block: |stage| captured(1000, &stage.unsampled, &stage.large) },
];

impl Stage {
    fn new() -> Result<Self, String> {
        let bytes = Bytes::default();
        let start =
            |builder: heirloom::Builder| builder.exporter(bytes.clone()).start().map_err(|error| error.to_string());
        let guard = start(heirloom::builder("capture"))?;
        let off = start(heirloom::builder("off").capture(Capture::default().enabled(false)))?;
        let unsampled = start(heirloom::builder("unsampled").sampler(Sampler::AlwaysOff))?;
        Ok(Self {
            span: guard.tracer().root("span"),
            off: off.tracer().root("span"),
            unsampled: unsampled.tracer().root("span"),
            guard,
            others: vec![off, unsampled],
            bytes: bytes.clone(),
            small: nested(10 << 10),
            limit: nested(62 << 10),
            large: nested(1 << 20),
            flat: "The quick brown fox jumps over the lazy dog. ".repeat((1 << 20) / 45),
            buffers: Default::default(),
        })
    }

    /// The bytes that an exporter gets of a value that is captured once.
    fn exported<T: Serialize>(&self, guard: &Guard, value: &T) -> Result<usize, String> {
        let before = self.bytes.0.load(Ordering::Relaxed);
        let span = guard.tracer().root("checked");
        _ = capture::record(&span, KEY, value);
        drop(span);
        guard.tracer().flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())?;
        Ok(self.bytes.0.load(Ordering::Relaxed) - before)
    }

    /// What is timed also arrives: whole below the limit, up to the limit above it, and not at all where it is switched off.
    fn check(&self, bench: &mut Bench) -> Result<(), String> {
        let json = |value: &Vec<Message>| serde_json::to_vec(value).map_or(0, |json| json.len());
        let cut = MOST_BYTES * 9 / 10..=MOST_BYTES;
        let (small, limit) = (json(&self.small), json(&self.limit));
        let mut promise = |what: &str, expected: std::ops::RangeInclusive<usize>, bytes: usize| {
            bench
                .promise(expected.contains(&bytes), || format!("{what}: {bytes} bytes arrived, expected {expected:?}"));
        };
        promise(SMALL, small..=small, self.exported(&self.guard, &self.small)?);
        promise(LIMIT, limit..=limit, self.exported(&self.guard, &self.limit)?);
        promise(LARGE, cut.clone(), self.exported(&self.guard, &self.large)?);
        promise(FLAT, cut, self.exported(&self.guard, &self.flat)?);
        for (what, guard) in [OFF, UNSAMPLED].into_iter().zip(&self.others) {
            promise(what, 0..=0, self.exported(guard, &self.large)?);
        }
        Ok(())
    }

    fn serialise_and_copy(&mut self) {
        let (json, copy) = &mut self.buffers;
        json.clear();
        copy.clear();
        black_box(serde_json::to_writer(&mut *json, &self.small)).ok();
        copy.extend_from_slice(black_box(json));
    }

    fn median(&mut self, operation: &Operation, blocks: usize) -> Result<f64, String> {
        let mut times = Vec::with_capacity(blocks);
        for _ in 0..=blocks {
            self.guard.tracer().flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())?;
            let (time, times_run) = (operation.block)(self);
            times.push(time.as_nanos() as f64 / f64::from(times_run));
        }
        Summary::of(times).map(|times| times.median).ok_or_else(|| "no block was measured".to_owned())
    }
}

pub(crate) fn measure(bench: &mut Bench) -> Result<(), String> {
    let mut stage = Stage::new()?;
    let (rounds, blocks) = bench.pick((7, 30), (1, 2));
    let measured = bench.in_turns(rounds, OPERATIONS.len(), |i| stage.median(&OPERATIONS[i], blocks))?;
    stage.check(bench)?;
    let of = |name| named(OPERATIONS.iter().map(|operation| operation.name).zip(&measured), name);
    bench.say(&format!(
        "ns per captured value: median [min-max] of {rounds} rounds in turns, each the median of {blocks} blocks. The nested \
         value is a list of messages with their calls."
    ));
    let rows: Vec<_> = OPERATIONS.iter().zip(&measured).map(|(o, ns)| vec![o.name.to_owned(), cell(ns, 1)]).collect();
    bench.table(&["what", "ns"], &rows);
    OPERATIONS.iter().zip(&measured).for_each(|(operation, ns)| bench.keep(operation.name, "ns", ns));
    bench.goal("10 KB nested, times serde_json and a copy", Goal::AtMost(1.5), "", ratios(&of(SMALL), &of(BASE)));
    bench.goal("1 MB nested, times 64 KiB", Goal::AtMost(1.2), "", ratios(&of(LARGE), &of(LIMIT)));
    bench.goal("1 MB text, times 64 KiB nested", Goal::AtMost(1.2), "", ratios(&of(FLAT), &of(LIMIT)));
    bench.goal("1 MB nested, switched off", Goal::AtMost(3.0), " ns", Summary::of(of(OFF)));
    bench.goal("1 MB nested, not sampled", Goal::AtMost(3.0), " ns", Summary::of(of(UNSAMPLED)));
    let Stage { span, off, unsampled, guard, others, .. } = stage;
    drop((span, off, unsampled));
    for guard in others.into_iter().chain([guard]) {
        let report = guard.finish();
        bench.promise(report.ledger().is_balanced(), || format!("unbalanced: {report}"));
    }
    Ok(())
}
