//! Spans and attributes recorded by a signal handler in the middle of other records: nothing is torn, what can't be
//! recorded is counted, nothing hangs.
#![cfg(all(feature = "record", target_os = "linux"))]
#![allow(clippy::unwrap_used, missing_docs, unsafe_code)]

mod support;

use heirloom_core::{builder, export::Memory, Context, Name, SetError, Settings, Span, Tracer, Value};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{process, until};

/// What the handler works with.
struct Stage {
    tracer: Tracer,
    /// A span of the interrupted thread.
    own: Span,
    /// A span of another thread.
    foreign: Span,
    spans: AtomicU64,
    roots: AtomicU64,
    refused_spans: AtomicU64,
    full: AtomicU64,
    set: AtomicU64,
    nested: AtomicU64,
    events: AtomicU64,
    calls: AtomicU64,
}

static STAGE: AtomicPtr<Stage> = AtomicPtr::new(std::ptr::null_mut());

extern "C" fn handler(_: libc::c_int) {
    // SAFETY: no preconditions.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: errno is this thread's own; the handler leaves it as it was.
    let before = unsafe { errno.read() };
    // SAFETY: null, or a stage that is never freed.
    if let Some(stage) = unsafe { STAGE.load(Ordering::Acquire).as_ref() } {
        stage.play();
    }
    // SAFETY: as above.
    unsafe { errno.write(before) };
}

fn count(counter: &AtomicU64) -> u64 {
    counter.fetch_add(1, Ordering::Relaxed) + 1
}

impl Stage {
    fn begun(&self, span: &Span, recorded: &AtomicU64) {
        count(if span.is_recording() { recorded } else { &self.refused_spans });
    }

    fn wrote(&self, result: Result<&Span, SetError>) {
        match result {
            Ok(_) => count(&self.set),
            Err(SetError::Nested) => count(&self.nested),
            Err(_) => count(&self.full),
        };
    }

    /// What a handler may do: nothing that allocates, so static names and scalars.
    fn play(&self) {
        let n = count(&self.calls) as i64;
        let child = self.own.span("handler child");
        self.begun(&child, &self.spans);
        if child.is_recording() {
            self.wrote(child.try_set("n", n));
            child.event("handler");
        }
        drop(child);
        let root = self.tracer.root("handler root");
        self.begun(&root, &self.roots);
        let current = Context::current();
        if root.is_recording() {
            let _scope = root.enter();
            self.begun(&heirloom_core::span("handler inner"), &self.spans);
        }
        assert_eq!(Context::current(), current);
        drop(root);
        self.wrote(self.own.try_set("handler", n));
        self.wrote(self.foreign.try_set("handler", n));
        self.own.event("handler");
        count(&self.events);
    }
}

fn install(signal: libc::c_int, handler: extern "C" fn(libc::c_int)) {
    // SAFETY: all zeros is a valid sigaction: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the action is valid, and its handler lives as long as the process.
    assert_eq!(unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) }, 0);
}

/// Sends the signal to a thread again and again until told to stop.
fn storm(thread: libc::pthread_t, signal: libc::c_int, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        // SAFETY: the thread outlives the storm, which it stops itself.
        unsafe { libc::pthread_kill(thread, signal) };
        // So that signals arrive one by one and the thread gets on between them.
        let pause = Instant::now();
        while pause.elapsed() < Duration::from_micros(10) {
            std::hint::spin_loop();
        }
    }
}

#[test]
fn records_of_a_signal_handler_are_whole_or_counted() {
    match process::case() {
        None => drop(process::run_well("records_of_a_signal_handler_are_whole_or_counted", "storm", &[])),
        Some(_) => under_a_storm(),
    }
}

fn under_a_storm() {
    let memory = Memory::new();
    let mut settings = Settings::default();
    settings.queue_bytes = 1 << 30;
    settings.verify = true;
    settings.limits.events_per_span = u32::MAX;
    let guard = builder("signals").settings(settings).exporter(memory.clone()).start().unwrap();
    let tracer = guard.tracer().clone();
    let foreign = std::thread::scope(|s| s.spawn(|| tracer.root("foreign")).join().unwrap());
    let counter = AtomicU64::default;
    let stage: &'static Stage = Box::leak(Box::new(Stage {
        own: tracer.root("own"),
        foreign,
        tracer: tracer.clone(),
        spans: counter(),
        roots: counter(),
        refused_spans: counter(),
        full: counter(),
        set: counter(),
        nested: counter(),
        events: counter(),
        calls: counter(),
    }));
    // Once before the storm, so that every name is known.
    stage.play();
    install(libc::SIGUSR1, handler);
    STAGE.store(std::ptr::from_ref(stage).cast_mut(), Ordering::Release);
    let stop = AtomicBool::new(false);
    // SAFETY: no preconditions.
    let this_thread = unsafe { libc::pthread_self() };
    let (mut begun, mut recorded) = (0, 0);
    std::thread::scope(|s| {
        s.spawn(|| storm(this_thread, libc::SIGUSR1, &stop));
        let texts: Vec<String> = (0..64).map(|n| n.to_string().repeat(40)).collect();
        until("handlers have often met a record", || {
            for text in &texts {
                let span = stage.tracer.root("work");
                span.set("i", begun as i64).set("text", text.repeat(50)).set(Name::dynamic("dynamic"), text.as_str());
                let child = span.span(Name::dynamic(text));
                child.set("list", &[begun as i64; 20][..]).event_with("event", &[("n", Value::I64(begun as i64))]);
                recorded += u64::from(child.is_recording()) + u64::from(span.is_recording());
                begun += 2;
            }
            stage.nested.load(Ordering::Relaxed) >= 100 && stage.set.load(Ordering::Relaxed) >= 100
        });
        stop.store(true, Ordering::Relaxed);
    });
    STAGE.store(std::ptr::null_mut(), Ordering::Release);
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let report = guard.finish();
    let ledger = report.ledger();
    assert!(ledger.is_balanced() && ledger.corrupt == 0 && ledger.orphans == Some(0), "{report}");
    // The stage itself holds two spans, which are still open.
    assert_eq!(ledger.assembled, recorded + load(&stage.spans) + load(&stage.roots) + 2, "{report}");
    let says = report.problems().iter().find(|p| p.contains("inside another record")).unwrap();
    let nested: u64 = says.split(' ').next().unwrap().parse().unwrap();
    let all = begun + load(&stage.spans) + load(&stage.roots) + load(&stage.refused_spans) + 2;
    let nested_spans = all - ledger.begun;
    assert!(nested_spans > 0, "no handler has met a begin: {report}");
    assert!(
        nested >= nested_spans + load(&stage.nested),
        "{nested_spans} spans, {} writes: {report}",
        load(&stage.nested)
    );
    check(&memory.spans());
    println!("{} handlers, {nested} nested, {begun} spans of the thread", load(&stage.calls));
}

/// Nothing is torn: whatever arrived is what one call wrote.
fn check(spans: &[heirloom_core::export::SpanData]) {
    let mut ids = HashSet::new();
    let mut traces: HashMap<_, u32> = HashMap::new();
    for span in spans {
        assert!(ids.insert(span.span_id), "an id came twice");
        if span.parent_span_id.is_none() {
            *traces.entry(span.trace_id).or_default() += 1;
        }
        match span.name.as_str() {
            "own" | "foreign" => assert!(span.attributes.iter().all(|(key, _)| key == "handler")),
            "handler child" => assert!(span.attributes.iter().all(|(key, _)| key == "n")),
            "handler root" | "handler inner" => assert!(span.attributes.is_empty()),
            "work" => {
                let text = span.attribute("text").map(|v| v.as_str().unwrap().to_owned());
                let dynamic = span.attribute("dynamic").map(|v| v.as_str().unwrap().to_owned());
                let same = |text: &String, dynamic: &String| *text == dynamic.repeat(50);
                assert!(text.iter().zip(&dynamic).all(|(text, dynamic)| same(text, dynamic)), "{span:?}");
                let keys: Vec<_> = span.attributes.iter().map(|(key, _)| key.as_str()).collect();
                assert!(keys.iter().all(|key| ["i", "text", "dynamic"].contains(key)), "{keys:?}");
            }
            text => {
                let n = (0..64).map(|n| n.to_string().repeat(40)).filter(|known| known == text).count();
                assert_eq!(n, 1, "{text:?} is no name that was given");
                if let Some(Value::I64s(list)) = span.attribute("list") {
                    assert!(list.len() == 20 && list.iter().all(|n| *n == list[0]));
                }
            }
        }
    }
    assert!(traces.values().all(|roots| *roots == 1), "two roots have one trace id");
}

static OTHER: AtomicPtr<Tracer> = AtomicPtr::new(std::ptr::null_mut());
static OTHER_SPANS: AtomicU64 = AtomicU64::new(0);

extern "C" fn handler_of_another_tracer(_: libc::c_int) {
    // SAFETY: null, or a tracer that is never freed.
    if let Some(tracer) = unsafe { OTHER.load(Ordering::Acquire).as_ref() } {
        let span = tracer.root("other");
        span.set("other", 1);
        OTHER_SPANS.fetch_add(u64::from(span.is_recording()), Ordering::Relaxed);
    }
}

#[test]
fn a_handler_that_records_for_another_tracer_mixes_nothing_up() {
    match process::case() {
        None => drop(process::run_well("a_handler_that_records_for_another_tracer_mixes_nothing_up", "two", &[])),
        Some(_) => two_tracers_under_a_storm(),
    }
}

fn two_tracers_under_a_storm() {
    let (memory, other_memory) = (Memory::new(), Memory::new());
    let start = |memory: &Memory| {
        let mut settings = Settings::default();
        settings.queue_bytes = 1 << 30;
        settings.verify = true;
        builder("signals").settings(settings).exporter(memory.clone()).start().unwrap()
    };
    let (guard, other) = (start(&memory), start(&other_memory));
    OTHER.store(Box::into_raw(Box::new(other.tracer().clone())), Ordering::Release);
    handler_of_another_tracer(0);
    install(libc::SIGUSR1, handler_of_another_tracer);
    let stop = AtomicBool::new(false);
    // SAFETY: no preconditions.
    let this_thread = unsafe { libc::pthread_self() };
    let mut recorded = 0;
    std::thread::scope(|s| {
        s.spawn(|| storm(this_thread, libc::SIGUSR1, &stop));
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(3) {
            for _ in 0..100 {
                let span = guard.tracer().root("this");
                recorded += u64::from(span.is_recording());
                for i in 0..50 {
                    span.set("this", i);
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    OTHER.store(std::ptr::null_mut(), Ordering::Release);
    for (guard, memory, name, spans) in
        [(guard, memory, "this", recorded), (other, other_memory, "other", OTHER_SPANS.load(Ordering::Relaxed))]
    {
        let report = guard.finish();
        let ledger = report.ledger();
        assert!(ledger.is_balanced() && ledger.corrupt == 0 && ledger.late == 0, "{name}: {report}");
        assert_eq!((ledger.assembled, ledger.incomplete, ledger.open), (spans, 0, 0), "{name}: {report}");
        let own = |s: &heirloom_core::export::SpanData| s.name == name && s.attributes.iter().all(|(k, _)| k == name);
        let all = memory.spans();
        assert_eq!(all.len() as u64, spans, "{name}");
        assert!(spans > 0 && all.iter().all(own), "{name}");
        println!("{name}: {spans} spans");
    }
}
