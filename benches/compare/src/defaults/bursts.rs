//! Spans in bursts, paced so that nothing is lost: the CPU time of the whole process, and the instructions.
//!
//! The main thread records a burst that an idle tracer takes in, rests until the tracer has room for another one, and so on. The
//! CPU time includes the rests and the wake-ups, and everything up to the counting exporter.

use super::{fate, numbers, Numbers};
use crate::peers::{Measurement, Peer};
use crate::plan::Scenario;
use crate::usage::CpuTime;
use crate::workload::{Samples, Stretch};

/// Measures in this process.
pub fn measure(scenario: &Scenario) -> Result<Numbers, String> {
    crate::peers::run(scenario.peer, Bursts(scenario))
}

struct Bursts<'a>(&'a Scenario);

impl Measurement for Bursts<'_> {
    type Result = Numbers;

    fn of<P: Peer>(self) -> Result<Numbers, String> {
        match self.0.attributes {
            false => run::<P, false>(self.0),
            true => run::<P, true>(self.0),
        }
    }
}

fn run<P: Peer, const ATTRIBUTES: bool>(scenario: &Scenario) -> Result<Numbers, String> {
    let (spans, samples) = (scenario.spans_per_thread, Samples::new());
    let peer = P::start(scenario)?;
    let parent = peer.open_parent();
    let before = CpuTime::now()?;
    in_bursts(
        spans,
        P::burst(ATTRIBUTES),
        &mut |stretch| peer.record::<ATTRIBUTES>(&parent, stretch, &samples, &mut ()),
        |made| peer.rest(made),
    )?;
    let tally = peer.finish(parent)?;
    let cpu = CpuTime::now()?.since(&before);
    let mut all = fate(spans, &tally);
    all.append(&mut numbers([("cpu_ns", (cpu.user_ns + cpu.system_ns) as f64 / spans as f64)]));
    Ok(all)
}

/// Records `spans` spans, `burst` at once, and rests after each burst.
pub(super) fn in_bursts(
    spans: u64,
    burst: u64,
    record: &mut dyn FnMut(Stretch),
    mut rest: impl FnMut(u64) -> Result<(), String>,
) -> Result<(), String> {
    let mut made = 0;
    while made < spans {
        let stretch = Stretch { thread: 0, first: made, spans: burst.min(spans - made) };
        recorded_burst(record, stretch);
        made += stretch.spans;
        rest(made)?;
    }
    Ok(())
}

/// Never inlined: [`callgrind`](super::callgrind) counts the instructions of this function, and not those of the rests.
#[inline(never)]
fn recorded_burst(record: &mut dyn FnMut(Stretch), stretch: Stretch) {
    record(stretch);
}
