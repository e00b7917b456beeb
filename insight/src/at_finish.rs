//! Bounds of an analysis that a program makes of itself, when its tracer finishes.

use crate::Options;
use std::time::Duration;

/// Upper bound on the spans, for memory: 56 bytes each, 112 MB in all, and up to 110 for each trace. What is left out is counted:
/// in a tree later spans, in a report older traces.
pub(crate) const MAX_SPANS: usize = 2_000_000;

/// Upper bound on the nodes of the simulated graph. The program waits, so that this one is folded to a tenth of what an analysis
/// has by itself.
const MAX_NODES: usize = 20_000;

/// How long `finish` waits for an analysis, independent of its own timeout: many times what the largest analysis takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The options of such an analysis.
pub(crate) fn options() -> Options<'static> {
    Options { most_nodes: MAX_NODES, ..Options::default() }
}
