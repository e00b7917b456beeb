//! Threads that record as fast as they can.

use super::{fate, numbers, Numbers};
use crate::account::Tally;
use crate::plan::Scenario;

/// Measures in this process.
pub fn measure(scenario: &Scenario) -> Result<Numbers, String> {
    let row = crate::measure::measure(scenario)?;
    let tally = Tally { received: row.received, orphans: row.orphans, roots: row.roots, named_lost: row.named_lost };
    let mut all = fate(row.created, &tally);
    all.append(&mut numbers([
        ("ns", row.ns_per_span()),
        ("thread_cpu_ns", row.thread_cpu_ns_per_span()),
        ("recorded_m", row.recorded_per_second() / 1e6),
        ("cpu_ns", row.cpu_ns_per_span()),
        ("peak_mb", row.peak_rss_bytes as f64 / 1e6),
    ]));
    Ok(all)
}
