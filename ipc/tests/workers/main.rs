//! Pools of real worker processes: what they promise, one test for each promise.
//!
//! The workers are this program again, which runs the test `heirloom_worker` alone.

#![allow(clippy::unwrap_used)]

mod contexts;
mod deadlines;
mod deaths;
mod ends;
mod futures;
mod hostile;
mod jobs;
mod marks;
mod resources;
mod starts;
mod support;
mod traced;

use support::{REFUSES, TASK, WORDS};

/// What worker processes run. As a test it returns at once.
#[test]
fn heirloom_worker() {
    heirloom_ipc::workers::serve(&[&TASK, &WORDS, &REFUSES]);
}
