//! The cost of worker processes that record into their parent's collector. Each measurement runs in a fresh process with
//! separate workers.
//!
//! | file | what it measures |
//! |---|---|
//! | `processes/span.rs` | a span in a worker process against the same one in a thread of the parent |
//! | `processes/channel.rs` | a span in shared memory against finished spans that are sent over an `ipc-channel` |
//! | `processes/jobs.rs` | small jobs per second of a pool of four workers |
//! | `processes/flood.rs` | how long a worker's spans take to the parent while another worker floods the collector |

#[path = "processes/channel.rs"]
mod channel;
#[path = "processes/flood.rs"]
mod flood;
#[path = "processes/jobs.rs"]
mod jobs;
#[path = "processes/span.rs"]
mod span;
mod support;

use heirloom::{Guard, Ledger};
use std::process::ExitCode;
use support::bench::{cell, column};
use support::spans::NoOp;
use support::worker::CAN_JOIN;
use support::{Bench, Child, Numbers};

fn main() -> ExitCode {
    heirloom::workers::serve(&[&jobs::ADD]);
    let children: Vec<Child> = [span::CHILDREN, channel::CHILDREN, jobs::CHILDREN, flood::CHILDREN].concat();
    support::run("processes", &children, processes)
}

fn processes(bench: &mut Bench) -> Result<(), String> {
    if !CAN_JOIN {
        bench.say("On this system a worker process can't record into its parent's collector: nothing is measured.");
        return Ok(());
    }
    span::measure(bench)?;
    channel::measure(bench)?;
    jobs::measure(bench)?;
    flood::measure(bench)
}

/// The tracer of a parent.
fn start() -> Result<Guard, String> {
    heirloom::builder("processes").exporter(NoOp).init().map_err(|error| error.to_string())
}

/// A row of a table: a name, and the named numbers of its runs, or a dash for a number that no run has.
fn row(name: &str, runs: &[Numbers], columns: &[(&str, usize)]) -> Vec<String> {
    let has = |name: &str| runs.iter().any(|run| run.contains_key(name));
    let text = |name: &str, digits| if has(name) { cell(&column(runs, name), digits) } else { "-".to_owned() };
    let cells = columns.iter().map(|(name, digits)| text(name, *digits));
    std::iter::once(name.to_owned()).chain(cells).collect()
}

/// The number of made spans that are missing from the ledger, plus one if it doesn't balance.
fn unaccounted(ledger: &Ledger, made: u64) -> f64 {
    let unnamed = made.abs_diff(ledger.exported() + ledger.dropped());
    (unnamed + u64::from(!ledger.is_balanced())) as f64
}
