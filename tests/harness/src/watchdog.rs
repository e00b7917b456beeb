//! A limit on the time that a test waits.

use std::io::Write;
use std::panic::Location;
use std::sync::mpsc::{channel, RecvTimeoutError, Sender};
use std::time::Duration;

/// Limits the time of the rest of a test, until it is dropped.
#[derive(Debug)]
#[must_use = "it watches until it is dropped"]
pub struct Watch {
    _until_dropped: Sender<()>,
}

/// Watches a test that waits: unless the result is dropped within `limit`, this writes the test's name and place to
/// standard error and aborts the process.
///
/// A wait without its deadline would otherwise hang the test and all of the run; a test can't stop a thread that waits.
/// The limit is an upper bound for a busy machine, far above what the test checks.
///
/// ```
/// let _watch = heirloom_harness::watch(std::time::Duration::from_secs(60));
/// ```
#[track_caller]
pub fn watch(limit: Duration) -> Watch {
    let place = Location::caller();
    let test = std::thread::current().name().unwrap_or("a thread without a name").to_owned();
    let (until_dropped, ended) = channel::<()>();
    std::thread::spawn(move || {
        if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            // Not by a macro: the harness would keep its text until the test has ended.
            let said = format!("{test} at {place} has not ended after {limit:?}: the process is aborted\n");
            drop(std::io::stderr().write_all(said.as_bytes()));
            std::process::abort();
        }
    });
    Watch { _until_dropped: until_dropped }
}

/// Runs `body` under a [`watch`].
#[track_caller]
pub fn within<T>(limit: Duration, body: impl FnOnce() -> T) -> T {
    let _watch = watch(limit);
    body()
}
