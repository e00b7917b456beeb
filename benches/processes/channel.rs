//! A span in shared memory against finished spans that are sent over an `ipc-channel`, in batches of 512: the CPU time
//! of the process that records, and of both processes.
//!
//! Both work in bursts. After each burst the worker with shared memory waits until its parent has read everything, and the
//! worker with the channel waits for a millisecond. The CPU time includes these waits. The worker with the channel does the
//! minimum: two reads of the time-stamp counter and one struct with a borrowed name for each span. A thread of the parent
//! unpacks the batches.

use crate::support::bench::{cell, column, ratios};
use crate::support::child::numbers;
use crate::support::clock::ticks;
use crate::support::spans::FLUSH_TIMEOUT;
use crate::support::usage::CpuTime;
use crate::support::worker::{answer_all, join, Worker};
use crate::support::{Bench, Child, Goal, Numbers};
use crate::{row, start, unaccounted};
use heirloom::{Context, Tracer};
use ipc_channel::ipc::{IpcOneShotServer, IpcReceiver, IpcSender};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::{Duration, Instant};

pub(crate) const CHILDREN: &[Child] = &[
    ("shared memory", shared_child),
    ("shared memory worker", shared_worker),
    ("channel", channel_child),
    ("channel worker", channel_worker),
];

/// Spans of a burst: less than a third of the default ring, in whole batches.
const BURST: u64 = 8 * BATCH;
const BATCH: u64 = 512;
const PAUSE: Duration = Duration::from_millis(1);

/// A finished span in the form that is sent.
#[derive(Serialize, Deserialize)]
struct Finished {
    trace: (u64, u64),
    span: u64,
    parent: u64,
    name: Cow<'static, str>,
    start: u64,
    end: u64,
}

pub(crate) fn measure(bench: &mut Bench) -> Result<(), String> {
    let (rounds, bursts) = bench.pick((7, 250), (1, 4));
    let kinds = [("shared memory", "Heirloom, shared memory"), ("channel", "batches of 512 over `ipc-channel`")];
    let runs = bench.in_turns(rounds, kinds.len(), |kind| bench.child(kinds[kind].0, &[bursts]))?;
    bench.say(&format!(
        "CPU time per finished span that a worker process hands to its parent, in ns; {} spans per run, in bursts of \
         {BURST}; median [min-max] of {rounds} runs in turns.",
        bursts * BURST
    ));
    let columns = [("cpu_ns", 1), ("system_ns", 1), ("parent_cpu_ns", 1), ("wall_ns", 1)];
    let rows: Vec<_> = kinds.iter().zip(&runs).map(|((_, name), runs)| row(name, runs, &columns)).collect();
    bench.table(&["by", "worker", "of that in the kernel", "parent", "wall"], &rows);
    for ((_, name), runs) in kinds.iter().zip(&runs) {
        bench.keep(&format!("CPU per span in the worker, {name}"), "ns", &column(runs, "cpu_ns"));
        let all = column(runs, "unaccounted").iter().all(|spans| *spans == 0.0);
        bench.promise(all, || format!("{name}: spans that are not accounted for"));
    }
    let ratio = ratios(&column(&runs[1], "cpu_ns"), &column(&runs[0], "cpu_ns"));
    bench.goal("CPU of the sending process, `ipc-channel` over Heirloom", Goal::AtLeast(4.0), "", ratio);
    let both = |runs: &[Numbers]| -> Vec<f64> {
        column(runs, "cpu_ns")
            .iter()
            .zip(column(runs, "parent_cpu_ns"))
            .map(|(worker, parent)| worker + parent)
            .collect()
    };
    let (heirloom, channel) = (both(&runs[0]), both(&runs[1]));
    bench.say(&format!(
        "CPU time of both processes per span, `ipc-channel` over Heirloom: {} ns over {} ns, {} times. Heirloom's parent assembles \
         the spans and hands them to an exporter; the other parent only unpacks batches.",
        cell(&channel, 1),
        cell(&heirloom, 1),
        ratios(&channel, &heirloom).map_or_else(|| "-".to_owned(), |ratio| ratio.text(2)),
    ));
    bench.keep("CPU per span in both processes, shared memory", "ns", &heirloom);
    bench.keep("CPU per span in both processes, channel", "ns", &channel);
    Ok(())
}

fn one(arguments: &[u64]) -> Result<u64, String> {
    match *arguments {
        [bursts] => Ok(bursts),
        _ => Err("expected one number".to_owned()),
    }
}

/// Lets a worker run its bursts, and measures both processes.
fn ask(worker: &mut Worker, line: &str, bursts: u64) -> Result<Numbers, String> {
    let cpu = CpuTime::now()?;
    let mut all = worker.asked().ask(line)?;
    let cpu = CpuTime::now()?.since(&cpu);
    all.insert("parent_cpu_ns".to_owned(), (cpu.user_ns + cpu.system_ns) as f64 / (bursts * BURST) as f64);
    Ok(all)
}

/// In the worker: the cost of its bursts.
fn bursts(bursts: u64, mut burst: impl FnMut(u64) -> Result<(), String>) -> Result<Numbers, String> {
    let (cpu, begin) = (CpuTime::now()?, Instant::now());
    (0..bursts).try_for_each(&mut burst)?;
    let (cpu, wall) = (CpuTime::now()?.since(&cpu), begin.elapsed());
    let per_span = |ns: u64| ns as f64 / (bursts * BURST) as f64;
    Ok(numbers([
        ("cpu_ns", per_span(cpu.user_ns + cpu.system_ns)),
        ("system_ns", per_span(cpu.system_ns)),
        ("wall_ns", per_span(wall.as_nanos() as u64)),
    ]))
}

/// One parent whose worker records into shared memory.
fn shared_child(arguments: &[u64]) -> Result<Numbers, String> {
    let many = one(arguments)?;
    let guard = start()?;
    let root = heirloom::root("root");
    let mut worker = Worker::start(&root, "shared memory worker", &[many])?;
    worker.asked().ask("warm")?;
    let mut all = ask(&mut worker, "bursts", many)?;
    worker.finish()?;
    drop(root);
    // The root, the worker's span here and there, and the spans of the bursts.
    let made = 3 + (many + 1) * BURST;
    let report = guard.finish();
    let lost = report.ledger().dropped() as f64;
    all.insert("unaccounted".to_owned(), unaccounted(report.ledger(), made) + lost);
    Ok(all)
}

fn shared_worker(arguments: &[u64]) -> Result<Numbers, String> {
    let many = one(arguments)?;
    let (guard, work) = join()?;
    let cx = work.context();
    answer_all(std::io::stdin(), std::io::stdout(), |line| {
        bursts(if line == "warm" { 1 } else { many }, |_| shared_burst(guard.tracer(), cx))
    })?;
    drop(work);
    guard.finish();
    Ok(Numbers::new())
}

fn shared_burst(tracer: &Tracer, cx: Context) -> Result<(), String> {
    for _ in 0..BURST {
        drop(cx.span("child"));
    }
    tracer.flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())
}

/// One parent to which a worker sends its spans.
fn channel_child(arguments: &[u64]) -> Result<Numbers, String> {
    let many = one(arguments)?;
    let _guard = start()?;
    let root = heirloom::root("root");
    let mut worker = Worker::start(&root, "channel worker", &[many])?;
    let (server, name) = IpcOneShotServer::<Vec<Finished>>::new().map_err(|error| error.to_string())?;
    worker.asked().tell(&name)?;
    let (received, first) = server.accept().map_err(|error| error.to_string())?;
    // Starts before the wait for the answer: the channel may not hold the whole burst.
    let receiver = std::thread::spawn(move || receive(&received) + first.len() as u64);
    worker.asked().answer()?;
    let mut all = ask(&mut worker, "bursts", many)?;
    worker.finish()?;
    let spans = receiver.join().map_err(|_| "the receiver panicked".to_owned())?;
    all.insert("unaccounted".to_owned(), spans.abs_diff((many + 1) * BURST) as f64);
    Ok(all)
}

/// Unpacks batches until the sender is closed; returns the number of spans.
fn receive(from: &IpcReceiver<Vec<Finished>>) -> u64 {
    let mut spans = 0;
    while let Ok(batch) = from.recv() {
        spans += std::hint::black_box(batch).len() as u64;
    }
    spans
}

/// The first request has the channel's name, and runs a burst to warm up.
fn channel_worker(arguments: &[u64]) -> Result<Numbers, String> {
    let many = one(arguments)?;
    let mut channel = None;
    answer_all(std::io::stdin(), std::io::stdout(), |line| match &channel {
        None => {
            let to = channel.insert(IpcSender::connect(line.to_owned()).map_err(|error| error.to_string())?);
            bursts(1, |burst| channel_burst(to, burst))
        }
        Some(to) => bursts(many, |burst| channel_burst(to, burst + 1)),
    })?;
    Ok(Numbers::new())
}

fn channel_burst(to: &IpcSender<Vec<Finished>>, burst: u64) -> Result<(), String> {
    for batch in 0..BURST / BATCH {
        let mut spans = Vec::with_capacity(BATCH as usize);
        for i in 0..BATCH {
            spans.push(finished(burst * BURST + batch * BATCH + i));
        }
        to.send(spans).map_err(|error| error.to_string())?;
    }
    std::thread::sleep(PAUSE);
    Ok(())
}

#[inline(always)]
fn finished(i: u64) -> Finished {
    Finished {
        trace: (0x0af7_6519_16cd_43dd, 0x8448_eb21_1c80_319c),
        span: 0xb7ad_0000_0000_0000 | (2 * i + 1),
        parent: 0xb7ad_6b71_6920_3331,
        name: Cow::Borrowed("child"),
        start: ticks(),
        end: ticks(),
    }
}
