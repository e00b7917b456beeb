//! A lock that is held for long.
//!
//! - **Wrong:** each of four threads tokenises for 10 ms, then writes for 10 ms into an index that a mutex protects: one writes,
//!   three wait.
//! - **Names it:** lost time with the cause *lock*, beside the mutex and the span `write` that held it.
//! - **Mends it:** each thread writes into a part that no other thread uses; the lock is held for the moment of handing it over.

use crate::expect::{Cure, Expected};
use crate::sync::Mutex;
use crate::{Plan, Program, Work};
use heirloom::{threads, Span};
use heirloom_insight::analysis::Cause;

pub(super) const PROGRAM: Program = Program {
    name: "long-hold",
    about: "a mutex is held while a thread writes for 10 ms; mended: it is held to hand over what was written",
    lanes: 4,
    mended_lanes: 4,
    on_one_lane: false,
    work: Work::Timed,
    expected: Expected { causes: &[Cause::Lock], blamed: "index", cure: Cure::WithoutLock("index"), says: "" },
    run,
};

fn run(plan: &Plan, root: &Span) {
    let index = Mutex::named("index", Vec::new());
    threads::scope(root, |scope| {
        for thread in 0..plan.lanes {
            let index = &index;
            scope.spawn("indexer", move |indexer| {
                for file in 0..10 {
                    indexer.in_span("tokenise", |_| plan.wait(10.0));
                    if plan.mended {
                        indexer.in_span("write", |_| plan.wait(10.0));
                        index.lock().push((thread, file));
                    } else {
                        let mut index = index.lock();
                        indexer.in_span("write", |_| plan.wait(10.0));
                        index.push((thread, file));
                    }
                }
            });
        }
    });
    assert_eq!(index.lock().len(), 10 * plan.lanes);
}
