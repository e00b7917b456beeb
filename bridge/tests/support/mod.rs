//! Shared by the tests.

#![allow(dead_code)] // each test file uses a part of it

use heirloom_bridge::HeirloomLayer;
use heirloom_core::testing::{self, Testing};
use tracing_subscriber::prelude::*;

/// Runs a test with a separate tracer and a subscriber with our layer, on this thread.
pub(crate) fn run(test: impl FnOnce(&Testing)) {
    run_with(|layer| layer, test);
}

/// As [`run`], with other settings of the layer.
pub(crate) fn run_with(configure: impl FnOnce(HeirloomLayer) -> HeirloomLayer, test: impl FnOnce(&Testing)) {
    testing::run(|t| {
        let subscriber = tracing_subscriber::registry().with(configure(HeirloomLayer::new()));
        tracing::subscriber::with_default(subscriber, || test(t));
        t.assert_complete();
    });
}
