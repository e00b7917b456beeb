//! Tests that pass records to the assembler directly, for cases that can't be forced from outside.
#![allow(clippy::unwrap_used)]

use super::assemble::Assembler;
use super::assemble::LaneState;
use super::assemble::ProcessId;
use crate::clock::timeline::Timeline;
use crate::clock::NS;
use crate::config::Limits;
use crate::export::{Lane, Resource};
use crate::pipeline::by_context;
use crate::wire::{Begin, End};
use crate::TraceId;
use std::sync::Arc;

fn begin(id: u64, tick: u64) -> [u64; 6] {
    Begin { flags: 0, name: 0, propagated: 0, parent: 0, trace: TraceId { hi: 0, lo: 1 }, tick }.record(id)
}

fn end(id: u64, tick: u64) -> [u64; 3] {
    end_with(0, id, tick)
}

fn end_with(flags: u16, id: u64, tick: u64) -> [u64; 3] {
    End { flags, dropped: 0, span: id, tick }.record()
}

fn assembler() -> (Assembler, LaneState) {
    let mut assembler = Assembler::new(Arc::new(Resource::default()), Limits::default(), 1 << 20, Timeline::manual());
    let lane = assembler.lanes.add(Lane { process_id: 1, thread_id: 1, thread_name: "main".into() });
    let state = LaneState::new(ProcessId::OWN, 0, lane);
    (assembler, state)
}

/// A timeline forgets old rates. A span that is open meanwhile must keep its start, or it would cross its own children.
#[test]
fn a_span_began_when_it_began_however_long_it_is_open() {
    let (mut assembler, mut state) = assembler();
    assembler.take(&mut state, &begin(1, NS | 1_000), 6);
    assembler.move_to_table(&mut state);
    assert_eq!(assembler.open_spans()[0].start_ns, 1_000);
    assembler.timeline = Timeline::system(); // converts the same tick to another time
    assert_ne!(assembler.timeline.unix_ns(NS | 1_000, 0), 1_000);
    assert_eq!(assembler.open_spans()[0].start_ns, 1_000);
    assembler.take(&mut state, &end(1, NS | 2_000), 3);
    let mut starts = Vec::new();
    assembler.send_all(&mut |batch| starts.extend(batch.spans().map(|span| span.start_ns())));
    assert_eq!(starts, [1_000]);
}

/// In a new process: other tests write by contexts, and that is noted until the process ends.
#[test]
fn the_end_of_a_span_that_was_handed_out_waits_once_something_was_written_by_a_context() {
    let test = "collector::tests::the_end_of_a_span_that_was_handed_out_waits_once_something_was_written_by_a_context";
    heirloom_harness::alone(test, &[] as &[(&str, &str)], || {
        let (mut assembler, mut state) = assembler();
        for (id, finished_at_once) in [(1, 1), (3, 1)] {
            assembler.take(&mut state, &begin(id, NS | 1_000), 6);
            assembler.take(&mut state, &end_with(End::ESCAPED, id, NS | 2_000), 3);
            assert_eq!(assembler.batch_len(), finished_at_once, "span {id}");
            by_context::note();
        }
        assert!(assembler.end_of_pass(&mut |_| ()), "the second span waits for another pass");
        assert_eq!(assembler.batch_len(), 1);
        assembler.end_of_pass(&mut |_| ());
        assert_eq!(assembler.batch_len(), 2);
    });
}

/// The End has the writer's mark. It doesn't matter what else was written in the process.
#[test]
fn the_end_of_a_span_to_which_another_thread_wrote_always_waits() {
    let (mut assembler, mut state) = assembler();
    assembler.take(&mut state, &begin(1, NS | 1_000), 6);
    assembler.take(&mut state, &end_with(End::WRITTEN, 1, NS | 2_000), 3);
    assert_eq!(assembler.batch_len(), 0);
    assembler.end_of_pass(&mut |_| ());
    assembler.end_of_pass(&mut |_| ());
    assert_eq!(assembler.batch_len(), 1);
}
