//! A row of the timeline.

use crate::model::SpanIx;

/// Whose row it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A lane's.
    Lane(u32),
    /// The asynchronous spans' of a process.
    Asynchronous(u32),
}

/// A row: indices into the tables of [`Run`](crate::model::Run), each by start.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) owner: Owner,
    pub(super) spans: Vec<SpanIx>,
    pub(super) polls: Vec<u32>,
    pub(super) waits: Vec<u32>,
    pub(super) strands: Vec<u32>,
}

impl Row {
    pub(super) fn of(owner: Owner) -> Self {
        Self { owner, spans: Vec::new(), polls: Vec::new(), waits: Vec::new(), strands: Vec::new() }
    }
}
