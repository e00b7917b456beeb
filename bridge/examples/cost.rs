//! The cost of another tracing system's span that the bridge records, beside one of Heirloom's spans.
//!
//! ```sh
//! cargo run --release -p heirloom-bridge --all-features --example cost
//! ```
//!
//! It times blocks of spans, with a flush between them, and prints the nanoseconds per span of the fastest block.

use heirloom_bridge::{HeirloomLayer, HeirloomTracerProvider};
use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::{builder, span, Tracer};
use opentelemetry::trace::{Tracer as _, TracerProvider};
use std::time::{Duration, Instant};
use tracing::info_span;
use tracing_subscriber::prelude::*;

/// Spans in a block: few enough for the default ring.
const BLOCK: u32 = 1_000;
const ROUNDS: usize = 200;

struct Nothing;

impl Exporter for Nothing {
    fn export(&mut self, _: &Delivery) -> Result<(), ExportError> {
        Ok(())
    }
}

/// Nanoseconds per operation in the fastest block.
fn fastest(tracer: &Tracer, operation: impl Fn()) -> f64 {
    let block = || {
        let start = Instant::now();
        (0..BLOCK).for_each(|_| operation());
        let took = start.elapsed();
        tracer.flush(Duration::from_secs(10)).expect("a flush");
        took.as_nanos() as f64 / f64::from(BLOCK)
    };
    (0..ROUNDS).map(|_| block()).fold(f64::INFINITY, f64::min)
}

fn main() {
    let guard = builder("cost").exporter(Nothing).init().expect("a tracer");
    let tracer = guard.tracer();
    let theirs = HeirloomTracerProvider::new().tracer("cost");
    let bare = HeirloomLayer::new().with_level(false).with_target(false).with_location(false);
    let print = |what: &str, ns: f64| println!("{ns:7.1} ns  {what}");
    heirloom_core::in_root("root", |_| {
        print("a child span of Heirloom", fastest(tracer, || span("child").end()));
        let entered = || span("child").in_span("part", |_| ());
        print("two of them, one entered", fastest(tracer, entered));
        tracing::subscriber::with_default(tracing_subscriber::registry(), || {
            print("tracing's span, no layer", fastest(tracer, || drop(info_span!("child"))));
        });
        tracing::subscriber::with_default(tracing_subscriber::registry().with(bare), || {
            print("tracing's span, bare", fastest(tracer, || drop(info_span!("child"))));
            print("the same, entered", fastest(tracer, || info_span!("child").in_scope(|| ())));
        });
        tracing::subscriber::with_default(tracing_subscriber::registry().with(HeirloomLayer::new()), || {
            print("tracing's span, with level, target, file and line", fastest(tracer, || drop(info_span!("child"))));
            let fields = || drop(info_span!("child", bytes = 12, ratio = 0.5, name = "a"));
            print("the same with three fields", fastest(tracer, fields));
            info_span!("parent").in_scope(|| print("an event", fastest(tracer, || tracing::info!(bytes = 12, "read"))));
        });
        print("a span of OpenTelemetry's API", fastest(tracer, || drop(theirs.start("child"))));
    });
    println!("{}", guard.finish());
}
