//! Each way beside a plain child span, in blocks with a drain between them, outside the measured time.
//!
//! Its plain child span is not that of `benches/record.rs`. Here the root is current, since the ways with an implicit parent
//! need it, the parent's context is read through a reference for each span, and a block has 1,000 spans. There no span is
//! current, the context is a local copy, and a block has 2,000 spans. On one machine this loop takes 1.1 times as long as
//! that one.

use crate::support::bench::{cell, named, ratios};
use crate::support::spans::{lost, NoOp, FLUSH_TIMEOUT};
use crate::support::{Bench, Goal, Summary};
use heirloom::bridge::{HeirloomLayer, HeirloomTracerProvider};
use heirloom::{Context, Guard, Span, SpanId, TraceId};
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::Tracer as _;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tracing_subscriber::prelude::*;

/// Operations in a block: their records stay below a third of the default ring, beyond which the collector would be woken.
const BLOCK: u64 = 1_000;

struct Stage {
    guard: Guard,
    root: Span,
    cx: Context,
    ids: (TraceId, SpanId),
    tracer: BoxedTracer,
}

struct Operation {
    name: &'static str,
    /// The goal: at most this many times the cost of a plain child span.
    goal: Option<f64>,
    block: fn(&Stage) -> Duration,
}

#[inline(always)]
fn block(mut once: impl FnMut(u64)) -> Duration {
    let begin = Instant::now();
    for i in 0..BLOCK {
        once(i);
    }
    begin.elapsed()
}

#[heirloom::observe]
fn observed(n: u64) -> u64 {
    black_box(n)
}

#[heirloom::observe(err)]
fn observed_result(n: u64) -> Result<u64, std::fmt::Error> {
    Ok(black_box(n))
}

const PLAIN: &str = "a plain child span";
const OBSERVE: &str = "1 `#[observe]`";
const SCOPE: &str = "2 scope, closure";
const WAYS: &[Operation] = &[
    Operation { name: PLAIN, goal: None, block: |stage| block(|_| drop(stage.cx.span("child"))) },
    Operation { name: OBSERVE, goal: Some(2.0), block: |_| block(|n| _ = observed(n)) },
    Operation {
        name: "1 `#[observe(err)]`, `Ok`",
        goal: Some(2.0),
        block: |_| block(|n| _ = black_box(observed_result(n))),
    },
    Operation { name: SCOPE, goal: Some(2.0), block: |_| block(|n| _ = heirloom::in_span("scope", |_| black_box(n))) },
    Operation {
        name: "2 scope, guard",
        goal: Some(2.0),
        block: |_| {
            block(|n| {
                let span = heirloom::span("guard");
                let _current = span.enter();
                black_box(n);
            })
        },
    },
    Operation {
        name: "3 manual span, ended in another order",
        goal: Some(2.0),
        block: |stage| {
            let mut before = stage.cx.span("first");
            block(|_| {
                let next = stage.cx.span("manual");
                drop(std::mem::replace(&mut before, next));
            })
        },
    },
    Operation {
        name: "4 explicit ids",
        goal: Some(2.0),
        block: |stage| block(|_| drop(Context::from_ids(stage.ids.0, stage.ids.1, true).span("ids"))),
    },
    Operation {
        name: "5 framework span (tracing's layer)",
        goal: Some(2.0),
        block: |_| block(|_| drop(tracing::info_span!("framework"))),
    },
    Operation {
        name: "6 zero-code (OpenTelemetry's API)",
        goal: Some(2.0),
        block: |stage| block(|_| drop(stage.tracer.start("zero-code"))),
    },
    Operation {
        name: "6 zero-code, made current (`in_span`)",
        goal: None,
        block: |stage| block(|n| _ = stage.tracer.in_span("zero-code", |_| black_box(n))),
    },
    Operation { name: "7 update, by handle", goal: Some(1.0), block: |stage| block(|n| _ = stage.root.set("n", n)) },
    Operation {
        name: "7 update, of the current span",
        goal: Some(1.0),
        block: |_| block(|n| _ = Context::current().update().set("n", n)),
    },
    Operation {
        name: "7 update, of the trace",
        goal: Some(1.0),
        block: |stage| block(|_| _ = stage.cx.trace_update().user("u-7")),
    },
];

/// The cost of the other tracing systems without Heirloom: their floors.
fn floors() -> Vec<(&'static str, f64)> {
    let median = |mut once: Box<dyn FnMut() -> Duration>| {
        let times: Vec<f64> = (0..40).map(|_| once().as_nanos() as f64 / BLOCK as f64).collect();
        Summary::of(times).map_or(0.0, |times| times.median)
    };
    let registry = tracing::Dispatch::new(tracing_subscriber::registry());
    let noop = opentelemetry::trace::noop::NoopTracer::new();
    vec![
        (
            "tracing's registry, no layer",
            median(Box::new(move || {
                tracing::dispatcher::with_default(&registry, || block(|_| drop(tracing::info_span!("floor"))))
            })),
        ),
        ("OpenTelemetry's tracer that does nothing", median(Box::new(move || block(|_| drop(noop.start("floor")))))),
    ]
}

pub(crate) fn measure(bench: &mut Bench) -> Result<(), String> {
    let floors = floors();
    let stage = Stage::new()?;
    let (rounds, blocks) = bench.pick((7, 40), (1, 2));
    let current = stage.root.enter();
    let measured = bench.in_turns(rounds, WAYS.len(), |i| stage.median(&WAYS[i], blocks))?;
    drop(current);
    let of = |name| named(WAYS.iter().map(|way| way.name).zip(&measured), name);
    let plain = of(PLAIN);
    bench.say(&format!(
        "ns per operation on the thread that traces, without capture: median [min-max] of {rounds} rounds in turns, each \
         the median of {blocks} blocks of {BLOCK}."
    ));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (way, ns) in WAYS.iter().zip(&measured) {
        let ratio = ratios(ns, &plain).map_or_else(String::new, |ratio| ratio.text(2));
        rows.push(vec![way.name.to_owned(), cell(ns, 1), ratio]);
        bench.keep(way.name, "ns", ns);
    }
    rows.extend(floors.iter().map(|(name, ns)| vec![(*name).to_owned(), format!("{ns:.1}"), String::new()]));
    bench.table(&["way", "ns", "times a plain child span"], &rows);
    for (way, ns) in WAYS.iter().zip(&measured) {
        if let Some(most) = way.goal {
            bench.goal(&format!("{}, times a plain child span", way.name), Goal::AtMost(most), "", ratios(ns, &plain));
        }
    }
    bench.goal("`#[observe]` against the scope", Goal::AtMost(1.1), "", ratios(&of(OBSERVE), &of(SCOPE)));
    stage.finish(bench)
}

impl Stage {
    fn new() -> Result<Self, String> {
        let guard = heirloom::builder("seven-ways").exporter(NoOp).init().map_err(|error| error.to_string())?;
        let layer = tracing_subscriber::registry().with(HeirloomLayer::new().with_target(false).with_location(false));
        layer.try_init().map_err(|error| error.to_string())?;
        opentelemetry::global::set_tracer_provider(HeirloomTracerProvider::new());
        let root = heirloom::root("root");
        let cx = root.context();
        let tracer = opentelemetry::global::tracer("bench");
        Ok(Self { ids: (cx.trace_id(), cx.span_id()), cx, root, guard, tracer })
    }

    fn median(&self, way: &Operation, blocks: usize) -> Result<f64, String> {
        (way.block)(self);
        let mut times = Vec::with_capacity(blocks);
        for _ in 0..blocks {
            self.settle()?;
            times.push((way.block)(self).as_nanos() as f64 / BLOCK as f64);
        }
        self.settle()?;
        Summary::of(times).map(|times| times.median).ok_or_else(|| "no block was measured".to_owned())
    }

    fn settle(&self) -> Result<(), String> {
        self.guard.tracer().flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())
    }

    fn finish(self, bench: &mut Bench) -> Result<(), String> {
        drop(self.root);
        let report = self.guard.finish();
        let ledger = report.ledger();
        bench.promise(ledger.is_balanced() && lost(ledger) == 0, || format!("lost or unbalanced: {report}"));
        Ok(())
    }
}
