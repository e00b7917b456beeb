//! Why a shard takes no record.

/// Why a record was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No room until the collector has read more.
    Full,
    /// The maximum number of spans is open.
    OpenCap,
    /// The tracer has finished.
    Closed,
    /// The root of its trace could not be recorded.
    RootLost,
    /// The rings of all threads have reached their bound, or the system has no memory for more.
    Budget,
}

impl Refused {
    /// The number of causes.
    pub(crate) const CAUSES: usize = 5;
}
