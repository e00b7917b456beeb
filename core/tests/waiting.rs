//! `Overload::Wait`: a thread that finds no room waits for the collector, never longer than it may, and nothing is lost.
#![cfg(all(feature = "record", target_os = "linux"))]
#![allow(clippy::unwrap_used, missing_docs, unsafe_code)]

mod support;

use heirloom_core::export::Memory;
use heirloom_core::region::Region;
use heirloom_core::testing::region::{child_with, Collector, SharedMemory};
use heirloom_core::{builder, Context, Overload, SetError, Settings, Span, Tracer};
use heirloom_harness::watch;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{process, until, until_all_wait, LONG};

/// A wait that a test can tell from none, and from a longer one.
const MAX: Duration = Duration::from_millis(300);
/// How late a thread may be on a machine that does other things too.
const SLACK: Duration = Duration::from_secs(2);
/// A ring of this size takes some tens of spans.
const TINY: usize = 4096;

fn waits_for(max: Duration) -> Settings {
    let mut settings = Settings::default();
    settings.overload = Some(Overload::Wait(max));
    settings
}

/// A tracer whose collector reads only when the test says so.
fn stopped(max: Duration) -> Collector {
    Collector::start(TINY, waits_for(max)).unwrap()
}

/// Records until this thread has waited. Returns whether the span that waited is recorded, and how long the longest took.
fn overfill(tracer: &Tracer) -> (bool, Duration) {
    let before = tracer.ledger().waits.count;
    loop {
        let (recorded, took) = timed(|| tracer.root("filler").is_recording());
        if tracer.ledger().waits.count > before || FORKED.load(Ordering::Relaxed) {
            return (recorded, took);
        }
    }
}

/// Starts spans until the room that their ends need fills the ring. The collector reads everything else.
fn fill_with_open_spans(collector: &mut Collector) -> Vec<Span> {
    let tracer = collector.tracer().clone();
    let mut open = Vec::new();
    while let Some(span) = Some(tracer.root("open")).filter(Span::is_recording) {
        open.push(span);
        collector.pass();
    }
    open
}

/// Makes passes until a thread has ended.
fn pass_until_finished<R>(collector: &mut Collector, thread: &std::thread::ScopedJoinHandle<'_, R>) {
    until("room was given back", || {
        collector.pass();
        thread.is_finished()
    });
}

fn timed<R>(work: impl FnOnce() -> R) -> (R, Duration) {
    let start = Instant::now();
    (work(), start.elapsed())
}

#[test]
fn threads_flat_out_lose_nothing_when_they_wait() {
    let _watch = watch(2 * LONG);
    let memory = Memory::new();
    let mut settings = waits_for(Duration::from_secs(10));
    settings.shard_bytes = 64 << 10;
    settings.queue_bytes = 1 << 30;
    settings.verify = true;
    let guard = builder("flood").settings(settings).exporter(memory.clone()).start().unwrap();
    let (threads, spans) = (8, 10_000);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let root = guard.tracer().root("root");
                for i in 0..spans {
                    let span = root.span("span");
                    assert!(span.try_set("i", i).is_ok());
                    span.event("event");
                    span.set("text", "x".repeat(200));
                }
            });
        }
    });
    let report = guard.finish_within(LONG);
    let ledger = report.ledger();
    assert!(report.is_complete(), "{report}");
    assert_eq!((ledger.assembled, ledger.transparent.total()), (threads * (spans as u64 + 1), 0));
    assert!(ledger.waits.count > 0 && ledger.waits.timed_out == 0 && !ledger.waits.total.is_zero(), "{report}");
    assert!(report.to_string().contains(" waits="), "{report}");
    let whole = |span: &heirloom_core::export::SpanData| span.attributes.len() == 2 && span.events.len() == 1;
    assert!(memory.spans().iter().filter(|span| span.name == "span").all(whole));
}

#[test]
fn a_collector_that_is_stopped_costs_one_wait_and_the_next_is_after_it_has_read() {
    let _watch = watch(2 * LONG);
    let mut collector = stopped(MAX);
    let tracer = collector.tracer().clone();
    for round in 1..=2 {
        let (recorded, took) = overfill(&tracer);
        assert!(!recorded && took >= MAX && took < MAX + SLACK, "{took:?}");
        let (refused, more) = timed(|| (0..1000).filter(|_| !tracer.root("at once").is_recording()).count());
        assert!(refused == 1000 && more < MAX, "{refused} refused in {more:?}");
        let waits = tracer.ledger().waits;
        assert_eq!((waits.count, waits.timed_out), (round, round));
        assert!(waits.total >= MAX * round as u32);
        collector.pass();
        assert!(tracer.root("room again").is_recording());
    }
    let ledger = tracer.ledger();
    assert_eq!(ledger.transparent.full, 2 * 1001, "{ledger:#?}");
}

#[test]
fn a_wait_ends_as_soon_as_the_collector_has_read() {
    let _watch = watch(2 * LONG);
    let mut collector = stopped(Duration::from_secs(10));
    let tracer = collector.tracer().clone();
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| overfill(&tracer));
        until_all_wait(&tracer);
        let start = Instant::now();
        pass_until_finished(&mut collector, &worker);
        assert!(start.elapsed() < SLACK);
        assert!(worker.join().unwrap().0);
    });
    assert_eq!((tracer.ledger().waits.count, tracer.ledger().waits.timed_out), (1, 0));
}

#[test]
fn what_is_set_on_a_span_waits_too() {
    let _watch = watch(2 * LONG);
    type Write = fn(&Span);
    let writes: [Write; 5] = [
        |span| _ = span.set("key", 1),
        |span| _ = span.set("text", "x".repeat(100)),
        |span| _ = span.event_with("event", &[("n", 1.into())]),
        |span| _ = span.link(span),
        |span| _ = span.rename("renamed"),
    ];
    for write in writes {
        let mut collector = stopped(Duration::from_secs(10));
        let tracer = collector.tracer().clone();
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let span = tracer.root("written");
                while tracer.ledger().waits.count == 0 {
                    write(&span);
                }
            });
            until_all_wait(&tracer);
            pass_until_finished(&mut collector, &worker);
        });
        while collector.pass() {}
        let spans = collector.take_spans();
        assert_eq!((spans.len(), spans[0].dropped), (1, 0), "nothing was lost");
        assert_eq!(tracer.ledger().waits.timed_out, 0);
    }
}

#[test]
fn the_end_of_a_span_never_waits() {
    let _watch = watch(2 * LONG);
    let mut collector = stopped(MAX);
    let tracer = collector.tracer().clone();
    let open = fill_with_open_spans(&mut collector);
    let spans = open.len();
    // Another thread ends them, into its ring, which gets full, and then into the overflow.
    let (_, elsewhere) = timed(|| std::thread::scope(|scope| scope.spawn(|| drop(open)).join().unwrap()));
    assert!(elsewhere < MAX / 2 && tracer.ledger().waits.count == 0, "{elsewhere:?}");
    while collector.pass() {}
    let open = fill_with_open_spans(&mut collector);
    let (_, here) = timed(|| drop(open));
    assert!(here < MAX / 2 && tracer.ledger().waits.count == 0, "{here:?}");
    while collector.pass() {}
    assert!(spans > 160 && collector.take_spans().len() == 2 * spans && collector.held().open == 0);
}

#[test]
fn a_ring_full_of_reservations_is_not_waited_for() {
    let _watch = watch(2 * LONG);
    let mut collector = stopped(Duration::from_secs(10));
    let tracer = collector.tracer().clone();
    let (open, took) = timed(|| fill_with_open_spans(&mut collector));
    assert!(open.len() > 10 && took < Duration::from_secs(5), "{} in {took:?}", open.len());
    let (result, took) = timed(|| open[0].try_set("long", "x".repeat(400)).map(drop));
    assert!(result == Err(SetError::Full) && took < Duration::from_secs(5), "{result:?} in {took:?}");
    assert_eq!(tracer.ledger().waits.timed_out, 0);
}

#[test]
fn without_the_setting_nothing_waits() {
    let mut settings = Settings::default();
    settings.overload = Some(Overload::Coarsen);
    let collector = Collector::start(TINY, settings).unwrap();
    let (_, took) = timed(|| (0..100_000).for_each(|_| collector.tracer().root("flood").end()));
    let ledger = collector.tracer().ledger();
    assert!(ledger.transparent.full > 99_000 && ledger.waits == Default::default(), "{ledger:#?}");
    assert!(took < LONG && !ledger.to_string().contains("waits"), "{took:?}");
}

/// For a signal handler: what it records with, and what came of it.
struct Stage {
    same: Tracer,
    other: Tracer,
    recorded: AtomicU64,
    refused: AtomicU64,
    calls: AtomicU64,
    forks: AtomicBool,
    child: AtomicI32,
}

static STAGE: AtomicPtr<Stage> = AtomicPtr::new(std::ptr::null_mut());
/// Set in a forked child, whose wait must then end.
static FORKED: AtomicBool = AtomicBool::new(false);

extern "C" fn handler(_: libc::c_int) {
    // SAFETY: null, or a stage that is never freed.
    let Some(stage) = (unsafe { STAGE.load(Ordering::Acquire).as_ref() }) else { return };
    if stage.forks.load(Ordering::Relaxed) {
        // SAFETY: the child only returns into the wait, and ends.
        let child = unsafe { libc::fork() };
        FORKED.store(child == 0, Ordering::Relaxed);
        stage.child.store(child, Ordering::Release);
    } else {
        for tracer in [&stage.other, &stage.same] {
            let span = tracer.root("handler");
            span.set("n", 1);
            let count = if span.is_recording() { &stage.recorded } else { &stage.refused };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
    stage.calls.fetch_add(1, Ordering::Release);
}

/// A stage whose handler interrupts `thread` once it waits.
fn stage(same: &Tracer, other: &Tracer, forks: bool) -> &'static Stage {
    let zero = || AtomicU64::new(0);
    let stage: &'static Stage = Box::leak(Box::new(Stage {
        same: same.clone(),
        other: other.clone(),
        recorded: zero(),
        refused: zero(),
        calls: zero(),
        forks: AtomicBool::new(forks),
        child: AtomicI32::new(-1),
    }));
    STAGE.store(std::ptr::from_ref(stage).cast_mut(), Ordering::Release);
    // SAFETY: all zeros is a valid sigaction: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as extern "C" fn(libc::c_int) as *const () as usize;
    // SAFETY: the action is valid, and its handler lives as long as the process.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()) }, 0);
    stage
}

/// Interrupts a thread, and waits until the handler has been called.
fn interrupt(thread: libc::pthread_t, stage: &Stage) {
    // SAFETY: the thread is alive: the test joins it afterwards.
    assert_eq!(unsafe { libc::pthread_kill(thread, libc::SIGUSR1) }, 0);
    until("the handler has been called", || stage.calls.load(Ordering::Acquire) > 0);
}

#[test]
fn a_signal_handler_records_during_a_wait() {
    heirloom_harness::alone::<&str>("a_signal_handler_records_during_a_wait", &[], || {
        let _watch = watch(2 * LONG);
        let (mut same, other) = (stopped(Duration::from_secs(10)), stopped(Duration::from_secs(10)));
        let (tracer, stage) = (same.tracer().clone(), stage(same.tracer(), other.tracer(), false));
        let thread = AtomicU64::new(0);
        let waited = std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                // The handler allocates nothing: this thread has its shard of the other tracer already.
                other.tracer().root("first").end();
                // SAFETY: no preconditions.
                thread.store(unsafe { libc::pthread_self() } as u64, Ordering::Release);
                overfill(&tracer).0
            });
            until_all_wait(&tracer);
            // SAFETY: the thread is alive: it is joined below.
            let killed = unsafe { libc::pthread_kill(thread.load(Ordering::Relaxed) as _, libc::SIGUSR1) };
            assert_eq!(killed, 0);
            // The handler's span for the other tracer is recorded at once; for the tracer that is full it waits too.
            until("the handler has recorded for the other tracer", || stage.recorded.load(Ordering::Acquire) == 1);
            assert_eq!(stage.calls.load(Ordering::Acquire), 0, "it waits too");
            pass_until_finished(&mut same, &worker);
            worker.join().unwrap()
        });
        assert!(waited && stage.recorded.load(Ordering::Relaxed) == 2 && stage.refused.load(Ordering::Relaxed) == 0);
        while same.pass() {}
        let spans = same.take_spans();
        let of_handler: Vec<_> = spans.iter().filter(|span| span.name == "handler").collect();
        assert!(of_handler.len() == 1 && of_handler[0].attribute("n").is_some());
        assert_eq!((tracer.ledger().waits.count, tracer.ledger().waits.timed_out), (2, 0));
        assert_eq!(tracer.ledger().corrupt + tracer.ledger().transparent.total(), 0);
    });
}

#[test]
fn a_wait_in_the_child_of_a_fork_ends_at_once() {
    heirloom_harness::alone::<&str>("a_wait_in_the_child_of_a_fork_ends_at_once", &[], || {
        let _watch = watch(2 * LONG);
        // A tracer that notices forks.
        let guard = builder("notices forks").settings(Settings::default()).start().unwrap();
        let mut same = stopped(Duration::from_secs(10));
        let (tracer, stage) = (same.tracer().clone(), stage(same.tracer(), same.tracer(), true));
        let thread = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                // SAFETY: no preconditions.
                thread.store(unsafe { libc::pthread_self() } as u64, Ordering::Release);
                let (recorded, took) = overfill(&tracer);
                if FORKED.load(Ordering::Relaxed) {
                    let is_right = !recorded && took < Duration::from_secs(5) && !tracer.root("inert").is_recording();
                    // SAFETY: the child ends without its parent's exit handlers.
                    unsafe { libc::_exit(if is_right { 7 } else { 8 }) };
                }
                recorded
            });
            until_all_wait(&tracer);
            interrupt(thread.load(Ordering::Relaxed) as _, stage);
            let (child, mut status) = (stage.child.load(Ordering::Acquire), 0);
            // SAFETY: the pointer is to a live integer.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert_eq!(libc::WEXITSTATUS(status), 7, "{status}");
            pass_until_finished(&mut same, &worker);
            assert!(worker.join().unwrap(), "the parent doesn't notice");
        });
        drop(guard);
    });
}

thread_local! {
    /// Records when the thread exits.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

struct Last(Tracer);

impl Drop for Last {
    fn drop(&mut self) {
        (0..100).for_each(|_| self.0.root("at exit").end());
    }
}

#[test]
fn a_destructor_at_thread_exit_waits_once_at_most() {
    let _watch = watch(2 * LONG);
    for leases_first in [false, true] {
        let collector = stopped(MAX);
        let tracer = collector.tracer().clone();
        let (_, took) = timed(|| {
            std::thread::spawn(move || {
                // The thread-local that was used last is destroyed first.
                let set = |tracer: &Tracer| LAST.with(|last| *last.borrow_mut() = Some(Last(tracer.clone())));
                if leases_first {
                    tracer.root("first").end();
                }
                set(&tracer);
                (0..10).for_each(|_| tracer.root("filler").end());
            })
            .join()
            .unwrap()
        });
        let waits = collector.tracer().ledger().waits;
        assert!(took < MAX + SLACK && waits.count <= 1, "{took:?} {waits:?}");
    }
}

#[test]
fn an_attached_child_waits_for_its_parent_and_needs_nothing_from_it() {
    heirloom_harness::alone::<&str>("an_attached_child_waits_for_its_parent_and_needs_nothing_from_it", &[], || {
        let _watch = watch(2 * LONG);
        let mut parent = Collector::start(TINY, Settings::default()).unwrap();
        let memory = SharedMemory::new(Region::bytes(parent.tracer())).unwrap();
        let region = Region::host(parent.tracer(), Box::new(memory.clone()), 7).unwrap();
        let mut settings = waits_for(Duration::from_secs(10));
        settings.service_name = "child".into();
        let guard = child_with(&memory, 7, settings).unwrap();
        region.started(std::process::id());
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..2000).for_each(|_| guard.tracer().root("child's").end());
                done.store(true, Ordering::Release);
            });
            until("the child is done", || {
                parent.pass();
                done.load(Ordering::Acquire)
            });
        });
        while parent.pass() {}
        let ledger = guard.tracer().ledger();
        assert_eq!((ledger.transparent.total(), ledger.waits.timed_out), (0, 0), "{ledger:#?}");
        assert!(ledger.waits.count > 0);
        assert_eq!(parent.take_spans().len(), 2000);
    });
}

#[test]
fn the_environment_chooses_and_a_trace_file_waits() {
    let ledger_of = |case: &str, variables: &[(&str, &str)]| {
        process::run_well("the_environment_chooses_and_a_trace_file_waits", case, variables)
    };
    match process::case().as_deref() {
        None => {
            let file = process::new_file("waiting.json");
            let path = file.to_str().unwrap();
            ledger_of("coarsens", &[]);
            ledger_of("waits", &[("HEIRLOOM_OVERLOAD", "wait:2s")]);
            ledger_of("waits", &[("HEIRLOOM_TRACE_FILE", path)]);
            ledger_of("coarsens", &[("HEIRLOOM_TRACE_FILE", path), ("HEIRLOOM_OVERLOAD", "coarsen")]);
            let _ = std::fs::remove_file(file);
        }
        Some(case) => {
            let (settings, warnings) = Settings::from_env("app");
            assert!(warnings.is_empty());
            let guard = heirloom_core::testing::small_shards(builder("app").settings(settings), 1024).start().unwrap();
            (0..20_000).for_each(|_| guard.tracer().root("flood").end());
            let waits = guard.finish_within(LONG).ledger().waits;
            assert_eq!(waits.count > 0, case == "waits", "{waits:?}");
        }
    }
}

#[test]
fn a_context_of_another_thread_finds_its_tracer_after_a_wait() {
    let _watch = watch(2 * LONG);
    let (mut first, second) = (stopped(Duration::from_secs(10)), stopped(Duration::from_secs(10)));
    let (tracer, root) = (first.tracer().clone(), second.tracer().root("second"));
    let cx: Context = root.context();
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let (waited, _) = overfill(&tracer);
            // The slot has the first tracer's shard again; the second one's is found.
            let child = cx.span("child");
            (waited, child.is_recording(), child.context().trace_id() == cx.trace_id())
        });
        pass_until_finished(&mut first, &worker);
        assert_eq!(worker.join().unwrap(), (true, true, true));
    });
}
