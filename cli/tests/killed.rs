//! `heirloom report` of a run in which a worker process was killed.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom::workers::{serve, Worker};
use heirloom::Span;
use heirloom_harness::{again, case, output_of, succeeded};
use std::path::Path;
use std::time::Duration;
use support::succeeds;

/// Its worker is killed after so long.
const DEADLINE_MS: u64 = 600;

static SPIN: Worker<(), ()> = Worker::new("spin", spin);

/// A job that never ends.
fn spin(span: &Span, (): ()) {
    span.in_span("inside", |_| loop {
        std::hint::spin_loop();
    });
}

/// What the worker process runs. As a test it returns at once.
#[test]
fn heirloom_worker() {
    serve(&[&SPIN]);
}

#[test]
fn a_worker_that_is_killed_was_busy_until_its_death() {
    if case().is_some() {
        let guard = heirloom::init("shop").unwrap();
        let orders = heirloom::root("orders");
        let _order = orders.span("order");
        let pool = SPIN.pool().workers(1).test_entry("heirloom_worker").start().unwrap();
        let job = pool.job(&orders, ()).deadline(Duration::from_millis(DEADLINE_MS)).submit().unwrap();
        job.wait(Duration::from_secs(60)).unwrap_err();
        // The worker that takes its place has nothing to do.
        pool.shutdown(Duration::from_secs(60));
        let ledger = guard.finish().ledger().clone();
        assert_eq!((ledger.aborted, ledger.incomplete), (2, 2));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.otlp");
    let mut program = again("a_worker_that_is_killed_was_busy_until_its_death", "records");
    succeeded(&output_of(program.env("HEIRLOOM_TRACE_FILE", &path)));
    succeeds([Path::new("check"), Path::new("--allow=aborted"), Path::new("--allow=open"), &path]);
    let json = succeeds([Path::new("report"), Path::new("--json"), &path]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let lanes = json["lanes"].as_array().unwrap();
    let busy = lanes.iter().map(|lane| lane["working_ns"].as_u64().unwrap()).max().unwrap();
    assert!(busy > DEADLINE_MS * 900_000, "{busy}: {json:#}");
    let all = || json["lost"].as_array().unwrap().iter();
    let unexplained = all().filter(|lost| lost["cause"] == "unexplained").map(|lost| lost["ns"].as_u64().unwrap());
    let part = unexplained.sum::<u64>() as f64 / json["totals"]["capacity_ns"].as_f64().unwrap();
    assert!(part < 0.3, "{part}: {json:#}");
    let spin = json["names"].as_array().unwrap().iter().find(|name| name["name"] == "inside").unwrap();
    assert!(spin["own_ns"].as_u64().unwrap() > DEADLINE_MS * 900_000, "{spin:#}");
}
