//! Which changes are simulated.

use super::{gain, off_cpu, Case};
use crate::analysis::{self, Analysis, Cause, WhatIf};
use crate::graph::Graph;
use crate::model::{NameIx, Run, SpanIx, StageKind};
use crate::parallel;
use crate::simulate::Change;
use crate::sorted;
use std::collections::{BTreeMap, BTreeSet};

/// How many times as fast spans are simulated. Infinity: they are gone.
const FACTORS: [f64; 6] = [1.25, 1.5, 2.0, 4.0, 8.0, f64::INFINITY];
/// Into how many pieces each child of a fan-out is split.
const PIECES: [u32; 3] = [2, 4, 16];
/// At most so many names, locks, and names of pieces are tried.
const NAMES: usize = 6;
const LOCKS: usize = 3;
/// Fewer of each, for graphs that are so large that all would take long.
const FEW_FACTORS: [f64; 3] = [2.0, 4.0, f64::INFINITY];
const FEW_NAMES: usize = 3;
/// How many nodes may be simulated for all what-ifs, and for the curves of all of them: about a second each.
const NODES_FOR_ALL: usize = 5_000_000;
const NODES_FOR_CURVES: usize = 5_000_000;

/// Predictions for all promising changes, those of one kind and name together.
pub(crate) fn what_ifs(case: &Case<'_>, analysis: &Analysis) -> Vec<WhatIf> {
    let changes = changes(case, analysis);
    let at = curve_points(case, changes.iter().map(|(names, _)| names.len()).sum());
    let predicted = parallel::map(&changes, |(_, change)| match *change {
        Simulated::Faster(name, factors) => case.base.predict_faster_with_curves(name, factors, &at),
        Simulated::Change(change) => vec![case.base.predict_with_curve(change, &at)],
        Simulated::Lanes(lanes) => vec![(case.base.on_lanes(lanes), Vec::new())],
    });
    let rows = changes
        .into_iter()
        .zip(predicted)
        .flat_map(|((names, _), rows)| names.into_iter().zip(rows.into_iter().flatten()));
    rows.map(|(change, (point, curve))| WhatIf {
        change,
        ns: point.ns,
        lower_ns: point.lower_ns,
        upper_ns: point.upper_ns,
        curve,
    })
    .collect()
}

/// The lanes of the curve of each what-if. A large graph has no such curves.
fn curve_points(case: &Case<'_>, changes: usize) -> Vec<u32> {
    let all = case.base.lanes_of_curve();
    let room = NODES_FOR_CURVES / (case.base.effort() * changes).max(1);
    if room >= all.len() {
        return all;
    }
    let mut few: Vec<u32> =
        [1, 2, 4, 8, 16, 32, 64, case.own_lanes()].into_iter().filter(|lanes| *lanes <= 64).collect();
    few.sort_unstable();
    few.dedup();
    if room >= few.len() {
        few
    } else {
        Vec::new()
    }
}

/// What is simulated at once.
enum Simulated {
    /// Spans of a name, for each of these factors.
    Faster(NameIx, &'static [f64]),
    Change(Change),
    Lanes(u32),
}

fn changes(case: &Case<'_>, analysis: &Analysis) -> Vec<(Vec<analysis::Change>, Simulated)> {
    let mut changes = Vec::new();
    let names = promising(case, analysis);
    let is_large = case.base.effort() * names.len() * FACTORS.len() > NODES_FOR_ALL;
    let (factors, most) = if is_large { (&FEW_FACTORS[..], FEW_NAMES) } else { (&FACTORS[..], NAMES) };
    for ix in names.into_iter().take(most) {
        let name = case.run.names[ix as usize].to_string();
        let each = factors.iter().map(|factor| analysis::Change::Faster { name: name.clone(), factor: *factor });
        changes.push((each.collect(), Simulated::Faster(ix, factors)));
    }
    for ix in contended(case, analysis) {
        let lock = case.run.locks[ix as usize].name.to_string();
        changes.push((vec![analysis::Change::WithoutLock { lock }], Simulated::Change(Change::WithoutLock(ix))));
    }
    for ix in indivisible(case, analysis) {
        let name = case.run.names[ix as usize].to_string();
        for pieces in PIECES {
            let change = Simulated::Change(Change::Finer { name: ix, pieces });
            changes.push((vec![analysis::Change::Finer { name: name.clone(), pieces }], change));
        }
    }
    for ix in blocking(case) {
        let name = case.run.names[ix as usize].to_string();
        changes.push((vec![analysis::Change::SpawnBlocking { name }], Simulated::Change(Change::SpawnBlocking(ix))));
    }
    for lanes in other_lanes(case, analysis) {
        changes.push((vec![analysis::Change::Lanes { lanes }], Simulated::Lanes(lanes)));
    }
    changes
}

/// Names by their share of the critical path, or of the lost time they are blamed for.
fn promising(case: &Case<'_>, analysis: &Analysis) -> Vec<NameIx> {
    let totals = &analysis.totals;
    let mut scores: BTreeMap<&str, f64> = BTreeMap::new();
    let mut add = |name, score: f64| {
        let best = scores.entry(name).or_default();
        *best = best.max(score);
    };
    for name in &analysis.names {
        add(&name.name, name.critical_ns as f64 / totals.critical_ns.max(1) as f64);
    }
    for lost in &analysis.lost {
        for blame in &lost.blamed {
            add(&blame.name, blame.ns as f64 / totals.capacity_ns.max(1) as f64);
        }
    }
    let mut best: Vec<(NameIx, f64)> =
        scores.into_iter().filter(|(_, s)| *s >= 0.01).filter_map(|(n, s)| Some((case.name(n)?, s))).collect();
    sorted::by(&mut best, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    best.into_iter().map(|(name, _)| name).take(NAMES).collect()
}

/// Locks that exclude something, by the time others waited for them.
fn contended(case: &Case<'_>, analysis: &Analysis) -> Vec<u32> {
    let held: BTreeSet<u32> = case.graph.held.iter().map(|held| held.lock).collect();
    let mut waited: BTreeMap<u32, u64> = BTreeMap::new();
    for wait in &case.run.waits {
        if let Some(lock) = wait.lock.filter(|lock| held.contains(lock)) {
            *waited.entry(lock).or_default() += wait.end.saturating_sub(wait.start);
        }
    }
    let mut locks: Vec<_> = waited.into_iter().filter(|(_, ns)| *ns > analysis.totals.capacity_ns / 100).collect();
    sorted::by_key(&mut locks, |(lock, ns)| (u64::MAX - ns, *lock));
    locks.into_iter().map(|(lock, _)| lock).take(LOCKS).collect()
}

/// Names of children of fan-outs that are blamed for the idle time at the end of one.
fn indivisible(case: &Case<'_>, analysis: &Analysis) -> Vec<NameIx> {
    let stragglers = analysis.lost.iter().filter(|lost| lost.cause == Cause::Straggler);
    let blamed = stragglers.flat_map(|lost| &lost.blamed).filter_map(|blame| case.name(&blame.name));
    let pieces: BTreeSet<NameIx> =
        case.run.spans.iter().filter(|span| span.fan().is_some()).map(|span| span.name).collect();
    blamed.filter(|name| pieces.contains(name)).take(LOCKS).collect()
}

/// Names of spans with polls that block their executor, by the time of these.
fn blocking(case: &Case<'_>) -> Vec<NameIx> {
    let mut long: BTreeMap<NameIx, u64> = BTreeMap::new();
    for job in case.graph.jobs.iter() {
        if !job.span.is_some_and(|span| case.run.spans[span as usize].polled) {
            continue;
        }
        for node in &case.graph.nodes[job.nodes.start as usize..job.nodes.end as usize] {
            if let Some(span) =
                node.span().filter(|_| node.lane().is_some() && node.length() > crate::simulate::LONG_POLL_NS)
            {
                *long.entry(case.run.spans[span as usize].name).or_default() += node.length();
            }
        }
    }
    for (span, _) in background(case.graph, case.run) {
        let span = &case.run.spans[span as usize];
        *long.entry(span.name).or_default() += span.end.saturating_sub(span.start);
    }
    let mut long: Vec<_> = long.into_iter().collect();
    sorted::by_key(&mut long, |(name, ns)| (u64::MAX - ns, *name));
    long.into_iter().map(|(name, _)| name).take(LOCKS).collect()
}

/// Jobs on threads of a pool that were submitted one by one, belong to no fan-out, and take as long as a poll that blocks its
/// executor: spans and pools. Worker processes are there for such jobs.
pub(super) fn background<'a>(graph: &'a Graph, run: &'a Run) -> impl Iterator<Item = (SpanIx, u32)> + 'a {
    let at = |kind| run.stages.iter().filter(move |stage| stage.kind == kind).map(|stage| stage.span);
    let sent: BTreeSet<SpanIx> = at(StageKind::Sent).collect();
    let submitted: BTreeSet<SpanIx> = at(StageKind::Submitted).filter(|job| !sent.contains(job)).collect();
    graph.jobs.iter().filter_map(move |job| {
        let span = job.span.filter(|span| job.fan.is_none() && submitted.contains(span))?;
        let row = &run.spans[span as usize];
        let long = !row.polled && row.end.saturating_sub(row.start) > crate::simulate::LONG_POLL_NS;
        let pool =
            graph.nodes[job.nodes.start as usize..job.nodes.end as usize].iter().find_map(|node| graph.pool(node))?;
        (long && graph.pools[pool as usize].known).then_some((span, pool))
    })
}

/// Half and twice the lanes, and powers of two up to the cores; four times the lanes, if these are busy off the CPU.
fn other_lanes(case: &Case<'_>, analysis: &Analysis) -> Vec<u32> {
    if case.graph.scaled.is_none() {
        return Vec::new();
    }
    let own = case.own_lanes();
    let cores = case.run.machine.cpus.map_or(own, |cpus| cpus.floor() as u32);
    let mut lanes: BTreeSet<u32> = (0..7).map(|power| 1 << power).filter(|lanes| *lanes <= cores.max(own)).collect();
    lanes.extend([own * 2, own / 2, cores]);
    lanes.extend(off_cpu::of(case, analysis).map(|_| own * 4));
    lanes.into_iter().filter(|lanes| (1..=1024).contains(lanes) && *lanes != own).collect()
}

/// The fewest pieces whose gain is nearly the largest that any number of pieces has.
pub(super) fn best_pieces(analysis: &Analysis, name: &str) -> Option<u32> {
    let mut found = Vec::new();
    for (ix, what_if) in (0..).zip(&analysis.what_ifs) {
        match &what_if.change {
            analysis::Change::Finer { name: finer, pieces } if finer == name => {
                found.push((*pieces, gain(analysis, what_if.ns), ix));
            }
            _ => {}
        }
    }
    let most = found.iter().map(|(_, gain, _)| *gain).max()?;
    found.sort_unstable();
    found.into_iter().find(|(_, gain, _)| *gain >= most - most / 20).map(|(_, _, ix)| ix)
}
