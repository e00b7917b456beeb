//! Spans that end twice, or where another thread would end them.

use super::{end, escaped_end, family, flush, raw};
use heirloom_core::export::SpanData;
use heirloom_core::region::RegionReport;
use heirloom_core::testing::region::{RawRecord, RawShard};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, Span, Status};

/// The parent's span of this name is as the parent made it.
fn assert_untouched(spans: &[SpanData], name: &str) {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    let [span] = found[..] else { panic!("{name}: {found:?}") };
    assert!(span.attributes.is_empty() && span.status == Status::Unset && !span.aborted, "{span:?}");
    assert_eq!(span.lane.process_id, std::process::id());
}

/// Ends a span where another thread of the child would.
fn end_elsewhere(span: u64) -> RawRecord {
    RawRecord::end(span, RawRecord::ELSEWHERE, 1)
}

#[test]
fn a_span_that_ends_twice_closes_nobody_elses() {
    for second in [end as fn(u64) -> RawRecord, escaped_end] {
        testing::run(|t| {
            in_root("main", |root| {
                let family = family(t);
                let mut shard = family.shard();
                let job = shard.begin(1, root.context()).unwrap();
                raw(&mut shard, &[&escaped_end(job)[..], &second(job)].concat());
                flush(t);
                root.in_span("own", |_| flush(t));
                assert_eq!(family.kill().quarantined, 1);
            });
            assert_untouched(&t.spans(), "own");
            assert_untouched(&t.spans(), "main");
            t.assert_balanced();
        });
    }
}

/// A child whose span has ended elsewhere, and the parent's spans that have its place in the collector's tables now.
fn with_reused_places(t: &Testing, crime: impl FnOnce(&mut RawShard, u64)) -> RegionReport {
    in_root("main", |root| {
        let family = family(t);
        let mut shard = family.shard();
        let job = shard.begin(1, root.context()).unwrap();
        raw(&mut shard, &end_elsewhere(job));
        flush(t);
        let own: Vec<Span> = (0..8).map(|_| root.span("own")).collect();
        flush(t);
        crime(&mut shard, job);
        flush(t);
        assert!(t.spans().iter().all(|span| span.name != "own"), "the child ended its parent's span");
        drop(own);
        let spans = t.spans();
        let own: Vec<_> = spans.iter().filter(|span| span.name == "own").collect();
        assert_eq!(own.len(), 8);
        assert!(own.iter().all(|span| span.attributes.is_empty()), "{own:?}");
        family.kill()
    })
}

#[test]
fn a_span_that_ended_elsewhere_ends_once() {
    testing::run(|t| {
        let report = with_reused_places(t, |shard, job| raw(shard, &end(job)));
        assert_eq!(report.quarantined, 1);
        t.assert_balanced();
    });
}

#[test]
fn what_is_set_on_a_span_that_ended_elsewhere_is_late() {
    testing::run(|t| {
        with_reused_places(t, |shard, job| assert!(shard.number(job, 2, 1)));
        t.assert_balanced();
        assert!(t.tracer().ledger().late > 0);
    });
}
