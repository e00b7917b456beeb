//! The rows of the table of races and deaths in `docs/shm-format.md`, each by the name of its sentence.

use super::{child_of, family, of_child, Family, NONCE, PID};
use heirloom_core::region::{AttachError, Death, Region, RegionReport};
use heirloom_core::testing::region::{self, RawChild, SharedMemory};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, SpanId, Status};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::Barrier;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(10);
/// Words of the region: `docs/shm-format.md`.
const SHARDS: usize = 33;
const NAMES: usize = 34;
const STRAYS_AT: usize = 4096 / 8;
const NAMES_AT: usize = 77_824 / 8;

fn host(t: &Testing) -> (Region, SharedMemory) {
    let memory = SharedMemory::new(Region::bytes(t.tracer())).unwrap();
    let region = Region::host(t.tracer(), Box::new(memory.clone()), NONCE).unwrap();
    region.started(PID);
    (region, memory)
}

fn closed(region: &Region) -> RegionReport {
    region.died(Death::Killed(9));
    region.wait_closed(LONG).unwrap()
}

#[test]
fn of_two_threads_that_attach_at_once_one_wins() {
    testing::run(|t| {
        for _ in 0..50 {
            let (region, memory) = host(t);
            let together = Barrier::new(4);
            let attach = || {
                together.wait();
                RawChild::attach(&memory, NONCE).map(|_| ())
            };
            let results: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(attach)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
            let by = std::process::id();
            assert!(results.iter().all(|r| matches!(r, Ok(()) | Err(AttachError::Taken { .. }))), "{results:?} {by}");
            closed(&region);
        }
    });
}

/// Forks a process that attaches when the word is set; its exit code says whether it did.
#[allow(unsafe_code)]
fn fork_to_attach(memory: &SharedMemory, go: &SharedMemory) -> libc::pid_t {
    // SAFETY: the child only attaches, which takes no lock but the allocator's, which fork takes care of.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        while go.words()[0].load(Acquire) == 0 {
            std::hint::spin_loop();
        }
        let code = i32::from(RawChild::attach(memory, NONCE).is_ok());
        // SAFETY: ends the child.
        unsafe { libc::_exit(code) };
    }
    assert!(pid > 0);
    pid
}

#[allow(unsafe_code)]
fn exit_code(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: its own child; the pointer is to a live integer.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    assert!(libc::WIFEXITED(status), "{status:x}");
    libc::WEXITSTATUS(status)
}

#[test]
fn of_two_processes_that_attach_at_once_one_wins() {
    testing::run(|t| {
        for _ in 0..20 {
            let (region, memory) = host(t);
            let go = SharedMemory::new(4096).unwrap();
            let children = [(); 3].map(|()| fork_to_attach(&memory, &go));
            go.words()[0].store(1, Release);
            assert_eq!(children.map(exit_code).iter().sum::<i32>(), 1);
            assert!(region.is_attached());
            closed(&region);
        }
    });
}

#[test]
fn a_child_that_dies_before_it_attached_leaves_nothing() {
    testing::run(|t| {
        let (region, _memory) = host(t);
        assert!(!region.is_attached());
        assert_eq!(closed(&region), RegionReport::default());
        t.assert_complete();
    });
}

#[test]
fn a_child_that_dies_before_its_first_shard_leaves_nothing() {
    testing::run(|t| {
        let family = family(t);
        assert!(family.region.is_attached());
        assert_eq!(family.kill(), RegionReport::default());
        t.assert_complete();
    });
}

#[test]
fn a_child_that_dies_before_its_first_record_leaves_an_empty_shard() {
    testing::run(|t| {
        let family = family(t);
        family.memory.words()[SHARDS].store(1, Release);
        t.tracer().flush(LONG).unwrap();
        assert_eq!(family.kill(), RegionReport::default());
        t.assert_complete();
    });
}

#[test]
fn a_child_that_dies_in_the_middle_of_a_record_leaves_the_records_before_it() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let job = shard.begin(1, root.context()).unwrap();
            shard.end(job);
            let at = family.child.head(0, 0).load(Acquire) as usize / 8;
            let begin = region::RawRecord::begin(shard.unused_id().to_u64(), 2, root.context(), 1);
            for (i, word) in begin.iter().copied().take(3).enumerate() {
                family.child.ring(0)[at + i].store(word, Relaxed);
            }
            let report = family.kill();
            assert_eq!((report.spans, report.aborted, report.unpublished, report.quarantined), (1, 0, 0, 0));
        });
        t.assert_complete();
    });
}

#[test]
fn a_begin_that_was_counted_and_not_published_is_unpublished() {
    let test = |t: &Testing| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let job = shard.begin(1, root.context()).unwrap();
            shard.end(job);
            family.child.head(0, 1).fetch_add(1, Relaxed);
            let report = family.kill();
            assert_eq!((report.spans, report.aborted, report.unpublished), (1, 0, 1));
        });
        let ledger = t.tracer().ledger();
        assert_eq!((ledger.unpublished, ledger.begun, ledger.undrained), (1, 2, 0), "{ledger:#?}");
        t.assert_complete();
    };
    let ((), report, _) = testing::run_to_the_end(|b| b, test);
    let said =
        "1 span of a worker process was counted and not recorded: its process ended, or the tracer finished, while it \
                was started";
    assert_eq!(report.problems(), [said]);
}

#[test]
fn a_begin_that_was_published_without_its_attributes_is_aborted_without_them() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let job = family.shard().begin(1, root.context()).unwrap();
            assert_eq!(family.kill().aborted, 1);
            let spans = t.spans();
            let [span] = of_child(&spans)[..] else { panic!("{spans:?}") };
            let keys: Vec<_> = span.attributes.iter().map(|(key, _)| key.to_string()).collect();
            assert_eq!(
                (span.span_id, keys),
                (SpanId::from_u64(job), vec!["error.type".into(), "process.exit.signal".into()])
            );
        });
        t.assert_balanced();
    });
}

/// Two spans are open; what `put` does with the first place is what is left of the first one's end.
fn with_a_stray_end(put: impl FnOnce(&Family, u64)) -> u64 {
    testing::run(|t| {
        let aborted = in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let (first, second) = (shard.begin(1, root.context()).unwrap(), shard.begin(1, root.context()).unwrap());
            put(&family, first);
            assert!(family.child.stray_end(second));
            family.kill().aborted
        });
        t.assert_balanced();
        aborted
    })
}

#[test]
fn a_place_that_was_taken_and_never_filled_is_no_end() {
    // Whatever else is in it.
    let taken = |family: &Family, span| {
        (0..2048).for_each(|place| family.memory.words()[STRAYS_AT + 4 * place + 1].store(span, Relaxed));
        family.memory.words()[STRAYS_AT].store(1, Relaxed);
    };
    assert_eq!(with_a_stray_end(taken), 1);
}

#[test]
fn a_place_that_was_filled_and_not_counted_is_an_end_at_the_death() {
    let filled = |family: &Family, span| {
        family.memory.words()[STRAYS_AT + 1].store(span, Relaxed);
        family.memory.words()[STRAYS_AT].store(2, Release);
    };
    assert_eq!(with_a_stray_end(filled), 0);
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let job = family.shard().begin(1, root.context()).unwrap();
            filled(&family, job);
            assert_eq!(family.kill().aborted, 0);
        });
        t.assert_balanced();
    });
}

#[test]
fn a_name_that_was_written_and_not_counted_is_none() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let end = family.memory.words()[NAMES].load(Acquire) as usize;
            family.memory.words()[NAMES_AT + end].store(8, Relaxed);
            family.memory.words()[NAMES_AT + end + 1].store(u64::from_ne_bytes(*b"halfname"), Relaxed);
            let mut shard = family.shard();
            let job = shard.begin(2, root.context()).unwrap();
            shard.end(job);
            let report = family.kill();
            assert_eq!((report.spans, report.quarantined), (1, 0));
            assert_eq!(of_child(&t.spans())[0].name, "step");
        });
        t.assert_complete();
    });
}

#[test]
fn a_record_that_is_seen_has_a_name_that_is_seen() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            for n in 0..3000 {
                assert!(family.child.name(&format!("name-{n}")));
                let job = shard.begin(3 + n, root.context()).unwrap();
                family.region.wake_collector();
                shard.number(job, 2, n.into());
                shard.end(job);
            }
            let report = family.kill();
            assert_eq!((report.spans, report.quarantined), (3000, 0));
        });
        for span in of_child(&t.spans()) {
            let n = span.attribute("step").and_then(|n| n.as_i64()).unwrap();
            assert_eq!(span.name, format!("name-{n}"));
        }
        t.assert_complete();
    });
}

#[test]
fn a_collector_that_nobody_wakes_looks_all_the_same() {
    testing::run(|t| {
        in_root("main", |root| {
            // This memory's bell makes no sound.
            let family = family(t);
            let mut shard = family.shard();
            // Until it sleeps as long as it ever does.
            std::thread::sleep(Duration::from_millis(200));
            let start = Instant::now();
            let job = shard.begin(1, root.context()).unwrap();
            shard.end(job);
            let published = family.child.head(0, 0).load(Acquire);
            while family.child.head(0, 16).load(Acquire) < published {
                assert!(start.elapsed() < Duration::from_secs(2), "nobody looked");
                std::thread::sleep(Duration::from_millis(1));
            }
            family.kill();
        });
        t.assert_complete();
    });
}

#[test]
fn a_process_id_that_is_used_again_is_another_process() {
    testing::run(|t| {
        in_root("main", |root| {
            let (old, new) = (family(t), family(t));
            let (mut first, mut second) = (old.shard(), new.shard());
            first.begin(1, root.context()).unwrap();
            let job = second.begin(2, root.context()).unwrap();
            assert_eq!(old.kill().aborted, 1);
            second.end(job);
            let report = new.kill();
            assert_eq!((report.spans, report.aborted), (1, 0));
        });
        let spans = t.spans();
        assert_eq!(of_child(&spans).iter().filter(|span| span.aborted).count(), 1);
        t.assert_balanced();
    });
}

#[test]
fn a_death_that_is_told_twice_is_the_first_one() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            family.shard().begin(1, root.context()).unwrap();
            family.region.died(Death::Exited(3));
            family.region.died(Death::Killed(9));
            let report = family.region.wait_closed(LONG).unwrap();
            family.region.died(Death::Unknown);
            assert_eq!(family.region.wait_closed(LONG), Some(report));
        });
        let spans = t.spans();
        let [job] = of_child(&spans)[..] else { panic!("{spans:?}") };
        assert!(matches!(&job.status, Status::Error(why) if why.contains("code 3")), "{job:?}");
        t.assert_balanced();
    });
}

#[test]
fn a_region_that_is_dropped_without_a_death_is_closed_as_one_nobody_saw() {
    testing::run(|t| {
        in_root("main", |root| {
            let Family { region, child, .. } = family(t);
            let mut shard = child.shard(1, "worker").unwrap();
            shard.begin(1, root.context()).unwrap();
            drop(region);
            let start = Instant::now();
            while t.tracer().ledger().aborted == 0 {
                assert!(start.elapsed() < LONG, "it is never closed");
                std::thread::yield_now();
            }
        });
        let spans = t.spans();
        assert!(matches!(&of_child(&spans)[0].status, Status::Error(why) if why.contains("exit status unknown")));
        t.assert_balanced();
    });
}

#[test]
fn a_clock_that_changes_while_a_child_records_leaves_its_spans_their_times() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            for (begin, end) in
                [(region::counter as fn() -> u64, region::tick as fn() -> u64), (region::tick, region::counter)]
            {
                let id = shard.unused_id().to_u64();
                shard.record(&region::RawRecord::begin(id, 1, root.context(), begin()));
                std::thread::sleep(Duration::from_millis(20));
                shard.record(&region::RawRecord::end(id, 0, end()));
            }
            family.kill();
        });
        let spans = t.spans();
        for job in of_child(&spans) {
            let ms = (job.end_ns - job.start_ns) / 1_000_000;
            assert!((19..2000).contains(&ms), "{ms} ms: {job:?}");
        }
        t.assert_complete();
    });
}

#[test]
fn a_shard_that_is_claimed_while_the_parent_finishes_is_closed_or_not_given() {
    for _ in 0..50 {
        let guard = heirloom_core::builder("parent").start().unwrap();
        let family = child_of(guard.tracer(), &[]);
        let given = std::thread::scope(|scope| {
            let claim = scope.spawn(|| (0..64).map_while(|n| family.child.shard(n, "worker")).count());
            guard.finish();
            claim.join().unwrap()
        });
        for shard in 0..given as u64 {
            assert_eq!(
                family.child.head(shard, 18).load(Acquire) as u32,
                1,
                "shard {shard} of {given} never learns of it"
            );
        }
    }
}

#[test]
fn what_a_child_begins_after_its_parent_finished_is_refused_and_counted_as_closed() {
    const TEST: &str = "races::what_a_child_begins_after_its_parent_finished_is_refused_and_counted_as_closed";
    // The names of a process go to its parent's region from then on: in a process of its own.
    if heirloom_harness::case().is_none() {
        heirloom_harness::succeeded(&heirloom_harness::output_of(&mut heirloom_harness::again(TEST, "alone")));
        return;
    }
    let guard = heirloom_core::builder("parent").start().unwrap();
    let memory = SharedMemory::new(Region::bytes(guard.tracer())).unwrap();
    let region = Region::host(guard.tracer(), Box::new(memory.clone()), NONCE).unwrap();
    region.started(PID);
    let child = region::child(&memory, NONCE).unwrap();
    let root = child.tracer().root("before");
    guard.finish();
    for _ in 0..100_000 {
        root.in_span("after", |_| ());
    }
    drop(root);
    assert!(region.wait_closed(LONG).is_some());
    let ledger = child.finish().ledger().clone();
    assert!(ledger.transparent.closed > 0 && ledger.is_balanced(), "{ledger:#?}");
}

#[test]
fn a_tracer_that_finishes_closes_the_regions_of_living_children() {
    let memory = heirloom_core::export::Memory::new();
    let guard = heirloom_core::builder("parent").exporter(memory.clone()).start().unwrap();
    let Family { region, child, .. } = child_of(guard.tracer(), &["job"]);
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
