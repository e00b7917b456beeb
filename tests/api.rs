//! The recording API of the package in `tests/disabled`, compiled in: the same file, every name is on both sides.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "record")]

#[path = "disabled/src/api.rs"]
#[allow(unreachable_pub)]
mod api;

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
