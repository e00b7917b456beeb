//! The end of a process: by exit with spans open, by a leaked guard, by a panic that aborts, by abort.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::{builder, in_root, init, root, Settings};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};
use support::exporters::{Bad, Door, Way};
use support::process::{self, new_file};
use support::LONG;

const FILE: &str = "HEIRLOOM_EXITS_FILE";

fn file() -> PathBuf {
    std::env::var_os(FILE).unwrap().into()
}

/// Runs a case of a test in a process of its own; returns its output and what it wrote to its file.
fn run(test: &str, case: &str, variables: &[(&str, &str)]) -> (Output, String) {
    let path = new_file(case);
    let mut all = vec![(FILE, path.to_str().unwrap())];
    all.extend(variables);
    let output = process::run(test, case, &all);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let _ = std::fs::remove_file(&path);
    (output, text)
}

/// The process has ended with this code.
#[track_caller]
fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
}

/// Writes the name of each span to a file, a line each, after a pause.
struct Lines(std::fs::File, Duration);

impl Lines {
    fn new(path: &Path, pause: Duration) -> Self {
        Self(std::fs::File::create_new(path).unwrap(), pause)
    }
}

impl Exporter for Lines {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        std::thread::sleep(self.1);
        let text: String = delivery.spans().map(|span| format!("{} {}\n", span.name(), span.is_incomplete())).collect();
        self.0.write_all(text.as_bytes()).map_err(|e| ExportError::new(e.to_string()))
    }
}

/// The events of a trace file; if it was cut off by a crash, those before that point.
fn events(text: &str) -> Vec<serde_json::Value> {
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Array(events)) => events,
        Ok(whole) => whole["traceEvents"].as_array().unwrap().clone(),
        Err(_) => {
            let cut = text.rfind('\n').unwrap();
            let whole = format!("{}]", text[..cut].trim_end().trim_end_matches(','));
            serde_json::from_str(&whole).unwrap_or_else(|e| panic!("{e} in {whole}"))
        }
    }
}

fn assert_in_trace(text: &str, names: &[&str]) {
    let events = events(text);
    for name in names {
        assert!(events.iter().any(|e| e["name"] == *name), "there is no {name:?} in {text}");
    }
}

#[test]
fn process_exit_with_open_spans_completes_the_trace_file() {
    let test = "process_exit_with_open_spans_completes_the_trace_file";
    match process::case().as_deref() {
        None => {
            for case in ["exit-here", "exit-elsewhere"] {
                let (output, text) = run(test, case, &[]);
                assert_code(&output, 7);
                assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "whole: {text}");
                assert_in_trace(&text, &["ended", "open root", "open child"]);
            }
        }
        Some(case) => {
            let _guard = builder("exits").settings(Settings::default()).trace_file(file()).init().unwrap();
            in_root("ended", |_| ());
            let open = root("open root");
            let _child = open.span("open child");
            if case == "exit-here" {
                std::process::exit(7);
            }
            let _ = std::thread::spawn(|| std::process::exit(7)).join();
        }
    }
}

#[test]
fn process_exit_delivers_to_an_exporter_what_is_open_and_what_is_queued() {
    let test = "process_exit_delivers_to_an_exporter_what_is_open_and_what_is_queued";
    match process::case() {
        None => {
            let (output, text) = run(test, "exporter", &[]);
            assert_code(&output, 7);
            assert_eq!(text.lines().filter(|line| *line == "ended false").count(), 1000);
            assert_eq!(text.lines().filter(|line| *line == "open true").count(), 1);
        }
        Some(_) => {
            let lines = Lines::new(&file(), Duration::from_millis(50));
            let _guard = builder("exits").settings(Settings::default()).exporter(lines).init().unwrap();
            let _open = root("open");
            (0..1000).for_each(|_| root("ended").end());
            std::process::exit(7);
        }
    }
}

#[test]
fn a_leaked_guard_delivers_when_main_returns() {
    let test = "a_leaked_guard_delivers_when_main_returns";
    match process::case() {
        None => {
            let (output, text) = run(test, "leaked", &[]);
            assert!(output.status.success());
            assert_eq!(text, "ended false\n");
        }
        Some(_) => {
            let lines = Lines::new(&file(), Duration::ZERO);
            std::mem::forget(builder("exits").settings(Settings::default()).exporter(lines).init().unwrap());
            root("ended").end();
        }
    }
}

#[test]
fn process_exit_waits_for_a_finish_that_is_under_way() {
    let test = "process_exit_waits_for_a_finish_that_is_under_way";
    match process::case() {
        None => {
            let (output, text) = run(test, "under-way", &[]);
            assert_code(&output, 7);
            assert!(text.lines().any(|line| line == "ended false"), "{text}");
        }
        Some(_) => {
            let lines = Lines::new(&file(), Duration::from_millis(500));
            let guard = builder("exits").settings(Settings::default()).exporter(lines).init().unwrap();
            let tracer = guard.tracer().clone();
            root("ended").end();
            std::thread::spawn(move || guard.finish());
            // A thread's first span notices at once.
            let recording =
                |tracer: heirloom_core::Tracer| std::thread::spawn(move || tracer.root("probe").is_recording());
            support::until("the tracer is closed", || !recording(tracer.clone()).join().unwrap());
            std::process::exit(7);
        }
    }
}

#[test]
fn an_exporter_that_hangs_delays_the_end_of_the_process_by_two_seconds_at_most() {
    let test = "an_exporter_that_hangs_delays_the_end_of_the_process_by_two_seconds_at_most";
    match process::case() {
        None => {
            let start = Instant::now();
            let (output, _) = run(test, "hangs", &[]);
            assert_code(&output, 7);
            assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
        }
        Some(_) => {
            let bad = Bad::new("bad", Way::Hangs(Door::new()));
            let _guard = builder("exits").settings(Settings::default()).exporter(bad).init().unwrap();
            root("ended").end();
            std::process::exit(7);
        }
    }
}

/// Ends the process, with code 7, in one of an exporter's functions.
struct Exits {
    at: &'static str,
    door: Door,
}

impl Exits {
    fn reached(&self, here: &str) -> Result<(), ExportError> {
        if self.at == here {
            self.door.pass();
            std::process::exit(7);
        }
        Ok(())
    }
}

impl Exporter for Exits {
    fn name(&self) -> &str {
        "exits"
    }

    fn export(&mut self, _: &Delivery) -> Result<(), ExportError> {
        self.reached("export")
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        self.reached("flush")
    }

    fn shutdown(&mut self) -> Result<(), ExportError> {
        self.reached("shutdown")
    }
}

#[test]
fn exit_on_an_exporters_thread_delivers_the_others_spans() {
    let test = "exit_on_an_exporters_thread_delivers_the_others_spans";
    match process::case().as_deref() {
        None => {
            for (case, lost) in [("export", 1011), ("flush", 1001), ("shutdown", 0)] {
                let start = Instant::now();
                let (output, text) = run(test, case, &[]);
                assert_eq!(output.status.code(), Some(7), "{case}");
                assert!(start.elapsed() < Duration::from_secs(3), "{case}: {:?}", start.elapsed());
                assert_eq!(text.lines().filter(|line| *line == "before false").count(), 10, "{case}: {text}");
                assert_eq!(text.lines().filter(|line| *line == "after false").count(), 1000, "{case}");
                assert_eq!(text.lines().filter(|line| *line == "open true").count(), 1, "{case}");
                let said = String::from_utf8_lossy(&output.stderr);
                let line = format!("heirloom: exporter \"exits\" lost {lost} spans: its thread ended the process");
                let is_said = said.lines().any(|said| said == line);
                assert!(is_said == (lost > 0) && !said.contains("\"exporter\" lost"), "{case}: {said}");
            }
        }
        Some(case) => {
            let (mut settings, _) = Settings::from_env("exits");
            // Slow to send by itself, so that nothing but the end delivers what is recorded after the flush.
            settings.export_delay = Duration::from_secs(60);
            let door = Door::new();
            let at = ["export", "flush", "shutdown"].into_iter().find(|at| *at == case).unwrap();
            let lines = Lines::new(&file(), Duration::from_millis(50));
            let exits = Exits { at, door: door.clone() };
            let guard = builder("exits").settings(settings).exporter(exits).exporter(lines).init().unwrap();
            (0..10).for_each(|_| root("before").end());
            let tracer = guard.tracer().clone();
            let flush = std::thread::spawn(move || tracer.flush(LONG));
            if at == "shutdown" {
                flush.join().unwrap().unwrap();
            } else {
                door.await_visitor();
            }
            (0..1000).for_each(|_| root("after").end());
            let _open = root("open");
            door.open();
            if at == "shutdown" {
                guard.finish();
            }
            // The exporter's thread ends the process, and this one must not do so first.
            loop {
                std::thread::park();
            }
        }
    }
}

#[test]
fn exit_in_a_callback_for_messages_delivers_every_exporters_spans() {
    let test = "exit_in_a_callback_for_messages_delivers_every_exporters_spans";
    match process::case() {
        None => {
            let (output, text) = run(test, "callback", &[]);
            assert_code(&output, 7);
            assert_eq!(text.lines().filter(|line| *line == "ended false").count(), 1000);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("\"bad\" lost 1000 spans"), "the callback can't take it any more: {said}");
        }
        Some(_) => {
            let lines = Lines::new(&file(), Duration::from_millis(50));
            let bad = Bad::new("bad", Way::Fails);
            let guard = builder("exits").settings(Settings::default()).exporter(bad).exporter(lines);
            let guard = guard.on_diagnostic(|_| std::process::exit(7)).init().unwrap();
            (0..1000).for_each(|_| root("ended").end());
            let _ = guard.tracer().flush(LONG);
            loop {
                std::thread::park();
            }
        }
    }
}

#[test]
fn a_panic_that_aborts_flushes_first_if_that_is_wanted() {
    let test = "a_panic_that_aborts_flushes_first_if_that_is_wanted";
    match process::case().as_deref() {
        None => {
            let (output, text) = run(test, "hook", &[("HEIRLOOM_FLUSH_ON_PANIC", "1")]);
            assert!(!output.status.success());
            assert_eq!(text, "ended false\n");
            let (output, text) = run(test, "no-hook", &[]);
            assert!(!output.status.success());
            assert_eq!(text, "", "nobody asked for it");
        }
        Some(_) => {
            // Slow to send by itself, so that only a flush delivers.
            let (mut settings, _) = Settings::from_env("exits");
            settings.export_delay = Duration::from_secs(60);
            let lines = Lines::new(&file(), Duration::ZERO);
            let _guard = builder("exits").settings(settings).exporter(lines).init().unwrap();
            // What the runtime does after the hooks if the program is built with `panic = "abort"`.
            let hooks = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                hooks(info);
                std::process::abort();
            }));
            root("ended").end();
            in_root("panics", |_| panic!("the program's own"));
        }
    }
}

#[test]
fn after_an_abort_the_trace_file_holds_what_was_flushed() {
    let test = "after_an_abort_the_trace_file_holds_what_was_flushed";
    match process::case() {
        None => {
            let (output, text) = run(test, "abort", &[]);
            assert!(!output.status.success());
            assert_in_trace(&text, &["flushed"]);
        }
        Some(_) => {
            let guard = builder("exits").settings(Settings::default()).trace_file(file()).init().unwrap();
            in_root("flushed", |_| ());
            guard.tracer().flush(LONG).unwrap();
            in_root("not flushed", |_| ());
            std::process::abort();
        }
    }
}

#[test]
fn a_program_that_never_finishes_its_tracer_or_never_starts_one_ends_as_it_wants() {
    let test = "a_program_that_never_finishes_its_tracer_or_never_starts_one_ends_as_it_wants";
    match process::case().as_deref() {
        None => {
            for case in ["none", "disabled", "finished", "on-exporter-thread"] {
                let variables: &[_] = if case == "disabled" { &[("OTEL_SDK_DISABLED", "true")] } else { &[] };
                let start = Instant::now();
                let (output, _) = run(test, case, variables);
                assert_eq!(output.status.code(), Some(7), "{case}");
                assert!(start.elapsed() < Duration::from_secs(2), "{case}: {:?}", start.elapsed());
            }
        }
        Some("none") => {
            root("nowhere").end();
            std::process::exit(7);
        }
        Some("on-exporter-thread") => {
            struct Exits;
            impl Exporter for Exits {
                fn export(&mut self, _: &Delivery) -> Result<(), ExportError> {
                    std::process::exit(7);
                }
            }
            let guard = builder("exits").settings(Settings::default()).exporter(Exits).init().unwrap();
            root("span").end();
            let _ = guard.tracer().flush(LONG);
        }
        Some(case) => {
            let guard = init("exits").unwrap();
            root("span").end();
            if case == "finished" {
                drop(guard.finish());
            }
            std::process::exit(7);
        }
    }
}
