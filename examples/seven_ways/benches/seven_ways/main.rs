//! The cost of each of the seven ways on the recording thread, the cost of capture, and the effect of a slow backend.
//!
//! Figures of `ways.rs` don't compare with those of `benches/record.rs`: the loops differ (see `ways.rs`).
//!
//! | file | what it measures |
//! |---|---|
//! | `ways.rs` | each way beside a plain child span |
//! | `capture.rs` | captured values beside `serde_json` into a buffer and a copy |
//! | `requests.rs` | requests of 1 ms while the backend takes 2 s to answer each export |

#[path = "../../../../benches/support/mod.rs"]
mod support;

mod capture;
mod requests;
mod ways;

use std::process::ExitCode;
use support::{Bench, Child};

/// Requests are measured in separate processes: a tracer and its exporter belong to a process.
const CHILDREN: &[Child] = &[(requests::CHILD, requests::child)];

fn main() -> ExitCode {
    support::run("seven_ways", CHILDREN, |bench: &mut Bench| {
        ways::measure(bench)?;
        capture::measure(bench)?;
        requests::measure(bench)
    })
}
