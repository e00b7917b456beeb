//! Shared by the tests.

#![allow(dead_code)] // each test file uses a part of it

pub(crate) mod openai;

use heirloom_bridge::HeirloomLayer;
use heirloom_core::testing::{self, Testing};
use std::future::Future;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Runs a test with a separate tracer and a subscriber with our layer, filtered to these targets.
pub(crate) fn run(which: Targets, test: impl FnOnce(&Testing)) {
    testing::run(|t| {
        let subscriber = tracing_subscriber::registry().with(HeirloomLayer::new().with_filter(which));
        tracing::subscriber::with_default(subscriber, || test(t));
        t.assert_complete();
    });
}

/// Runs a future to its end on this thread, so that the test's subscriber sees all of it.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}
