//! The cost of locks and channels that record, where nothing waits: an acquisition and its release, a message sent and received,
//! beside the same with `parking_lot` and `crossbeam-channel`, which take turns with them. For channels also the floor: a plain
//! channel whose messages have the sender's context as a field.

mod support;

use heirloom::sync::{self, Mutex, RwLock};
use heirloom::Context;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::bench::{cell, Goal};
use support::spans::{lost, NoOp, FLUSH_TIMEOUT};
use support::{Bench, Summary};

/// Operations in a block: with one record in 64, it stays far below a third of the default ring.
const BLOCK: u64 = 10_000;

/// The goal: so much slower than the plain type at most, or so many nanoseconds.
const RATIO: f64 = 1.1;
const MORE_NS: f64 = 2.0;

fn main() -> ExitCode {
    support::run("locks", &[], locks)
}

/// An operation, with the plain types and with those that record. Each runs a block and returns the duration.
struct Operation {
    name: &'static str,
    plain: fn() -> Duration,
    recorded: fn() -> Duration,
    /// With the plain type, which does what can't be left out.
    floor: Option<fn() -> Duration>,
}

/// A message with its sender's context, as a program would write it by hand: the context in front, where its copies are fastest.
#[repr(C)]
struct WithContext {
    _context: Context,
    message: u64,
}

impl WithContext {
    #[inline(always)]
    fn new(message: u64) -> Self {
        Self { _context: Context::current(), message }
    }
}

#[inline(always)]
fn block(mut operation: impl FnMut()) -> Duration {
    let begin = Instant::now();
    (0..BLOCK).for_each(|_| operation());
    begin.elapsed()
}

const OPERATIONS: &[Operation] = &[
    Operation {
        name: "`Mutex`: lock, unlock",
        plain: || {
            let mutex = black_box(parking_lot::Mutex::new(0_u64));
            block(|| *black_box(&mutex).lock() += 1)
        },
        recorded: || {
            let mutex = black_box(Mutex::new(0_u64));
            block(|| *black_box(&mutex).lock() += 1)
        },
        floor: None,
    },
    Operation {
        name: "`RwLock`: read, unlock",
        plain: || {
            let lock = black_box(parking_lot::RwLock::new(0_u64));
            block(|| _ = black_box(*black_box(&lock).read()))
        },
        recorded: || {
            let lock = black_box(RwLock::new(0_u64));
            block(|| _ = black_box(*black_box(&lock).read()))
        },
        floor: None,
    },
    Operation {
        name: "`RwLock`: write, unlock",
        plain: || {
            let lock = black_box(parking_lot::RwLock::new(0_u64));
            block(|| *black_box(&lock).write() += 1)
        },
        recorded: || {
            let lock = black_box(RwLock::new(0_u64));
            block(|| *black_box(&lock).write() += 1)
        },
        floor: None,
    },
    Operation {
        name: "bounded channel: send, receive",
        plain: || {
            let (sender, receiver) = crossbeam_channel::bounded(16);
            block(|| _ = black_box((sender.send(black_box(7_u64)), receiver.recv())))
        },
        recorded: || {
            let (sender, receiver) = sync::bounded(16);
            block(|| _ = black_box((sender.send(black_box(7_u64)), receiver.recv())))
        },
        floor: Some(|| {
            let (sender, receiver) = crossbeam_channel::bounded(16);
            block(|| {
                let sent = sender.send(WithContext::new(black_box(7_u64))).is_ok();
                _ = black_box((sent, receiver.recv().map(|received| received.message)));
            })
        }),
    },
    Operation {
        name: "unbounded channel: send, receive",
        plain: || {
            let (sender, receiver) = crossbeam_channel::unbounded();
            block(|| _ = black_box((sender.send(black_box(7_u64)), receiver.recv())))
        },
        recorded: || {
            let (sender, receiver) = sync::unbounded();
            block(|| _ = black_box((sender.send(black_box(7_u64)), receiver.recv())))
        },
        floor: Some(|| {
            let (sender, receiver) = crossbeam_channel::unbounded();
            block(|| {
                let sent = sender.send(WithContext::new(black_box(7_u64))).is_ok();
                _ = black_box((sent, receiver.recv().map(|received| received.message)));
            })
        }),
    },
];

fn locks(bench: &mut Bench) -> Result<(), String> {
    let (rounds, blocks) = bench.pick((9, 60), (1, 2));
    let guard = heirloom::builder("locks").exporter(NoOp).init().map_err(|error| error.to_string())?;
    let root = heirloom::root("root");
    let current = root.enter();
    let measure = |run: fn() -> Duration| -> Result<f64, String> {
        let mut times = Vec::with_capacity(blocks);
        run();
        for _ in 0..blocks {
            guard.tracer().flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())?;
            times.push(run().as_nanos() as f64 / BLOCK as f64);
        }
        Summary::of(times).map(|times| times.median).ok_or_else(|| "no block was measured".to_owned())
    };
    let measured = bench.in_turns(rounds, OPERATIONS.len() * 3, |i| {
        let operation = &OPERATIONS[i / 3];
        measure([operation.plain, operation.recorded, operation.floor.unwrap_or(operation.plain)][i % 3])
    })?;
    bench.say(&format!(
        "ns per operation: median [min-max] of {rounds} rounds in turns, each the median of {blocks} blocks of {BLOCK}. \
         `more` and `ratio` are over the plain type in the same round. `floor`: the plain channel with messages that have a context."
    ));
    let mut rows = Vec::new();
    for (operation, ns) in OPERATIONS.iter().zip(measured.chunks(3)) {
        let pairs = || ns[1].iter().zip(&ns[0]);
        let more: Vec<f64> = pairs().map(|(ns, plain)| ns - plain).collect();
        let ratio: Vec<f64> = pairs().map(|(ns, plain)| ns / plain).collect();
        let floor = operation.floor.map_or_else(|| "-".to_owned(), |_| cell(&ns[2], 1));
        rows.push(vec![
            operation.name.to_owned(),
            cell(&ns[0], 1),
            floor,
            cell(&ns[1], 1),
            cell(&more, 1),
            cell(&ratio, 2),
        ]);
        bench.keep(&format!("{}, plain", operation.name), "ns", &ns[0]);
        bench.keep(operation.name, "ns", &ns[1]);
        if operation.floor.is_some() {
            bench.keep(&format!("{}, floor", operation.name), "ns", &ns[2]);
        }
        // The bound in nanoseconds: whichever of the two is larger.
        let allowed = pairs().map(|(_, plain)| (plain * (RATIO - 1.0)).max(MORE_NS)).fold(f64::INFINITY, f64::min);
        bench.goal(
            &format!("{}, more than the plain type", operation.name),
            Goal::AtMost(allowed),
            " ns",
            Summary::of(more),
        );
    }
    bench.table(&["operation", "plain", "floor", "recorded", "more", "ratio"], &rows);
    drop(current);
    root.end();
    let report = guard.finish();
    let ledger = report.ledger();
    bench.promise(ledger.is_balanced() && lost(ledger) == 0, || format!("lost or unbalanced: {report}"));
    Ok(())
}
