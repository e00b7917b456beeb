//! Spans of a worker process, which are in separate batches.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::region::{Death, Region};
use heirloom_core::testing::region::{RawChild, SharedMemory};
use heirloom_receiver::Receiver;
use support::{config, tracer, LONG};

const NONCE: u64 = 7;
const PID: u32 = 4_000_000;

#[test]
fn a_workers_span_is_no_app_root_and_one_that_died_with_it_is_an_error() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    let memory = SharedMemory::new(Region::bytes(guard.tracer())).unwrap();
    let region = Region::host(guard.tracer(), Box::new(memory.clone()), NONCE).unwrap();
    let child = RawChild::attach(&memory, NONCE).unwrap();
    region.started(PID);
    assert!(child.name("done") && child.name("killed"));
    let mut shard = child.shard(1, "worker").unwrap();
    guard.tracer().in_root("main", |root| {
        let done = shard.begin(1, root.context()).unwrap();
        shard.end(done);
        shard.begin(2, root.context()).unwrap();
        region.died(Death::Killed(9));
        region.wait_closed(LONG).unwrap();
    });
    assert_eq!(guard.finish().ledger().exported(), 3);
    // The child is a part of this process, so it has no process attributes; a real one has.
    let violations: Vec<_> =
        receiver.violations().into_iter().filter(|violation| violation.rule != "resource").collect();
    assert_eq!(violations, []);
    let killed = receiver.span("killed");
    let said = format!("aborted: process {PID} was killed by signal 9 (SIGKILL) while the span was open");
    assert_eq!(killed.text("langfuse.observation.level"), Some("ERROR"));
    assert_eq!(killed.text("langfuse.observation.status_message"), Some(said.as_str()));
    assert_eq!((killed.bool("heirloom.aborted"), killed.int("process.pid")), (Some(true), Some(i64::from(PID))));
    assert_eq!(killed.parent_span_id, Some(receiver.span("main").span_id));
}
