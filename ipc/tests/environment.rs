//! The environment as a carrier: what a process finds in its own, and what it gives to a child.
#![cfg(all(feature = "record", unix))]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::{testing, Baggage, Context, Sampler, SpanId, TraceId};
use heirloom_harness::elevated;
use heirloom_ipc::prelude::*;
use heirloom_ipc::Environment;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use support::{again, alone, case, shell, succeeded};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A child of ours that prints what it found.
fn print_variables() -> Command {
    shell("echo ${TRACEPARENT-none} ${TRACESTATE-none} ${BAGGAGE-none}")
}

fn printed(output: std::io::Result<std::process::Output>) -> String {
    String::from_utf8(output.unwrap().stdout).unwrap().trim_end().to_owned()
}

#[test]
fn what_a_process_was_started_with_is_its_roots_parent() {
    let variables = [("TRACEPARENT", PARENT), ("TRACESTATE", "vendor=1"), ("BAGGAGE", "user=Am%C3%A9lie")];
    alone("what_a_process_was_started_with_is_its_roots_parent", &variables, || {
        testing::run(|t| {
            let found = Context::from_env().unwrap();
            assert!(found.is_remote() && found.is_sampled());
            assert_eq!(found.tracestate().as_str(), "vendor=1");
            found.in_span("main", |span| assert_eq!(span.context().tracestate().as_str(), "vendor=1"));
            let main = t.span("main");
            assert_eq!(main.trace_id, TraceId::from_u128(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c));
            assert_eq!(main.parent_span_id, Some(SpanId::from_u64(0xb7ad_6b71_6920_3331)));
            assert!(main.parent_is_remote);
        });
        assert_eq!(Baggage::from_env().0.get("user"), Some("Amélie"));
        assert_eq!(Context::from_env().unwrap().tracer_id(), None, "no tracer: it binds to the first that uses it");
    });
}

#[test]
fn a_program_can_link_to_its_caller_instead() {
    alone("a_program_can_link_to_its_caller_instead", &[("TRACEPARENT", PARENT)], || {
        testing::run(|t| {
            let caller = t.tracer().extract_env().unwrap();
            t.tracer().context().build("nightly").link(caller).in_scope(|_| ());
            let nightly = t.span("nightly");
            assert_eq!((nightly.parent_span_id, nightly.links.len()), (None, 1));
            assert_eq!((nightly.links[0].0, nightly.links[0].1), (caller.trace_id(), caller.span_id()));
        });
    });
}

#[test]
fn no_variables_mean_roots() {
    alone("no_variables_mean_roots", &[("TRACEPARENT", "")], || {
        testing::run(|t| {
            assert_eq!(Context::from_env(), Ok(t.tracer().context()));
            Context::from_env().unwrap().in_span("main", |_| ());
            assert_eq!(t.span("main").parent_span_id, None);
        });
        assert_eq!(Context::from_env(), Ok(Context::INERT));
        assert!(Baggage::from_env().0.is_empty());
    });
}

#[test]
fn a_sampled_flag_does_not_push_recording_past_a_rate_limit() {
    alone("a_sampled_flag_does_not_push_recording_past_a_rate_limit", &[("TRACEPARENT", PARENT)], || {
        testing::run_with(
            |builder| builder.sampler(Sampler::default().rate_limited(1)),
            |t| {
                let found = Context::from_env().unwrap();
                let recorded = (0..50).filter(|_| found.in_span("main", |span| span.is_recording())).count();
                assert!((1..25).contains(&recorded), "{recorded}");
                t.assert_balanced();
            },
        );
    });
}

#[test]
fn a_traceparent_that_says_not_sampled_is_followed() {
    alone("a_traceparent_that_says_not_sampled_is_followed", &[("TRACEPARENT", PARENT.replace("-01", "-00"))], || {
        testing::run(|t| {
            Context::from_env().unwrap().in_span("main", |span| {
                assert!(!span.is_recording());
                let child = printed(print_variables().traced(span).output());
                // The trace and the decision, with an id of its own.
                assert!(child.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{child}");
                assert!(child.ends_with("-00 none none") && !child.contains("b7ad6b7169203331"), "{child}");
            });
            assert!(t.spans().is_empty());
        });
    });
}

/// Each is an error that says what is wrong, and no more than that of a text that may be a secret.
fn refused(test: &str, value: &[u8], message: &str) {
    alone(test, &[("TRACEPARENT", OsStr::from_bytes(value)), ("TRACESTATE", OsStr::new("vendor=1"))], || {
        let error = Context::from_env().unwrap_err().to_string();
        assert!(error.contains(message) && error.len() < 200, "{error}");
        testing::run(|t| {
            assert!(Context::from_env().is_err() && t.tracer().extract_env().is_err());
            Context::from_env().unwrap_or_default().in_span("main", |_| ());
            assert_eq!(t.span("main").parent_span_id, None);
        });
    });
}

#[test]
fn garbage_is_a_clear_error() {
    refused("garbage_is_a_clear_error", b"not a traceparent", "the text has 17 bytes");
}

#[test]
fn a_very_long_value_is_a_clear_error() {
    let long = [PARENT.as_bytes(), &[b'0'; 100_000]].concat();
    refused("a_very_long_value_is_a_clear_error", &long, "the text has 100055 bytes");
}

#[test]
fn what_is_not_utf_8_is_a_clear_error() {
    refused("what_is_not_utf_8_is_a_clear_error", &[0xff; 55], "byte 0 is");
}

#[test]
fn ids_of_zeros_are_a_clear_error() {
    let zeros = b"00-00000000000000000000000000000000-b7ad6b7169203331-01";
    refused("ids_of_zeros_are_a_clear_error", zeros, "the trace id is zero");
}

#[test]
fn a_bad_tracestate_and_bad_baggage_are_left_out() {
    let long = "k=".to_owned() + &"v".repeat(60_000);
    let bad = [long.as_bytes(), b"no equals", &[0xff, b'=', b'1'], b",,,"];
    let name = "a_bad_tracestate_and_bad_baggage_are_left_out";
    let Some(number) = case() else {
        for (number, value) in bad.into_iter().map(OsStr::from_bytes).enumerate() {
            let variables = [("TRACEPARENT", OsStr::new(PARENT)), ("TRACESTATE", value), ("BAGGAGE", value)];
            succeeded(&again(name, &number.to_string()).envs(variables).output().unwrap());
        }
        return;
    };
    testing::run(|t| {
        let found = t.tracer().extract_env().unwrap();
        assert!(found.is_valid() && found.tracestate().is_empty(), "{number}: {:?}", found.tracestate());
        assert!(Baggage::from_env().0.is_empty(), "{number}");
    });
}

/// A set-user-id copy of this test program: it ignores its caller's environment.
#[test]
#[cfg(target_os = "linux")]
fn a_setuid_program_ignores_its_environment() {
    let name = "a_setuid_program_ignores_its_environment";
    if case().is_some() {
        assert_eq!(Context::from_env(), Ok(Context::INERT));
        assert!(Baggage::from_env().0.is_empty());
        testing::run(|t| assert_eq!(t.tracer().extract_env(), Ok(t.tracer().context())));
        return;
    }
    let mut command = again(name, "setuid");
    command.env("TRACEPARENT", PARENT).env("BAGGAGE", "user=u1");
    elevated(&command).iter().for_each(|output| drop(succeeded(output)));
}

#[test]
fn a_child_finds_its_own_commands_span() {
    testing::run(|t| {
        let root = t.tracer().root("root");
        let found = printed(print_variables().traced(&root).output());
        root.end();
        let span = t.span("sh");
        assert_eq!(found, format!("00-{}-{}-03 none none", span.trace_id, span.span_id));
    });
}

#[test]
fn a_child_finds_the_tracestate_and_the_baggage() {
    testing::run(|t| {
        let caller = t.tracer().extract(PARENT, Some("vendor=1")).unwrap();
        let mut baggage = Baggage::new();
        baggage.insert("user", "Amélie").unwrap();
        let found = printed(print_variables().traced(caller).with_baggage(baggage).output());
        assert!(found.ends_with("-01 vendor=1 user=Am%C3%A9lie"), "{found}");
    });
}

#[test]
fn what_this_process_was_started_with_is_not_handed_on() {
    let variables = [("TRACEPARENT", PARENT), ("TRACESTATE", "stale=1"), ("BAGGAGE", "stale=1")];
    alone("what_this_process_was_started_with_is_not_handed_on", &variables, || {
        let untraced = printed(print_variables().output());
        assert_eq!(untraced, format!("{PARENT} stale=1 stale=1"));
        let no_tracer = printed(print_variables().traced(Context::INERT).output());
        assert_eq!(no_tracer, "none none none");
        testing::run(|t| {
            let root = t.tracer().root("root");
            let found = printed(print_variables().env("BAGGAGE", "also=stale").traced(&root).output());
            assert!(found.starts_with(&format!("00-{}", root.context().trace_id())), "{found}");
            assert!(found.ends_with("-03 none none"), "{found}");
        });
    });
}

#[test]
fn a_root_that_is_not_sampled_tells_the_child_so() {
    testing::run_with(
        |builder| builder.sampler(Sampler::AlwaysOff),
        |t| {
            let root = t.tracer().root("root");
            let found = printed(print_variables().traced(&root).output());
            assert!(found.starts_with(&format!("00-{}-", root.context().trace_id())), "{found}");
            assert!(found.ends_with("-02 none none"), "{found}");
        },
    );
}

#[test]
fn without_a_tracer_a_trace_passes_through() {
    let cx = Context::from_traceparent(PARENT).unwrap();
    assert_eq!(printed(print_variables().traced(cx).output()), format!("{PARENT} none none"));
}

#[test]
fn an_environment_can_be_used_for_anything_that_starts_a_process() {
    let cx = Context::from_traceparent(PARENT).unwrap();
    let environment = Environment::of(cx).with_baggage(&Baggage::parse("a=1").0);
    let all: Vec<_> = environment.iter().collect();
    assert_eq!(all, [("TRACEPARENT", Some(PARENT)), ("TRACESTATE", None), ("BAGGAGE", Some("a=1"))]);
    assert_eq!(Environment::of(Context::INERT), Environment::default());
    let mut command = print_variables();
    environment.apply_to(&mut command);
    assert_eq!(printed(command.output()), format!("{PARENT} none a=1"));
    Environment::default().apply_to(&mut command);
    assert_eq!(printed(command.output()), "none none none");
}

#[test]
fn baggage_that_arrived_reaches_a_command_from_any_span_below_with_a_tracer_and_without() {
    let arrived = || Context::from_headers(Some(PARENT), Some("vendor=1"), Some("token=YWJj==,user=u1")).unwrap();
    let reaches = |cx: Context| {
        let found = cx.in_span("server", |server| {
            let cx = server.context();
            let below = move || cx.in_span("below", |below| printed(print_variables().traced(below).output()));
            std::thread::spawn(below).join().unwrap()
        });
        assert!(found.ends_with(" vendor=1 token=YWJj%3D%3D,user=u1"), "{found}");
        let none = printed(print_variables().traced(cx).with_baggage(Baggage::new()).output());
        assert!(none.ends_with(" vendor=1 none"), "{none}");
        none
    };
    let untouched = reaches(arrived());
    assert!(untouched.starts_with(PARENT), "without a tracer the parent is the one that arrived: {untouched}");
    testing::run(|t| _ = reaches(t.tracer().bind(arrived())));
}

#[test]
fn a_process_passes_on_the_baggage_that_it_was_started_with() {
    let name = "a_process_passes_on_the_baggage_that_it_was_started_with";
    let variables = [("TRACEPARENT", PARENT), ("TRACESTATE", "vendor=1"), ("BAGGAGE", "user=u1")];
    for disabled in ["false", "true"] {
        let variables =
            [&variables[..], &[("OTEL_SDK_DISABLED", disabled), ("OTEL_TRACES_SAMPLER", "always_off")]].concat();
        alone(name, &variables, || {
            let guard = heirloom_core::init("passes on").unwrap();
            let found =
                Context::from_env().unwrap().in_span("main", |main| printed(print_variables().traced(main).output()));
            assert!(found.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{found}");
            assert!(found.ends_with(" vendor=1 user=u1"), "{found}");
            drop(guard.finish());
        });
    }
}
