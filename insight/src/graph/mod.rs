//! [`Graph`]: which work of a run had to follow which, apart from the lanes that were free by chance.
//!
//! # From a run to a graph
//!
//! A lane's time is cut into *parts*: stretches in which one span was the innermost one there. Parts that follow each other in
//! one flow of control form a *job*:
//!
//! - A nested child that belongs to no fan-out is in the job of its parent, between two of the parent's own parts.
//! - A child of a fan-out, a strand, and the waiting thread's own work between the fan-out's begin and its join are separate
//!   jobs. All of them follow the begin, and the join follows all of them. They don't depend on each other. Inside a stolen
//!   strand, spans follow each other. If one half of a `join` was stolen, the waiting thread's own work is the other half, and a
//!   job too.
//! - A span that is inside another one on its lane, without descending from it, was *stolen* there. It is a separate job.
//! - All polls of a task are one job, so spans of one task never run at once. The time between two polls is a *delay*, unless a
//!   dependency ends there. If all threads of the pool were busy when the task was polled again, the task was ready from the last
//!   moment at which one of them was idle.
//! - A child on another lane follows the part of its parent that submitted or started it. The parent's next part after the end of
//!   the child follows the child, if it ended inside its parent. A child that outlives its parent has no join.
//! - A background job follows the part of the span that submitted it, in the same trace or in a separate one. That span waits for
//!   it only if a wait for the job's handle was recorded.
//! - The end of a wait follows the span that ended it: the sender of a message, or the receiver that made room.
//! - Waits aren't work. If no recorded event ended a wait (an untraced sender did, for example), the wait becomes a delay.
//! - Roots on one thread that belongs to no pool follow each other. Other roots arrive when they were recorded.
//! - A span without a lane (it began on one thread and ended on another, or its thread is unknown) is a job of delays: the time in
//!   which no child of it ran. This is the model of CRISP (Zhang et al., "CRISP: Critical Path Analysis of Large-Scale Microservice
//!   Architectures", USENIX ATC 2022).
//! - Parts during which a lock was held exclude the other holders of that lock, in any order. Of a read-write lock, only holds
//!   that overlapped no other hold exclude others. Between a release and the moment at which a waiting thread has the lock, the
//!   mean of the recorded times passes ([`Graph::hand_offs`]).
//!
//! Each edge goes forwards in recorded time. So the graph has no cycle, and its longest chain isn't longer than the run.
//!
//! # Work and span
//!
//! T1 ([`Graph::work`]) is the sum of all parts. T-infinity ([`Graph::critical_path`]) is the longest chain, Cilk's "span" (He,
//! Leiserson, Leiserson, "The Cilkview Scalability Analyzer", SPAA 2010). It ignores locks. T1 divided by T-infinity is the
//! parallelism: with more lanes than that, some have nothing to do. A leaf of a parallel iterator of *n* items may be split down
//! to one item, so it adds a part of *1/n* to T-infinity.
//!
//! Cost: O(n log n) time for n spans, waits, polls and holds, about 110 bytes each while it is built. Nothing recurses.

mod build;
mod cpu;
mod detached;
mod edges;
mod grouped;
mod hand_offs;
mod holds;
mod intervals;
mod items;
mod order;
mod path;
mod pools;
mod ready;
mod stretches;
mod sweep;

pub use path::{Because, CriticalPath};
pub use pools::Pool;

use crate::model::{FanIx, Lane, LaneIx, LockIx, Run, Span, SpanIx};
use std::ops::Range;

/// Stands for "none" where an index is expected.
pub(crate) const NONE: u32 = u32::MAX;

/// An index into [`Graph::nodes`].
pub type NodeIx = u32;
/// An index into [`Graph::jobs`].
pub type JobIx = u32;
/// An index into [`Graph::pools`].
pub type PoolIx = u32;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// Work on a lane.
    Part,
    /// Time that needs no lane.
    Delay,
    /// The begin of a fan-out.
    Fork,
    /// The join of a fan-out.
    Join,
    /// The join of a fan-out for which the thread was blocked.
    BlockedJoin,
    /// The start of a child on another lane.
    Spawn,
    /// The first moment after the end of a child on another lane.
    ChildEnd,
    /// A message was sent, or room was made for one.
    Sent,
    /// A wait ended.
    Received,
}

/// A piece of a job: 32 bytes, since a graph has two or more for each span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// When it began: nanoseconds since 1970.
    pub start: u64,
    length: u64,
    /// The job.
    pub job: JobIx,
    /// [`NONE`]: there is none.
    span: SpanIx,
    /// [`NONE`]: it is on none.
    lane: LaneIx,
    /// What it is.
    pub kind: NodeKind,
}

/// Whether a span runs on its lane from its start to its end, as far as is known.
fn on_lane(run: &Run, span: &Span) -> bool {
    span.nested && !span.polled && run.lanes.get(span.lane as usize).is_some_and(Lane::is_known)
}

impl Node {
    /// Nanoseconds in all. The time in which it waited for a core isn't among them.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The span whose own time it is.
    #[must_use]
    pub fn span(&self) -> Option<SpanIx> {
        (self.span != NONE).then_some(self.span)
    }

    /// The lane that it ran on.
    #[must_use]
    pub fn lane(&self) -> Option<LaneIx> {
        (self.lane != NONE).then_some(self.lane)
    }
}

/// A flow of control: its nodes follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The span that it runs, or the one that its fan-out belongs to.
    pub span: Option<SpanIx>,
    /// The fan-out that it is a piece of.
    pub fan: Option<FanIx>,
    /// Into how many pieces it can be split at most.
    pub items: u64,
    /// Its nodes.
    pub nodes: Range<NodeIx>,
}

/// Nodes of one job, one behind the other, during which a lock was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The lock.
    pub lock: LockIx,
    /// The first node.
    pub first: NodeIx,
    /// The last node.
    pub last: NodeIx,
}

/// The dependencies of a run.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The nodes, by job.
    pub nodes: Vec<Node>,
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Edges between jobs, by source. The order of the nodes of one job isn't among them.
    pub edges: Vec<(NodeIx, NodeIx)>,
    /// Holds of locks that exclude each other.
    pub held: Vec<Held>,
    /// For each lock of the run: nanoseconds from its release to when a thread that waits for it has it.
    pub hand_offs: Vec<u64>,
    /// The pools. A thread that belongs to none is a pool of one.
    pub pools: Vec<Pool>,
    /// The pool whose size a prediction varies: the one that ran most of the fan-outs' work, if there is one.
    pub scaled: Option<PoolIx>,
    /// Edges that were left out since they would have closed a circle.
    pub left_out: u64,
    /// For each node of a run with samples: nanoseconds that need no CPU. Empty without samples.
    off: Vec<u64>,
    /// For each lane of the run: its pool.
    pool_of: Vec<PoolIx>,
    /// Nodes of one job that follow each other, each run behind all that its nodes depend on.
    runs: Vec<Range<NodeIx>>,
    /// For each job, where the edges of its nodes begin.
    edge_starts: Vec<u32>,
}

impl Graph {
    /// The dependencies of `run`.
    #[must_use]
    pub fn new(run: &Run) -> Self {
        build::graph(run)
    }

    /// Nanoseconds of a node on a CPU, and those that need none: I/O, sleep, page faults. Without samples, all of a part is on a
    /// CPU.
    #[must_use]
    pub fn cpu(&self, node: NodeIx) -> (u64, u64) {
        let Node { kind, length, .. } = self.nodes[node as usize];
        match (self.off.get(node as usize), kind) {
            (Some(off), _) => (length - off, *off),
            (None, NodeKind::Part) => (length, 0),
            (None, _) => (0, length),
        }
    }

    /// The pool of a node's lane.
    #[must_use]
    pub fn pool(&self, node: &Node) -> Option<PoolIx> {
        self.pool_of.get(node.lane as usize).copied()
    }

    /// T1: nanoseconds of work in all.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.nodes.iter().filter(|node| node.kind == NodeKind::Part).map(Node::length).sum()
    }

    /// T-infinity: the longest chain.
    #[must_use]
    pub fn critical_path(&self) -> CriticalPath {
        path::longest(self)
    }
}
