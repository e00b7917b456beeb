//! Standard error that can't be written: closed, on a full disk, a full pipe that nobody reads. It costs messages, never a
//! span, a thread or the end of the program. Each case has a process of its own.
#![cfg(all(feature = "record", target_os = "linux"))]
#![allow(clippy::unwrap_used, missing_docs, unsafe_code)]

mod support;

use heirloom_core::diagnostics::{report, Cause, Diagnostic, Level};
use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::{builder, init, Builder, Guard, Settings, Tracer};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::exporters::{Bad, Way};
use support::{process, until};

/// How long a child may take: less than the tests' other waits, so that a failure shows within a minute.
const LIMIT: Duration = Duration::from_secs(50);
/// The bytes that a pipe holds (`pipe(7)`).
const PIPE_BYTES: u64 = 16 * 4096;
/// The kinds of standard error on which nothing can be written.
const BROKEN: [&str; 3] = ["closed", "full disk", "full pipe"];

/// Runs the test in a process with this kind of standard error. Its variables include one that can't be used, so that there
/// is something to say from the start.
#[track_caller]
fn run(test: &str, stderr: &str, case: &str) -> Output {
    let case = format!("{stderr}/{case}");
    let mut command = process::command(test, &case, &[("HEIRLOOM_SHARD_BYTES", "3 KiB")]);
    if stderr == "full disk" {
        command.stderr(Stdio::from(File::options().write(true).open("/dev/full").unwrap()));
    }
    let mut child = command.spawn().unwrap();
    // With a full pipe it stays open and unread until the child has ended.
    let pipe = child.stderr.take().filter(|_| stderr == "full pipe");
    let output = process::wait_for(child, LIMIT).unwrap_or_else(|| panic!("{case:?} has not ended"));
    drop(pipe);
    output
}

/// As [`run`], and checks that the test passed there.
#[track_caller]
fn run_well(test: &str, stderr: &str, case: &str) {
    let output = run(test, stderr, case);
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && out.contains("1 passed"), "{stderr}/{case}: {}\n{out}", output.status);
}

/// The case, in the child; prepares its standard error.
fn here() -> Option<String> {
    let all = process::case()?;
    let (stderr, case) = all.split_once('/').unwrap();
    if stderr == "full pipe" {
        fill_stderr();
    } else {
        // So that the case is what it says.
        let mut raw = File::from(std::io::stderr().as_fd().try_clone_to_owned().unwrap());
        until("standard error is broken", || raw.write_all(b"x").is_err());
    }
    Some(case.to_owned())
}

/// Fills the pipe, and holds the standard library's lock of standard error for ever.
fn fill_stderr() {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    std::thread::spawn(|| {
        let mut stderr = std::io::stderr().lock();
        while stderr.write_all(&[b'x'; 4096]).is_ok() {
            WRITTEN.fetch_add(4096, Ordering::Relaxed);
        }
    });
    until("the pipe is full", || WRITTEN.load(Ordering::Relaxed) >= PIPE_BYTES);
}

fn start(change: impl FnOnce(Builder) -> Builder) -> Guard {
    change(builder("stderr")).init().unwrap()
}

/// Records this many spans, no faster than they are read.
fn record(tracer: &Tracer, spans: u64) {
    for n in 0..spans {
        tracer.root("span").end();
        if n % 500 == 0 {
            until("the collector keeps up", || tracer.ledger().undrained < 1000);
        }
    }
}

#[test]
fn a_healthy_exporter_gets_every_span_while_another_fails_and_nobody_can_be_told() {
    let test = "a_healthy_exporter_gets_every_span_while_another_fails_and_nobody_can_be_told";
    if here().is_none() {
        BROKEN.iter().for_each(|stderr| run_well(test, stderr, ""));
        return;
    }
    let healthy = Bad::new("healthy", Way::Fine);
    let guard = start(|b| b.exporter(Bad::new("bad", Way::Fails)).exporter(healthy.clone()));
    record(guard.tracer(), 20_000);
    let report = guard.finish();
    let ledger = report.ledger();
    assert_eq!(healthy.taken(), 20_000, "{report}");
    assert!(ledger.is_balanced() && ledger.exporters[0].dropped.failed == 20_000, "{report}");
}

/// Fails while the backend is down.
struct Backend {
    up: Arc<AtomicBool>,
    refused: Arc<AtomicU64>,
    taken: Arc<AtomicU64>,
}

impl Exporter for Backend {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let count = if self.up.load(Ordering::SeqCst) { &self.taken } else { &self.refused };
        count.fetch_add(delivery.len() as u64, Ordering::SeqCst);
        match self.up.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err(ExportError::new("connection refused")),
        }
    }
}

#[test]
fn a_backend_that_was_down_gets_every_span_that_is_sent_once_it_is_up() {
    let test = "a_backend_that_was_down_gets_every_span_that_is_sent_once_it_is_up";
    if here().is_none() {
        BROKEN.iter().for_each(|stderr| run_well(test, stderr, ""));
        return;
    }
    let (up, refused, taken) = <(Arc<AtomicBool>, Arc<AtomicU64>, Arc<AtomicU64>)>::default();
    let backend = Backend { up: Arc::clone(&up), refused: Arc::clone(&refused), taken: Arc::clone(&taken) };
    let guard = start(|b| b.exporter(backend));
    // Several attempts fail.
    for round in 1..=3 {
        record(guard.tracer(), 10);
        until("the backend has refused them", || refused.load(Ordering::SeqCst) == 10 * round);
    }
    up.store(true, Ordering::SeqCst);
    record(guard.tracer(), 10_001);
    let report = guard.finish();
    assert_eq!(taken.load(Ordering::SeqCst), 10_001, "{report}");
    assert!(report.ledger().is_balanced() && report.ledger().exporters[0].dropped.failed == 30, "{report}");
}

#[test]
fn every_end_of_a_program_ends_it() {
    let test = "every_end_of_a_program_ends_it";
    let Some(case) = here() else {
        for stderr in BROKEN {
            for case in ["finish", "drop", "ledger", "leak"] {
                run_well(test, stderr, case);
            }
            let output = run(test, stderr, "exit");
            assert_eq!(output.status.code(), Some(7), "{stderr}: {}", output.status);
        }
        return;
    };
    let bad = Bad::new("bad", Way::Fails);
    let guard = start(|b| b.exporter(bad));
    record(guard.tracer(), 100);
    let tracer = guard.tracer().clone();
    // The ledger's sums hold once each exporter has had the spans.
    until("spans are lost", || tracer.ledger().exporters[0].dropped.failed > 0 && tracer.ledger().is_balanced());
    let begun = Instant::now();
    match case.as_str() {
        "finish" => assert!(!guard.finish().is_complete()),
        "drop" => drop(guard),
        "ledger" => assert!((0..1000).all(|_| tracer.ledger().is_balanced())),
        "leak" => std::mem::forget(guard),
        _ => std::process::exit(7),
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_variable_that_cannot_be_used_never_makes_init_panic() {
    let test = "a_variable_that_cannot_be_used_never_makes_init_panic";
    if here().is_none() {
        BROKEN.iter().for_each(|stderr| run_well(test, stderr, ""));
        return;
    }
    let guard = init("app").unwrap();
    assert!(heirloom_core::root("recorded").is_recording());
    drop(guard);
    let guard = builder("app").settings(Settings::default()).start().unwrap();
    assert!(guard.tracer().root("recorded").is_recording());
}

#[test]
fn a_program_that_restored_sigpipe_outlives_a_standard_error_that_was_closed() {
    let test = "a_program_that_restored_sigpipe_outlives_a_standard_error_that_was_closed";
    if here().is_none() {
        return run_well(test, "closed", "");
    }
    // SAFETY: the default action is no function, and no other thread changes it.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let before = threads();
    let guard = start(|b| b.exporter(Bad::new("bad", Way::Fails)));
    record(guard.tracer(), 10);
    assert!(!guard.finish().is_complete());
    until("each message has been tried", || threads() == before);
}

/// The number of this process's threads. That for messages exists while there are any.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn without_a_thread_for_messages_the_program_goes_on_and_a_later_message_brings_the_earlier_ones() {
    let test = "without_a_thread_for_messages_the_program_goes_on_and_a_later_message_brings_the_earlier_ones";
    if process::case().is_none() {
        let text = process::run_well(test, "alone", &[]);
        let ours: Vec<&str> = text.lines().filter(|line| line.starts_with("heirloom:")).collect();
        assert_eq!(ours.len(), 66, "{text}");
        assert_eq!(ours[..64], (0..64).map(|n| format!("heirloom: message {n}")).collect::<Vec<_>>());
        assert!(ours[64].starts_with("heirloom: 37 messages were left out") && ours[65] == "heirloom: last", "{text}");
        return;
    }
    let say = |text: &str| report(Diagnostic::new(Level::Warn, Cause::Late, text));
    let guard = builder("stderr").settings(Settings::default()).exporter(Bad::new("fine", Way::Fine)).init().unwrap();
    // All threads have started.
    guard.tracer().flush(LIMIT).unwrap();
    let before = threads();
    // Room for what is allocated here, and none for the stack of another thread.
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
    set_address_space(pages * 4096 + (1 << 20));
    assert!(std::thread::Builder::new().spawn(|| ()).is_err(), "no thread can be started");
    (0..100).for_each(|n| say(&format!("message {n}")));
    heirloom_core::root("recorded").end();
    guard.tracer().flush(LIMIT).unwrap();
    assert_eq!(threads(), before);
    set_address_space(libc::RLIM_INFINITY);
    say("brings the earlier ones, and is left out as they fill the queue");
    until("all are written", || threads() == before);
    say("last");
    until("it is written", || threads() == before);
    assert!(guard.finish().is_complete());
}

fn set_address_space(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the pointer is to a live value.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}
