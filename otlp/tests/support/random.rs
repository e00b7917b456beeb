//! Random spans with everything that a span can have, recorded by a real tracer.

use super::Each;
use heirloom_core::export::{Delivery, ScopeRef};
use heirloom_core::{builder, Context, Name, Settings, Span, SpanId, SpanKind, Status, TraceId, Value};
pub use heirloom_harness::Rng;
use std::time::Duration;

const TEXTS: [&str; 8] =
    ["", "a", "plain text", "quotes \" and \\ and /", "lines\n\r\t\u{8}\u{1f}", "ünï ☃ 𝄞", "\u{0}", "\u{7f}\u{2028}"];
const KEYS: [&str; 14] = [
    "a",
    "key \"quoted\"",
    "ключ",
    "http.request.method",
    "thread.id",
    "thread.name",
    "process.pid",
    "heirloom.truncated",
    "heirloom.incomplete",
    "heirloom.aborted",
    "heirloom.dropped_children",
    "heirloom.nested",
    "heirloom.polls",
    "a key that is longer than most keys are, so that its length, with that of its value, needs two bytes: more than 127",
];
const INTEGERS: [i64; 10] = [0, 1, -1, 127, 128, 16_383, 16_384, i64::MAX, i64::MIN, 1 << 53];
const DOUBLES: [f64; 10] =
    [0.0, -0.0, 0.1, 1e300, -1e-300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 5.0];

fn text(rng: &mut Rng) -> String {
    match rng.below(5) {
        0..=2 => (*rng.pick(&TEXTS)).to_owned(),
        3 => "x".repeat(rng.below(300) as usize),
        // Lengths of two and three bytes.
        _ => "é\"".repeat(*rng.pick(&[20, 40, 41, 42, 43, 44, 5400, 5461, 5462]) as usize),
    }
}

pub fn value(rng: &mut Rng) -> Value<'static> {
    let few = rng.below(5);
    match rng.below(9) {
        0 => Value::Bool(rng.one_in(2)),
        1 => Value::I64(*rng.pick(&INTEGERS)),
        2 => Value::I64(rng.next() as i64 >> rng.below(64)),
        3 => Value::F64(*rng.pick(&DOUBLES)),
        4 => Value::Bools((0..few).map(|n| n == 1).collect()),
        5 => Value::I64s((0..few).map(|_| *rng.pick(&INTEGERS)).collect()),
        6 => Value::F64s((0..few).map(|_| *rng.pick(&DOUBLES)).collect()),
        7 => Value::Strs((0..few).map(|_| text(rng).into()).collect()),
        _ => text(rng).into(),
    }
}

fn key(rng: &mut Rng) -> Name<'static> {
    match rng.below(4) {
        0 => Name::from(format!("key {}", rng.below(9))),
        _ => Name::from(*rng.pick(&KEYS)),
    }
}

fn keys(rng: &mut Rng) -> Vec<(Name<'static>, Value<'static>)> {
    (0..rng.below(4)).map(|_| (key(rng), value(rng))).collect()
}

fn other(rng: &mut Rng) -> Context {
    let state = *rng.pick(&[None, Some("vendor=1"), Some("a=b,c=d")]);
    let flags = rng.below(4);
    let header = format!("00-{:032x}-{:016x}-0{flags}", u128::from(rng.next()) + 1, rng.next() | 1);
    match rng.one_in(4) {
        true => Context::from_ids(TraceId::from_u128(rng.next().into()), SpanId::from_u64(rng.next() | 1), true),
        false => Context::from_headers(Some(&header), state, None).unwrap(),
    }
}

fn scope(rng: &mut Rng, span: &Span) {
    let number = rng.below(4);
    span.set(ScopeRef::NAME, format!("scope {number}"));
    if number > 0 {
        span.set(ScopeRef::VERSION, "1.2");
    }
    if number > 1 {
        span.set(format!("{}team", ScopeRef::ATTRIBUTE), "red").set(format!("{}level", ScopeRef::ATTRIBUTE), number);
    }
}

fn describe(rng: &mut Rng, span: &Span) {
    if rng.one_in(3) {
        scope(rng, span);
    }
    for _ in 0..*rng.pick(&[0, 0, 1, 3, 3, 12]) {
        span.set(key(rng), value(rng));
    }
    for _ in 0..*rng.pick(&[0, 0, 0, 1, 6]) {
        span.event_with_keys(text(rng), &keys(rng));
    }
    for _ in 0..*rng.pick(&[0, 0, 0, 1, 6]) {
        let to = if rng.one_in(2) { other(rng) } else { span.context() };
        span.link_with_keys(to, &keys(rng));
    }
    match rng.below(6) {
        0 => _ = span.set_status(Status::Ok),
        1 => _ = span.set_status(Status::Error(text(rng))),
        _ => {}
    }
}

fn tree(rng: &mut Rng, span: &Span, depth: u64) {
    describe(rng, span);
    for _ in 0..rng.below(4 - depth) {
        let kinds = [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
        let child = span.build(text(rng)).kind(*rng.pick(&kinds)).start();
        tree(rng, &child, depth + 1);
    }
}

/// Records random traces on three threads, and calls `look` with each delivery, on the exporter's thread.
///
/// # Panics
/// If a span is lost, or `look` panicked.
pub fn record(seed: u64, look: impl FnMut(&Delivery) + Send + 'static) {
    // `marks.rs` has the tests of marks, which depend on the time that passes.
    let mut settings = Settings::default();
    settings.sample = false;
    let mut rng = Rng(seed);
    settings.limits.attributes_per_span = *rng.pick(&[128, 4]);
    settings.limits.events_per_span = *rng.pick(&[128, 3]);
    settings.limits.links_per_span = *rng.pick(&[128, 3]);
    settings.limits.attributes_per_event = *rng.pick(&[128, 1]);
    settings.limits.attributes_per_link = *rng.pick(&[128, 1]);
    settings.limits.attribute_value_bytes = *rng.pick(&[64 << 10, 100]);
    settings.resource = vec![("region \"x\"".into(), "é".into()), ("empty".into(), String::new())];
    let guard = builder("random").settings(settings).exporter(Each(look)).start().unwrap();
    let tracer = guard.tracer();
    let open = tracer.root("never ended");
    std::thread::scope(|threads| {
        for thread in 0..3_u64 {
            let name = if thread == 0 { String::new() } else { format!("worker {thread}") };
            let record = move || {
                let mut rng = Rng(seed * 1000 + thread);
                for _ in 0..12 {
                    let root = match rng.one_in(2) {
                        true => tracer.root(text(&mut rng)),
                        false => tracer.bind(other(&mut rng)).span(text(&mut rng)),
                    };
                    root.context().trace_update().set("of all", value(&mut rng));
                    tree(&mut rng, &root, 0);
                }
            };
            std::thread::Builder::new().name(name).spawn_scoped(threads, record).unwrap();
        }
    });
    let report = guard.finish_within(Duration::from_secs(60));
    drop(open);
    let [ours] = &report.ledger().exporters[..] else { panic!("{report}") };
    assert_eq!((ours.dropped, ours.exported), (Default::default(), report.ledger().assembled), "{report}");
}
