//! What to change, and what it would gain: from the account of a run and the simulation of changed runs.
//!
//! A finding is a cause of lost time with the spans or the lock to blame, and the change that would take it away. Its gain is the
//! wall time less the predicted one ([`simulate`](crate::simulate)). This is coz's question (Curtsinger, Berger, "Coz: Finding Code
//! that Counts with Causal Profiling", SOSP 2015), answered by a simulation of recorded dependencies instead of an experiment.
//!
//! | cause | change that is simulated |
//! |---|---|
//! | serial, empty queue, full queue | the blamed spans four times faster |
//! | straggler | their fan-out split into 2, 4 or 16 times as many pieces, the fewest that gain nearly as much as the most |
//! | lock | the lock gone |
//! | blocked executor | polls over 10 ms on threads for blocking calls |
//! | off the CPU (lanes are busy, cores are free) | up to four times the lanes |
//! | machine (more lanes than cores, and most are ready without one) | as many lanes as cores |
//! | buried join | continuations on any lane of the pool |
//! | dispatch, small chunks, start-up | none: the simulated schedule has no such gaps, so the gain is at most the measured time less the simulated one |
//! | machine (else), untraced, tracing, unexplained | none, and no gain is predicted |
//!
//! Findings are sorted by the part of the gain that belongs to the cause: at most the lost time that the cause charges, divided by
//! the wall time. Faster spans gain more than their cause lost, since they are less work too. The gain that is shown is the whole
//! one.
//!
//! Such a part below 1 % of the wall time is noise, and so is one below the spread of the runs that are given: the longest less the
//! shortest, divided by the median. A change for a cause that cost less than 1 % of the capacity is noise too: it would only make
//! code faster.
//!
//! Only promising names are simulated: at most six, three in a large graph, by their share of the critical path or of the lost
//! time.

mod culprit;
mod off_cpu;
mod rank;
mod requests;
mod sentences;
mod shared;
mod spread;
mod strays;
mod weak;
mod what_ifs;

pub(crate) use rank::findings;
pub(crate) use sentences::sentences;
pub(crate) use spread::{wall, Spread};
pub(crate) use weak::notes;
pub(crate) use what_ifs::what_ifs;

use crate::analysis::Analysis;
use crate::graph::Graph;
use crate::model::{Run, SpanIx};
use crate::simulate::Base;
use heirloom_core::SpanId;

/// What findings are made from. `analysis` is what is known so far.
pub(crate) struct Case<'a> {
    pub(crate) run: &'a Run,
    pub(crate) graph: &'a Graph,
    pub(crate) base: &'a Base<'a>,
    pub(crate) spread: Spread,
}

impl Case<'_> {
    /// The index of a name.
    fn name(&self, name: &str) -> Option<u32> {
        self.run.names.iter().position(|known| **known == *name).map(|ix| ix as u32)
    }

    /// The first span of each of these few ids, in the order of the run, whose spans are read once.
    fn spans(&self, ids: &[String]) -> Vec<SpanIx> {
        let mut ids: Vec<SpanId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let mut spans = Vec::new();
        for (ix, span) in (0..).zip(&self.run.spans) {
            if ids.is_empty() {
                break;
            }
            if ids.contains(&span.id) {
                ids.retain(|id| *id != span.id);
                spans.push(ix);
            }
        }
        spans
    }

    /// How many lanes a prediction varies, as text: `4 lanes of rayon`.
    fn own_lanes(&self) -> u32 {
        self.base.own_lanes()
    }
}

/// The time a change would save.
fn gain(analysis: &Analysis, ns: u64) -> u64 {
    analysis.totals.wall_ns.saturating_sub(ns)
}
