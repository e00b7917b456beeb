//! Regions: what a child recorded into shared memory is in its parent's tree, however the child ended, and whatever it wrote.
//!
//! | file | what it shows |
//! |---|---|
//! | `border.rs` | each check of the border refuses something that no other check does |
//! | `memory.rs` | a ring's memory grows, comes back as holes, and is nobody else's |
//! | `limits.rs` | what a child may use up |
//! | `hostile/` | a child that does what no child of good will does harms itself alone |
//! | `marks.rs` | the marks and fan-outs of a child, and what a hostile one can do with them |
//! | `shares.rs` | the parts of an exporter's queue that a parent and its children may use |
//! | `trace_values.rs` | values of whole traces, pass by pass |
//! | `steps.rs` | a wall clock that steps while children record |
//! | `races.rs` | the rows of the table of races and deaths in `docs/shm-format.md` |
#![cfg(all(target_os = "linux", not(loom)))]
#![allow(clippy::unwrap_used, missing_docs)]

mod border;
mod hostile;
mod limits;
mod marks;
mod memory;
mod races;
mod shares;
mod steps;
mod trace_values;

use heirloom_core::export::SpanData;
use heirloom_core::mark::MarkKind;
use heirloom_core::region::{AttachError, Death, HostError, Region, RegionReport};
use heirloom_core::testing::region::{Collector, Parent, RawChild, RawRecord, RawShard, SharedMemory};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, Settings, SpanId, Status, Tracer};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const NONCE: u64 = 7;
const PID: u32 = 4_000_000;

struct Family {
    region: Region,
    child: RawChild,
    memory: SharedMemory,
}

/// A child of a tracer that has attached, wrote these names, and writes whatever a test wants.
fn child_of(tracer: &Tracer, names: &[&str]) -> Family {
    let memory = SharedMemory::new(Region::bytes(tracer)).unwrap();
    let region = Region::host(tracer, Box::new(memory.clone()), NONCE).unwrap();
    let child = RawChild::attach(&memory, NONCE).unwrap();
    region.started(PID);
    assert!(names.iter().all(|name| child.name(name)));
    Family { region, child, memory }
}

fn family(t: &Testing) -> Family {
    child_of(t.tracer(), &["job", "step"])
}

impl Family {
    fn shard(&self) -> RawShard {
        self.child.shard(1, "worker").unwrap()
    }

    fn kill(&self) -> RegionReport {
        self.region.died(Death::Killed(9));
        self.region.wait_closed(Duration::from_secs(60)).unwrap()
    }
}

fn of_child(spans: &[SpanData]) -> Vec<&SpanData> {
    spans.iter().filter(|span| span.lane.process_id == PID).collect()
}

#[test]
fn a_childs_spans_are_in_its_parents_tree_on_a_lane_of_their_own() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let job = shard.begin(1, root.context()).unwrap();
            shard.number(job, 2, 42);
            shard.text(job, "file", "a.png");
            shard.end(job);
            let report = family.kill();
            assert_eq!((report.spans, report.aborted, report.quarantined), (1, 0, 0));
        });
        t.assert_tree("main\n  job");
        let spans = t.spans();
        let [job] = of_child(&spans)[..] else { panic!("{spans:?}") };
        assert_eq!((job.lane.thread_id, &*job.lane.thread_name), (1, "worker"));
        assert_eq!(job.attributes.len(), 2);
        assert_eq!((job.incomplete, job.aborted), (false, false));
        t.assert_balanced();
    });
}

#[test]
fn a_dead_childs_open_spans_are_closed_once_as_aborted_with_the_cause() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let job = shard.begin(1, root.context()).unwrap();
            let done = shard.begin(2, root.context()).unwrap();
            shard.end(done);
            let report = family.kill();
            assert_eq!((report.spans, report.aborted, report.unpublished), (2, 1, 0));
            assert_eq!(t.tracer().ledger().aborted, 1);
            assert_eq!(t.spans().iter().filter(|s| s.span_id == SpanId::from_u64(job)).count(), 1);
        });
        let spans = t.spans();
        let job = *of_child(&spans).iter().find(|s| s.name == "job").unwrap();
        assert!(job.aborted && !job.incomplete);
        let said = format!("aborted: process {PID} was killed by signal 9 (SIGKILL) while the span was open");
        assert_eq!(job.status, Status::Error(said));
        assert!(job.attributes.iter().any(|(k, v)| k == "process.exit.signal" && v.as_str() == Some("SIGKILL")));
        t.assert_balanced();
    });
}

/// By hand: each choice of the moments at which the collector reads.
#[test]
fn a_dead_childs_open_spans_are_nested_if_its_threads_were_in_them_whenever_they_are_read() {
    for choice in 0..8 {
        let mut collector = Collector::start(1 << 20, Settings::default()).unwrap();
        let family = child_of(collector.tracer(), &["life", "outer", "outlives", "inner", "polled", "moved"]);
        let mut look = |point: u32| {
            if choice & 1 << point != 0 {
                while collector.pass() {}
            }
        };
        // The poll's shard is read first.
        let [mut other, mut shard, mut ended] = [2, 1, 3].map(|thread| family.child.shard(thread, "thread").unwrap());
        let life = shard.begin(1, Parent::of_root(1)).unwrap();
        let in_life = || Parent { span: SpanId::from_u64(life), ..Parent::of_root(1) };
        let outer = shard.begin(2, in_life()).unwrap();
        let _outlives = shard.begin(3, in_life()).unwrap();
        look(0);
        shard.end(outer);
        let polled = shard.begin(5, in_life()).unwrap();
        look(1);
        assert!(other.record(&RawRecord::mark(MarkKind::Poll, polled, 1, 1, [0; 4], "")));
        let _inner = shard.begin(4, in_life()).unwrap();
        let _moved = ended.begin(6, in_life()).unwrap();
        ended.rest();
        look(2);
        family.region.died(Death::Killed(9));
        while collector.pass() {}
        let mut seen: Vec<_> =
            collector.take_spans().into_iter().map(|span| (span.name, span.aborted, span.nested)).collect();
        seen.sort_unstable();
        let expected = [
            ("inner", true, true),
            ("life", true, true),
            ("moved", true, false),
            ("outer", false, true),
            ("outlives", true, false),
            ("polled", true, false),
        ];
        assert_eq!(seen, expected.map(|(name, aborted, nested)| (name.to_owned(), aborted, nested)), "{choice}");
    }
}

#[test]
fn a_ring_that_wraps_a_thousand_times_loses_nothing_while_it_is_read() {
    testing::run_with(
        |b| testing::small_shards(b, 4096),
        |t| {
            in_root("main", |root| {
                let family = family(t);
                let mut shard = family.shard();
                let cx = root.context();
                let (mut begun, start) = (0, Instant::now());
                while begun < 60_000 {
                    assert!(start.elapsed() < Duration::from_secs(60), "only {begun}");
                    match shard.begin(1, cx) {
                        Some(span) => {
                            shard.text(span, "key", "some bytes of text");
                            shard.end(span);
                            begun += 1;
                        }
                        None => family.region.wake_collector(),
                    }
                }
                assert_eq!(family.kill().spans, begun);
                assert_eq!(of_child(&t.spans()).len() as u64, begun);
            });
            t.assert_balanced();
        },
    );
}

#[test]
fn a_long_value_is_read_in_one_turn_and_not_mixed_with_another_threads_records() {
    let mut collector = Collector::start(1 << 20, Settings::default()).unwrap();
    let family = child_of(collector.tracer(), &["job", "step", "key"]);
    let [mut first, mut second, mut third] = [1, 2, 3].map(|thread| family.child.shard(thread, "worker").unwrap());
    let root = || Parent::of_root(1);
    // The first shard is read first: the span of its long value isn't known yet, nor is the second shard's.
    let (of_first, job) = (first.begin(1, root()).unwrap(), second.begin(1, root()).unwrap());
    let step = third.begin(2, root()).unwrap();
    let long = "0123456789".repeat(6_000);
    assert!((0..100).all(|_| first.text(of_first, "filler", &long[..1000])));
    // From 100 KB on, over the end of a turn, which is at 128 KiB.
    assert!(first.text(job, "long", &long) && second.number(step, 3, 7));
    (0..3).for_each(|_| _ = collector.pass());
    first.end(of_first);
    second.end(job);
    third.end(step);
    while collector.pass() {}
    let spans = collector.take_spans();
    let of = |name: &str, key: &str| spans.iter().filter(|s| s.name == name).find_map(|s| s.attribute(key).cloned());
    assert!(of("job", "long").is_some_and(|value| value.as_str() == Some(&*long)), "the value is whole");
    assert_eq!(of("step", "key").and_then(|value| value.as_i64()), Some(7));
}

#[test]
fn ends_that_found_no_room_in_a_shard_are_ends_all_the_same() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let spans: Vec<_> = (0..100).map(|_| shard.begin(1, root.context()).unwrap()).collect();
            assert!(spans.iter().all(|span| family.child.stray_end(*span)));
            assert_eq!(family.kill().aborted, 0);
        });
        assert_eq!(t.spans().len(), 101);
        t.assert_balanced();
    });
}

#[test]
fn a_process_that_says_what_it_is_has_a_resource_of_its_own() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    struct Services(std::sync::Arc<std::sync::Mutex<Vec<(String, i64, usize)>>>);
    impl heirloom_core::export::Exporter for Services {
        fn export(
            &mut self,
            delivery: &heirloom_core::export::Delivery,
        ) -> Result<(), heirloom_core::export::ExportError> {
            for part in delivery.parts() {
                let get = |key| part.resource().get(key).cloned();
                let service = get("service.name").and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
                let pid = get("process.pid").and_then(|v| v.as_i64()).unwrap_or(0);
                assert!(part.spans().all(|span| i64::from(span.lane().process_id) == pid), "a stranger's span");
                self.0.lock().unwrap().push((service, pid, part.len()));
            }
            Ok(())
        }
    }
    testing::run_with(
        |b| b.exporter(Services(seen.clone())),
        |t| {
            in_root("main", |root| {
                let family = family(t);
                family.child.resource(&[("service.name", "resizer"), ("process.pid", "1")]);
                let mut shard = family.shard();
                let job = shard.begin(1, root.context()).unwrap();
                shard.end(job);
                family.kill();
            });
            t.tracer().flush(Duration::from_secs(10)).unwrap();
            let seen = seen.lock().unwrap();
            assert!(seen.contains(&("resizer".to_owned(), i64::from(PID), 1)), "{seen:?}");
        },
    );
}

#[test]
fn a_region_is_attached_to_once_by_the_right_process_with_the_right_format() {
    testing::run(|t| {
        let bytes = Region::bytes(t.tracer());
        let host = |memory: &SharedMemory| Region::host(t.tracer(), Box::new(memory.clone()), NONCE);
        let attach = |memory: &SharedMemory, nonce| RawChild::attach(memory, nonce).map(|_| ());
        let memory = SharedMemory::new(bytes).unwrap();
        assert_eq!(attach(&memory, NONCE), Err(AttachError::NotARegion));
        let region = host(&memory).unwrap();
        assert_eq!(attach(&memory, 8), Err(AttachError::Nonce));
        assert!(!region.is_attached());
        let version = memory.words()[1].swap(99, Relaxed);
        assert_eq!(attach(&memory, NONCE), Err(AttachError::Version { found: 99, expected: version }));
        memory.words()[1].store(version, Relaxed);
        for lie in [2, 3, 5, 6] {
            let before = memory.words()[lie].swap(u64::MAX / 3, Relaxed);
            assert_eq!(attach(&memory, NONCE), Err(AttachError::Layout), "word {lie}");
            memory.words()[lie].store(before, Relaxed);
        }
        assert_eq!(attach(&memory, NONCE), Ok(()));
        assert!(region.is_attached() && region.is_recording());
        assert_eq!(attach(&memory, NONCE), Err(AttachError::Taken { by: std::process::id() }));
        let least = Region::lengths(t.tracer()).last().unwrap();
        let short = SharedMemory::new(least - 4096).unwrap();
        assert!(matches!(host(&short), Err(HostError::Short { .. })));
        assert_eq!(attach(&SharedMemory::new(4096).unwrap(), NONCE), Err(AttachError::NotARegion));
    });
}
