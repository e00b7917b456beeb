//! Programs with a `main` of their own, which start themselves again as workers: the way that applications go.
//!
//! Without an argument this runs all the scenarios, each in a separate process.

use heirloom_core::Context;
use heirloom_ipc::workers::{self, StartError, Worker};
use std::process::Command;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);

static DOUBLE: Worker<u32, u32> = Worker::new("double", |_span, n| 2 * n);
static RECORDS: Worker<(), (bool, bool)> =
    Worker::new("records", |span, ()| (span.is_recording(), heirloom_core::Tracer::global().is_some()));
static NEST: Worker<bool, String> = Worker::new("nest", nest);

fn main() {
    let scenario = std::env::args().nth(1).unwrap_or_default();
    // What a program does before `serve`, it does in its workers too.
    let tracer = (scenario == "serves, traced").then(|| heirloom_core::init("app").expect("a tracer"));
    if scenario.starts_with("serves") {
        workers::serve(&[&DOUBLE, &NEST, &RECORDS]);
    }
    match scenario.as_str() {
        "serves" => it_runs_jobs(),
        "serves, traced" => a_tracer_that_runs_already_records(),
        "serves, nested" => pools_within_workers_only_if_allowed(),
        "forgets" => without_serve_there_is_no_pool(),
        "forgets, and names itself" => no_fork_bomb(),
        _ => run_all(),
    }
    drop(tracer);
}

/// As `cargo test` calls it, with any arguments.
fn run_all() {
    let program = std::env::current_exe().expect("a path");
    for scenario in ["serves", "serves, traced", "serves, nested", "forgets", "forgets, and names itself"] {
        let started = Instant::now();
        let status = Command::new(&program).arg(scenario).status().expect("it runs");
        assert!(status.success(), "{scenario}: {status}");
        println!("test {scenario} ... ok ({:?})", started.elapsed());
    }
}

fn it_runs_jobs() {
    let pool = DOUBLE.pool().workers(2).arg("serves").start().expect("a pool");
    let all: Vec<u32> = pool.map(Context::INERT, 0..1000).map(|reply| reply.expect("a reply")).collect();
    assert!(all.iter().enumerate().all(|(n, reply)| *reply == 2 * n as u32));
    assert!(pool.shutdown(LONG).is_clean());
}

fn a_tracer_that_runs_already_records() {
    let pool = RECORDS.pool().workers(1).arg("serves, traced").start().expect("a pool");
    let reply = heirloom_core::in_root("run", |root| pool.submit(root, ()).expect("taken").wait(LONG));
    assert_eq!(reply.expect("a reply"), (true, true));
    assert!(pool.shutdown(LONG).is_clean());
}

fn nest(_span: &heirloom_core::Span, allowed: bool) -> String {
    let variable = std::env::var("HEIRLOOM_WORKER");
    assert!(variable.is_err(), "the children of a worker are no workers: {variable:?}");
    match DOUBLE.pool().workers(1).arg("serves").nested(allowed).start() {
        Ok(pool) => format!("{:?}", pool.submit(Context::INERT, 4).expect("taken").wait(LONG).ok()),
        Err(StartError::InsideWorker) => "InsideWorker".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn pools_within_workers_only_if_allowed() {
    let pool = NEST.pool().workers(1).arg("serves").start().expect("a pool");
    let ask = |allowed| pool.submit(Context::INERT, allowed).expect("taken").wait(LONG).expect("a reply");
    assert_eq!(ask(false), "InsideWorker");
    assert_eq!(ask(true), "Some(8)");
}

fn without_serve_there_is_no_pool() {
    let error = DOUBLE.pool().start().expect_err("serve was not called");
    assert!(matches!(error, StartError::NotServed), "{error}");
    assert!(error.to_string().contains("workers::serve"), "{error}");
    assert_eq!(format!("{error:?}"), error.to_string(), "a `main` that returns the error says what to do");
}

/// What would start itself without end is refused in the first generation, and the error says what to do.
fn no_fork_bomb() {
    let program = std::env::current_exe().expect("a path");
    let pool = DOUBLE.pool().workers(1).executable(program).arg("forgets, and names itself");
    match pool.start() {
        Err(StartError::InsideWorker) => std::process::exit(3),
        Err(error @ StartError::Exited(_)) => {
            let text = error.to_string();
            assert!(text.contains("workers::serve") && text.contains("exit status: 3"), "{text}");
        }
        other => panic!("{other:?}"),
    }
}
