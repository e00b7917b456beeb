//! Records a million spans on one thread, for `ci/strace.sh`: which system calls does the recording thread make?
//!
//! Prints the thread's id first, then the ledger. Keeps a pace of one span a microsecond, by spinning and not by a system
//! call, so that the collector can follow.

use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::{builder, root};
use std::time::{Duration, Instant};

const SPANS: u64 = 1_000_000;
/// How long one span and the wait after it take.
const PACE: Duration = Duration::from_micros(1);

/// Takes everything and does nothing with it.
struct Nowhere;

impl Exporter for Nowhere {
    fn export(&mut self, _: &Delivery) -> Result<(), ExportError> {
        Ok(())
    }
}

fn main() -> Result<(), heirloom_core::InitError> {
    let guard = builder("steady").shard_bytes(1 << 22).exporter(Nowhere).init()?;
    let thread = std::fs::read_link("/proc/thread-self").unwrap_or_default();
    println!("recording thread: {}", thread.file_name().unwrap_or_default().to_string_lossy());
    let parent = root("steady");
    let start = Instant::now();
    for n in 0..SPANS {
        let span = parent.span("work");
        span.set("n", n).set("ratio", 0.5).set("format", "a text of 20 bytes..");
        drop(span);
        while n % 64 == 0 && start.elapsed() < PACE * n as u32 {
            std::hint::spin_loop();
        }
    }
    drop(parent);
    println!("{}", guard.finish());
    Ok(())
}
