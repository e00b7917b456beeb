//! A change of the program, in the terms of the graph.

use crate::graph::{Graph, NodeIx};
use crate::model::{LockIx, NameIx, Run};

/// What is different from the recorded run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// Nothing.
    None,
    /// The own time of spans of this name is shorter.
    Faster {
        /// The name.
        name: NameIx,
        /// How many times as fast they are. Infinity: they take no time.
        factor: f64,
    },
    /// A lock excludes nothing.
    WithoutLock(LockIx),
    /// Each child of this name of a fan-out is split into equal pieces.
    Finer {
        /// The name.
        name: NameIx,
        /// Into how many.
        pieces: u32,
    },
    /// Polls of spans of this name that take more than 10 ms run on threads for blocking calls.
    SpawnBlocking(NameIx),
}

/// A poll that takes longer than this blocks its executor.
pub(crate) const LONG_POLL_NS: u64 = 10_000_000;

impl Change {
    /// Nanoseconds on the CPU and off it after the change.
    pub(super) fn lengths(self, run: &Run, graph: &Graph, node: NodeIx) -> (u64, u64) {
        let (on, off) = graph.cpu(node);
        let span = || graph.nodes[node as usize].span();
        match self {
            Self::Faster { name, factor } if span().is_some_and(|span| run.spans[span as usize].name == name) => {
                (shorter(on, factor), shorter(off, factor))
            }
            _ => (on, off),
        }
    }
}

/// Nanoseconds, so many times as fast.
pub(super) fn shorter(ns: u64, factor: f64) -> u64 {
    if ns == 0 || !factor.is_finite() || factor <= 0.0 {
        return 0;
    }
    // Rounds. `f64::round` is a call, and this is asked for each node.
    let exact = ns as f64 / factor;
    let whole = exact as u64;
    whole + u64::from(exact - whole as f64 >= 0.5)
}
