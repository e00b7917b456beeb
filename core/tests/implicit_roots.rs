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

type Messages = Arc<Mutex<Vec<String>>>;

/// What a program's ledger and its messages say. The program runs alone, because its tracer is the global one.
fn said_of(verify: bool, program: impl FnOnce(&Messages)) -> (Ledger, Vec<String>) {
    let messages = Messages::default();
    let kept = Arc::clone(&messages);
    let keep = move |diagnostic: &Diagnostic| {
        if diagnostic.cause() == Cause::ImplicitRoot {
            kept.lock().unwrap().push(diagnostic.message().to_owned());
        }
    };
    let tracer = builder("app").settings(Settings::default()).verify(verify).on_diagnostic(keep);
    let guard = tracer.exporter(heirloom_core::export::Memory::new()).init().unwrap();
    program(&messages);
    let report = guard.finish();
    assert!(report.ledger().is_balanced() && report.problems().is_empty(), "an implicit root is no loss: {report}");
    // `finish` doesn't wait for long until messages are written.
    let all = format!("{} spans started a trace because no span was current", report.ledger().implicit_roots);
    let is_said = || messages.lock().unwrap().last().is_some_and(|last| last.starts_with(&all));
    until("all of them are reported", || !verify || is_said());
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
fn a_forgotten_hand_over_is_counted_named_with_its_threads_and_reported() {
    alone::<&str>("a_forgotten_hand_over_is_counted_named_with_its_threads_and_reported", &[], || {
        let (ledger, messages) = said_of(true, |_| forgetful());
        assert_eq!((ledger.begun, ledger.implicit_roots, ledger.orphans), (13, 12, Some(0)));
        let named = ledger.first_implicit_roots.len();
        assert!((1..=3).contains(&named), "one for each thread: {:?}", ledger.first_implicit_roots);
        for root in &ledger.first_implicit_roots {
            assert!(root.name == "square" && root.lane.thread_name.starts_with("pool-"), "{root:?}");
        }
        // One message, and one at the end if the collector had seen the first of them only.
        assert!((1..=2).contains(&messages.len()), "{messages:#?}");
        for message in messages {
            assert!(message.contains("\"square\" on pool-") && message.contains(".traced(cx)"), "{message}");
        }
    });
}

#[test]
fn a_program_that_goes_on_to_forget_hand_overs_is_told_at_the_end_how_many_there_were() {
    alone::<&str>("a_program_that_goes_on_to_forget_hand_overs_is_told_at_the_end_how_many_there_were", &[], || {
        let (ledger, messages) = said_of(true, |messages| {
            forgetful();
            until("the first are reported", || !messages.lock().unwrap().is_empty());
            forgetful();
            forgetful();
        });
        assert_eq!((ledger.implicit_roots, messages.len()), (36, 2), "{messages:#?}");
    });
}

#[test]
fn a_tracer_that_does_not_verify_counts_implicit_roots_and_reports_none() {
    alone::<&str>("a_tracer_that_does_not_verify_counts_implicit_roots_and_reports_none", &[], || {
        let (ledger, messages) = said_of(false, |_| forgetful());
        assert_eq!((ledger.implicit_roots, messages), (12, Vec::new()));
    });
}

#[test]
fn each_form_that_takes_the_current_context_makes_implicit_roots_and_no_other_does() {
    alone::<&str>("each_form_that_takes_the_current_context_makes_implicit_roots_and_no_other_does", &[], || {
        let (ledger, _) = said_of(true, |_| {
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
