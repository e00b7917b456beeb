//! Marks and fan-outs of a child arrive with its spans; a hostile child's harm itself alone.

use super::{family, of_child, PID};
use heirloom_core::export::MarkData;
use heirloom_core::in_root;
use heirloom_core::mark::{MarkKind, WaitCause};
use heirloom_core::testing::region::{tick, RawRecord, RawShard};
use heirloom_core::testing::{self, Testing};
use std::time::Duration;

fn put(shard: &mut RawShard, record: &RawRecord) {
    assert!(shard.record(record), "no room");
}

/// The marks of the child.
fn marks(t: &Testing) -> Vec<MarkData> {
    t.marks().into_iter().filter(|mark| mark.lane.process_id == PID).collect()
}

#[test]
fn marks_of_a_child_arrive_with_its_process_on_its_lane_and_may_name_spans_of_others() {
    testing::run(|t| {
        let (job, foreign) = in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let foreign = root.context().span_id().to_u64();
            let job = shard.begin(1, root.context()).unwrap();
            let fields = [WaitCause::Mutex as u64, 5, foreign, 3];
            put(&mut shard, &RawRecord::mark(MarkKind::Wait, job, tick(), 0, fields, ""));
            put(&mut shard, &RawRecord::mark(MarkKind::LockName, 0, tick(), 0, [1, 5, 0, 0], "caché"));
            // A fan-out of the parent process, by its id.
            put(&mut shard, &RawRecord::strand(false, foreign, 77));
            let id = shard.unused_id().to_u64();
            put(&mut shard, &RawRecord::begin(id, 2, root.context(), tick()));
            shard.end(id);
            put(&mut shard, &RawRecord::strand(true, foreign, 77));
            shard.end(job);
            assert_eq!(family.kill().quarantined, 0);
            (job, foreign)
        });
        let marks = marks(t);
        let [wait, name] = &marks[..] else { panic!("{marks:?}") };
        assert_eq!((wait.kind, wait.span.unwrap().to_u64(), wait.c, wait.d), (MarkKind::Wait, job, foreign, 3));
        assert_eq!((&*name.text, name.span, name.b), ("caché", None, 5));
        assert!(marks.iter().all(|mark| (mark.lane.thread_id, &*mark.lane.thread_name) == (1, "worker")));
        let spans = t.spans();
        let of = |name: &str| of_child(&spans).into_iter().find(|span| span.name == name).unwrap().clone();
        assert_eq!((of("step").fan_out, of("job").fan_out), (Some(77), None));
        assert!((of("job").start_ns..=of("job").end_ns).contains(&wait.time_ns));
        t.assert_balanced();
    });
}

#[test]
fn a_span_of_a_child_in_a_fan_out_has_its_id() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let id = shard.unused_id().to_u64();
            put(&mut shard, &RawRecord::begin_in_fan(id, 1, root.context(), tick(), 9));
            shard.end(id);
            assert_eq!(family.kill().quarantined, 0);
        });
        assert_eq!(t.span("job").fan_out, Some(9));
        t.assert_balanced();
    });
}

#[test]
fn no_mark_is_outside_of_its_processs_life_whatever_it_says() {
    testing::run(|t| {
        let root = t.tracer().root("main");
        let family = family(t);
        let mut shard = family.shard();
        let job = shard.begin(1, root.context()).unwrap();
        for kind in [MarkKind::Wait, MarkKind::LockTotals, MarkKind::Strand, MarkKind::Join] {
            for stamp in [0, 1, tick(), u64::MAX >> 1, u64::MAX] {
                for length in [0, 1 << 40, u64::MAX] {
                    let length = if kind == MarkKind::Join { 0 } else { length };
                    put(&mut shard, &RawRecord::mark(kind, job, stamp, length, [1, 0, 0, 0], ""));
                }
            }
        }
        shard.end(job);
        assert_eq!(family.kill().quarantined, 0);
        drop(root);
        let main = t.span("main");
        let marks = marks(t);
        assert_eq!(marks.len(), 60);
        // Both clocks are read a little apart.
        let life = main.start_ns - 1_000_000..=main.end_ns + 1_000_000;
        for mark in marks {
            let end_ns = mark.time_ns + if mark.kind == MarkKind::LockTotals { 0 } else { mark.length_ns };
            assert!(life.contains(&mark.time_ns) && life.contains(&end_ns), "{mark:?} in {life:?}");
            assert!(mark.length_ns <= main.end_ns - main.start_ns + 2_000_000, "{mark:?}");
        }
    });
}

#[test]
fn a_flood_of_marks_strands_and_threads_takes_a_bounded_memory_and_no_span() {
    testing::run_with(
        |b| testing::small_shards(b, 64 << 10),
        |t| {
            in_root("main", |root| {
                let family = family(t);
                let mut shard = family.shard();
                let long = "x".repeat(255);
                for n in 0..40_000_u64 {
                    let record = match n % 3 {
                        0 => RawRecord::mark(MarkKind::LockName, 0, 1, 0, [1, n, 0, 0], &long),
                        1 => RawRecord::strand(n % 2 == 0, n, n),
                        _ => RawRecord::mark(MarkKind::Poll, 0, 1, 1, [0; 4], ""),
                    };
                    while !shard.record(&record) {
                        t.tracer().flush(Duration::from_secs(60)).unwrap();
                    }
                }
                t.tracer().flush(Duration::from_secs(60)).unwrap();
                let ledger = t.tracer().ledger();
                assert!(
                    ledger.marks - ledger.forgotten_marks < 20_000,
                    "{} of {}",
                    ledger.forgotten_marks,
                    ledger.marks
                );
                root.in_span("own", |_| ());
                while shard.begin(1, root.context()).map(|job| shard.end(job)).is_none() {
                    t.tracer().flush(Duration::from_secs(60)).unwrap();
                }
                assert_eq!(family.kill().quarantined, 0);
            });
            t.assert_tree("main\n  own\n  job");
            let ledger = t.tracer().ledger();
            // One mark, which no thread recorded, says how many were forgotten.
            let (forgotten, kept): (Vec<_>, Vec<_>) =
                marks(t).into_iter().partition(|mark| mark.kind == MarkKind::Forgotten);
            assert_eq!(kept.len() as u64, ledger.marks - ledger.forgotten_marks);
            let counted: u64 = forgotten.iter().map(|mark| mark.a).sum();
            assert!(!kept.is_empty() && counted == ledger.forgotten_marks, "{forgotten:?}");
            t.assert_balanced();
        },
    );
}
