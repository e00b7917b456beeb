//! A signal handler that records for another tracer than the code that it interrupts: each span goes to its own tracer,
//! wherever in a record the signal comes.
#![allow(clippy::unwrap_used, missing_docs, unsafe_code)]

use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::{builder, testing, Context, Guard};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// Where the handler records: in a tracer that runs, and in one that has finished.
static CONTEXTS: OnceLock<[Context; 2]> = OnceLock::new();
static HANDLED: AtomicU64 = AtomicU64::new(0);
/// How many signals are enough. Each comes at another place in a record.
const SIGNALS: u64 = 10_000;

extern "C" fn record(_: libc::c_int) {
    let n = HANDLED.fetch_add(1, Ordering::Relaxed);
    CONTEXTS.get().unwrap()[n as usize % 2].span("handler").end();
}

/// Sends signals to the calling thread while `body` runs.
fn under_signals(body: impl FnOnce()) {
    // SAFETY: asks for nothing but a number.
    let target = unsafe { libc::pthread_self() } as u64;
    let stop = AtomicBool::new(false);
    thread::scope(|s| {
        s.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // SAFETY: the target waits for this thread at the end of the scope.
                unsafe { libc::pthread_kill(target as libc::pthread_t, libc::SIGUSR1) };
                thread::yield_now();
            }
        });
        body();
        stop.store(true, Ordering::Relaxed);
    });
}

/// Counts spans whose name is not among those that this tracer is meant to get.
struct Strangers(&'static [&'static str], Arc<AtomicU64>);

impl Exporter for Strangers {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let strangers = delivery.spans().filter(|span| !self.0.contains(&span.name())).count();
        self.1.fetch_add(strangers as u64, Ordering::Relaxed);
        Ok(())
    }
}

fn tracer(names: &'static [&'static str]) -> (Guard, Arc<AtomicU64>) {
    let strangers = Arc::default();
    let exporter = Strangers(names, Arc::clone(&strangers));
    (builder("signals").settings(Default::default()).exporter(exporter).start().unwrap(), strangers)
}

#[test]
fn a_signal_handler_of_another_tracer_mixes_nothing_up() {
    let finished = testing::run(|_| heirloom_core::root("finished").context());
    let (theirs, among_theirs) = tracer(&["theirs", "handler"]);
    let (mine, among_mine) = tracer(&["mine", "work"]);
    let root = |guard: &Guard, name: &'static str| {
        let _scope = guard.tracer().enter();
        heirloom_core::root(name)
    };
    let (their_root, my_root) = (root(&theirs, "theirs"), root(&mine, "mine"));
    CONTEXTS.set([their_root.context(), finished]).unwrap();
    // The handler must find everything it needs: its shard, and its name in the cache.
    their_root.span("handler").end();
    // SAFETY: a handler that allocates nothing, and takes no lock that this thread has while it records.
    unsafe { libc::signal(libc::SIGUSR1, record as *const () as libc::sighandler_t) };
    let start = Instant::now();
    let mut spans = 0;
    under_signals(|| {
        while HANDLED.load(Ordering::Relaxed) < SIGNALS && start.elapsed() < Duration::from_secs(20) {
            for n in 0..100 {
                let span = my_root.span("work");
                span.set("n", n);
                span.end();
            }
            spans += 100;
        }
    });
    my_root.end();
    their_root.end();
    assert!(HANDLED.load(Ordering::Relaxed) > 100, "hardly a signal came");
    let report = mine.finish();
    let ledger = report.ledger();
    assert!(ledger.is_balanced(), "{report}");
    assert_eq!((ledger.begun, ledger.incomplete, ledger.late, ledger.corrupt), (spans + 1, 0, 0, 0), "{report}");
    assert!(theirs.finish().ledger().is_balanced());
    let strangers = [among_mine, among_theirs].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(strangers, [0, 0], "spans in the wrong tracer");
}
