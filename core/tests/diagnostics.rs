//! Messages for the operator: which arrive where, and that no destination harms what is recorded.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::diagnostics::{report, Cause, Diagnostic, Level};
use heirloom_core::export::{Delivery, ExportError, Exporter, Memory};
#[cfg(target_os = "linux")]
use heirloom_core::mark::MarkKind;
use heirloom_core::{builder, root, testing, Builder, FlushError, Settings, Tracer};
#[cfg(target_os = "linux")]
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::exporters::{Bad, Door, Way};
use support::{process, until, LONG};

/// The messages that a callback got.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<Diagnostic>>>);

impl Said {
    /// Makes this the tracer's destination.
    fn by(&self, builder: Builder) -> Builder {
        let said = self.clone();
        builder.on_diagnostic(move |diagnostic| said.0.lock().unwrap().push(diagnostic.clone()))
    }

    fn all(&self) -> Vec<Diagnostic> {
        self.0.lock().unwrap().clone()
    }

    fn of(&self, cause: Cause) -> Vec<String> {
        let all = self.all().into_iter().filter(|diagnostic| diagnostic.cause() == cause);
        all.map(|diagnostic| diagnostic.message().to_owned()).collect()
    }
}

fn settings() -> Builder {
    builder("diagnostics").settings(Settings::default())
}

/// Opens spans in a ring that is too small for them, and returns how many were refused.
fn overload(tracer: &Tracer) -> u64 {
    let before = tracer.ledger().transparent.full;
    let root = tracer.root("root");
    let open: Vec<_> = (0..100).map(|_| root.span("span")).collect();
    assert!(open.iter().any(|span| !span.is_recording()), "the ring is too large");
    tracer.ledger().transparent.full - before
}

/// The number at the start of a message.
fn spans(message: &str) -> u64 {
    message.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn spans_refused_at_the_source_are_reported_while_the_program_runs_once_per_period_and_cause() {
    let said = Said::default();
    let guard = testing::small_shards(said.by(settings().exporter(Memory::new())), 1024).start().unwrap();
    let refused = overload(guard.tracer());
    until("the collector has said it", || said.of(Cause::ShardFull).len() == 1);
    let message = said.of(Cause::ShardFull).pop().unwrap();
    // The collector may have looked in the middle.
    assert!((1..=refused).contains(&spans(&message)), "{message}");
    assert!(message.contains(" not recorded because ") && message.contains("thread's shard was full"), "{message}");
    // More of the same within the minute is not reported again, though the collector looks again: another cause is.
    guard.tracer().flush(LONG).unwrap();
    let root = guard.tracer().root("root");
    let mut open: Vec<_> = (0..100).map(|_| root.span("span")).collect();
    loop {
        let lost = guard.tracer().root("lost");
        let below = lost.span("below it");
        open.extend([lost, below]);
        if open.iter().rev().take(2).all(|span| !span.is_recording()) {
            break;
        }
        assert!(open.len() < 1000, "the ring never gets full");
    }
    until("the collector has said more", || !said.of(Cause::RootNotRecorded).is_empty());
    assert_eq!(said.of(Cause::ShardFull).len(), 1);
    drop((open, root));
    let report = guard.finish();
    assert!(!report.is_complete() && said.all().len() == 2, "the report is for its caller: {:?}", said.all());
}

#[test]
fn a_later_report_of_the_same_cause_has_the_number_since_the_last_one_and_the_sum() {
    let said = Said::default();
    let start = testing::report_every(said.by(settings().exporter(Memory::new())), Duration::from_millis(20));
    let guard = testing::small_shards(start, 1024).start().unwrap();
    let reported = || said.of(Cause::ShardFull).iter().map(|message| spans(message)).sum::<u64>();
    let first = overload(guard.tracer());
    until("the collector has said it", || reported() == first);
    guard.tracer().flush(LONG).unwrap();
    let second = overload(guard.tracer());
    until("the collector has said more", || reported() == first + second);
    let message = said.of(Cause::ShardFull).pop().unwrap();
    assert!(message.ends_with(&format!("; {} so far", first + second)), "{message}");
    drop(guard);
    let total = format!("{} spans were not recorded", first + second);
    let is_total = |message: &String| message.starts_with(&total) && !message.contains("so far");
    until("the end has said it, with the total", || {
        said.of(Cause::ShardFull).iter().filter(|m| is_total(m)).count() == 1
    });
}

#[test]
fn a_dropped_guard_reports_each_cause_once_with_its_total_and_a_finished_one_leaves_that_to_its_caller() {
    for (finish, way) in [(false, Way::Fails), (true, Way::Fails), (false, Way::Fine), (true, Way::Fine)] {
        let said = Said::default();
        let lossy = matches!(way, Way::Fails);
        let guard = said.by(settings().exporter(Bad::new("bad", way)).verify(true)).start().unwrap();
        let open = lossy.then(|| guard.tracer().root("left open"));
        (0..1000).for_each(|_| guard.tracer().root("span").end());
        match finish {
            true => assert_eq!(guard.finish().is_complete(), !lossy),
            false => drop(guard),
        }
        let at_the_end = |cause, words: &str| said.of(cause).iter().filter(|message| message.contains(words)).count();
        let expected = usize::from(lossy && !finish);
        let counts = || {
            let failed = at_the_end(Cause::ExportFailed, "lost 1001 spans: it failed (the backend said 503)");
            (failed, at_the_end(Cause::StillOpen, "1 span was still open"))
        };
        until("the end has said each", || counts() == (expected, expected));
        // A program that lost nothing says nothing.
        assert!(lossy || said.all().is_empty(), "{:?}", said.all());
        let failed = said.all().into_iter().filter(|diagnostic| diagnostic.cause() == Cause::ExportFailed);
        assert!(failed.into_iter().all(|d| d.component() == Some("bad") && d.level() == Level::Warn));
        drop(open);
    }
}

#[test]
fn without_an_exporter_an_endpoint_in_the_environment_names_its_feature() {
    let test = "without_an_exporter_an_endpoint_in_the_environment_names_its_feature";
    if process::case().is_none() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        for (set, hint) in [
            (&[endpoint][..], "(OTEL_EXPORTER_OTLP_ENDPOINT needs the feature \"otlp\" of the crate `heirloom`)"),
            (&[], "(set HEIRLOOM_TRACE_FILE, or give the builder one)"),
        ] {
            let output = process::run(test, "drop", set);
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(text.contains(&format!("1 span was delivered nowhere: there is no exporter {hint}")), "{text}");
        }
        return;
    }
    let guard = builder("lost").settings(Settings::default()).init().unwrap();
    root("span").end();
    drop(guard);
}

#[test]
fn exit_and_the_return_from_main_report_what_is_lost() {
    let test = "exit_and_the_return_from_main_report_what_is_lost";
    let Some(case) = process::case() else {
        for (case, code) in [("exit", 7), ("drop", 0), ("leak", 0), ("quiet", 0), ("finish", 0)] {
            let output = process::run(test, case, &[]);
            assert_eq!(output.status.code(), Some(code), "{case}");
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let lost = text.lines().filter(|l| l.starts_with("heirloom: 1001 spans were delivered nowhere")).count();
            let ours = text.lines().filter(|line| line.starts_with("heirloom:")).count();
            let expected = usize::from(!matches!(case, "quiet" | "finish"));
            assert_eq!((lost, ours), (expected, expected), "{case}: {text}");
            let ran = String::from_utf8_lossy(&output.stdout).contains("1 passed");
            assert_eq!(ran, code == 0, "{case}: {text}");
        }
        return;
    };
    let start = builder("lost").settings(Settings::default());
    let start = if case == "quiet" { start.exporter(Memory::new()) } else { start };
    let guard = start.init().unwrap();
    (0..1001).for_each(|_| root("span").end());
    match case.as_str() {
        "exit" => std::process::exit(7),
        "leak" => std::mem::forget(guard),
        "finish" => assert!(!guard.finish().is_complete()),
        _ => drop(guard),
    }
}

#[test]
fn each_tracer_has_its_own_callback_and_one_that_hangs_delays_no_other() {
    let (door, said) = (Door::new(), Said::default());
    let stands = door.clone();
    let start = |name: &'static str| settings().exporter(Bad::new(name, Way::Fails));
    let hangs = start("first").on_diagnostic(move |_| stands.pass()).start().unwrap();
    let works = said.by(start("second")).start().unwrap();
    for guard in [&hangs, &works] {
        guard.tracer().root("span").end();
        assert!(guard.tracer().flush(LONG).is_err());
    }
    door.await_visitor();
    until("the other one's message has arrived", || said.of(Cause::ExportFailed).len() == 1);
    assert_eq!(said.all()[0].component(), Some("second"));
    // The end of a tracer whose callback hangs waits a moment, and nothing is missing.
    let begun = Instant::now();
    let report = hangs.finish();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(report.ledger().is_balanced(), "{report}");
    drop(works);
    assert!(said.all().iter().all(|diagnostic| diagnostic.component() == Some("second")), "{:?}", said.all());
    door.open();
}

#[test]
fn a_callback_that_panics_records_flushes_and_finishes_harms_nothing() {
    let found = Arc::new(Mutex::new(Vec::new()));
    let tracer: Arc<Mutex<Option<Tracer>>> = Arc::default();
    let (sink, inside) = (Arc::clone(&found), Arc::clone(&tracer));
    let healthy = Bad::new("healthy", Way::Fine);
    let callback = move |_: &Diagnostic| {
        let tracer = inside.lock().unwrap().clone().unwrap();
        let recording = tracer.root("of the callback").is_recording();
        let guard = builder("inner").settings(Settings::default()).start().unwrap();
        let inner = guard.finish();
        sink.lock().unwrap().push((recording, tracer.flush(LONG), inner.problems().len()));
        report(Diagnostic::new(Level::Warn, Cause::Retrying, "from the callback"));
        panic!("the callback panics");
    };
    let start = settings().exporter(Bad::new("bad", Way::Fails)).exporter(healthy.clone());
    let guard = start.on_diagnostic(callback).start().unwrap();
    *tracer.lock().unwrap() = Some(guard.tracer().clone());
    for _ in 0..20 {
        (0..100).for_each(|_| guard.tracer().root("span").end());
        let _ = guard.tracer().flush(LONG);
    }
    until("the callback was called", || !found.lock().unwrap().is_empty());
    assert!(found.lock().unwrap().iter().all(|call| *call == (false, Err(FlushError::OwnThread), 1)));
    tracer.lock().unwrap().take();
    let report = guard.finish();
    assert!(report.ledger().is_balanced() && healthy.taken() == 2000, "{report}");
}

/// Reports on its own thread, as an exporter with retries does.
struct Reports;

impl Exporter for Reports {
    fn export(&mut self, _: &Delivery) -> Result<(), ExportError> {
        report(Diagnostic::new(Level::Warn, Cause::Retrying, "the backend is down").about("reports"));
        Ok(())
    }
}

#[test]
fn what_an_exporter_reports_and_settings_that_cannot_be_used_go_to_its_tracers_callback() {
    let said = Said::default();
    let mut wrong = Settings::default();
    wrong.shard_bytes = 1000;
    let guard = said.by(builder("exporter").settings(wrong).exporter(Reports)).start().unwrap();
    guard.tracer().root("span").end();
    assert!(guard.finish().is_complete());
    until("both have arrived", || said.all().len() == 2);
    let all = said.all();
    assert_eq!(all.iter().map(Diagnostic::cause).collect::<Vec<_>>(), [Cause::Setting, Cause::Retrying], "{all:?}");
    assert!(all[0].message().starts_with("shard_bytes=\"1000\" is ignored"), "{all:?}");
}

#[test]
fn messages_of_no_tracer_go_to_the_global_tracers_callback_and_a_second_callback_is_refused_aloud() {
    let test = "messages_of_no_tracer_go_to_the_global_tracers_callback_and_a_second_callback_is_refused_aloud";
    if process::case().is_none() {
        let text = process::run_well(test, "alone", &[]);
        let ours: Vec<&str> = text.lines().filter(|line| line.starts_with("heirloom:")).collect();
        assert_eq!(ours, ["heirloom: before", "heirloom: after"]);
        return;
    }
    let say = |text: &str| report(Diagnostic::new(Level::Error, Cause::NotStarted, text));
    let (first, second) = (Said::default(), Said::default());
    say("before");
    let guard = first.by(settings().exporter(Memory::new())).init().unwrap();
    say("between");
    let other = second.by(settings()).init().unwrap();
    drop(other);
    assert!(guard.finish().is_complete());
    say("after");
    until("both have arrived", || first.all().len() == 2);
    let causes: Vec<Cause> = first.all().iter().map(Diagnostic::cause).collect();
    assert_eq!(causes, [Cause::NotStarted, Cause::Setting], "{:?}", first.all());
    assert!(second.all().is_empty());
    drop(settings().init().unwrap());
}

#[test]
fn flushes_in_vain_cost_no_memory_while_an_exporter_hangs() {
    if process::case().is_none() {
        // Alone in its process, so that no other test's memory counts.
        process::run_well("flushes_in_vain_cost_no_memory_while_an_exporter_hangs", "alone", &[]);
        return;
    }
    let door = Door::new();
    let guard = settings().exporter(Bad::new("bad", Way::Hangs(door.clone()))).start().unwrap();
    guard.tracer().root("span").end();
    assert!(guard.tracer().flush(Duration::from_millis(1)).is_err());
    door.await_visitor();
    let flush = |times: u32| {
        for _ in 0..times {
            assert!(guard.tracer().flush(Duration::ZERO).is_err());
            drop(guard.tracer().open_spans(Duration::ZERO));
        }
    };
    // What the allocator keeps is there after the first ones.
    flush(20_000);
    let before = support::resident_bytes();
    flush(100_000);
    let grown = support::resident_bytes().saturating_sub(before);
    println!("{grown} bytes more after 100,000 flushes in vain");
    assert!(grown < 4 << 20, "{grown} bytes");
    door.open();
    guard.tracer().flush(LONG).unwrap();
    assert!(guard.finish().is_complete());
}

/// The command, run by a shell that lets it open no more than 64 files.
#[cfg(target_os = "linux")]
fn with_few_files(command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => _ = shell.env(name, value),
            None => _ = shell.env_remove(name),
        }
    }
    shell
}

/// In a process that can't open another file, `/proc` can't be read.
#[cfg(target_os = "linux")]
#[test]
fn cpu_times_that_cannot_be_read_are_reported_once_and_nothing_is_sampled() {
    let test = "cpu_times_that_cannot_be_read_are_reported_once_and_nothing_is_sampled";
    if process::case().is_none() {
        let output = heirloom_harness::output_of(&mut with_few_files(&process::command(test, "alone", &[])));
        heirloom_harness::succeeded(&output);
        return;
    }
    let (said, memory) = (Said::default(), Memory::new());
    let start = testing::report_every(said.by(settings().exporter(memory.clone())), Duration::from_millis(1));
    let files: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
    assert!(files.len() < 64, "the shell set no limit");
    let guard = start.start().unwrap();
    until("the collector has said it", || !said.of(Cause::NotSampled).is_empty());
    drop(files);
    // From now on it could be read. For as many times as spans arrive, it isn't tried again.
    for _ in 0..20 {
        guard.tracer().root("span").end();
        guard.tracer().flush(LONG).unwrap();
    }
    assert!(guard.finish().is_complete());
    let sampled = [MarkKind::Cpu, MarkKind::Load, MarkKind::Collector];
    assert!(memory.marks().iter().all(|mark| !sampled.contains(&mark.kind)), "{:?}", memory.marks());
    let said = said.of(Cause::NotSampled);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("the CPU time of threads can't be read from /proc"), "{said:?}");
    assert!(said[0].contains("HEIRLOOM_SAMPLE=0 silences this message"), "{said:?}");
}

#[cfg(feature = "log")]
#[test]
fn with_a_logger_messages_go_to_the_crate_log_and_one_that_panics_loses_none() {
    use log::{LevelFilter, Log, Metadata, Record};
    use std::sync::atomic::{AtomicU64, Ordering};
    static LOGGED: AtomicU64 = AtomicU64::new(0);
    struct Logger;
    impl Log for Logger {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &Record<'_>) {
            let text = record.args().to_string();
            assert!(!text.contains("too much"), "this logger panics");
            println!("logged {} {} {text}", record.target(), record.level());
            LOGGED.fetch_add(1, Ordering::SeqCst);
        }
        fn flush(&self) {}
    }
    let test = "with_a_logger_messages_go_to_the_crate_log_and_one_that_panics_loses_none";
    if process::case().is_none() {
        let output = process::run(test, "alone", &[]);
        let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success() && out.contains("1 passed"), "{out}{err}");
        assert!(out.contains("logged heirloom ERROR one") && out.contains("logged heirloom WARN two"), "{out}");
        let ours: Vec<&str> = err.lines().filter(|line| line.starts_with("heirloom: ")).collect();
        assert_eq!(ours, ["heirloom: too much"], "{err}");
        return;
    }
    log::set_logger(&Logger).unwrap();
    log::set_max_level(LevelFilter::Trace);
    report(Diagnostic::new(Level::Error, Cause::NotStarted, "one"));
    report(Diagnostic::new(Level::Warn, Cause::Late, "too much"));
    report(Diagnostic::new(Level::Warn, Cause::Late, "two"));
    until("the last one is logged", || LOGGED.load(Ordering::SeqCst) == 2);
}
