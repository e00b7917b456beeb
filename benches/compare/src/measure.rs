//! One scenario in this process: [`measure`] makes a [`Row`].

use crate::peers::{Measurement, Peer};
use crate::plan::Scenario;
use crate::usage::{peak_rss_bytes, thread_cpu_ns, CpuTime};
use crate::workload::{Samples, Stretch};
use serde::{Deserialize, Serialize};
use std::sync::Barrier;
use std::time::Instant;

/// The result of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The measured scenario.
    pub scenario: Scenario,
    /// Children that the threads made, warm-up included.
    pub created: u64,
    /// Children that the exporter got.
    pub received: u64,
    /// Children that the exporter got without their parent.
    pub orphans: u64,
    /// Roots that the exporter got; one if nothing was lost.
    pub roots: u64,
    /// Lost spans that the tracer itself reports as lost; absent if it keeps no such count.
    pub named_lost: Option<u64>,
    /// From the first thread's start to the last one's end, in nanoseconds.
    pub recording_ns: u64,
    /// The sum of the threads' times, in nanoseconds.
    pub threads_ns: u64,
    /// The sum of the CPU times of the recording threads, in nanoseconds.
    pub threads_cpu_ns: u64,
    /// From the end of the recording until all spans had reached the exporter, in nanoseconds.
    pub finish_ns: u64,
    /// CPU time of the whole process from the start of the recording to the end of the finish, in user mode.
    pub user_ns: u64,
    /// The same in the kernel.
    pub system_ns: u64,
    /// The largest resident memory of the process, in bytes; zero if the system doesn't report it.
    pub peak_rss_bytes: u64,
}

impl Row {
    /// Children that were made and never reached the exporter.
    pub fn lost(&self) -> u64 {
        self.created.saturating_sub(self.received)
    }

    /// Lost children in percent.
    pub fn lost_percent(&self) -> f64 {
        100.0 * self.lost() as f64 / self.created.max(1) as f64
    }

    /// Spans recorded while the clock ran.
    fn timed_spans(&self) -> f64 {
        (self.scenario.spans_per_thread * self.scenario.threads as u64) as f64
    }

    /// Spans per second of recording that reached the exporter, sooner or later.
    pub fn recorded_per_second(&self) -> f64 {
        let kept = self.received as f64 / self.created.max(1) as f64;
        1e9 * self.timed_spans() * kept / self.recording_ns.max(1) as f64
    }

    /// Spans per second that reached the exporter, including the time of the finish.
    pub fn delivered_per_second(&self) -> f64 {
        let kept = self.received as f64 / self.created.max(1) as f64;
        1e9 * self.timed_spans() * kept / (self.recording_ns + self.finish_ns).max(1) as f64
    }

    /// Time of one span on a recording thread, including waits, in nanoseconds.
    pub fn ns_per_span(&self) -> f64 {
        self.threads_ns as f64 / self.timed_spans()
    }

    /// CPU time of the recording threads per span, in nanoseconds.
    pub fn thread_cpu_ns_per_span(&self) -> f64 {
        self.threads_cpu_ns as f64 / self.timed_spans()
    }

    /// CPU time of the whole process per span made, kept or lost, in nanoseconds.
    pub fn cpu_ns_per_span(&self) -> f64 {
        (self.user_ns + self.system_ns) as f64 / self.timed_spans()
    }
}

/// The times of one thread.
struct Lane {
    begin: Instant,
    end: Instant,
    cpu_ns: u64,
}

/// Measures a scenario, given as JSON, in this process. The result is its row as JSON.
pub fn child(scenario: &str) -> Result<String, String> {
    let scenario = serde_json::from_str(scenario).map_err(|error| format!("not a scenario: {error}"))?;
    serde_json::to_string(&measure(&scenario)?).map_err(|error| error.to_string())
}

/// Runs the scenario in this process. Once per process: some peers are process-wide.
pub fn measure(scenario: &Scenario) -> Result<Row, String> {
    if scenario.threads == 0 || (scenario.on_main_thread && scenario.threads != 1) {
        return Err(format!("{} threads: expected at least one, and one on the main thread", scenario.threads));
    }
    crate::peers::run(scenario.peer, Whole(scenario))
}

struct Whole<'a>(&'a Scenario);

impl Measurement for Whole<'_> {
    type Result = Row;

    fn of<P: Peer>(self) -> Result<Row, String> {
        match self.0.attributes {
            false => run::<P, false>(self.0),
            true => run::<P, true>(self.0),
        }
    }
}

fn run<P: Peer, const ATTRIBUTES: bool>(scenario: &Scenario) -> Result<Row, String> {
    let peer = P::start(scenario)?;
    let parent = peer.open_parent();
    let (lanes, before) = if scenario.on_main_thread {
        record_here::<P, ATTRIBUTES>(&peer, &parent, scenario)?
    } else {
        record_on_threads::<P, ATTRIBUTES>(&peer, &parent, scenario)?
    };
    let recorded = Instant::now();
    let tally = peer.finish(parent)?;
    let finish_ns = recorded.elapsed().as_nanos() as u64;
    let cpu = CpuTime::now()?.since(&before);

    let begin = lanes.iter().map(|lane| lane.begin).min().unwrap_or(recorded);
    let end = lanes.iter().map(|lane| lane.end).max().unwrap_or(recorded);
    Ok(Row {
        scenario: scenario.clone(),
        created: (scenario.spans_per_thread + scenario.warm_up_spans) * scenario.threads as u64,
        received: tally.received,
        orphans: tally.orphans,
        roots: tally.roots,
        named_lost: tally.named_lost,
        recording_ns: (end - begin).as_nanos() as u64,
        threads_ns: lanes.iter().map(|lane| (lane.end - lane.begin).as_nanos() as u64).sum(),
        threads_cpu_ns: lanes.iter().map(|lane| lane.cpu_ns).sum(),
        finish_ns,
        user_ns: cpu.user_ns,
        system_ns: cpu.system_ns,
        peak_rss_bytes: peak_rss_bytes().unwrap_or(0),
    })
}

fn record_here<P: Peer, const ATTRIBUTES: bool>(
    peer: &P,
    parent: &P::Parent,
    scenario: &Scenario,
) -> Result<(Vec<Lane>, CpuTime), String> {
    let samples = Samples::new();
    warm_up::<P, ATTRIBUTES>(peer, parent, scenario, 0, &samples);
    let before = CpuTime::now()?;
    Ok((vec![timed::<P, ATTRIBUTES>(peer, parent, scenario, 0, &samples)], before))
}

fn record_on_threads<P: Peer, const ATTRIBUTES: bool>(
    peer: &P,
    parent: &P::Parent,
    scenario: &Scenario,
) -> Result<(Vec<Lane>, CpuTime), String> {
    let gate = Barrier::new(scenario.threads + 1);
    let lane = |thread| {
        let samples = Samples::new();
        warm_up::<P, ATTRIBUTES>(peer, parent, scenario, thread, &samples);
        gate.wait(); // All threads are warm.
        gate.wait(); // The CPU time so far has been read.
        timed::<P, ATTRIBUTES>(peer, parent, scenario, thread, &samples)
    };
    std::thread::scope(|scope| {
        let lane = &lane;
        let threads: Vec<_> = (0..scenario.threads).map(|thread| scope.spawn(move || lane(thread))).collect();
        gate.wait();
        let before = CpuTime::now();
        gate.wait();
        let lanes: Result<Vec<_>, _> = threads.into_iter().map(|thread| thread.join()).collect();
        Ok((lanes.map_err(|_| "a recording thread panicked".to_owned())?, before?))
    })
}

fn warm_up<P: Peer, const ATTRIBUTES: bool>(
    peer: &P,
    parent: &P::Parent,
    scenario: &Scenario,
    thread: usize,
    samples: &Samples,
) {
    peer.record::<ATTRIBUTES>(parent, Stretch { thread, first: 0, spans: scenario.warm_up_spans }, samples, &mut ());
}

/// Never inlined: `instructions.sh` counts the instructions of this function.
#[inline(never)]
fn timed<P: Peer, const ATTRIBUTES: bool>(
    peer: &P,
    parent: &P::Parent,
    scenario: &Scenario,
    thread: usize,
    samples: &Samples,
) -> Lane {
    let stretch = Stretch { thread, first: scenario.warm_up_spans, spans: scenario.spans_per_thread };
    let cpu_before = thread_cpu_ns();
    let begin = Instant::now();
    peer.record::<ATTRIBUTES>(parent, stretch, samples, &mut ());
    let end = Instant::now();
    Lane { begin, end, cpu_ns: thread_cpu_ns().saturating_sub(cpu_before) }
}
