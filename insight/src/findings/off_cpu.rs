//! Lanes that are busy off the CPU, with I/O or sleep, while cores are free.

use super::Case;
use crate::analysis::{Analysis, Evidence};
use crate::graph::NodeKind;
use crate::model::NameIx;
use crate::text::units::{duration, percent, share};
use std::collections::{BTreeMap, BTreeSet};

/// From this share of the capacity on that was used, lanes count as busy.
pub(super) const BUSY: f64 = 0.9;
/// Of the time of the lanes, so much is neither on the CPU nor a wait for it: with twice the lanes, they still need no more cores
/// than these could use.
const OFF: f64 = 0.5;
/// Samples must cover so much of the run on these lanes.
pub(super) const COVERED: f64 = 0.8;

/// The name with most time off the CPU.
pub(super) struct OffCpu {
    name: String,
    on: u64,
    off: u64,
    /// The share of a core that a lane used.
    cores: f64,
}

/// The spans in which the lanes of the pool that predictions vary are busy off the CPU, by samples. `None`: they aren't, or there
/// is no such pool.
pub(super) fn of(case: &Case<'_>, analysis: &Analysis) -> Option<OffCpu> {
    let (pool, totals) = (case.graph.scaled?, &analysis.totals);
    if case.run.samples.is_empty() || share(totals.work_ns, totals.capacity_ns) < BUSY {
        return None;
    }
    let (mut names, mut lanes) = (BTreeMap::<NameIx, (u64, u64)>::new(), BTreeSet::new());
    let parts = (0..).zip(&case.graph.nodes);
    let parts = parts.filter(|(_, node)| node.kind == NodeKind::Part && case.graph.pool(node) == Some(pool));
    for (ix, node, span) in parts.filter_map(|(ix, node)| Some((ix, node, node.span()?))) {
        let cpu = case.graph.cpu(ix);
        let (on, off) = names.entry(case.run.spans[span as usize].name).or_default();
        (*on, *off) = (*on + cpu.0, *off + cpu.1);
        lanes.extend(node.lane());
    }
    let samples = case.run.samples.iter().filter(|sample| lanes.contains(&sample.lane));
    let (covered, cpu, queue) = samples.fold((0, 0, 0), |(covered, cpu, queue), sample| {
        (covered + sample.end - sample.start, cpu + sample.cpu_ns, queue + sample.queue_ns)
    });
    if share(covered, totals.wall_ns * lanes.len() as u64) < COVERED || share(cpu + queue, covered) > OFF {
        return None;
    }
    let (name, (on, off)) = names.into_iter().max_by_key(|(name, (_, off))| (*off, NameIx::MAX - name))?;
    Some(OffCpu { name: case.run.names[name as usize].to_string(), on, off, cores: share(cpu, covered) })
}

impl OffCpu {
    /// Who is busy off the CPU.
    pub(super) fn sentence(&self) -> String {
        let part = percent(share(self.off, self.on + self.off));
        format!(
            "`{}` is off the CPU for {part} of its time; each lane uses {} of a core.",
            self.name,
            percent(self.cores)
        )
    }

    pub(super) fn evidence(&self) -> Vec<Evidence> {
        let value = format!("{} off the CPU, {} on it", duration(self.off), duration(self.on));
        vec![Evidence { label: format!("time in `{}`", self.name), value, spans: Vec::new() }]
    }
}
