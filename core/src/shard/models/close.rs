//! The end of a tracer while a thread records: the writer notices, no record is torn, the counts are exact.

use super::stage::{begin, end, lease, tracer, Passes};
use super::{reached, Model, Weak};
use crate::clock;
use crate::shard::Refused;
use crate::sync::Edge;
use loom::thread;
use std::sync::Arc;

fn close_while_recording() {
    let tracer = tracer(8);
    let mut passes = Passes::new();
    let shard = lease(&tracer, 1);
    let writer = {
        let shard = Arc::clone(&shard);
        thread::spawn(move || {
            let mut closed = false;
            for _ in 0..3 {
                match begin(&shard) {
                    Ok(span) => {
                        assert!(!closed, "refused once, refused for good");
                        end(&shard, span, 0);
                    }
                    Err(why) => closed |= why == Refused::Closed,
                }
            }
            closed
        })
    };
    tracer.registry.close();
    passes.settle(&tracer);
    passes.close_all(&tracer);
    // Every span that the collector has read was counted before.
    let (counts, begun) = (passes.counts(), tracer.registry.counts().begun);
    assert!(begun >= counts.begins, "{begun} were begun, {} were read", counts.begins);
    assert_eq!((counts.spans, counts.corrupt, counts.late), (counts.begins, 0, 0));
    reached(if counts.incomplete > 0 { "closed between begin and end" } else { "closed between spans" });
    let noticed = writer.join().unwrap();
    reached(if noticed { "noticed at once" } else { "noticed later" });
    if tracer.registry.counts().begun > counts.begins {
        reached("begun, and never read");
    }
    assert_eq!(begin(&shard), Err(Refused::Closed));
    assert!(tracer.registry.lease(clock::MANUAL, || 1).is_none(), "no more leases");
}

#[test]
fn a_writer_notices_the_end_of_its_tracer_and_the_account_stays_exact() {
    Model {
        name: "closed tracer",
        run: close_while_recording,
        at_least: 100,
        reaches: &["closed between begin and end", "noticed at once", "noticed later", "begun, and never read"],
        mutants: &[Weak(Edge::Publish), Weak(Edge::SeeHead)],
    }
    .check();
}
