//! What a job of a simulated run does now.

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// It waits for other jobs, for time to pass, or for its work to end.
    Waiting,
    /// It is ready, and waits for a lane.
    Queued,
    /// It can go on as soon as its own lane is free.
    Tied,
    /// It has ended.
    Done,
}

/// A job of a simulated run.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) node: u32,
    pub(super) at: At,
    /// The lane that it has, or below whose work it waits.
    pub(super) lane: Option<u32>,
    /// Whether it waits below other work of its lane.
    pub(super) below: bool,
    /// Whether it waits for edges to its present node.
    pub(super) blocked: bool,
    /// The lane of the job that let it go on last: if that is idle, it runs there.
    pub(super) home: Option<u32>,
}
