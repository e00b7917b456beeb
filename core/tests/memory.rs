//! The memory of rings: as little as possible, back soon, and bounded for all threads together. The memory of a full queue. The
//! ring itself is tested in `src/shard/tests.rs`, regions in `regions/memory.rs`.
#![cfg(all(feature = "record", target_os = "linux"))]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::diagnostics::{Cause, Diagnostic};
use heirloom_core::{builder, root, testing, Builder, Guard, Settings, Tracer};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};
use support::exporters::{Bad, Door, Way};
use support::process::alone;
use support::{resident_bytes, until, LONG};

/// Memory is back within a second. This is what a busy machine needs beside that.
const SOON: Duration = Duration::from_secs(20);

fn start(change: impl FnOnce(Builder) -> Builder) -> Guard {
    let builder = builder("memory").settings(Settings::default()).exporter(Bad::new("fine", Way::Fine));
    change(builder).start().unwrap()
}

/// Waits until no more than this is resident above `before`, after everything was read.
#[track_caller]
fn comes_back(tracer: &Tracer, before: u64, most: u64, what: &str) {
    let _ = tracer.flush(LONG);
    let start = Instant::now();
    loop {
        let above = resident_bytes().saturating_sub(before);
        if above <= most {
            return;
        }
        assert!(start.elapsed() < SOON, "{what}: {} KiB above the start", above >> 10);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// So many threads at the same time, each of which does its part.
fn threads(number: usize, part: impl Fn() + Clone + Send + 'static) {
    let all_are_here = Arc::new(Barrier::new(number));
    let spawn = |_| {
        let (part, all_are_here) = (part.clone(), Arc::clone(&all_are_here));
        std::thread::Builder::new()
            .stack_size(64 << 10)
            .spawn(move || {
                part();
                all_are_here.wait();
            })
            .unwrap()
    };
    let all: Vec<_> = (0..number).map(spawn).collect();
    all.into_iter().for_each(|thread| thread.join().unwrap());
}

/// What a thread needs anyway: the C library keeps the stacks of threads that have ended.
fn touch_the_stack() {
    std::hint::black_box([1_u8; 20 << 10]);
}

fn record(tracer: &Tracer, spans: u64) {
    for n in 0..spans {
        tracer.root("span").set("n", n);
    }
}

#[test]
fn the_memory_of_512_threads_that_have_ended_is_back_within_a_second() {
    if !alone("the_memory_of_512_threads_that_have_ended_is_back_within_a_second") {
        return;
    }
    let guard = start(|b| b);
    threads(512, touch_the_stack);
    record(guard.tracer(), 100);
    let before = resident_bytes();
    let (tracer, of_threads) = (guard.tracer().clone(), guard.tracer().clone());
    threads(512, move || record(&of_threads, 400));
    comes_back(&tracer, before, 10_000_000, "512 threads");
    // All of it is there again for the next ones.
    let of_threads = tracer.clone();
    threads(512, move || record(&of_threads, 400));
    comes_back(&tracer, before, 10_000_000, "512 more");
    let ledger = guard.finish().ledger().clone();
    assert_eq!((ledger.begun, ledger.transparent.total(), ledger.is_balanced()), (100 + 2 * 512 * 400, 0, true));
}

#[test]
fn the_memory_of_3000_threads_that_have_ended_is_back_within_a_second() {
    if !alone("the_memory_of_3000_threads_that_have_ended_is_back_within_a_second") {
        return;
    }
    let guard = start(|b| b);
    threads(3000, touch_the_stack);
    record(guard.tracer(), 100);
    let before = resident_bytes();
    let (tracer, of_threads) = (guard.tracer().clone(), guard.tracer().clone());
    threads(3000, move || record(&of_threads, 100));
    comes_back(&tracer, before, 25_000_000, "3000 threads");
    let report = guard.finish();
    assert_eq!(report.ledger().transparent.total(), 0, "{report}");
    comes_back(&tracer, before, 25_000_000, "3000 threads, after the end");
}

#[test]
fn after_finish_the_memory_is_back_even_if_threads_that_recorded_live_on() {
    if !alone("after_finish_the_memory_is_back_even_if_threads_that_recorded_live_on") {
        return;
    }
    // What a tracer needs beside its rings, once.
    let guard = start(|b| b);
    record(guard.tracer(), 10_000);
    drop(guard.finish());
    let before = resident_bytes();
    let guard = start(|b| b);
    let (tracer, of_thread) = (guard.tracer().clone(), guard.tracer().clone());
    let (go, told) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        record(&of_thread, 40_000);
        told.recv().unwrap_err();
    });
    // Some 12 MB in two rings, faster than any collector.
    record(&tracer, 80_000);
    drop(guard.finish());
    // This thread and the other one still hold their shards.
    comes_back(&tracer, before, 5 << 20, "after the end");
    root("lost").end();
    drop(go);
    other.join().unwrap();
}

#[test]
fn a_burst_is_recorded_whole_while_the_budget_has_room() {
    let guard = start(|b| b);
    let cx = guard.tracer().context();
    // Some 10 MB, faster than any collector.
    for _ in 0..140_000 {
        cx.span("span").end();
    }
    let report = guard.finish();
    assert!(report.is_complete() && report.ledger().begun == 140_000, "{report}");
}

#[test]
fn an_idle_thread_gives_the_memory_of_its_burst_back() {
    if !alone("an_idle_thread_gives_the_memory_of_its_burst_back") {
        return;
    }
    let guard = start(|b| b);
    record(guard.tracer(), 1000);
    guard.tracer().flush(LONG).unwrap();
    let tracer = guard.tracer().clone();
    let before = resident_bytes();
    // Open spans keep their rooms for ends, and so the ring grows, however fast the collector is.
    let burst = || {
        let open: Vec<_> = (0..100).map(|_| tracer.root("open")).collect();
        record(&tracer, 60_000);
        drop(open);
    };
    burst();
    comes_back(&tracer, before, 12 << 20, "after a burst");
    burst();
    comes_back(&tracer, before, 12 << 20, "after another one");
    let report = guard.finish();
    assert_eq!(report.ledger().transparent.total(), 0, "{report}");
}

/// Opens spans until their reserved ends need more than a budget of 1 MiB, which no collector can change.
fn exceed(tracer: &Tracer) -> u64 {
    let open: Vec<_> = (0..60_000).map(|_| tracer.root("open")).collect();
    open.iter().filter(|span| !span.is_recording()).count() as u64
}

#[test]
fn the_bound_of_all_rings_is_counted_by_its_own_cause_and_reported_once() {
    let said = Arc::new(Mutex::new(Vec::<(Cause, String)>::new()));
    let all = Arc::clone(&said);
    let tell = move |message: &Diagnostic| all.lock().unwrap().push((message.cause(), message.message().to_owned()));
    let mut settings = Settings::default();
    settings.ring_bytes = 1 << 20;
    settings.max_open_spans_per_thread = 1 << 20;
    let guard = builder("bounded").settings(settings).on_diagnostic(tell).start().unwrap();
    let refused = exceed(guard.tracer());
    assert!((10_000..60_000).contains(&refused), "{refused}");
    let of_budget =
        || said.lock().unwrap().iter().filter(|(cause, _)| *cause == Cause::RingBytes).cloned().collect::<Vec<_>>();
    until("it was reported", || !of_budget().is_empty());
    let (_, message) = &of_budget()[0];
    assert!(message.contains("HEIRLOOM_RING_BYTES"), "{message}");
    // A thread that has no ring yet can record all the same.
    let tracer = guard.tracer().clone();
    let is_recorded = std::thread::spawn(move || tracer.root("new").is_recording()).join().unwrap();
    assert!(is_recorded);
    let report = guard.finish();
    let transparent = report.ledger().transparent;
    assert_eq!((transparent.ring_bytes, transparent.full, transparent.total()), (refused, 0, refused), "{report}");
    assert!(report.ledger().is_balanced() && report.to_string().contains("HEIRLOOM_RING_BYTES"), "{report}");
    assert_eq!(of_budget().len(), 1, "once while it ran; the report has the rest");
}

#[test]
fn a_full_ring_of_a_thread_is_another_cause_than_the_bound_of_all() {
    let mut settings = Settings::default();
    settings.shard_bytes = 1 << 20;
    settings.max_open_spans_per_thread = 1 << 20;
    testing::run_with(
        |b| b.settings(settings),
        |t| {
            let refused = exceed(t.tracer());
            let transparent = t.tracer().ledger().transparent;
            assert_eq!((transparent.full, transparent.ring_bytes), (refused, 0), "{transparent:?}");
            assert!(refused > 10_000);
        },
    );
}

/// Sets the limit of this process's address space.
#[allow(unsafe_code)]
fn limit_address_space(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the pointer is to a live rlimit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}

#[test]
fn where_addresses_are_scarce_a_ring_is_smaller_and_records_all_the_same() {
    if !alone("where_addresses_are_scarce_a_ring_is_smaller_and_records_all_the_same") {
        return;
    }
    let mut settings = Settings::default();
    settings.max_open_spans_per_thread = 1 << 20;
    let guard = start(|b| b.settings(settings));
    // All threads have started.
    guard.tracer().flush(SOON).unwrap();
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let used = statm.split(' ').next().unwrap().parse::<u64>().unwrap() * 4096;
    limit_address_space(used + (3 << 19));
    let first = guard.tracer().root("first");
    limit_address_space(libc::RLIM_INFINITY);
    assert!(first.is_recording());
    // A ring of 1 MiB has no room for the ends of 60,000 open spans. One of 16 MiB has.
    assert!(exceed(guard.tracer()) > 10_000);
    drop(first);
    let report = guard.finish();
    assert!(report.ledger().transparent.full > 10_000 && report.ledger().is_balanced(), "{report}");
}

#[test]
fn a_queue_takes_no_more_memory_than_its_bound_and_a_tenth_at_ten_times_the_load_that_its_exporter_takes() {
    const BOUND: u64 = 64 << 20;
    if !alone("a_queue_takes_no_more_memory_than_its_bound_and_a_tenth_at_ten_times_the_load_that_its_exporter_takes") {
        return;
    }
    let door = Door::new();
    let guard = start(|b| b.exporter(Bad::new("slow", Way::Hangs(door.clone()))));
    let load = |spans: u64| {
        for n in 0..spans / 25 {
            let root = guard.tracer().root("request");
            for m in 0..19 {
                let step = root.span("step");
                step.set("n", n).set("m", m).set("text", "a value of some length");
                if m % 4 == 0 {
                    step.span("inner").set("text", "another value of some length");
                }
            }
            if n % 100 == 0 {
                until("the collector keeps up", || guard.tracer().ledger().undrained < 20_000);
            }
        }
    };
    // What everything but the queue needs: rings, the collector's tables, the batches of an exporter that keeps up.
    load(20_000);
    let before = resident_bytes();
    let is_full = || guard.tracer().ledger().exporters.iter().any(|e| e.dropped.traces > 100_000);
    let begin = Instant::now();
    let mut most = 0;
    while !is_full() {
        assert!(begin.elapsed() < LONG, "{:#?}", guard.tracer().ledger());
        load(20_000);
        most = most.max(resident_bytes().saturating_sub(before));
    }
    println!("{} KiB for a bound of {} KiB", most >> 10, BOUND >> 10);
    assert!(most <= BOUND / 10 * 11, "{} KiB", most >> 10);
    assert!(most >= BOUND / 2, "{} KiB: it was never full", most >> 10);
    door.open();
    assert!(guard.finish_within(LONG).ledger().is_balanced());
}
