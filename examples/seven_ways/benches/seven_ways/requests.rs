//! Requests of 1 ms, traced and untraced in turns, while the backend takes 2 s to answer each export.

use crate::support::bench::{cell, column};
use crate::support::work::{steps_that_take, work};
use crate::support::{Bench, Goal, Numbers};
use heirloom::langfuse::Config;
use heirloom::llm::{Observation, Usage};
use heirloom_receiver::{Fault, Receiver, PUBLIC_KEY, SECRET_KEY};
use std::hint::black_box;
use std::time::{Duration, Instant};

pub(crate) const CHILD: &str = "requests";

/// How long one request computes, in nanoseconds, where nothing else runs. The amount is fixed: CPU time that an exporter's thread
/// takes makes the request longer.
const REQUEST_NS: f64 = 1e6;
/// How long the backend takes to answer.
const BACKEND: Duration = Duration::from_secs(2);

fn untraced(steps: u32) {
    black_box(work(black_box(1), steps));
}

fn traced(steps: u32) {
    heirloom::in_root("request", |request| {
        request.trace_update().user("u-7");
        request.in_span("look up", |_| ());
        let answer = request.generation("answer").model("m-small").input(&["What is 6 x 7?"]).start();
        untraced(steps);
        answer.output("42").usage(Usage::new(12, 2));
    });
}

fn p999(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[(times.len() - 1) * 999 / 1000]
}

fn micros(once: fn(u32), steps: u32) -> f64 {
    let begin = Instant::now();
    once(steps);
    begin.elapsed().as_nanos() as f64 / 1e3
}

/// In a separate process: `arguments[0]` requests of each kind in turns.
pub(crate) fn child(arguments: &[u64]) -> Result<Numbers, String> {
    let requests = *arguments.first().ok_or("how many requests?")?;
    let receiver = Receiver::start();
    receiver.fail_always(Fault::Sleep(BACKEND));
    let config = Config::new(PUBLIC_KEY, SECRET_KEY).base_url(receiver.url());
    let builder = config.tracer_builder("requests").map_err(|error| error.to_string())?;
    let guard = builder.init().map_err(|error| error.to_string())?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let steps = steps_that_take(REQUEST_NS);
    for _ in 0..requests {
        without.push(micros(untraced, steps));
        with.push(micros(traced, steps));
    }
    receiver.heal();
    let report = guard.finish();
    let ledger = report.ledger();
    let numbers = [p999(without), p999(with), ledger.begun as f64, ledger.exported() as f64];
    Ok(["untraced", "traced", "begun", "exported"].map(str::to_owned).into_iter().zip(numbers).collect())
}

pub(crate) fn measure(bench: &mut Bench) -> Result<(), String> {
    let (rounds, requests) = bench.pick((5, 5_000), (1, 20));
    let mut all: Vec<Numbers> = Vec::new();
    for _ in 0..rounds {
        all.push(bench.child(CHILD, &[requests])?);
    }
    let of = |name: &str| column(&all, name);
    let (untraced, traced, begun, exported) = (of("untraced"), of("traced"), of("begun"), of("exported"));
    bench.say(&format!(
        "Requests that compute as much as takes 1 ms where nothing else runs, {requests} untraced and {requests} traced in turns, while the backend takes 2 s to \
         answer: the 99.9th percentile in us, median [min-max] of {rounds} processes. A request has 3 spans."
    ));
    bench.table(
        &["requests", "p99.9, us"],
        &[vec!["untraced".to_owned(), cell(&untraced, 1)], vec!["traced".to_owned(), cell(&traced, 1)]],
    );
    bench.keep("requests, untraced, p99.9", "us", &untraced);
    bench.keep("requests, traced, p99.9", "us", &traced);
    let ratio = crate::support::bench::ratios(&traced, &untraced);
    bench.goal("p99.9 of traced requests, times untraced", Goal::AtMost(1.05), "", ratio);
    bench.goal(
        "spans exported of those begun",
        Goal::AtLeast(1.0),
        "",
        crate::support::bench::ratios(&exported, &begun),
    );
    Ok(())
}
