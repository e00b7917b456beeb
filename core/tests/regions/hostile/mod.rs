//! A child that does what no child of good will does harms itself alone.
//!
//! | file | what the child does |
//! |---|---|
//! | `records.rs` | it writes records, names and positions that make no sense |
//! | `open_spans.rs` | it opens more spans than it may |
//! | `counts.rs` | it claims counts that are impossible |
//! | `life.rs` | its times are outside of its life, or it writes after its death |
//! | `ends.rs` | it ends spans twice, or where another thread would |
//! | `tracestates.rs` | its tracestates are invalid, or by an index of its parent's |
//! | `scribbling.rs` | it writes anything anywhere |

mod counts;
mod ends;
mod life;
mod open_spans;
mod records;
mod scribbling;
mod tracestates;

use super::{child_of, family, of_child, Family, PID};
use heirloom_core::region::RegionReport;
use heirloom_core::testing::region::{Parent, RawRecord, RawShard};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, Context, SpanId};
use std::time::Duration;

/// What a hostile child does to its shard; the parent's own spans and the child's earlier ones must not suffer.
fn abuse(what: &str, crime: impl FnOnce(&Family, &mut RawShard, Context)) -> RegionReport {
    testing::run_with(
        |b| testing::small_shards(b, 16 << 10),
        |t| {
            let report = in_root("main", |root| {
                let family = family(t);
                let mut good = family.child.shard(2, "good").unwrap();
                let mut shard = family.shard();
                let first = shard.begin(1, root.context()).unwrap();
                shard.end(first);
                let open = shard.begin(2, root.context()).unwrap();
                t.tracer().flush(Duration::from_secs(10)).unwrap();
                crime(&family, &mut shard, root.context());
                t.tracer().flush(Duration::from_secs(10)).unwrap();
                root.in_span("own", |_| ());
                // Another shard of the same child is as good as before.
                let second = good.begin(1, root.context()).unwrap();
                good.end(second);
                let report = family.kill();
                let spans = t.spans();
                let child = of_child(&spans);
                assert!(child.iter().filter(|s| s.name == "job" && !s.aborted).count() >= 2, "{what}: {child:?}");
                assert_eq!(
                    child.iter().filter(|s| s.span_id == SpanId::from_u64(open) && s.aborted).count(),
                    1,
                    "{what}"
                );
                report
            });
            assert!(t.spans().iter().any(|s| s.name == "own"), "{what}");
            t.assert_balanced();
            report
        },
    )
}

/// A begin of a root, of another trace than the parent's.
fn begin(span: u64) -> RawRecord {
    RawRecord::begin(span, 1, Parent::of_root(1 << 64 | 1), 1)
}

fn end(span: u64) -> RawRecord {
    RawRecord::end(span, 0, 1)
}

/// An end that waits for one more pass.
fn escaped_end(span: u64) -> RawRecord {
    RawRecord::end(span, RawRecord::ESCAPED, 1)
}

/// Publishes words as they are.
fn raw(shard: &mut RawShard, words: &[u64]) {
    assert!(shard.record(words), "no room");
}

fn flush(t: &Testing) {
    t.tracer().flush(Duration::from_secs(10)).unwrap();
}
