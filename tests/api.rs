//! The recording API with recording compiled in. `tests/disabled` compiles the same file without recording, so every name
//! exists on both sides.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "record")]

#[path = "disabled/src/api.rs"]
#[allow(unreachable_pub)]
mod api;

#[cfg(feature = "async")]
#[path = "disabled/src/futures.rs"]
#[allow(unreachable_pub)]
mod futures;

#[cfg(all(feature = "rayon", feature = "crossbeam", feature = "tokio"))]
#[path = "disabled/src/pool.rs"]
#[allow(unreachable_pub)]
mod pool;

use heirloom::{testing, Context};

#[test]
fn what_is_inert_without_recording_is_recorded_with_it() {
    testing::run(|t| {
        let seen = api::everything();
        assert_eq!(seen.ran, api::CLOSURES);
        assert!(seen.recording);
        assert!(seen.contexts.iter().chain(&seen.current).all(|cx| *cx != Context::INERT && cx.is_sampled()));
        assert_eq!(seen.set, Some(Ok(())));
        assert!(t.spans().iter().any(|span| span.name == "renamed" && span.attributes.len() >= 12));
        t.assert_balanced();
    });
}

#[cfg(feature = "async")]
#[test]
fn futures_and_streams_that_are_inert_without_recording_are_recorded_with_it() {
    testing::run(|t| {
        let seen = futures::everything();
        assert!(seen.len() == 2 && seen.iter().all(|cx| cx.is_sampled()), "{seen:?}");
        t.assert_tree_sorted("cancelled\ncarried\nfuture\nfuture\nstream");
        t.assert_complete();
    });
}

#[cfg(all(feature = "rayon", feature = "crossbeam", feature = "tokio"))]
#[test]
fn every_job_of_every_adapter_has_a_span_with_recording() {
    testing::run(|t| {
        let seen = pool::everything();
        assert_eq!(seen.len(), pool::JOBS);
        assert!(seen.iter().all(|cx| cx.is_sampled()), "{seen:?}");
        t.assert_balanced();
    });
}
