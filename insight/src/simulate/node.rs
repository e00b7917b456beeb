//! [`PlanNode`]: a node of a plan, and what it does.

/// What a node of a plan does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Runs on a lane of this pool.
    Part(u32),
    /// Passes time.
    Delay,
    /// Waits for others.
    Marker,
    /// Lets others go on, in a job that is on no lane.
    Signal,
    /// A join for which a lane that steals comes back.
    TiedJoin,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PlanNode {
    pub(super) step: Step,
    pub(super) on: u64,
    pub(super) off: u64,
    /// The longest piece in it.
    pub(super) longest: u64,
    /// The same, with leaves split down to one item.
    pub(super) finest: u64,
    /// How many edges of other jobs lead here.
    pub(super) waits_for: u32,
    /// What was recorded earlier goes first.
    pub(super) rank: u64,
    /// Whether it is the last one of its job.
    pub(super) is_last: bool,
}

impl PlanNode {
    pub(super) fn length(&self) -> u64 {
        self.on + self.off
    }
}
