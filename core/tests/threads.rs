//! Threads that come and go, tracers that come and go: everything is accounted for, and memory stays flat.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::export::{Delivery, ExportError, Exporter, Memory};
use heirloom_core::{builder, root, testing, Builder, Guard, Overload, Settings, Tracer};
use std::collections::HashSet;
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::exporters::{Bad, Door, Way};
use support::process::alone;
use support::{number, resident_bytes, until, LONG};

fn start(change: impl FnOnce(Builder) -> Builder) -> Guard {
    change(builder("threads").settings(Settings::default())).start().unwrap()
}

/// Checks that memory does not grow by more than this while `work` runs. Call it after a warm-up.
#[track_caller]
fn assert_flat(max_mib: u64, what: &str, work: impl FnOnce()) {
    let before = resident_bytes();
    work();
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < max_mib << 20, "{what}: memory grew by {} KiB", grown >> 10);
}

#[test]
fn a_hundred_thousand_short_lived_threads_are_accounted_for_in_flat_memory() {
    if !alone("a_hundred_thousand_short_lived_threads_are_accounted_for_in_flat_memory") {
        return;
    }
    let threads = number("HEIRLOOM_THREADS", 100_000);
    let counter = Bad::new("counter", Way::Fine);
    // A thread that takes over a shard while the collector frees its memory finds no room for a moment.
    let guard = start(|b| b.verify(true).overload(Overload::Wait(LONG)).exporter(counter.clone()));
    let root = guard.tracer().root("root");
    let cx = root.context();
    let spawn_some = |n: u64| {
        for _ in 0..n / 4 {
            let four: Vec<_> = (0..4)
                .map(|_| std::thread::spawn(move || cx.in_span("work", |span| span.set("n", 1).span("part").end())))
                .collect();
            four.into_iter().for_each(|thread| thread.join().unwrap());
        }
    };
    spawn_some(threads / 20);
    assert_flat(16, "threads", || spawn_some(threads));
    drop(root);
    let report = guard.finish();
    let ledger = report.ledger();
    assert!(report.is_complete() && ledger.orphans == Some(0) && ledger.late == 0, "{report}");
    assert_eq!(ledger.begun, 1 + 2 * (threads / 4 + threads / 20 / 4) * 4);
    assert_eq!(counter.taken(), ledger.begun);
}

#[test]
fn a_ring_takes_memory_as_it_is_written() {
    if !alone("a_ring_takes_memory_as_it_is_written") {
        return;
    }
    let guard = start(|b| b.shard_bytes(1 << 24).exporter(Bad::new("fine", Way::Fine)));
    let pool = Pool::new(32);
    // Half a gigabyte of rings.
    let tracer = guard.tracer().clone();
    assert_flat(32, "rings", || pool.everywhere(move || tracer.root("span").end()));
    let report = guard.finish();
    assert!(report.is_complete(), "{report}");
}

#[test]
fn a_long_thread_name_is_cut_at_a_character_and_its_spans_arrive() {
    testing::run(|t| {
        let root = root("root");
        let cx = root.context();
        let name = "a".to_owned() + &"é".repeat(60);
        std::thread::Builder::new().name(name).spawn(move || cx.span("work").end()).unwrap().join().unwrap();
        drop(root);
        assert_eq!(*t.span("work").lane.thread_name, *("a".to_owned() + &"é".repeat(31)));
        t.assert_complete();
    });
}

#[test]
fn a_span_is_in_its_own_threads_lane_even_if_the_shard_was_taken_over_full() {
    testing::run_with(
        |b| testing::small_shards(b, 1024),
        |t| {
            let cx = t.tracer().context();
            let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
            // The first thread leaves its shard so full that the name of the next one finds no room in it.
            let tracer = t.tracer().clone();
            let fill = move || {
                let begin = || {
                    tracer.flush(LONG).unwrap();
                    Some(cx.span("first")).filter(|span| span.is_recording())
                };
                std::iter::from_fn(begin).collect::<Vec<_>>()
            };
            let open = named("first").spawn(fill).unwrap().join().unwrap();
            let (proceed, told) = channel();
            let (refused, was_refused) = channel();
            let second = named(&"second".repeat(10)).spawn(move || {
                refused.send(!cx.span("too early").is_recording()).unwrap();
                told.recv().unwrap();
                cx.span("second").end();
            });
            assert!(was_refused.recv().unwrap());
            let opened = open.len();
            drop(open);
            t.tracer().flush(LONG).unwrap();
            proceed.send(()).unwrap();
            second.unwrap().join().unwrap();
            assert_eq!(&*t.span("second").lane.thread_name, "second".repeat(10));
            let first = t.spans().into_iter().filter(|s| s.name == "first");
            let names: Vec<_> = first.map(|s| s.lane.thread_name.to_string()).collect();
            assert_eq!(names, vec!["first"; opened]);
            t.assert_balanced();
        },
    );
}

/// Threads that live as long as the pool and each run what they are sent.
struct Pool(Vec<Sender<Box<dyn FnOnce() + Send>>>);

impl Pool {
    fn new(threads: usize) -> Self {
        let worker = |_| {
            let (sender, jobs) = channel::<Box<dyn FnOnce() + Send>>();
            std::thread::spawn(move || jobs.into_iter().for_each(|job| job()));
            sender
        };
        Self((0..threads).map(worker).collect())
    }

    /// Runs `job` once on every thread, and waits.
    fn everywhere(&self, job: impl Fn() + Send + Sync + 'static) {
        let job = Arc::new(job);
        let (done, all) = channel();
        for thread in &self.0 {
            let (job, done) = (Arc::clone(&job), done.clone());
            thread
                .send(Box::new(move || {
                    job();
                    drop(job);
                    done.send(()).unwrap();
                }))
                .unwrap();
        }
        drop(done);
        assert_eq!(all.iter().count(), self.0.len());
    }
}

#[test]
fn many_tracers_in_sequence_on_the_same_threads_leak_nothing() {
    if !alone("many_tracers_in_sequence_on_the_same_threads_leak_nothing") {
        return;
    }
    let pool = Pool::new(4);
    let one = |pool: &Pool| {
        let memory = Memory::new();
        let guard = start(|b| b.shard_bytes(1 << 20).exporter(memory.clone()));
        let tracer = guard.tracer().clone();
        pool.everywhere(move || {
            for _ in 0..1000 {
                // Touches a good part of each ring.
                tracer.root("span").set("text", "a text of a usual length").end_it();
            }
        });
        let report = guard.finish();
        assert!(report.is_complete() && memory.len() == 4000, "{report}");
    };
    (0..20).for_each(|_| one(&pool));
    // Each tracer has four rings, of which some hundred KiB are touched.
    assert_flat(16, "tracers", || (0..300).for_each(|_| one(&pool)));
}

trait EndIt {
    /// Reads better behind a chain of setters.
    fn end_it(&self) {}
}
impl EndIt for heirloom_core::Span {}

#[test]
fn two_tracers_side_by_side_on_the_same_threads_never_mix() {
    let pool = Pool::new(3);
    let (one, two) = (Memory::new(), Memory::new());
    let guards = [start(|b| b.verify(true).exporter(one.clone())), start(|b| b.verify(true).exporter(two.clone()))];
    let tracers: Vec<Tracer> = guards.iter().map(|guard| guard.tracer().clone()).collect();
    pool.everywhere(move || {
        for _ in 0..2000 {
            tracers[0].in_root("one", |a| {
                tracers[1].in_root("two", |b| {
                    // Each child belongs to its parent's tracer, whatever is current.
                    a.in_span("one", |c| {
                        c.set("one", 1);
                        b.span("two").set("two", 2).event("two");
                        a.set("one", 1);
                        heirloom_core::span("one").end();
                    });
                    heirloom_core::span("two").end();
                });
                heirloom_core::span("one").end();
            });
        }
    });
    for (guard, memory, name, each) in
        [(0, one, "one", 4), (1, two, "two", 3)].map(|(i, m, n, e)| (&guards[i], m, n, e))
    {
        guard.tracer().flush(LONG).unwrap();
        let ledger = guard.tracer().ledger();
        assert!(ledger.is_balanced() && ledger.orphans == Some(0) && ledger.late == 0, "{ledger:#?}");
        let spans = memory.spans();
        assert_eq!(spans.len(), 3 * 2000 * each);
        let own = |s: &heirloom_core::export::SpanData| s.name == name && s.attributes.iter().all(|(k, _)| k == name);
        assert!(spans.iter().all(own), "{name}");
    }
}

#[test]
fn a_thread_that_outlives_its_tracer_goes_on_with_the_next_one() {
    let pool = Pool::new(1);
    let first = start(|b| b.exporter(Memory::new()));
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (tracer, sink) = (first.tracer().clone(), Arc::clone(&kept));
    pool.everywhere(move || sink.lock().unwrap().push(tracer.root("open")));
    assert_eq!(first.finish().ledger().incomplete, 1);
    let memory = Memory::new();
    let second = start(|b| b.verify(true).exporter(memory.clone()));
    let tracer = second.tracer().clone();
    pool.everywhere(move || {
        let old = kept.lock().unwrap().pop().unwrap();
        old.span("child of the old").end();
        tracer.in_root("new", |new| {
            old.set("key", 1).event("event");
            drop(old);
            new.span("child").end();
        });
    });
    let report = second.finish();
    assert!(report.is_complete(), "{report}");
    assert_eq!(memory.len(), 2);
}

#[test]
fn a_thread_that_begins_while_its_tracer_finishes_is_told_that_it_has_finished() {
    if !alone("a_thread_that_begins_while_its_tracer_finishes_is_told_that_it_has_finished") {
        return;
    }
    let door = Door::new();
    let guard =
        start(|b| b.finish_timeout(Duration::from_secs(30)).exporter(Bad::new("bad", Way::Hangs(door.clone()))));
    let tracer = guard.tracer().clone();
    tracer.root("span").end();
    let _ = tracer.flush(Duration::ZERO);
    door.await_visitor();
    let finish = std::thread::spawn(move || guard.finish());
    let recording = |tracer: Tracer| std::thread::spawn(move || tracer.root("late").is_recording()).join().unwrap();
    until("the tracer is closed", || !recording(tracer.clone()));
    door.open();
    let report = finish.join().unwrap();
    assert!(!report.to_string().contains("memory"), "{report}");
    assert!(report.ledger().is_balanced(), "{report}");
}

#[test]
fn a_thread_that_only_begins_spans_for_others_costs_the_collector_no_memory() {
    if !alone("a_thread_that_only_begins_spans_for_others_costs_the_collector_no_memory") {
        return;
    }
    // A small queue, so that an exporter that gets no processor for a while is no part of what is measured.
    let guard = start(|b| b.queue_bytes(1 << 20).exporter(Bad::new("fine", Way::Fine)));
    let tracer = guard.tracer().clone();
    let (sender, requests) = std::sync::mpsc::sync_channel::<heirloom_core::Span>(64);
    let worker = std::thread::spawn(move || requests.into_iter().for_each(|span| span.set("done", true).end_it()));
    let dispatch = |n: u64| (0..n).for_each(|_| sender.send(tracer.root("request")).unwrap());
    dispatch(100_000);
    assert_flat(24, "requests", || dispatch(4_000_000));
    drop(sender);
    worker.join().unwrap();
    let report = guard.finish();
    assert!(report.ledger().is_balanced() && report.ledger().incomplete == 0, "{report}");
}

#[test]
fn a_span_is_in_the_lane_of_the_thread_that_began_it() {
    testing::run(|t| {
        let span = root("moved");
        let thread = std::thread::Builder::new().name("other".into());
        thread.spawn(move || span.end()).unwrap().join().unwrap();
        let lanes: HashSet<_> = t.spans().iter().map(|s| s.lane.thread_name.to_string()).collect();
        assert_eq!(lanes.len(), 1);
        assert!(!lanes.contains("other"));
    });
}

#[test]
fn more_threads_at_once_than_the_machine_has_processors_lose_nothing_that_is_not_counted() {
    struct Ids(Arc<Mutex<HashSet<u64>>>);
    impl Exporter for Ids {
        fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
            let mut ids = self.0.lock().unwrap();
            delivery.spans().for_each(|span| assert!(ids.insert(span.span_id().to_u64()), "an id came twice"));
            Ok(())
        }
    }
    let ids = Arc::new(Mutex::new(HashSet::new()));
    let guard = start(|b| b.verify(true).exporter(Ids(Arc::clone(&ids))));
    let tracer = guard.tracer();
    tracer.in_root("root", |root| {
        std::thread::scope(|s| {
            for _ in 0..64 {
                s.spawn(|| {
                    for _ in 0..500 {
                        root.in_span("child", |child| child.span("part").end());
                    }
                });
            }
        });
    });
    let report = guard.finish();
    let ledger = report.ledger();
    assert!(ledger.is_balanced() && ledger.orphans == Some(0) && ledger.begun == 64_001, "{report}");
    assert_eq!(ids.lock().unwrap().len() as u64, ledger.exported());
}
