//! The word by which writer and collector agree on memory.

/// A position, and marks. The writer moves the position in each refill. The collector sets and clears the mark.
///
/// ```text
/// bit  0       the collector frees memory
/// bit  1       no thread writes: the lease has ended, and the next one has not refilled yet
/// bits 3..61   the position up to which the writer may write without another refill, a multiple of 8
/// bits 61..64  how often memory was freed, modulo 8
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claim(pub(crate) u64);

const RECLAIMING: u64 = 1;
const AT_REST: u64 = 2;
const RECLAIMS_AT: u32 = 61;
const POSITION: u64 = (1 << RECLAIMS_AT) - 8;

impl Claim {
    /// No position is above this one.
    pub(super) const LAST_POSITION: u64 = POSITION;

    pub(super) fn position(self) -> u64 {
        self.0 & POSITION
    }

    pub(super) fn is_reclaiming(self) -> bool {
        self.0 & RECLAIMING != 0
    }

    pub(super) fn is_at_rest(self) -> bool {
        self.0 & AT_REST != 0
    }

    /// Whether no thread writes, and this is the end of what the last one wrote.
    pub(super) fn rests_at(self, position: u64) -> bool {
        self.is_at_rest() && self.position() == position & POSITION
    }

    /// The number of times that memory was freed, modulo 8. Between two refills of a writer it grows by less: each time frees
    /// at least half of what the shard has.
    pub(super) fn reclaims(self) -> u64 {
        self.0 >> RECLAIMS_AT
    }

    /// The same with another position, for a thread that writes.
    pub(super) fn moved_to(self, position: u64) -> Self {
        Self(self.0 & !(POSITION | AT_REST) | position & POSITION)
    }

    /// The same with another position, at the end of a lease.
    pub(super) fn at_rest(self, position: u64) -> Self {
        Self(self.moved_to(position).0 | AT_REST)
    }

    /// The same while memory is being freed, once more.
    pub(super) fn reclaiming(self) -> Self {
        Self((self.0 | RECLAIMING).wrapping_add(1 << RECLAIMS_AT))
    }

    /// What stays of a claim when the collector has freed memory.
    pub(super) const DONE: u64 = !RECLAIMING;

    /// The same without the mark.
    pub(super) fn done(self) -> Self {
        Self(self.0 & Self::DONE)
    }
}
