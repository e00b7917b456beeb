//! What the command makes of a run in which a process was killed: a worker, or the program itself.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use base64::Engine;
use heirloom::workers::{serve, Worker};
use heirloom::Span;
use heirloom_harness::{again, case, output_of, succeeded};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
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

/// How many spans the program has ended before it is killed.
const ORDERS: usize = 100;

/// Killed when the test ends, however it ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Ends some spans, leaves one open, writes this file when all of that is flushed, and waits to be killed.
fn records_until_it_is_killed(flushed: &str) {
    let guard = heirloom::init("shop").unwrap();
    let shop = heirloom::root("shop");
    (0..ORDERS).for_each(|_| shop.span("order").end());
    guard.tracer().flush(Duration::from_secs(60)).unwrap();
    std::fs::write(flushed, []).unwrap();
    loop {
        std::thread::park();
    }
}

/// What the page's element with this id has.
fn data(page: &str, id: &str) -> Vec<u8> {
    let (_, from) = page.split_once(&format!("<script id=\"{id}\" type=\"application/octet-stream\">")).unwrap();
    let packed = base64::engine::general_purpose::STANDARD.decode(from.split_once('<').unwrap().0).unwrap();
    let mut data = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut data).unwrap();
    data
}

#[test]
fn what_a_killed_program_left_of_its_report_becomes_a_page_with_its_spans() {
    if let Some(flushed) = case() {
        return records_until_it_is_killed(&flushed);
    }
    let folder = tempfile::tempdir().unwrap();
    let [page, part, flushed] = ["run.html", "run.html.part", "flushed"].map(|name| folder.path().join(name));
    let mut program =
        again("what_a_killed_program_left_of_its_report_becomes_a_page_with_its_spans", flushed.to_str().unwrap());
    program.env("HEIRLOOM_TRACE_FILE", &page).stdout(Stdio::null()).stderr(Stdio::null());
    let mut program = Killed(program.spawn().unwrap());
    let start = Instant::now();
    while !flushed.exists() {
        assert!(program.0.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    program.0.kill().unwrap();
    let status = program.0.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    assert!(part.is_file() && !page.exists(), "it had no time to write its report");

    assert_eq!(succeeds([Path::new("html"), &part]), format!("{}\n", page.display()));
    let text = std::fs::read_to_string(&page).unwrap();
    let analysis: serde_json::Value = serde_json::from_slice(&data(&text, "analysis")).unwrap();
    assert_eq!(analysis["program"], "shop");
    let orders = analysis["names"].as_array().unwrap().iter().find(|name| name["name"] == "order").unwrap();
    assert_eq!(orders["count"], ORDERS);
    assert!(data(&text, "spans").windows(5).any(|bytes| bytes == b"order"));
}
