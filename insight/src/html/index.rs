//! Facts about the tree of spans: levels, and which spans are found by their ids.

use crate::model::{Run, SpanIx};
use std::collections::HashMap;

/// How many ancestors each span has. A span in a circle of parents, which no good input has, counts as a root.
pub(super) fn levels(run: &Run) -> Vec<u32> {
    const UNKNOWN: u32 = u32::MAX;
    const ENTERED: u32 = u32::MAX - 1;
    let mut levels = vec![UNKNOWN; run.spans.len()];
    let mut way = Vec::new();
    for first in 0..run.spans.len() {
        let mut at = first;
        let mut level = loop {
            match levels[at] {
                UNKNOWN => {}
                ENTERED => break 0,
                known => break known + 1,
            }
            levels[at] = ENTERED;
            way.push(at);
            match run.spans[at].parent() {
                Some(parent) => at = parent as usize,
                None => break 0,
            }
        };
        while let Some(at) = way.pop() {
            levels[at] = level;
            level += 1;
        }
    }
    levels
}

/// Spans by the ids that an [`Analysis`](crate::analysis::Analysis) names.
pub(super) struct Ids(HashMap<u64, SpanIx>);

impl Ids {
    pub(super) fn of(run: &Run) -> Self {
        let mut map = HashMap::with_capacity(run.spans.len());
        for (ix, span) in (0..).zip(&run.spans) {
            map.entry(span.id.to_u64()).or_insert(ix);
        }
        Self(map)
    }

    pub(super) fn find(&self, id: &str) -> Option<SpanIx> {
        u64::from_str_radix(id, 16).ok().and_then(|id| self.0.get(&id).copied())
    }
}
