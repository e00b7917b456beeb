//! What each of the seven ways costs the thread that traces, what capture costs, and whether a slow backend is felt.
//!
//! | file | what it measures |
//! |---|---|
//! | `ways.rs` | each way beside a plain child span |
//! | `capture.rs` | captured values beside `serde_json` into a buffer and a copy |
//! | `requests.rs` | requests of 1 ms while the backend takes 2 s for each of its own |

#[path = "../../../../benches/support/mod.rs"]
mod support;

mod capture;
mod requests;
mod ways;

use std::process::ExitCode;
use support::{Bench, Child};

/// Requests are measured in processes of their own: a tracer and its exporter belong to a process.
const CHILDREN: &[Child] = &[(requests::CHILD, requests::child)];

fn main() -> ExitCode {
    support::run("seven_ways", CHILDREN, |bench: &mut Bench| {
        ways::measure(bench)?;
        capture::measure(bench)?;
        requests::measure(bench)
    })
}
