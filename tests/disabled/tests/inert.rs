//! Recording compiled out: all calls run, and record nothing.
#![allow(clippy::unwrap_used)]

use heirloom_core::{Baggage, Context, Entered, SetError, Span, SpanBuilder};
use heirloom_disabled::api::{everything, CLOSURES};
use std::mem::{needs_drop, size_of};

#[test]
fn spans_scopes_and_builders_have_no_size() {
    let sizes = [size_of::<Span>(), size_of::<Entered<'static>>(), size_of::<SpanBuilder<'static>>()];
    assert_eq!(sizes, [0; 3], "another package of this build turned recording on: test with -p heirloom-disabled");
}

#[test]
fn every_closure_runs_and_nothing_is_recorded() {
    let seen = everything();
    assert_eq!(seen.ran, CLOSURES);
    assert!(!seen.recording && !seen.contexts.is_empty());
    assert!(seen.contexts.iter().chain(&seen.current).all(|cx| *cx == Context::INERT), "{seen:?}");
    assert_eq!(seen.set, Some(Err(SetError::NotRecording)));
}

/// A span can't be moved while it is entered, as with recording. Otherwise a program could compile without recording but not
/// with it.
#[test]
fn spans_and_scopes_are_dropped_as_if_they_were_recorded() {
    assert!(needs_drop::<Span>() && needs_drop::<Entered<'static>>());
}

#[test]
fn a_context_still_travels_as_text() {
    let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(Context::from_traceparent(text).unwrap().traceparent().unwrap().as_str(), text);
}

#[test]
fn a_process_takes_no_part_in_what_it_was_started_for() {
    std::env::set_var("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(Context::from_env(), Ok(Context::INERT));
    assert!(Baggage::from_env().0.is_empty() && Context::INERT.tracestate().is_empty());
}

#[cfg(feature = "async")]
#[test]
fn futures_and_streams_are_polled_and_nothing_is_recorded() {
    use heirloom_core::future::FutureExt as _;
    let seen = heirloom_disabled::futures::everything();
    assert!(seen.len() == 2 && seen.iter().all(|cx| *cx == Context::INERT), "{seen:?}");
    // An adapter only adds the state that tells whether the future was dropped.
    let bare = std::future::ready(1_u64);
    let spanned = std::future::ready(1_u64).in_span(Context::INERT.span("future"));
    assert!(std::mem::size_of_val(&spanned) <= std::mem::size_of_val(&bare) + 8);
}

#[cfg(feature = "macros")]
#[test]
fn observed_functions_run_and_nothing_is_recorded_or_evaluated() {
    assert_eq!(heirloom_disabled::observed::everything(), (6, vec![Context::INERT; 2]));
}

#[cfg(feature = "pool")]
#[test]
fn every_job_of_every_adapter_runs_and_nothing_is_recorded() {
    let seen = heirloom_disabled::pool::everything();
    assert_eq!(seen.len(), heirloom_disabled::pool::JOBS);
    assert!(seen.iter().all(|cx| *cx == Context::INERT), "{seen:?}");
}

/// What an adapter adds to rayon's own is its arguments: a context and a name.
#[cfg(feature = "pool")]
#[test]
fn what_runs_for_an_item_of_a_stage_is_what_runs_untraced() {
    use heirloom_pool::prelude::*;
    use rayon::prelude::*;
    let items = || (0..100_u32).into_par_iter().traced(Context::INERT);
    let expected: Vec<u32> = (0..100).map(|n| n * n).collect();
    for squares in [
        items().items("item").map(|n| n * n).collect::<Vec<_>>(),
        items().leaves("leaf").map(|n| n * n).collect(),
        items().items("item").enumerate().map(|(_, n)| n * n).collect(),
        items().leaves("leaf").zip(0..100).map(|(n, m)| n * m).collect(),
    ] {
        assert_eq!(squares, expected);
    }
}
