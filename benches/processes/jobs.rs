//! Small jobs per second of a pool of four worker processes: each job with a span that its worker records, and each job in a
//! trace that is not sampled.

use crate::support::bench::column;
use crate::support::child::numbers;
use crate::support::{Bench, Child, Goal, Numbers, Summary};
use crate::{row, start, unaccounted};
use heirloom::workers::Worker;
use heirloom::{Context, Sampler, Span};
use std::time::{Duration, Instant};

pub(crate) const CHILDREN: &[Child] = &[("jobs", jobs_child)];

/// The smallest possible job. The bench's `main` serves it.
pub(crate) static ADD: Worker<u64, u64> = Worker::new("add", add);

const WORKERS: usize = 4;

fn add(_span: &Span, n: u64) -> u64 {
    n + 1
}

pub(crate) fn measure(bench: &mut Bench) -> Result<(), String> {
    let (rounds, jobs) = bench.pick((9, 200_000), (1, 2_000));
    let kinds = [("with a span each", 1), ("in a trace that is not sampled", 0)];
    let runs = bench.in_turns(rounds, kinds.len(), |kind| bench.child("jobs", &[jobs, kinds[kind].1]))?;
    bench.say(&format!(
        "Small jobs a second that {WORKERS} worker processes pass, {jobs} in one `map`; median [min-max] of {rounds} runs in turns."
    ));
    let columns = [("rate", 0), ("refused", 0), ("unaccounted", 0)];
    let header = ["jobs", "a second", "spans refused", "not in the ledger"];
    let rows: Vec<_> = kinds.iter().zip(&runs).map(|((name, _), runs)| row(name, runs, &columns)).collect();
    bench.table(&header, &rows);
    for ((name, _), runs) in kinds.iter().zip(&runs) {
        bench.keep(&format!("jobs, {name}"), "per second", &column(runs, "rate"));
        let all = column(runs, "unaccounted").iter().all(|spans| *spans == 0.0);
        bench.promise(all, || format!("jobs {name}: spans that the ledger doesn't name"));
    }
    let rates = column(&runs[0], "rate");
    bench.goal("small jobs a second, with a span each", Goal::AtLeast(20_000.0), "", Summary::of(rates));
    Ok(())
}

fn jobs_child(arguments: &[u64]) -> Result<Numbers, String> {
    let [jobs, traced] = *arguments else { return Err("expected two numbers".to_owned()) };
    let guard = match traced {
        0 => heirloom::builder("processes").sampler(Sampler::AlwaysOff).init().map_err(|error| error.to_string())?,
        _ => start()?,
    };
    let root = heirloom::root("root");
    let pool = ADD.pool().workers(WORKERS).start().map_err(|error| error.to_string())?;
    let pass = |cx: Context, jobs: u64| pool.map(cx, 0..jobs).filter(Result::is_ok).count() as u64;
    let warm = pass(root.context(), 1_000);
    let begin = Instant::now();
    let done = pass(root.context(), jobs);
    let rate = done as f64 / begin.elapsed().as_secs_f64();
    pool.shutdown(Duration::from_secs(10));
    drop(root);
    let report = guard.finish();
    if done != jobs || warm != 1_000 {
        return Err(format!("{} jobs of {} were done", warm + done, jobs + 1_000));
    }
    let made = if traced == 0 { 0 } else { 1 + warm + done };
    Ok(numbers([
        ("rate", rate),
        ("refused", report.ledger().transparent.total() as f64),
        ("unaccounted", unaccounted(report.ledger(), made)),
    ]))
}
