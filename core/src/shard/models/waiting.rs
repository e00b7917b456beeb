//! A writer that waits for room is woken when the collector has given some back, or has closed the shard: no wake-up is lost.
//! A sleep has no limit here, so a thread that is not woken is a deadlock, which loom reports.

use super::stage::{begin, end, lease, tracer, Passes, Shard};
use super::{reached, Model, Weak};
use crate::shard::Refused;
use crate::sync::{Condvar, Edge, Mutex};
use loom::thread;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// Wakes the collector. (Loom's `unpark` wakes threads that join, too.)
#[derive(Default)]
struct Bell {
    /// How often it rang since the collector looked, and whether that was the last time.
    rang: Mutex<(u32, bool)>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self, is_last: bool) {
        let mut rang = self.rang.lock().unwrap();
        *rang = (rang.0 + 1, is_last);
        self.changed.notify_all();
    }

    /// Sleeps until it rings. Returns whether that was the last time.
    fn wait(&self) -> bool {
        let mut rang = self.rang.lock().unwrap();
        while rang.0 == 0 {
            rang = self.changed.wait(rang).unwrap();
        }
        rang.0 = 0;
        rang.1
    }
}

/// Starts a span, like a thread that waits: if there is no room, wakes the collector and sleeps until there is.
fn begin_after_a_wait(shard: &Shard, collector: &Bell) -> Result<u64, Refused> {
    let slept = Cell::new(false);
    let look = || match begin(shard) {
        Err(Refused::Full) => Err(Duration::MAX),
        outcome => Ok(outcome),
    };
    let outcome = shard.writer().room().wait(look, |sleep| {
        slept.set(true);
        collector.ring(false);
        sleep();
    });
    reached(if slept.get() { "waited" } else { "no wait" });
    outcome
}

/// The ring takes one span. The collector sleeps between its passes, until it is woken.
fn a_writer_that_waits() {
    let tracer = tracer(8);
    let mut passes = Passes::new();
    let shard = lease(&tracer, 1);
    let bell = Arc::new(Bell::default());
    let writer = {
        let collector = Arc::clone(&bell);
        thread::spawn(move || {
            for _ in 0..3 {
                let span = begin_after_a_wait(&shard, &collector).unwrap();
                end(&shard, span, 0);
            }
            collector.ring(true);
        })
    };
    passes.pass(&tracer);
    while !bell.wait() {
        passes.pass(&tracer);
    }
    writer.join().unwrap();
    passes.settle(&tracer);
    assert_eq!((passes.spans().len(), passes.counts().late), (3, 0), "nothing was refused");
}

#[test]
fn a_writer_that_waits_is_woken_when_there_is_room() {
    Model {
        name: "waiting",
        run: a_writer_that_waits,
        at_least: 500,
        reaches: &["waited", "no wait"],
        mutants: &[Weak(Edge::Waits), Weak(Edge::Freed), Weak(Edge::Publish), Weak(Edge::SeeHead)],
    }
    .check();
}

/// The tracer ends and reads nothing more.
fn a_writer_that_waits_at_the_end() {
    let tracer = tracer(8);
    let shard = lease(&tracer, 1);
    let writer = {
        let collector = Bell::default();
        thread::spawn(move || {
            let mut refused = None;
            for _ in 0..2 {
                match begin_after_a_wait(&shard, &collector) {
                    Ok(span) => end(&shard, span, 0),
                    Err(why) => refused = Some(why),
                }
            }
            refused
        })
    };
    tracer.registry.close();
    assert_eq!(writer.join().unwrap(), Some(Refused::Closed));
}

#[test]
fn a_writer_that_waits_is_woken_at_the_end_of_its_tracer() {
    Model {
        name: "waiting, closed",
        run: a_writer_that_waits_at_the_end,
        at_least: 20,
        reaches: &["waited", "no wait"],
        mutants: &[Weak(Edge::Waits), Weak(Edge::Freed)],
    }
    .check();
}
