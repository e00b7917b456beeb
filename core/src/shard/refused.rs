//! Why a shard takes no begin.

/// Why a record was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No room until the collector has read more.
    Full,
    /// As many spans are open as may be.
    OpenCap,
    /// The tracer has finished.
    Closed,
    /// The root of its trace was refused.
    RootLost,
}

impl Refused {
    /// How many there are.
    pub(crate) const CAUSES: usize = 4;
}
