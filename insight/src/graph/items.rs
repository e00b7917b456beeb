//! The nodes of a job, from its stretches and markers, in the order of time.

use super::cpu::Cpu;
use super::edges::{Edges, Marker};
use super::grouped::Grouped;
use super::ready::Ready;
use super::stretches::{Is, Stretch, Stretches};
use super::{Node, NodeIx, NodeKind, NONE};
use crate::model::{LaneIx, SpanIx};

/// What becomes a node.
#[derive(Clone, Copy)]
enum What {
    Arrival(u32),
    Marker(u32),
    Stretch(u32),
}

#[derive(Clone, Copy)]
struct Item {
    at: u64,
    /// At one time: what enters a job, then what leaves it, then what runs.
    rank: u8,
    what: What,
}

/// The nodes by job, and the node of each marker.
pub(super) struct Nodes {
    pub(super) nodes: Vec<Node>,
    /// Of each node, if there are samples: nanoseconds that need no CPU.
    pub(super) off: Vec<u64>,
    pub(super) of_marker: Vec<NodeIx>,
}

/// Makes the nodes of so many jobs. Frees stretches meanwhile: both are large.
pub(super) fn nodes(jobs: usize, stretches: Stretches, cpu: &[Cpu<'_>], edges: &Edges, ready: &Ready) -> Nodes {
    let of_stretches = Grouped::of(jobs, stretches.iter().map(|stretch| stretch.job));
    let of_markers = Grouped::of(jobs, edges.markers.iter().map(|marker| marker.job));
    let of_arrivals = Grouped::of(jobs, edges.arrivals.iter().map(|arrival| arrival.0));
    let count = stretches.len() + edges.markers.len() + edges.arrivals.len();
    let mut used_up = stretches.last_jobs().into_iter().peekable();
    let mut making = Making {
        stretches,
        cpu,
        found: (NONE, 0, 0),
        edges,
        ready,
        nodes: Vec::with_capacity(count),
        off: Vec::new(),
        of_marker: vec![NONE; edges.markers.len()],
    };
    let mut items = Vec::new();
    for job in 0..jobs as u32 {
        let stretches_of = of_stretches.rows(job).iter().map(|ix| {
            let start = making.stretches.get(*ix).start;
            Item { at: start, rank: 2, what: What::Stretch(*ix) }
        });
        let markers = of_markers.rows(job).iter().map(|ix| {
            let marker = &edges.markers[*ix as usize];
            Item { at: marker.at, rank: rank(marker), what: What::Marker(*ix) }
        });
        let arrivals = of_arrivals.rows(job).iter().map(|ix| Item { at: 0, rank: 0, what: What::Arrival(*ix) });
        items.clear();
        items.extend(stretches_of.chain(markers).chain(arrivals));
        items.sort_by_key(|item| (item.at, item.rank));
        leave_before_running(&mut items, &making.stretches, edges);
        making.job(job, &items);
        while let Some((_, block)) = used_up.next_if(|(last, _)| *last <= job) {
            making.stretches.free(block);
        }
    }
    Nodes { nodes: making.nodes, off: making.off, of_marker: making.of_marker }
}

fn rank(marker: &Marker) -> u8 {
    u8::from(!enters(marker.kind))
}

/// Whether another job must end before a marker of this kind.
fn enters(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::Join | NodeKind::BlockedJoin | NodeKind::ChildEnd | NodeKind::Received)
}

/// Where a stretch isn't cut at the time of a marker that leaves the job, the marker comes before the whole stretch, so that no
/// edge goes backwards in time.
fn leave_before_running(items: &mut [Item], stretches: &Stretches, edges: &Edges) {
    for ix in 1..items.len() {
        let What::Marker(marker) = items[ix].what else { continue };
        if enters(edges.markers[marker as usize].kind) {
            continue;
        }
        let mut ix = ix;
        while let Some(What::Stretch(before)) = ix.checked_sub(1).map(|before| items[before].what) {
            if stretches.get(before).end <= items[ix].at {
                break;
            }
            items.swap(ix - 1, ix);
            ix -= 1;
        }
    }
}

struct Making<'a> {
    stretches: Stretches,
    /// For each lane; empty without samples.
    cpu: &'a [Cpu<'a>],
    /// The last stretch of work: its lane, its start, and which sample it began in.
    found: (LaneIx, u64, usize),
    edges: &'a Edges,
    ready: &'a Ready,
    nodes: Vec<Node>,
    off: Vec<u64>,
    of_marker: Vec<NodeIx>,
}

impl Making<'_> {
    fn job(&mut self, job: u32, items: &[Item]) {
        let explained = self.entered_before_work(items);
        // Whether something entered since the last work, and when that ended.
        let (mut entered, mut ended): (bool, Option<u64>) = (false, None);
        for (item, explained) in items.iter().zip(explained) {
            match item.what {
                What::Arrival(ix) => {
                    let (_, from, to) = self.edges.arrivals[ix as usize];
                    if to > from {
                        self.delay(job, NONE, from, to - from);
                    }
                }
                What::Marker(ix) => {
                    let marker = self.edges.markers[ix as usize];
                    entered |= enters(marker.kind);
                    self.of_marker[ix as usize] = self.nodes.len() as NodeIx;
                    let at = ended.map_or(marker.at, |ended| ended.max(marker.at));
                    let Marker { kind, span, .. } = marker;
                    self.push(Node { start: at, length: 0, job, span, lane: NONE, kind }, 0);
                }
                What::Stretch(ix) => {
                    let stretch = *self.stretches.get(ix);
                    if let (true, false, Some(ended)) = (stretch.fresh_poll, entered, ended) {
                        self.between_polls(&stretch, ended);
                    }
                    self.stretch(&stretch, explained);
                    if stretch.is != Is::Wait {
                        (entered, ended) = (false, Some(stretch.end));
                    }
                }
            }
        }
    }

    /// For each item: whether something enters the job behind it and before its next work.
    fn entered_before_work(&self, items: &[Item]) -> Vec<bool> {
        let mut entered = false;
        let mut found: Vec<bool> = items
            .iter()
            .rev()
            .map(|item| {
                let here = entered;
                match item.what {
                    What::Marker(ix) => entered |= enters(self.edges.markers[ix as usize].kind),
                    What::Stretch(ix) if self.stretches.get(ix).is != Is::Wait => entered = false,
                    _ => {}
                }
                here
            })
            .collect();
        found.reverse();
        found
    }

    fn stretch(&mut self, stretch: &Stretch, explained: bool) {
        let Stretch { start, job, span, lane, .. } = *stretch;
        match stretch.is {
            Is::Work => {
                let (on, off) = self.split(stretch);
                self.push(Node { start, length: on + off, job, span, lane, kind: NodeKind::Part }, off);
            }
            Is::Wait if explained => {}
            Is::Wait | Is::Latency => self.delay(job, span, start, stretch.length()),
        }
    }

    /// Nanoseconds of work on a CPU and off it. Without samples all of it is on a CPU.
    fn split(&mut self, stretch: &Stretch) -> (u64, u64) {
        let Some(cpu) = self.cpu.get(stretch.lane as usize) else { return (stretch.length(), 0) };
        // Stretches of one job mostly follow each other on one lane.
        let (lane, start, at) = self.found;
        let follows = lane == stretch.lane && start <= stretch.start;
        let mut at = if follows { at } else { cpu.at(stretch.start) };
        let split = cpu.split(&mut at, stretch.start, stretch.end);
        self.found = (stretch.lane, stretch.start, at);
        split
    }

    /// A task whose wake-up wasn't recorded: it waited for something outside until the last moment at which a thread of its pool
    /// was idle.
    fn between_polls(&mut self, stretch: &Stretch, ended: u64) {
        let woken = self.ready.at(stretch.lane, stretch.start);
        if woken > ended {
            self.delay(stretch.job, NONE, ended, woken - ended);
        }
    }

    fn delay(&mut self, job: u32, span: SpanIx, start: u64, length: u64) {
        self.push(Node { start, length, job, span, lane: NONE, kind: NodeKind::Delay }, length);
    }

    fn push(&mut self, node: Node, off: u64) {
        self.nodes.push(node);
        if !self.cpu.is_empty() {
            self.off.push(off);
        }
    }
}
