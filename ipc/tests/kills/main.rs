//! Kills: processes that record are killed at random instants, and nothing that they had finished may be missing.
//!
//! ```text
//! cargo test -p heirloom-ipc --test kills                  2,000 kills, a tenth of them of real workers
//! HEIRLOOM_KILLS=100000 ci/kills.sh                        the campaign
//! ```
//!
//! | file | whom it kills |
//! |---|---|
//! | `forked.rs` | forked processes that write the real ring by hand: many, and at any instruction |
//! | `attached.rs` | programs that record through the public API, started with `Attaching` |
//! | `seen.rs` | what was exported, by process |
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod attached;
mod forked;
mod seen;

use std::time::Duration;

/// How many processes are killed in all.
fn kills() -> usize {
    std::env::var("HEIRLOOM_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
}

/// A tenth of them are real workers.
fn real_kills() -> usize {
    kills().div_ceil(10)
}

/// How long after a death everything must be closed at the latest. On a quiet machine it takes some 20 ms: the printed line has the
/// figure. The bound is for machines that do other work.
const CLOSED_WITHIN: Duration = Duration::from_secs(20);

/// What happened to the processes.
#[derive(Debug, Default)]
struct Outcome {
    kills: usize,
    /// Spans whose end had returned, as the oracle says.
    ended: u64,
    /// Of these, those that are missing, or were exported as something else than ended.
    lost: u64,
    /// Spans that were exported with data that no thread wrote, or quarantined shards.
    torn: u64,
    /// Spans that were exported twice.
    twice: u64,
    /// Spans that were open.
    aborted: u64,
    /// Begins that were counted and not published.
    unpublished: u64,
    slowest: Duration,
}

impl Outcome {
    fn print(&self, what: &str) {
        println!(
            "{what}: kills={} ended={} lost={} torn={} twice={} aborted={} unpublished={} slowest_close={:?}",
            self.kills, self.ended, self.lost, self.torn, self.twice, self.aborted, self.unpublished, self.slowest
        );
    }

    fn is_clean(&self) -> bool {
        self.lost + self.torn + self.twice == 0
    }
}
