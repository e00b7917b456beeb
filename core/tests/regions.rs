//! Regions: what a child recorded into shared memory is in its parent's tree, however the child ended, and whatever it wrote.
#![cfg(all(target_os = "linux", not(loom)))]
#![allow(clippy::unwrap_used)]

use heirloom_core::export::SpanData;
use heirloom_core::region::{AttachError, Death, HostError, Region, RegionReport};
use heirloom_core::testing::region::{RawChild, RawShard, SharedMemory};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, Context, SpanId, Status};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const NONCE: u64 = 7;
const PID: u32 = 4_000_000;

struct Family {
    region: Region,
    child: RawChild,
    memory: SharedMemory,
}

fn family(t: &Testing) -> Family {
    let memory = SharedMemory::new(Region::bytes(t.tracer())).unwrap();
    let region = Region::host(t.tracer(), Box::new(memory.clone()), NONCE).unwrap();
    let child = RawChild::attach(&memory, NONCE).unwrap();
    region.started(PID);
    assert!(child.name("job") && child.name("step"));
    Family { region, child, memory }
}

impl Family {
    fn shard(&self) -> RawShard {
        self.child.shard(1, "worker").unwrap()
    }

    fn kill(&self) -> RegionReport {
        self.region.died(Death::Killed(9));
        self.region.wait_closed(Duration::from_secs(10)).unwrap()
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
        fn export(&mut self, batch: &heirloom_core::export::Batch) -> Result<(), heirloom_core::export::ExportError> {
            let get = |key| batch.resource().get(key).cloned();
            let service = get("service.name").and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
            let pid = get("process.pid").and_then(|v| v.as_i64()).unwrap_or(0);
            assert!(batch.spans().all(|span| i64::from(span.lane().process_id) == pid), "a stranger's span");
            self.0.lock().unwrap().push((service, pid, batch.len()));
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
        let short = SharedMemory::new(bytes - 4096).unwrap();
        assert!(matches!(host(&short), Err(HostError::Short { .. })));
        assert_eq!(attach(&SharedMemory::new(4096).unwrap(), NONCE), Err(AttachError::NotARegion));
    });
}

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

type Crime = Box<dyn FnOnce(&Family, &mut RawShard, Context)>;

const BEGIN: u64 = 1 | 6 << 8 | 1 << 32;
const END: u64 = 2 | 3 << 8;

/// Publishes words as they are.
fn raw(shard: &mut RawShard, words: &[u64]) {
    assert!(shard.record(words), "no room");
}

#[test]
fn what_makes_no_sense_costs_its_shard_and_nothing_else() {
    let crimes: Vec<(&str, Crime)> = vec![
        ("zeros", Box::new(|_, s, _| raw(s, &[0]))),
        ("an unknown kind", Box::new(|_, s, _| raw(s, &[77 | 1 << 8]))),
        ("a begin that is too short", Box::new(|_, s, _| raw(s, &[1 | 2 << 8, 1]))),
        ("a record longer than what was published", Box::new(|_, s, _| raw(s, &[2 | 100 << 8, 1, 1]))),
        ("a length beyond every record", Box::new(|_, s, _| raw(s, &[2 | 0xfff << 8, 1, 1]))),
        ("a forged end", Box::new(|_, s, cx| raw(s, &[END, cx.span_id().to_u64(), 1]))),
        ("a forged begin", Box::new(|_, s, cx| raw(s, &[BEGIN, cx.span_id().to_u64(), 0, 1, 1, 1]))),
        (
            "an end of nothing",
            Box::new(|_, s, _| {
                let id = s.unused_id().to_u64();
                s.record(&[END, id, 1]);
            }),
        ),
        (
            "a begin twice",
            Box::new(|_, s, _| {
                let id = s.unused_id().to_u64();
                s.record(&[BEGIN, id, 0, 1, 1, 1, BEGIN, id, 0, 1, 1, 1]);
            }),
        ),
        (
            "a name that nobody has",
            Box::new(|_, s, _| {
                let id = s.unused_id().to_u64();
                s.record(&[1 | 6 << 8 | 9_999 << 32, id, 0, 1, 1, 1]);
            }),
        ),
        (
            "a value longer than its record",
            Box::new(|_, s, _| {
                let id = s.unused_id().to_u64();
                s.record(&[3 | 4 << 8 | 4 << 20 | 1 << 32, id, 4_000, 0]);
            }),
        ),
        ("a chunk of nothing", Box::new(|_, s, _| raw(s, &[4 | 2 << 8 | 8 << 32, 1]))),
        ("a position that goes back", Box::new(|f, _, _| f.child.head(1, 0).store(8, Relaxed))),
        ("a position beyond the ring", Box::new(|f, _, _| f.child.head(1, 0).store(1 << 40, Relaxed))),
        ("a crooked position", Box::new(|f, _, _| _ = f.child.head(1, 0).fetch_add(4, Relaxed))),
    ];
    for (what, crime) in crimes {
        let report = abuse(what, crime);
        assert_eq!(report.quarantined, 1, "{what}");
    }
}

#[test]
fn a_child_that_opens_more_than_it_may_is_stopped() {
    let few = |b: heirloom_core::Builder| {
        let mut settings = heirloom_core::Settings::default();
        settings.max_open_spans_per_thread = 1000;
        testing::small_shards(b.settings(settings), 16 << 10)
    };
    testing::run_with(few, |t| {
        in_root("main", |_| {
            let family = family(t);
            let mut shard = family.shard();
            let mut refused_since = None::<Instant>;
            let start = Instant::now();
            while refused_since.is_none_or(|since| since.elapsed() < Duration::from_millis(300)) {
                assert!(start.elapsed() < Duration::from_secs(30), "it was never stopped");
                let id = shard.unused_id().to_u64();
                if shard.record(&[BEGIN, id, 0, 1, 1, 1]) {
                    refused_since = None;
                } else {
                    refused_since.get_or_insert_with(Instant::now);
                    family.region.wake_collector();
                    std::thread::yield_now();
                }
            }
            let report = family.kill();
            assert_eq!(report.quarantined, 1);
            assert!((1000..10_000).contains(&report.aborted), "{report:?}");
        });
        let ledger = t.tracer().ledger();
        assert!(ledger.is_balanced(), "{ledger}");
    });
}

#[test]
fn claims_that_nobody_can_check_stay_within_what_is_possible() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let job = shard.begin(1, root.context()).unwrap();
            shard.end(job);
            family.child.head(0, 1).store(u64::MAX, Relaxed); // begun
            t.tracer().flush(Duration::from_secs(10)).unwrap();
            let ledger = t.tracer().ledger();
            assert!(ledger.begun < 100_000, "{ledger}");
            assert!(ledger.is_balanced(), "{ledger}");
            assert!(family.kill().unpublished > 0);
        });
        t.assert_balanced();
    });
}

#[test]
fn stamps_lie_within_the_life_of_the_process() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let before = Instant::now();
            for stamp in [0, 1, u64::MAX, u64::MAX >> 1, 1 << 63] {
                let id = shard.unused_id().to_u64();
                let trace = root.context().trace_id().to_u128();
                let parent = root.context().span_id().to_u64();
                shard.record(&[BEGIN, id, parent, (trace >> 64) as u64, trace as u64, stamp, END, id, !stamp]);
            }
            family.kill();
            for span in of_child(&t.spans()) {
                assert!(span.start_ns <= span.end_ns);
                assert!(u128::from(span.end_ns - span.start_ns) <= before.elapsed().as_nanos() + 50_000_000);
            }
        });
        let spans = t.spans();
        let main = spans.iter().find(|s| s.name == "main").unwrap();
        let children = of_child(&spans);
        assert_eq!(children.len(), 5);
        assert!(children.iter().all(|s| s.start_ns >= main.start_ns && s.end_ns <= main.end_ns));
    });
}

#[test]
fn scribbling_over_everything_that_a_child_can_reach_harms_nobody_else() {
    for seed in 1..40_u64 {
        testing::run_with(
            |b| testing::small_shards(b, 64 << 10),
            |t| {
                in_root("main", |root| {
                    let family = family(t);
                    let mut shard = family.shard();
                    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let mut next = || {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        random
                    };
                    for _ in 0..200 {
                        if let Some(job) = shard.begin(1, root.context()) {
                            shard.end(job);
                        }
                        let place = next() as usize % (1_130_496 / 8 + 2 * 8192 / 8);
                        // Half of the time in the header, or near the shard.
                        let place = match next() % 4 {
                            0 => place,
                            1 => 32 + place % 8,
                            _ => 1_126_400 / 8 + place % (8192 / 8),
                        };
                        let value = match next() % 3 {
                            0 => next(),
                            1 => next() & 0xffff,
                            _ => 0,
                        };
                        family.memory.words()[place].store(value, Relaxed);
                        root.in_span("own", |_| ());
                    }
                    family.kill();
                });
                assert_eq!(t.spans().iter().filter(|s| s.name == "own").count(), 200);
                let ledger = t.tracer().ledger();
                assert!(ledger.is_balanced() && ledger.corrupt == 0, "{ledger}");
            },
        );
    }
}

#[test]
fn a_tracer_that_finishes_closes_the_regions_of_living_children() {
    let memory = heirloom_core::export::Memory::new();
    let guard = heirloom_core::builder("parent").exporter(memory.clone()).start().unwrap();
    let shared = SharedMemory::new(Region::bytes(guard.tracer())).unwrap();
    let region = Region::host(guard.tracer(), Box::new(shared.clone()), NONCE).unwrap();
    region.started(PID);
    let child = RawChild::attach(&shared, NONCE).unwrap();
    assert!(child.name("job"));
    let mut shard = child.shard(1, "worker").unwrap();
    let root = guard.tracer().root("main");
    let cx = root.context();
    shard.begin(1, cx).unwrap();
    drop(root);
    let report = guard.finish();
    assert_eq!(report.ledger().incomplete, 1, "{report}");
    assert!(report.ledger().is_balanced(), "{report}");
    assert!(region.wait_closed(Duration::from_secs(1)).is_some());
    let refused = (0..100_000).find(|_| shard.begin(1, cx).is_none());
    assert!(refused.is_some(), "the child never noticed");
    assert!(child.shard(2, "late").is_none(), "a shard after the end");
}
