//! A wall clock that steps while other processes record: a trace is straight in all of them.

use super::{family, of_child};
use heirloom_core::testing::{self, region::Parent, Testing};
use heirloom_core::SpanId;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// Lets the collector see the wall clock, and read what was recorded.
fn look(t: &Testing) {
    t.tracer().flush(Duration::from_secs(60)).unwrap();
}

#[test]
fn the_spans_of_another_process_are_on_the_line_of_their_trace() {
    testing::run_with_clock(|t, clock| {
        clock.advance(10 * HOUR);
        let family = family(t);
        let mut shard = family.shard();
        let old = t.tracer().root("old");
        // A trace that the other process started.
        let theirs = shard.begin(1, Parent::of_root(7)).unwrap();
        let below = |span: u64, trace| Parent { span: SpanId::from_u64(span), ..Parent::of_root(trace) };
        look(t);
        clock.step_wall_forward(HOUR);
        look(t);
        let new = t.tracer().root("new");
        let job = shard.begin(1, old.context()).unwrap();
        look(t);
        let trace = old.context().trace_id().to_u128();
        let (inner, theirs_too) =
            (shard.begin(2, below(job, trace)).unwrap(), shard.begin(2, below(theirs, 7)).unwrap());
        look(t);
        [theirs_too, inner, job].iter().for_each(|span| shard.end(*span));
        let old = {
            let cx = old.context();
            drop(old);
            cx
        };
        look(t);
        // Neither the root nor the first job is open any more.
        let late = shard.begin(1, old).unwrap();
        let in_new = shard.begin(1, new.context()).unwrap();
        [in_new, late, theirs].iter().for_each(|span| shard.end(*span));
        drop(new);
        look(t);
        let (all, hour) = (t.spans(), HOUR.as_nanos() as u64);
        let lines: Vec<(u64, u64)> = [inner, job, late, theirs, theirs_too, in_new]
            .iter()
            .map(|id| {
                let span = of_child(&all).into_iter().find(|span| span.span_id == SpanId::from_u64(*id)).unwrap();
                (span.start_ns / hour, span.end_ns / hour)
            })
            .collect();
        assert_eq!(lines, [(10, 10), (10, 10), (10, 10), (10, 10), (10, 10), (11, 11)]);
        assert_eq!((t.span("old").start_ns / hour, t.span("new").start_ns / hour), (10, 11));
    });
}
