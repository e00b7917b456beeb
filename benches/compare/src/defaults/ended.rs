//! The memory that stays after many threads have recorded and ended, as those of a pool for blocking calls.

use super::{numbers, Numbers};
use crate::peers::heirloom::init;
use crate::plan::Scenario;
use crate::usage::rss_bytes;
use crate::workload::{Samples, CHILD, KEYS, PARENT};
use heirloom_core::Context;
use std::sync::Barrier;
use std::time::Duration;

/// How long after the last thread's end the memory is read.
const WAIT: Duration = Duration::from_secs(1);

/// Measures in this process. All threads live at the same time.
pub fn measure(scenario: &Scenario) -> Result<Numbers, String> {
    let (guard, _) = init(scenario)?;
    let threads = scenario.threads;
    let root = heirloom_core::root(PARENT);
    let cx = root.context();
    let before = rss()?;
    let together = Barrier::new(threads);
    let record = || {
        children(cx, scenario);
        together.wait();
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(record)).collect();
        threads.into_iter().try_for_each(|thread| thread.join())
    })
    .map_err(|_| "a recording thread panicked".to_owned())?;
    drop(root);
    std::thread::sleep(WAIT);
    let more = rss()?.saturating_sub(before);
    let report = guard.finish();
    let ledger = report.ledger();
    let created = threads as u64 * scenario.spans_per_thread + 1;
    Ok(numbers([
        ("memory_mb", more as f64 / 1e6),
        ("lost_percent", 100.0 * ledger.dropped() as f64 / created as f64),
        ("unnamed", created.abs_diff(ledger.exported() + ledger.dropped()) as f64),
    ]))
}

fn children(parent: Context, scenario: &Scenario) {
    let samples = Samples::new();
    for id in 0..scenario.spans_per_thread {
        let span = parent.span(CHILD);
        if scenario.attributes {
            let sample = samples.of(id);
            span.set(KEYS[0], sample.count).set(KEYS[1], sample.ratio).set(KEYS[2], sample.file);
        }
    }
}

fn rss() -> Result<u64, String> {
    rss_bytes().ok_or_else(|| "the system doesn't report the resident memory".to_owned())
}
