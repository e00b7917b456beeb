//! Roots that are started where nothing is current: a hand-over that was forgotten is counted, named and reported.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::diagnostics::{Cause, Diagnostic};
use heirloom_core::{builder, in_root, in_span, root, span, Context, Ledger, Settings, TraceId};
use heirloom_harness::alone;
use rayon::prelude::*;
use std::sync::{Arc, Mutex};
use support::until;

/// What a program's ledger and its messages say. The program runs alone, because its tracer is the global one.
fn said_of(verify: bool, program: impl FnOnce()) -> (Ledger, Vec<String>) {
    let messages = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&messages);
    let keep = move |diagnostic: &Diagnostic| {
        if diagnostic.cause() == Cause::ImplicitRoot {
            kept.lock().unwrap().push(diagnostic.message().to_owned());
        }
    };
    let tracer = builder("app").settings(Settings::default()).verify(verify).on_diagnostic(keep);
    let guard = tracer.exporter(heirloom_core::export::Memory::new()).init().unwrap();
    program();
    let report = guard.finish();
    assert!(report.ledger().is_balanced() && report.problems().is_empty(), "an implicit root is no loss: {report}");
    // `finish` doesn't wait for long until messages are written.
    until("its message is written", || !verify || !messages.lock().unwrap().is_empty());
    let messages = messages.lock().unwrap().clone();
    (report.ledger().clone(), messages)
}

/// Twelve jobs of a pool, none of which gets the context.
fn forgetful() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).thread_name(|i| format!("pool-{i}")).build().unwrap();
    in_root("squares", |_| {
        pool.install(|| (0..12).into_par_iter().for_each(|_| in_span("square", |_| ())));
    });
}

#[test]
fn a_forgotten_hand_over_is_counted_named_with_its_threads_and_reported_once() {
    alone::<&str>("a_forgotten_hand_over_is_counted_named_with_its_threads_and_reported_once", &[], || {
        let (ledger, messages) = said_of(true, forgetful);
        assert_eq!((ledger.begun, ledger.implicit_roots, ledger.orphans), (13, 12, Some(0)));
        let named = ledger.first_implicit_roots.len();
        assert!((1..=3).contains(&named), "one for each thread: {:?}", ledger.first_implicit_roots);
        for root in &ledger.first_implicit_roots {
            assert!(root.name == "square" && root.lane.thread_name.starts_with("pool-"), "{root:?}");
        }
        let [message] = &messages[..] else { panic!("{messages:?}") };
        // The collector may have seen the first ones only when it said so.
        let (count, rest) = message.split_once(' ').unwrap();
        assert!((1..=12).contains(&count.parse::<u32>().unwrap()), "{message}");
        assert!(rest.contains("started a trace because no span was current"), "{message}");
        assert!(message.contains("\"square\" on pool-") && message.contains(".traced(cx)"), "{message}");
    });
}

#[test]
fn a_tracer_that_does_not_verify_counts_implicit_roots_and_reports_none() {
    alone::<&str>("a_tracer_that_does_not_verify_counts_implicit_roots_and_reports_none", &[], || {
        let (ledger, messages) = said_of(false, forgetful);
        assert_eq!((ledger.implicit_roots, messages), (12, Vec::new()));
    });
}

#[test]
fn each_form_that_takes_the_current_context_makes_implicit_roots_and_no_other_does() {
    alone::<&str>("each_form_that_takes_the_current_context_makes_implicit_roots_and_no_other_does", &[], || {
        let (ledger, _) = said_of(true, || {
            (0..5).for_each(|_| drop(span("1")));
            in_span("1", |_| drop(span("a child")));
            drop(span(String::from("2")));
            let taken = Context::current();
            assert_eq!(taken, Context::INERT);
            std::thread::spawn(move || drop(taken.span("3"))).join().unwrap();

            drop(root("explicit"));
            in_root("explicit", |root| drop(root.span("a child")));
            drop(Context::INERT.build("explicit").start());
            drop(Context::from_trace_id(TraceId::from_u128(7)).span("explicit"));
            drop(heirloom_core::Tracer::global().unwrap().context().span("explicit"));
        });
        let names: Vec<&str> = ledger.first_implicit_roots.iter().map(|root| &*root.name).collect();
        assert_eq!((ledger.implicit_roots, names), (8, vec!["1", "2", "3"]), "each once");
    });
}
