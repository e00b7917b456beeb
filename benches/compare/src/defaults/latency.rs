//! The time of each of many spans, one every two microseconds, on the main thread. It includes two clock reads.

use super::{fate, numbers, Numbers};
use crate::clock::ticks;
use crate::pace::{ticks_per_ns, Beat};
use crate::peers::{Measurement, Peer};
use crate::plan::Scenario;
use crate::workload::{Around, Samples, Stretch};

/// The interval between two spans.
const INTERVAL_NS: f64 = 2000.0;

/// Measures in this process.
pub fn measure(scenario: &Scenario) -> Result<Numbers, String> {
    crate::peers::run(scenario.peer, Latency(scenario))
}

struct Latency<'a>(&'a Scenario);

impl Measurement for Latency<'_> {
    type Result = Numbers;

    fn of<P: Peer>(self) -> Result<Numbers, String> {
        match self.0.attributes {
            false => run::<P, false>(self.0),
            true => run::<P, true>(self.0),
        }
    }
}

/// Waits for the beat before each span, and stores the span's time.
struct Timer<'t> {
    beat: Beat,
    begin: u64,
    times: std::slice::IterMut<'t, u32>,
}

impl Around for Timer<'_> {
    #[inline(always)]
    fn before(&mut self) {
        self.beat.wait();
        self.begin = ticks();
    }

    #[inline(always)]
    fn after(&mut self) {
        let time = ticks() - self.begin;
        if let Some(slot) = self.times.next() {
            *slot = u32::try_from(time).unwrap_or(u32::MAX);
        }
    }
}

fn run<P: Peer, const ATTRIBUTES: bool>(scenario: &Scenario) -> Result<Numbers, String> {
    let (spans, samples) = (scenario.spans_per_thread, Samples::new());
    let mut times = vec![1_u32; spans as usize]; // Not zero, so that this memory of the benchmark is in place.
    let ticks_per_ns = ticks_per_ns();
    let peer = P::start(scenario)?;
    let parent = peer.open_parent();
    let mut timer = Timer { beat: Beat::every_ns(INTERVAL_NS, ticks_per_ns), begin: 0, times: times.iter_mut() };
    peer.record::<ATTRIBUTES>(&parent, Stretch { thread: 0, first: 0, spans }, &samples, &mut timer);
    let tally = peer.finish(parent)?;
    times.sort_unstable();
    let at = |share: f64| {
        let index = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times.get(index).map_or(0.0, |ticks| f64::from(*ticks) / ticks_per_ns)
    };
    let mut all = fate(spans, &tally);
    all.append(&mut numbers([("p50", at(0.5)), ("p99", at(0.99)), ("p99.99", at(0.9999)), ("max", at(1.0))]));
    Ok(all)
}
