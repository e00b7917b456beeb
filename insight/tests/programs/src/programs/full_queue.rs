//! A full queue.
//!
//! - **Wrong:** two threads parse a message in 4 ms each; one thread, which writes for 10 ms, doesn't keep up, and they wait at the
//!   full channel.
//! - **Names it:** lost time with the cause *full queue*, beside the receiver's span `write`.
//! - **Mends it:** the writer takes 2.5 ms.

use crate::expect::{Cure, Expected};
use crate::sync::bounded_named;
use crate::{Plan, Program, Work};
use heirloom::{threads, Span};
use heirloom_insight::analysis::Cause;

pub(super) const PROGRAM: Program = Program {
    name: "full-queue",
    about: "one slow writer holds two parsers back; mended: it writes four times as fast",
    lanes: 2,
    mended_lanes: 2,
    on_one_lane: false,
    work: Work::Timed,
    expected: Expected { causes: &[Cause::FullQueue], blamed: "write", cure: Cure::Faster("write", 4.0), says: "" },
    run,
};

const MESSAGES: u32 = 40;

fn run(plan: &Plan, root: &Span) {
    let (sender, receiver) = bounded_named::<u32>("messages", 4);
    let write = if plan.mended { 2.5 } else { 10.0 };
    threads::scope(root, |scope| {
        for _ in 0..plan.lanes {
            let sender = sender.clone();
            scope.spawn("parser", move |parser| {
                for message in 0..MESSAGES {
                    parser.in_span("parse", |_| plan.wait(4.0));
                    sender.send(message).ok();
                }
            });
        }
        scope.spawn("writer", move |writer| {
            while receiver.recv().is_ok() {
                writer.in_span("write", |_| plan.wait(write));
            }
        });
        drop(sender);
    });
}
