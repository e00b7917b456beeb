//! What the tests of `#[observe]` share.
#![allow(dead_code, reason = "each file uses a part of it")]

use heirloom_core::testing::Testing;
use heirloom_core::Status;
use std::future::Future;

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(future)
}

/// Waits, so that the caller is polled again.
pub(crate) async fn again() {
    tokio::task::yield_now().await;
}

/// An attribute of the one span with this name, as text.
pub(crate) fn attribute(t: &Testing, span: &str, key: &str) -> Option<String> {
    t.span(span).attribute(key).map(ToString::to_string)
}

#[track_caller]
pub(crate) fn assert_failed(t: &Testing, name: &str, error_type: &str, description: &str) {
    assert_eq!(t.span(name).status, Status::Error(description.to_owned()));
    assert_eq!(attribute(t, name, "error.type").as_deref(), Some(error_type));
}
