//! A span in a worker process against the same span in a thread of the parent, and in another thread as the control.
//!
//! All three get requests over pipes for one block at a time, one after the other. Before each block everything is drained,
//! outside the measured time, so that no span is lost. Rings are as `init` chooses. The first blocks touch the ring's pages
//! for the first time; their times are shown separately.

use crate::support::bench::{column, ratios};
use crate::support::child::numbers;
use crate::support::spans::{lost, FLUSH_TIMEOUT};
use crate::support::worker::{answer_all, join, Asked, Worker};
use crate::support::{Bench, Child, Goal, Numbers, Summary};
use crate::{row, start};
use heirloom::{Context, Tracer};
use std::os::unix::net::UnixStream;
use std::time::Instant;

pub(crate) const CHILDREN: &[Child] = &[("span", span_child), ("span worker", span_worker)];

/// Spans of a block: less than a third of the default ring, beyond which the collector would be woken.
const BLOCK: u64 = 2_000;
/// Number of blocks that fill a ring of the default size once from end to end.
const FIRST: usize = 8;
const LANES: [&str; 3] = ["a thread of the parent", "a worker process", "another thread of the parent"];
const THREAD: usize = 0;
const WORKER: usize = 1;
const CONTROL: usize = 2;

pub(crate) fn measure(bench: &mut Bench) -> Result<(), String> {
    let (rounds, blocks) = bench.pick((9, 100), (1, 2));
    let runs = (0..rounds).map(|_| bench.child("span", &[blocks])).collect::<Result<Vec<_>, _>>()?;
    bench.say(&format!(
        "ns per span, begun and ended: median [min-max] of {rounds} runs, each the median of {blocks} blocks of \
         {BLOCK} spans in turns; and of the first {FIRST} blocks, in which the ring's pages are new."
    ));
    let rows: Vec<_> = LANES.iter().enumerate().map(|(i, name)| lane_row(i, name, &runs)).collect();
    bench.table(&["in", "ns", "ns while the ring is new"], &rows);
    for (i, name) in LANES.iter().enumerate() {
        bench.keep(&format!("span in {name}"), "ns", &column(&runs, &lane_key(i, "ns")));
    }
    let over = |lane| ratios(&column(&runs, &lane_key(lane, "ns")), &column(&runs, &lane_key(THREAD, "ns")));
    bench.goal("a span in a worker process, times one in a thread", Goal::AtMost(1.15), "", over(WORKER));
    bench.goal("the control: a span in another thread, times one in a thread", Goal::AtMost(1.15), "", over(CONTROL));
    bench.promise(column(&runs, "lost").iter().all(|lost| *lost == 0.0), || "spans lost, though paced".to_owned());
    Ok(())
}

fn lane_key(lane: usize, what: &str) -> String {
    format!("{what} {lane}")
}

fn lane_row(lane: usize, name: &str, runs: &[Numbers]) -> Vec<String> {
    let columns = [lane_key(lane, "ns"), lane_key(lane, "new")];
    row(name, runs, &[(&columns[0], 1), (&columns[1], 1)])
}

/// One parent with two threads and a worker.
fn span_child(arguments: &[u64]) -> Result<Numbers, String> {
    let [blocks] = *arguments else { return Err("expected one number".to_owned()) };
    let guard = start()?;
    let root = heirloom::root("root");
    let mut worker = Worker::start(&root, "span worker", &[])?;
    let mut all = Numbers::new();
    std::thread::scope(|scope| {
        let lane = || -> Result<Asked, String> {
            let (here, there) = UnixStream::pair().map_err(|error| error.to_string())?;
            let (to, tracer, cx) = (clone(&there)?, guard.tracer().clone(), root.context());
            scope.spawn(move || answer_all(there, to, |_| block(&tracer, cx)));
            Ok(Asked::new(clone(&here)?, here))
        };
        let (mut thread, mut control) = (lane()?, lane()?);
        all = in_turns(guard.tracer(), blocks as usize + FIRST, &mut [&mut thread, worker.asked(), &mut control])?;
        Ok::<(), String>(())
    })?;
    worker.finish()?;
    drop(root);
    all.insert("lost".to_owned(), lost(guard.finish().ledger()) as f64);
    Ok(all)
}

fn clone(stream: &UnixStream) -> Result<UnixStream, String> {
    stream.try_clone().map_err(|error| error.to_string())
}

fn in_turns(tracer: &Tracer, blocks: usize, lanes: &mut [&mut Asked]) -> Result<Numbers, String> {
    let mut times = vec![Vec::with_capacity(blocks); lanes.len()];
    for _ in 0..blocks {
        for (lane, times) in lanes.iter_mut().zip(&mut times) {
            tracer.flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())?;
            times.extend(lane.ask("block")?.get("ns"));
        }
    }
    let mut all = Numbers::new();
    for (i, times) in times.iter().enumerate() {
        for (what, times) in [("new", &times[..FIRST]), ("ns", &times[FIRST..])] {
            let median = Summary::of(times.iter().copied()).map_or(f64::NAN, |times| times.median);
            all.insert(lane_key(i, what), median);
        }
    }
    Ok(all)
}

/// Drains everything, and then times a block of spans.
fn block(tracer: &Tracer, cx: Context) -> Result<Numbers, String> {
    tracer.flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())?;
    let begin = Instant::now();
    for _ in 0..BLOCK {
        drop(cx.span("child"));
    }
    Ok(numbers([("ns", begin.elapsed().as_nanos() as f64 / BLOCK as f64)]))
}

fn span_worker(_: &[u64]) -> Result<Numbers, String> {
    let (guard, work) = join()?;
    let cx = work.context();
    answer_all(std::io::stdin(), std::io::stdout(), |_| block(guard.tracer(), cx))?;
    drop(work);
    guard.finish();
    Ok(Numbers::new())
}
