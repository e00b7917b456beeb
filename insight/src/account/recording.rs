//! What recording cost, and whose spans it recorded.
//!
//! Recording takes CPU time of the threads that record, which is subtracted from the work; and of the collector and the exporters,
//! which takes the cores of lanes that have to wait for one. That part of [`Cause::Machine`] is theirs in proportion to the CPU
//! time of all that isn't in spans: of the collector and the exporters, of other threads of the program, and of other processes.
//!
//! Each span costs the same, so the cost is charged to the names of spans by their number: to [`Cause::SmallChunks`] for items of a
//! fan-out that are so short that a gap of their length is the cost of an item ([`SHORT_NS`]), and to [`Cause::Tracing`] for all
//! others.

use super::blame::{Culprit, Ledger, Who};
use super::ready::{mean_items, SHORT_NS};
use crate::analysis::{Cause, Totals};
use crate::model::{NameIx, Run};

/// CPU time of the collectors and the exporters of all processes: nanoseconds.
fn collecting_ns(run: &Run) -> u64 {
    run.loads.iter().map(|load| load.collecting_ns).sum()
}

/// CPU time of all processes, without that of Heirloom's own threads: nanoseconds.
pub(crate) fn program_ns(run: &Run) -> u64 {
    run.loads.iter().map(|load| load.cpu_ns).sum::<u64>().saturating_sub(collecting_ns(run))
}

/// Charges the cost of recording: `tracing_ns`, which were counted as work, times `unit`, and what lanes waited for a core
/// meanwhile.
pub(super) fn charge(run: &Run, totals: &Totals, tracing_ns: u64, ledger: &mut Ledger, unit: u128) {
    let collecting = u128::from(collecting_ns(run));
    let rest = u128::from(totals.untraced_ns.unwrap_or(0)) + u128::from(totals.others_ns.unwrap_or(0));
    let waited = ledger.take(Cause::Machine, collecting, collecting + rest, collecting * unit);
    let amount = u128::from(tracing_ns) * unit + waited;
    if amount == 0 || run.spans.is_empty() {
        return ledger.charge(Culprit { cause: Cause::Tracing, who: Who::Unknown, lock: None }, None, amount);
    }
    let (all, mut left) = (run.spans.len() as u128, amount);
    let numbers = numbers(run);
    for (culprit, number) in numbers.iter().skip(1) {
        let part = amount * u128::from(*number) / all;
        left -= part;
        ledger.charge(*culprit, None, part);
    }
    numbers.first().iter().for_each(|(culprit, _)| ledger.charge(*culprit, None, left));
}

/// How many spans each name has: short items of fan-outs, and others.
fn numbers(run: &Run) -> Vec<(Culprit, u64)> {
    let means = mean_items(run);
    let mut numbers = vec![[0_u64; 2]; run.names.len()];
    for span in &run.spans {
        let is_short = span.fan().is_some_and(|fan| means[fan as usize] < SHORT_NS);
        numbers[span.name as usize][usize::from(is_short)] += 1;
    }
    let culprit = |cause, name| Culprit { cause, who: Who::Spans(name), lock: None };
    let of_name = |(name, [others, short]): (NameIx, [u64; 2])| {
        [(culprit(Cause::Tracing, name), others), (culprit(Cause::SmallChunks, name), short)]
    };
    (0..).zip(numbers).flat_map(of_name).filter(|(_, number)| *number > 0).collect()
}
