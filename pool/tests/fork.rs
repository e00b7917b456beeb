//! A `fork` while background jobs run: the child has none of them, and waits for its own.
#![cfg(all(feature = "record", target_os = "linux"))]
#![allow(missing_docs, clippy::unwrap_used, unsafe_code)]

use heirloom_core::export::Memory;
use heirloom_core::{builder, in_root, Settings};
use heirloom_pool::{background, prelude::*};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What the child of a fork does. Zero if its own job, and nothing else, was waited for and exported.
fn child() -> i32 {
    let memory = Memory::new();
    let guard = builder("child").settings(Settings::default()).exporter(memory.clone()).init().unwrap();
    in_root("request", |root| root.background("reindex").on_thread(|_| ()));
    assert_eq!(background::wait_all(Duration::from_secs(10)), 0, "the parent's jobs are not waited for");
    let report = guard.finish();
    i32::from(!report.is_complete() || memory.spans().len() != 2)
}

/// Starts and ends jobs, so that forks meet their lock in every state.
fn churn(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let job = in_root("parent", |root| root.background("short").on_thread(|_| ()));
        drop(job.wait(Duration::from_secs(10)));
    }
}

#[test]
fn a_forked_child_waits_for_its_own_background_jobs_only() {
    let guard = builder("parent").settings(Settings::default()).exporter(Memory::new()).init().unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| churn(&stop));
        s.spawn(|| churn(&stop));
        for round in 0..40 {
            // SAFETY: the child only uses what works after a fork, and ends without the handlers of the test's process.
            let pid = unsafe { libc::fork() };
            assert!(pid >= 0, "fork failed");
            if pid == 0 {
                // SAFETY: no preconditions; the default action of the signal ends a child that hangs.
                unsafe { libc::alarm(20) };
                let code = std::panic::catch_unwind(child).unwrap_or(99);
                // SAFETY: no preconditions.
                unsafe { libc::_exit(code) };
            }
            let mut status = 0;
            // SAFETY: the pointer is to a live integer.
            assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
            assert_eq!(status, 0, "round {round}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(guard.finish().is_complete());
}
