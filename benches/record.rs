//! The cost of each operation on the recording thread, beside a bare clock read and the floor.
//!
//! Operations run in blocks of 2,000 in rings of the default size. After each block everything is drained, outside the
//! measured time. So no span is lost, and the ring's memory comes from the other core's cache, as in a program. For all but
//! the first blocks the ring was touched before the clock starts. A block is short enough that most are not interrupted. A
//! round takes the median of its blocks, and the operations take turns.
//!
//! The child span here uses a local copy of its parent's context, and no span is current. The loop of `seven_ways` reads the
//! context through a reference, under a current root, in blocks of 1,000; on one machine it takes 1.1 times as long.

mod support;

use heirloom::{Background, Context, Guard, Name, Sampler, Span};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};
use support::bench::{cell, named, ratios};
use support::clock::ticks;
use support::ring::{Ring, Writer};
use support::spans::{lost, set_three, NoOp, FLUSH_TIMEOUT, TEXT};
use support::{Bench, Goal, Summary};

/// Operations in a block. The records of the largest one stay below a third of the default ring, beyond which the
/// collector would be woken.
const BLOCK: u64 = 2_000;
/// Slots of the floor's ring: 1 MiB.
const FLOOR_SLOTS: usize = 16_384;

fn main() -> ExitCode {
    support::run("record", &[], record)
}

/// The data of the operations.
struct Stage {
    guard: Guard,
    root: Span,
    /// The root's context.
    cx: Context,
    unsampled_guard: Guard,
    /// A context that is not sampled.
    unsampled: Context,
    text: String,
    key: String,
    floor: Floor,
    /// Drops spans on another thread and returns how long that took.
    ender: Ender,
}

/// An operation. `block` runs a block of it and returns the duration.
struct Operation {
    name: &'static str,
    block: fn(&mut Stage) -> Duration,
}

/// Times a block of the same operation.
#[inline(always)]
fn block(mut once: impl FnMut(u64)) -> Duration {
    let begin = Instant::now();
    for i in 0..BLOCK {
        once(i);
    }
    begin.elapsed()
}

const FLOOR: &str = "floor: 2 clock reads, 64-byte record";
const CHILD: &str = "child span";
const THREE: &str = "child span, 3 attributes";
const NOT_SAMPLED: &str = "child span, not sampled";

const OPERATIONS: &[Operation] = &[
    Operation { name: "1 clock read", block: |_| block(|_| _ = black_box(ticks())) },
    Operation {
        name: "2 clock reads",
        block: |_| {
            block(|_| {
                black_box(ticks());
                black_box(ticks());
            })
        },
    },
    Operation { name: FLOOR, block: |stage| stage.floor.block() },
    Operation {
        name: CHILD,
        block: |stage| {
            let cx = stage.cx;
            block(|_| drop(cx.span("child")))
        },
    },
    Operation { name: "root span", block: |_| block(|_| drop(heirloom::root("root"))) },
    Operation {
        name: "child span as `in_span`, current in the closure",
        block: |stage| {
            let cx = stage.cx;
            block(|i| _ = black_box(cx.in_span("child", |_| i)))
        },
    },
    Operation {
        name: "child of the current span, as `in_span`",
        block: |stage| {
            let _current = stage.cx.enter();
            block(|i| _ = black_box(heirloom::in_span("child", |_| i)))
        },
    },
    Operation {
        name: "child span with a dynamic name",
        block: |stage| {
            let (cx, name) = (stage.cx, stage.key.as_str());
            block(|_| drop(cx.span(Name::dynamic(name))))
        },
    },
    Operation {
        name: "child span, i64",
        block: |stage| {
            let cx = stage.cx;
            block(|i| _ = cx.span("child").set("count", i as i64))
        },
    },
    Operation {
        name: "child span, f64",
        block: |stage| {
            let cx = stage.cx;
            block(|i| _ = cx.span("child").set("ratio", i as f64))
        },
    },
    Operation {
        name: "child span, text of 20 bytes",
        block: |stage| {
            let (cx, text) = (stage.cx, stage.text.as_str());
            block(|_| _ = cx.span("child").set("file", text))
        },
    },
    Operation {
        name: "child span, i64 with a dynamic key",
        block: |stage| {
            let (cx, key) = (stage.cx, stage.key.as_str());
            block(|i| _ = cx.span("child").set(Name::dynamic(key), i as i64))
        },
    },
    Operation {
        name: THREE,
        block: |stage| {
            let (cx, text) = (stage.cx, stage.text.as_str());
            block(|i| set_three(&cx.span("child"), i, text))
        },
    },
    Operation {
        name: "child span, event",
        block: |stage| {
            let cx = stage.cx;
            block(|_| _ = cx.span("child").event("event"))
        },
    },
    Operation {
        name: "child span, event with 2 attributes",
        block: |stage| {
            let (cx, text) = (stage.cx, stage.text.as_str());
            block(|i| _ = cx.span("child").event_with("event", &[("count", i.into()), ("file", text.into())]))
        },
    },
    Operation {
        name: "child span, link",
        block: |stage| {
            let cx = stage.cx;
            block(|_| _ = cx.span("child").link(cx))
        },
    },
    Operation {
        name: "child span, context() taken",
        block: |stage| {
            let cx = stage.cx;
            block(|_| _ = black_box(cx.span("child").context()))
        },
    },
    Operation { name: "begin of a span that another thread ends", block: |stage| stage.moved().0 },
    Operation { name: "end of a span that another thread began", block: |stage| stage.moved().1 },
    Operation {
        name: "background job, run at once",
        block: |stage| {
            let cx = stage.cx;
            block(|i| drop(cx.background("job").on(|job| job(), move |_| _ = black_box(i))))
        },
    },
    Operation {
        name: "enter() and leave",
        block: |stage| {
            let root = &stage.root;
            block(|_| drop(black_box(root.enter())))
        },
    },
    Operation {
        name: "context()",
        block: |stage| {
            let root = &stage.root;
            block(|_| _ = black_box(black_box(root).context()))
        },
    },
    Operation {
        name: NOT_SAMPLED,
        block: |stage| {
            let unsampled = stage.unsampled;
            block(|_| drop(unsampled.span("child")))
        },
    },
    Operation {
        name: "child span, not sampled, 3 attributes",
        block: |stage| {
            let (unsampled, text) = (stage.unsampled, stage.text.as_str());
            block(|i| set_three(&unsampled.span("child"), i, text))
        },
    },
];

impl Stage {
    fn new() -> Result<Self, String> {
        let guard = heirloom::builder("record").exporter(NoOp).init().map_err(|error| error.to_string())?;
        let unsampled = heirloom::builder("unsampled").sampler(Sampler::AlwaysOff).start();
        let unsampled_guard = unsampled.map_err(|error| error.to_string())?;
        let root = heirloom::root("root");
        Ok(Self {
            cx: root.context(),
            unsampled: unsampled_guard.tracer().root("root").context(),
            root,
            guard,
            unsampled_guard,
            text: TEXT.to_owned(),
            key: "a dynamic key".to_owned(),
            floor: Floor::start()?,
            ender: Ender::start()?,
        })
    }

    /// Nanoseconds of one operation: the median of `blocks` blocks, with a drain between them.
    fn measure(&mut self, operation: &Operation, blocks: usize) -> Result<f64, String> {
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
        self.guard.tracer().flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())?;
        self.floor.settle();
        Ok(())
    }

    /// Times the starts of a block of spans on this thread, and their ends on another thread.
    fn moved(&mut self) -> (Duration, Duration) {
        let cx = self.cx;
        let mut spans = std::mem::take(&mut self.ender.empty);
        let begins = block(|_| spans.push(cx.span("child")));
        let (ends, empty) = self.ender.end(spans);
        self.ender.empty = empty;
        (begins, ends)
    }
}

fn record(bench: &mut Bench) -> Result<(), String> {
    let (rounds, blocks) = bench.pick((7, 40), (1, 2));
    let mut stage = Stage::new()?;
    let measured = bench.in_turns(rounds, OPERATIONS.len(), |i| stage.measure(&OPERATIONS[i], blocks))?;
    let of = |name: &str| named(OPERATIONS.iter().map(|operation| operation.name).zip(&measured), name);
    let (floor, child) = (of(FLOOR), of(CHILD));

    bench.say(&format!(
        "ns per operation on the recording thread: median [min-max] of {rounds} rounds in turns, each the median of \
         {blocks} blocks of {BLOCK} operations. Every span is started and ended."
    ));
    let rows: Vec<_> =
        OPERATIONS.iter().zip(&measured).map(|(operation, ns)| row(operation, ns, &floor, &child)).collect();
    bench.table(&["operation", "ns", "over the floor", "ns over a bare child"], &rows);
    for (operation, ns) in OPERATIONS.iter().zip(&measured) {
        bench.keep(operation.name, "ns", ns);
    }
    bench.goal("child span, times the floor", Goal::AtMost(1.4), "", ratios(&child, &floor));
    bench.goal("child span with 3 attributes, times the floor", Goal::AtMost(1.8), "", ratios(&of(THREE), &floor));
    bench.goal("child span, not sampled", Goal::AtMost(2.0), " ns", Summary::of(of(NOT_SAMPLED)));
    finish(bench, stage)
}

fn row(operation: &Operation, ns: &[f64], floor: &[f64], child: &[f64]) -> Vec<String> {
    let more: Vec<f64> = ns.iter().zip(child).map(|(ns, child)| ns - child).collect();
    let over_child = if operation.name.starts_with("child span,") { cell(&more, 1) } else { String::new() };
    let over_floor = ratios(ns, floor).map_or_else(String::new, |ratio| ratio.text(2));
    vec![operation.name.to_owned(), cell(ns, 1), over_floor, over_child]
}

fn finish(bench: &mut Bench, stage: Stage) -> Result<(), String> {
    drop(stage.ender);
    drop(stage.root);
    bench.promise(stage.floor.stop() == 0, || "the floor lost records".to_owned());
    for guard in [stage.guard, stage.unsampled_guard] {
        let report = guard.finish();
        let ledger = report.ledger();
        bench.promise(ledger.is_balanced() && lost(ledger) == 0, || format!("lost or unbalanced: {report}"));
    }
    Ok(())
}

/// The floor: this thread writes, another thread drains.
struct Floor {
    ring: Arc<Ring>,
    stop: Arc<AtomicBool>,
    drainer: JoinHandle<()>,
}

impl Floor {
    fn start() -> Result<Self, String> {
        let (ring, stop) = (Arc::new(Ring::new(FLOOR_SLOTS)), Arc::new(AtomicBool::new(false)));
        let theirs = (Arc::clone(&ring), Arc::clone(&stop));
        let drain = move || {
            let (ring, stop) = theirs;
            while !stop.load(Ordering::Relaxed) {
                ring.drain(|record| _ = black_box(record));
                std::thread::park();
            }
        };
        let drainer = Builder::new().name("floor".to_owned()).spawn(drain).map_err(|error| error.to_string())?;
        Ok(Self { ring, stop, drainer })
    }

    fn block(&self) -> Duration {
        let mut writer = Writer::new(&self.ring);
        block(|i| {
            let begin = ticks();
            let end = ticks();
            writer.push([0x0af7_6519_16cd_43dd, 0x8448_eb21_1c80_319c, i, 1, begin, end, 1, 0]);
        })
    }

    fn settle(&self) {
        while !self.ring.is_empty() {
            self.drainer.thread().unpark();
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// Returns the number of lost records.
    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.drainer.thread().unpark();
        let _ = self.drainer.join();
        self.ring.lost()
    }
}

/// A thread that drops the spans it receives.
struct Ender {
    spans: mpsc::Sender<Vec<Span>>,
    done: mpsc::Receiver<(Duration, Vec<Span>)>,
    /// A vector with room for a block.
    empty: Vec<Span>,
}

impl Ender {
    fn start() -> Result<Self, String> {
        let (spans, received) = mpsc::channel::<Vec<Span>>();
        let (done, times) = mpsc::channel();
        let end = move || {
            for mut spans in received {
                let took = block(|_| drop(spans.pop()));
                if done.send((took, spans)).is_err() {
                    return;
                }
            }
        };
        Builder::new().name("ender".to_owned()).spawn(end).map_err(|error| error.to_string())?;
        Ok(Self { spans, done: times, empty: Vec::with_capacity(BLOCK as usize) })
    }

    fn end(&self, spans: Vec<Span>) -> (Duration, Vec<Span>) {
        let sent = self.spans.send(spans);
        sent.ok().and_then(|()| self.done.recv().ok()).unwrap_or_default()
    }
}
