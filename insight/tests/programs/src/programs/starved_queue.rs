//! A starved queue.
//!
//! - **Wrong:** one thread reads a message in 10 ms; four threads, which work 15 ms on each, wait at the empty channel.
//!   Who works is busy when the next message comes, so each thread gets every fourth.
//! - **Names it:** lost time with the cause *empty queue*, beside the sender's span `read`.
//! - **Mends it:** four threads read.

use crate::expect::{Cure, Expected};
use crate::sync::bounded_named;
use crate::{Plan, Program, Work};
use heirloom::{threads, Span};
use heirloom_insight::analysis::Cause;

pub(super) const PROGRAM: Program = Program {
    name: "starved-queue",
    about: "one reader feeds four workers; mended: four readers",
    lanes: 4,
    mended_lanes: 4,
    on_one_lane: false,
    work: Work::Timed,
    expected: Expected { causes: &[Cause::EmptyQueue], blamed: "read", cure: Cure::Faster("read", 4.0), says: "" },
    run,
};

const MESSAGES: u32 = 60;

fn run(plan: &Plan, root: &Span) {
    let (sender, receiver) = bounded_named::<u32>("messages", 8);
    let readers = if plan.mended { 4 } else { 1 };
    threads::scope(root, |scope| {
        for _ in 0..plan.lanes {
            let receiver = receiver.clone();
            scope.spawn("worker", move |worker| {
                while receiver.recv().is_ok() {
                    worker.in_span("work", |_| plan.wait(15.0));
                }
            });
        }
        for _ in 0..readers {
            let sender = sender.clone();
            scope.spawn("reader", move |reader| {
                for message in 0..MESSAGES / readers {
                    reader.in_span("read", |_| plan.wait(10.0));
                    sender.send(message).ok();
                }
            });
        }
        drop((sender, receiver));
    });
}
