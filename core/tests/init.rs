//! The global tracer: one at a time, said clearly when a second one differs. Each case has a process of its own.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::export::Memory;
use heirloom_core::{builder, in_root, init, root, Builder, Context, InitError, Sampler, Tracer};
use support::{process, LONG};

/// Runs this test in a process of its own with these variables; true there.
fn alone(test: &str, variables: &[(&str, &str)]) -> bool {
    if process::case().is_none() {
        process::run_well(test, "alone", variables);
        return false;
    }
    true
}

fn conflict(builder: Builder) -> String {
    match builder.init() {
        Err(InitError::Conflict(difference)) => {
            let error = InitError::Conflict(difference.clone()).to_string();
            assert!(error.contains(difference.setting()), "{error}");
            error
        }
        other => panic!("expected a conflict, found {other:?}"),
    }
}

#[test]
fn a_second_identical_init_is_the_same_tracer_which_ends_with_the_last_guard() {
    if !alone("a_second_identical_init_is_the_same_tracer_which_ends_with_the_last_guard", &[]) {
        return;
    }
    let memory = Memory::new();
    let first = builder("app").exporter(memory.clone()).init().unwrap();
    let second = init("app").unwrap();
    let third = init("app").unwrap();
    assert_eq!(first.tracer().context(), second.tracer().context());
    root("before").end();
    let report = first.finish();
    assert!(report.is_complete(), "the first only flushes: {report}");
    assert_eq!(memory.len(), 1);
    drop(third);
    in_root("between", |span| assert!(span.is_recording()));
    let report = second.finish();
    assert!(report.is_complete() && report.ledger().assembled == 2, "{report}");
    assert!(Tracer::global().is_none() && !root("after").is_recording());
    assert_eq!(memory.len(), 2);
}

#[test]
fn a_second_init_that_differs_is_an_error_that_names_the_setting_and_the_first_goes_on() {
    if !alone("a_second_init_that_differs_is_an_error_that_names_the_setting_and_the_first_goes_on", &[]) {
        return;
    }
    let guard = init("app").unwrap();
    let error = conflict(builder("other"));
    assert!(error.contains("`service_name` is \"app\" in one and \"other\" in the other"), "{error}");
    let error = conflict(builder("app").sampler(Sampler::AlwaysOff));
    assert!(error.contains("`sampler` is ParentBased(AlwaysOn) in one and AlwaysOff in the other"), "{error}");
    assert!(conflict(builder("app").shard_bytes(1 << 21)).contains("`shard_bytes`"));
    assert!(conflict(builder("app").trace_file("unwritable/for/sure")).contains("`trace_file`"));
    let refused = builder("app").exporter(Memory::new()).init().unwrap_err();
    assert!(matches!(refused, InitError::Exporters));
    assert_eq!(format!("{refused:?}"), refused.to_string(), "a `main` that returns the error says what to do");
    assert!(root("goes on").is_recording());
    // A tracer of its own is never in conflict.
    let own = builder("other").exporter(Memory::new()).start().unwrap();
    assert!(own.tracer().root("own").is_recording());
    assert!(own.finish().is_complete());
    assert_eq!(guard.finish().ledger().begun, 1);
}

#[test]
fn after_finish_another_init_may_differ() {
    if !alone("after_finish_another_init_may_differ", &[]) {
        return;
    }
    let mut old: Vec<Context> = Vec::new();
    for round in 0..50 {
        let memory = Memory::new();
        let name = format!("app {round}");
        let guard = builder(&name).shard_bytes(1 << (16 + round % 4)).exporter(memory.clone()).init().unwrap();
        in_root("work", |work| {
            work.span("part").end();
            old.iter().for_each(|cx| assert!(!cx.span("of an old tracer").is_recording()));
            old.push(work.context());
        });
        let report = guard.finish();
        assert!(report.is_complete() && memory.len() == 2, "{report}");
    }
}

#[test]
fn of_inits_that_race_all_get_the_same_tracer() {
    if !alone("of_inits_that_race_all_get_the_same_tracer", &[]) {
        return;
    }
    for _ in 0..20 {
        let start = std::sync::Barrier::new(8);
        let guards: Vec<_> = std::thread::scope(|s| {
            let init = || {
                start.wait();
                init("app").unwrap()
            };
            let threads: Vec<_> = (0..8).map(|_| s.spawn(init)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let one = guards[0].tracer().context();
        assert!(guards.iter().all(|guard| guard.tracer().context() == one));
        std::thread::scope(|s| guards.into_iter().for_each(|guard| drop(s.spawn(|| drop(guard.finish())))));
        assert!(Tracer::global().is_none());
    }
}

const WRONG: [(&str, &str); 3] =
    [("HEIRLOOM_SHARD_BYTES", "3 KiB"), ("OTEL_TRACES_SAMPLER", "sometimes"), ("HEIRLOOM_DRAIN_INTERVAL_MS", "0")];

#[test]
fn settings_that_cannot_be_used_are_said_once_and_the_defaults_are_used() {
    let test = "settings_that_cannot_be_used_are_said_once_and_the_defaults_are_used";
    if process::case().is_none() {
        let said = process::run_well(test, "alone", &WRONG);
        for (name, value) in WRONG {
            let lines: Vec<_> = said.lines().filter(|line| line.contains(name)).collect();
            assert_eq!(lines.len(), 1, "{said}");
            let whole = lines[0].starts_with("heirloom: ") && lines[0].contains(value) && lines[0].contains("it takes");
            assert!(whole, "{said}");
        }
        return;
    }
    let memory = Memory::new();
    let guard = builder("app").exporter(memory.clone()).init().unwrap();
    root("recorded").end();
    assert!(guard.finish().is_complete() && memory.len() == 1);
}

#[test]
fn in_strict_mode_a_setting_that_cannot_be_used_is_an_error() {
    let mut variables = WRONG.to_vec();
    variables.push(("HEIRLOOM_STRICT", "1"));
    if !alone("in_strict_mode_a_setting_that_cannot_be_used_is_an_error", &variables) {
        return;
    }
    let error = init("app").unwrap_err();
    assert!(matches!(&error, InitError::Settings(warnings) if warnings.len() == 3), "{error:?}");
    for (name, value) in WRONG {
        assert!(error.to_string().contains(name) && error.to_string().contains(value), "{error}");
    }
    assert!(Tracer::global().is_none() && !root("nowhere").is_recording());
    // What code sets counts too.
    assert!(matches!(builder("app").shard_bytes(7).init(), Err(InitError::Settings(_))));
}

#[test]
fn the_environment_sets_what_code_leaves_open() {
    let variables = [
        ("OTEL_SERVICE_NAME", "from the environment"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("HEIRLOOM_VERIFY", "1"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging"),
    ];
    if !alone("the_environment_sets_what_code_leaves_open", &variables) {
        return;
    }
    let memory = Memory::new();
    let guard = builder("from code").exporter(memory.clone()).init().unwrap();
    in_root("left out", |root| {
        assert!(!root.is_recording() && root.context().is_valid());
        root.span("child").end();
    });
    guard.tracer().flush(LONG).unwrap();
    let ledger = guard.tracer().ledger();
    assert_eq!((ledger.begun, ledger.sampled_out, ledger.orphans), (0, 2, Some(0)));
    drop(guard);
    let guard = builder("from code").sampler(Sampler::AlwaysOn).exporter(memory.clone()).init().unwrap();
    root("kept").end();
    drop(guard);
    assert_eq!(memory.len(), 1);
}

#[test]
fn disabled_by_the_environment_nothing_is_recorded_and_everything_works() {
    if !alone("disabled_by_the_environment_nothing_is_recorded_and_everything_works", &[("OTEL_SDK_DISABLED", "true")])
    {
        return;
    }
    for _ in 0..2 {
        let memory = Memory::new();
        let guard = builder("app").exporter(memory.clone()).init().unwrap();
        let remote = Context::from_ids(heirloom_core::TraceId::from_u128(1), heirloom_core::SpanId::from_u64(2), true);
        in_root("root", |root| assert!(!root.is_recording()));
        let passed = remote.in_span("server", |span| span.context());
        assert_eq!((passed.trace_id(), passed.span_id()), (remote.trace_id(), remote.span_id()), "passed on");
        assert_eq!(guard.tracer().flush(LONG), Ok(()));
        assert!(guard.tracer().open_spans(LONG).is_empty());
        let second = init("app").unwrap();
        drop(second);
        let report = guard.finish();
        assert!(
            report.to_string().contains("disabled") && report.to_string().contains("OTEL_SDK_DISABLED"),
            "{report}"
        );
        assert!(memory.is_empty());
    }
}

#[test]
fn without_init_everything_is_a_no_op() {
    if !alone("without_init_everything_is_a_no_op", &[]) {
        return;
    }
    let result = in_root("root", |root| {
        root.set("key", 1).event("event").link(root).error("no");
        assert!(!root.is_recording() && Context::try_current().is_none());
        root.in_span("child", |_| 7)
    });
    assert_eq!((result, Tracer::global().is_none()), (7, true));
}
