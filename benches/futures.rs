//! The cost of a future's span: for each poll, and for a future or a task as a whole, beside the same without a span.
//!
//! As in `record`, operations run in blocks with a drain between them, and take turns. The polled futures do almost
//! nothing, so that the bench measures the adapter.

mod support;

use heirloom::future::FutureExt as _;
use heirloom::tokio as traced;
use heirloom::{observe, Context, Guard, Sampler, Span};
use std::future::{poll_fn, Future};
use std::hint::black_box;
use std::pin::{pin, Pin};
use std::process::ExitCode;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};
use support::bench::cell;
use support::spans::{lost, NoOp, FLUSH_TIMEOUT};
use support::{Bench, Summary};

/// Operations in a block. An operation that ends a span records 240 bytes, so a block stays below a third of the default
/// ring.
const BLOCK: u64 = 1_000;

fn main() -> ExitCode {
    support::run("futures", &[], futures)
}

/// The data of the operations.
struct Stage {
    guard: Guard,
    root: Span,
    cx: Context,
    unsampled_guard: Guard,
    unsampled: Context,
    runtime: tokio::runtime::Runtime,
}

/// An operation. `block` runs a block of it and returns the duration. Its cost is the difference to `beside`.
struct Operation {
    name: &'static str,
    beside: &'static str,
    block: fn(&Stage) -> Duration,
}

/// Never ready.
fn waits() -> impl Future<Output = ()> {
    let mut polls = 0_u64;
    poll_fn(move |_| {
        polls = black_box(polls + 1);
        Poll::Pending
    })
}

/// Ready at once.
async fn is_ready() -> u64 {
    black_box(1)
}

/// The same, with a span.
#[observe(name = "f", parent = parent)]
async fn observed(parent: Context) -> u64 {
    black_box(1)
}

#[observe(name = "f", parent = parent, timed)]
async fn observed_timed(parent: Context) -> u64 {
    black_box(1)
}

#[inline(always)]
fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut TaskContext::from_waker(Waker::noop()))
}

/// Times the polls of one future.
#[inline(always)]
fn polls<F: Future>(future: F) -> Duration {
    let mut future = pin!(future);
    let begin = Instant::now();
    for _ in 0..BLOCK {
        black_box(poll(black_box(future.as_mut()))).is_ready();
    }
    begin.elapsed()
}

/// Times futures that are created, polled once, and dropped.
#[inline(always)]
fn whole<F: Future>(make: impl Fn() -> F) -> Duration {
    let begin = Instant::now();
    for _ in 0..BLOCK {
        black_box(poll(pin!(make()))).is_ready();
    }
    begin.elapsed()
}

/// Times tasks that are spawned and awaited one by one.
fn tasks<F: Future>(stage: &Stage, spawn: impl Fn() -> F) -> Duration {
    stage.runtime.block_on(async {
        let begin = Instant::now();
        for _ in 0..BLOCK {
            black_box(spawn().await);
        }
        begin.elapsed()
    })
}

const POLL: &str = "poll";
const WHOLE: &str = "a future, ready at once";
const TASK: &str = "a task, spawned and awaited, current-thread runtime";

const OPERATIONS: &[Operation] = &[
    Operation { name: POLL, beside: POLL, block: |_| polls(waits()) },
    Operation { name: "poll in a context", beside: POLL, block: |stage| polls(waits().in_context(stage.cx)) },
    Operation { name: "poll in a span", beside: POLL, block: |stage| polls(waits().in_span(stage.cx.span("f"))) },
    Operation {
        name: "poll in a span, untimed",
        beside: POLL,
        block: |stage| polls(waits().in_span(stage.cx.span("f")).untimed()),
    },
    Operation {
        name: "poll in a span, not sampled",
        beside: POLL,
        block: |stage| polls(waits().in_span(stage.unsampled.span("f"))),
    },
    Operation { name: WHOLE, beside: WHOLE, block: |_| whole(is_ready) },
    Operation {
        name: "a child span and a future",
        beside: WHOLE,
        block: |stage| {
            whole(|| {
                drop(stage.cx.span("f"));
                is_ready()
            })
        },
    },
    Operation {
        name: "a future in a span",
        beside: WHOLE,
        block: |stage| whole(|| is_ready().in_span(stage.cx.span("f"))),
    },
    Operation {
        name: "a future in a span, untimed",
        beside: WHOLE,
        block: |stage| whole(|| is_ready().in_span(stage.cx.span("f")).untimed()),
    },
    Operation {
        name: "a future in a span, not sampled",
        beside: WHOLE,
        block: |stage| whole(|| is_ready().in_span(stage.unsampled.span("f"))),
    },
    Operation { name: "`#[observe] async fn`", beside: WHOLE, block: |stage| whole(|| observed(stage.cx)) },
    Operation {
        name: "`#[observe(timed)] async fn`",
        beside: WHOLE,
        block: |stage| whole(|| observed_timed(stage.cx)),
    },
    Operation {
        name: "`#[observe] async fn`, not sampled",
        beside: WHOLE,
        block: |stage| whole(|| observed(stage.unsampled)),
    },
    Operation { name: TASK, beside: TASK, block: |stage| tasks(stage, || tokio::spawn(is_ready())) },
    Operation {
        name: "a traced task",
        beside: TASK,
        block: |stage| tasks(stage, || traced::spawn(stage.cx, "f", |_| is_ready())),
    },
];

impl Stage {
    fn new() -> Result<Self, String> {
        let guard = heirloom::builder("futures").exporter(NoOp).init().map_err(|error| error.to_string())?;
        let unsampled = heirloom::builder("unsampled").sampler(Sampler::AlwaysOff).start();
        let unsampled_guard = unsampled.map_err(|error| error.to_string())?;
        let root = heirloom::root("root");
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
        let unsampled = unsampled_guard.tracer().root("root").context();
        Ok(Self { cx: root.context(), root, guard, unsampled_guard, unsampled, runtime })
    }

    /// Nanoseconds of one operation: the median of `blocks` blocks, with a drain between them.
    fn measure(&self, operation: &Operation, blocks: usize) -> Result<f64, String> {
        (operation.block)(self); // Warms up the caches and the thread's slot for the tracer.
        let mut times = Vec::with_capacity(blocks);
        for _ in 0..blocks {
            self.settle()?;
            times.push((operation.block)(self).as_nanos() as f64 / BLOCK as f64);
        }
        self.settle()?;
        Summary::of(times).map(|times| times.median).ok_or_else(|| "no block was measured".to_owned())
    }

    /// Waits until everything is drained.
    fn settle(&self) -> Result<(), String> {
        self.guard.tracer().flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())
    }
}

fn futures(bench: &mut Bench) -> Result<(), String> {
    let (rounds, blocks) = bench.pick((7, 40), (1, 2));
    let stage = Stage::new()?;
    let measured = bench.in_turns(rounds, OPERATIONS.len(), |i| stage.measure(&OPERATIONS[i], blocks))?;
    bench.say(&format!(
        "ns per operation: median [min-max] of {rounds} rounds in turns, each the median of {blocks} blocks of {BLOCK}. \
         `more` is over the same without Heirloom, in the same round."
    ));
    let plain = |name: &str| OPERATIONS.iter().position(|plain| plain.name == name).unwrap_or(0);
    let rows: Vec<_> = OPERATIONS
        .iter()
        .zip(&measured)
        .map(|(operation, ns)| {
            let more: Vec<f64> =
                ns.iter().zip(&measured[plain(operation.beside)]).map(|(ns, plain)| ns - plain).collect();
            let more = if operation.name == operation.beside { String::new() } else { cell(&more, 1) };
            vec![operation.name.to_owned(), cell(ns, 1), more]
        })
        .collect();
    bench.table(&["operation", "ns", "more"], &rows);
    for (operation, ns) in OPERATIONS.iter().zip(&measured) {
        bench.keep(operation.name, "ns", ns);
    }
    drop(stage.root);
    for guard in [stage.guard, stage.unsampled_guard] {
        let report = guard.finish();
        let ledger = report.ledger();
        bench.promise(ledger.is_balanced() && lost(ledger) == 0, || format!("lost or unbalanced: {report}"));
    }
    Ok(())
}
