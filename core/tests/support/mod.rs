//! What several integration tests share: random numbers, exporters that misbehave, child processes, memory in use.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

pub mod exporters;
pub mod process;

use std::time::{Duration, Instant};

/// How long a test waits for something that should take milliseconds.
pub const LONG: Duration = Duration::from_secs(60);

/// Waits until the condition holds, yielding the processor meanwhile.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LONG, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// Waits until the threads that record have stopped: they wait.
pub fn until_all_wait(tracer: &heirloom_core::Tracer) {
    let mut last = (0, Instant::now());
    until("all threads wait", || {
        let begun = tracer.ledger().begun;
        if begun != last.0 {
            last = (begun, Instant::now());
        }
        begun > 0 && last.1.elapsed() > Duration::from_millis(50)
    });
}

/// A number from the environment.
pub fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

/// The memory that this process has in use, in bytes (resident set, `/proc/self/statm`).
pub fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}
