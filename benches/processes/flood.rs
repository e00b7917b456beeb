//! How long a worker's spans take to the parent, alone and while another worker records as fast as it can: the time
//! from a span's end until the worker's `flush` returns. Afterwards the ledger must account for every span of both.

use crate::support::bench::{column, ratios};
use crate::support::child::numbers;
use crate::support::spans::FLUSH_TIMEOUT;
use crate::support::worker::{answer_all, join, Asked, Worker};
use crate::support::{Bench, Child, Goal, Numbers};
use crate::{row, start, unaccounted};
use heirloom::{Context, Guard};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub(crate) const CHILDREN: &[Child] =
    &[("flood", flood_child), ("slow worker", slow_worker), ("flooding worker", flooding_worker)];

/// The slow worker's pause between two spans.
const REST: Duration = Duration::from_millis(3);

pub(crate) fn measure(bench: &mut Bench) -> Result<(), String> {
    let (rounds, spans, samples) = bench.pick((9, 50_000_000, 300), (1, 1_000_000, 10));
    let kinds = [("alone", [samples, 0]), ("beside a flood", [0, spans])];
    let runs = bench.in_turns(rounds, kinds.len(), |kind| bench.child("flood", &kinds[kind].1))?;
    bench.say(&format!(
        "us from the end of a worker's span until its flush returns, a span each {} ms, alone and while another worker \
         records {spans} spans flat out; median [min-max] of {rounds} runs in turns.",
        REST.as_millis()
    ));
    let columns =
        [("p50", 0), ("p99", 0), ("samples", 0), ("rate", 2), ("refused", 0), ("queue_full", 0), ("unaccounted", 0)];
    let header =
        ["", "p50", "p99", "spans timed", "flood, M spans/s", "refused", "dropped by the queue", "not in the ledger"];
    let rows: Vec<_> = kinds.iter().zip(&runs).map(|((name, _), runs)| row(name, runs, &columns)).collect();
    bench.table(&header, &rows);
    for ((name, _), runs) in kinds.iter().zip(&runs) {
        for quantile in ["p50", "p99"] {
            bench.keep(&format!("{quantile}, {name}"), "us", &column(runs, quantile));
        }
        let all = column(runs, "unaccounted").iter().all(|spans| *spans == 0.0);
        bench.promise(all, || format!("{name}: spans that the ledger doesn't name"));
    }
    let ratio = ratios(&column(&runs[1], "p50"), &column(&runs[0], "p50"));
    bench.goal("a span's way to the parent, beside a flood over alone", Goal::AtMost(2.0), "", ratio);
    Ok(())
}

/// In a separate process: a parent with a slow worker. It times `samples` spans of the slow worker, or those that the slow
/// worker makes while another worker records `spans` spans.
fn flood_child(arguments: &[u64]) -> Result<Numbers, String> {
    let [samples, spans] = *arguments else { return Err("expected two numbers".to_owned()) };
    let guard = start()?;
    let root = heirloom::root("root");
    let mut slow = Worker::start(&root, "slow worker", &[])?;
    let mut flooding = Worker::start(&root, "flooding worker", &[spans])?;
    slow.asked().ask("warm up")?;
    flooding.asked().ask("warm up")?;
    let (times, rate) = match spans {
        0 => (times(slow.asked(), |sampled| sampled < samples)?, f64::NAN),
        _ => times_beside(slow.asked(), flooding.asked())?,
    };
    let begun = flooding.finish()?.get("begun").copied().unwrap_or(f64::NAN) as u64;
    slow.finish()?;
    drop(root);
    // The root, two spans for each worker, the flood, and the slow worker's spans, one of them to warm up.
    let made = 5 + begun + times.len() as u64 + 1;
    Ok(account(guard, times, rate, made))
}

fn account(guard: Guard, mut times: Vec<f64>, rate: f64, made: u64) -> Numbers {
    times.sort_by(f64::total_cmp);
    let quantile = |q: f64| times.get((q * times.len() as f64) as usize).copied().unwrap_or(f64::NAN);
    let report = guard.finish();
    let ledger = report.ledger();
    let queue_full = ledger.exporters.iter().map(|exporter| exporter.dropped.total()).sum::<u64>();
    let mut all = numbers([
        ("p50", quantile(0.5)),
        ("p99", quantile(0.99)),
        ("samples", times.len() as f64),
        ("rate", rate),
        ("refused", ledger.transparent.total() as f64),
        ("queue_full", queue_full as f64),
        ("unaccounted", unaccounted(ledger, made)),
    ]);
    all.retain(|_, number| number.is_finite());
    all
}

/// Times the slow worker's spans while `go_on` returns true for their number.
fn times(slow: &mut Asked, mut go_on: impl FnMut(u64) -> bool) -> Result<Vec<f64>, String> {
    let mut times = Vec::new();
    while go_on(times.len() as u64) {
        times.extend(slow.ask("span")?.get("us"));
    }
    Ok(times)
}

/// Times the slow worker's spans while the other worker floods, and returns the rate of the flood.
fn times_beside(slow: &mut Asked, flooding: &mut Asked) -> Result<(Vec<f64>, f64), String> {
    let done = AtomicBool::new(false);
    flooding.tell("flood")?;
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let numbers = flooding.answer();
            done.store(true, Ordering::Relaxed);
            numbers
        });
        let times = times(slow, |_| !done.load(Ordering::Relaxed));
        let numbers = flood.join().map_err(|_| "a thread panicked".to_owned())??;
        Ok((times?, numbers.get("rate").copied().unwrap_or(f64::NAN)))
    })
}

fn slow_worker(_: &[u64]) -> Result<Numbers, String> {
    let (guard, work) = join()?;
    let cx = work.context();
    answer_all(std::io::stdin(), std::io::stdout(), |_| {
        std::thread::sleep(REST);
        drop(cx.span("slow"));
        let end = Instant::now();
        guard.tracer().flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())?;
        Ok(numbers([("us", end.elapsed().as_nanos() as f64 / 1e3)]))
    })?;
    drop(work);
    guard.finish();
    Ok(Numbers::new())
}

/// Returns at the end the number of spans that it started.
fn flooding_worker(arguments: &[u64]) -> Result<Numbers, String> {
    let [spans] = *arguments else { return Err("expected one number".to_owned()) };
    let (guard, work) = join()?;
    let cx = work.context();
    let mut begun = 0;
    answer_all(std::io::stdin(), std::io::stdout(), |line| {
        let many = if line == "flood" { spans } else { 1 };
        begun += many;
        let begin = Instant::now();
        record(cx, many);
        Ok(numbers([("rate", 1e3 * many as f64 / begin.elapsed().as_nanos() as f64)]))
    })?;
    drop(work);
    guard.finish();
    Ok(numbers([("begun", begun as f64)]))
}

fn record(cx: Context, spans: u64) {
    for _ in 0..spans {
        drop(cx.span("flood"));
    }
}
