//! More lanes than cores: they take turns.

use super::off_cpu::COVERED;
use super::Case;
use crate::analysis::{Analysis, Change, Evidence, WhatIf};
use crate::text::units::{count, counted, duration, percent, saved, share, three};

/// Lanes that want so many times the cores that there are take turns.
const CROWDED: f64 = 1.5;
/// Below this part of the wall time, fewer lanes are as fast.
const AS_FAST: f64 = 0.05;

/// The lanes of the pool that predictions vary, where they are more than there are cores, and compute.
pub(super) struct Shared<'a> {
    /// How many lanes there are.
    lanes: u32,
    /// How many cores they may use.
    cores: u32,
    /// How many of them had no core, though ready, on average.
    ready: f64,
    queue_ns: u64,
    pool: &'a str,
}

/// `None`: there are as many cores as lanes, or the lanes don't need them, or samples don't say.
pub(super) fn of<'a>(case: &Case<'a>, analysis: &Analysis) -> Option<Shared<'a>> {
    let (pool, cpus, lanes) = (case.graph.scaled?, case.run.machine.cpus?, case.own_lanes());
    if f64::from(lanes) <= cpus {
        return None;
    }
    let mut of_pool: Vec<u32> = case
        .graph
        .nodes
        .iter()
        .filter(|node| case.graph.pool(node) == Some(pool))
        .filter_map(|node| node.lane())
        .collect();
    of_pool.sort_unstable();
    of_pool.dedup();
    let samples = case.run.samples.iter().filter(|sample| of_pool.binary_search(&sample.lane).is_ok());
    let (covered, cpu, queue_ns) = samples.fold((0, 0, 0), |(covered, cpu, queue), sample| {
        (covered + sample.end - sample.start, cpu + sample.cpu_ns, queue + sample.queue_ns)
    });
    let wall = analysis.totals.wall_ns;
    let on_average = |ns: u64| share(ns, covered) * of_pool.len() as f64;
    let is_known = share(covered, wall * of_pool.len() as u64) >= COVERED;
    (is_known && on_average(cpu + queue_ns) >= CROWDED * cpus).then(|| Shared {
        lanes,
        cores: (cpus.floor() as u32).max(1),
        ready: on_average(queue_ns),
        queue_ns,
        pool: &case.graph.pools[pool as usize].name,
    })
}

impl Shared<'_> {
    /// The prediction with as many lanes as cores.
    pub(super) fn what_if<'b>(&self, analysis: &'b Analysis) -> Option<(u32, &'b WhatIf)> {
        (0..).zip(&analysis.what_ifs).find(|(_, row)| row.change == Change::Lanes { lanes: self.cores })
    }

    /// Who waits for whom.
    pub(super) fn sentence(&self) -> String {
        format!(
            "{} of `{}` share {}: on average, {} {} ready and had none.",
            counted(u64::from(self.lanes), "lane", "lanes"),
            self.pool,
            counted(u64::from(self.cores), "core", "cores"),
            three(self.ready),
            if three(self.ready) == "1" { "was" } else { "were" }
        )
    }

    /// What fewer lanes and more cores would do.
    pub(super) fn effect(&self, analysis: &Analysis, row: &WhatIf) -> String {
        let wall = analysis.totals.wall_ns;
        let lanes = counted(u64::from(self.cores), "lane", "lanes");
        let fewer = match share(row.ns.abs_diff(wall), wall) < AS_FAST {
            true => format!("{lanes} would be as fast as {}", count(u64::from(self.lanes))),
            false if row.ns > wall => format!("{lanes} would take {}", duration(row.ns)),
            false => format!("{lanes} would take {} ({})", duration(row.ns), saved(share(wall - row.ns, wall))),
        };
        let cores = self.cores * 2;
        let on = |lanes: u32| analysis.curve.iter().find(|point| point.lanes == lanes).map(|point| point.ns);
        match on(self.cores).zip(on(cores)).map(|(now, twice)| share(now.saturating_sub(twice), now)) {
            Some(gain) if gain >= AS_FAST => {
                format!("The cores are the limit: {fewer}; on {cores} cores, it would take {} less.", percent(gain))
            }
            _ => format!("More lanes gain nothing: {fewer}."),
        }
    }

    pub(super) fn evidence(&self) -> Vec<Evidence> {
        vec![Evidence {
            label: "ready without a core".to_owned(),
            value: format!("{} in all lanes", duration(self.queue_ns)),
            spans: Vec::new(),
        }]
    }
}
