//! The sizes of a ring and of its parts.

use crate::wire::MAX_RECORD_BYTES;

/// The size of a shard, and how much of it may be reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// The largest size of the ring, in bytes: a power of two, at least [`MIN_BYTES`].
    pub(crate) bytes: u64,
    /// The most open spans that were started in this shard.
    pub(crate) max_open: u64,
    /// The longest value of an attribute, in bytes; longer ones are cut. At most a quarter of the ring, so that a value
    /// finds room in a ring that is not nearly full.
    pub(crate) max_value_bytes: u32,
}

/// How many of the longest records a ring holds at least. Few under loom, so that every model fills and wraps its ring.
const LONGEST_RECORDS: u64 = if cfg!(loom) { 2 } else { 8 };
/// The smallest ring, in bytes: room for that many records of 128 bytes (under loom of 64).
pub(crate) const MIN_BYTES: u64 = if cfg!(loom) { 128 } else { 1024 };
/// The part of a ring that is used at first, in bytes, and the smallest ring of which only a part is used. Smaller ones occur
/// in tests only.
pub(super) const FIRST: u64 = if cfg!(loom) { 256 } else { 64 << 10 };
/// The unit in which memory is taken and given back, in bytes.
pub(super) const PAGE: u64 = if cfg!(loom) { 8 } else { 4096 };
/// The first step of a writer, in bytes.
const FIRST_STEP: u64 = if cfg!(loom) { 16 } else { 8 << 10 };
/// The longest step of a writer, in bytes: after that many it sees that the tracer has finished, or wakes the collector.
const MAX_STEP: u64 = 128 << 10;
/// The largest ring on the heap where all allocated memory counts as used, in bytes.
const MAX_ALLOCATED: u64 = 1 << 20;
/// The part of a ring that decides when the collector is woken, in bytes.
const WAKE_PART: u64 = 1 << 20;
/// The largest ring of a child process, in bytes.
const MAX_IN_REGION: u64 = 1 << 20;
/// The default size. Larger rings are for bursts that fit into them, so the collector is woken later there.
const DEFAULT: u64 = 16 << 20;

impl Sizes {
    /// These sizes with a ring that is a power of two and large enough, and values that fit into it.
    pub(crate) fn corrected(self) -> Self {
        self.of(self.bytes.max(MIN_BYTES).next_power_of_two())
    }

    /// The same for a ring of this many bytes, a power of two.
    pub(super) fn of(self, bytes: u64) -> Self {
        let quarter = u32::try_from(bytes / 4).unwrap_or(u32::MAX);
        Self { bytes, max_value_bytes: self.max_value_bytes.min(quarter), ..self }
    }

    /// The same for a region. All spans of a pass may wait for the next one, and the parent bounds those of a child that it
    /// doesn't trust: so a child's rings are no larger than 1 MiB, unless the setting is for larger bursts.
    pub(crate) fn in_region(self) -> Self {
        let sizes = self.corrected();
        if sizes.bytes <= DEFAULT {
            sizes.of(sizes.bytes.min(MAX_IN_REGION))
        } else {
            sizes
        }
    }

    /// The same for a ring on the heap. On Unix, allocated memory is address space too until it is written.
    pub(super) fn on_heap(self) -> Self {
        self.of(if cfg!(unix) { self.bytes } else { self.bytes.min(MAX_ALLOCATED) })
    }

    /// The longest record, in bytes.
    pub(crate) fn max_record(self) -> u64 {
        MAX_RECORD_BYTES.min(self.bytes / LONGEST_RECORDS)
    }

    /// The words of the ring and the slack behind them, in bytes.
    pub(crate) fn words_bytes(self) -> u64 {
        // The address sanitizer must detect this mutant (`ci/sanitize.sh`).
        let slack = if cfg!(heirloom_mutant = "slack") { 0 } else { self.max_record() };
        self.bytes + slack
    }

    /// Whether the ring uses only as much memory as it needs. Otherwise it uses all of it from the start.
    pub(crate) fn is_elastic(self) -> bool {
        self.bytes >= FIRST
    }

    /// The offset from which on the writer jumps back to the beginning. In very large rings it does that more rarely, so that
    /// positions grow slowly enough.
    pub(super) fn jump_from(self) -> u64 {
        if cfg!(loom) {
            64
        } else {
            FIRST.max(self.bytes / 256)
        }
    }

    /// How far a writer's position may be ahead of the reader's: after a jump and a hop, nearly two laps.
    pub(crate) fn most_ahead(self) -> u64 {
        if self.is_elastic() {
            2 * self.bytes
        } else {
            self.bytes
        }
    }

    /// How far the writer goes in one step, with so many bytes in use: not far at first, since many threads record little.
    pub(super) fn step(self, used: u64) -> u64 {
        if self.is_elastic() {
            (used / 2).clamp(FIRST_STEP, 2 * FIRST_STEP).max(used / 8).min(MAX_STEP)
        } else {
            self.bytes / 8
        }
    }

    /// After how many bytes the reader makes room, in the middle of a pass.
    pub(crate) fn give_back_after(self) -> u64 {
        (self.bytes / 4).min(FIRST)
    }

    /// The writer wakes the collector when a third of this is unread, and again after each eighth. The collector looks at
    /// busy shards every few milliseconds anyway: this is for those that are faster.
    pub(super) fn wake_part(self) -> u64 {
        if self.bytes <= DEFAULT {
            self.bytes.min(WAKE_PART)
        } else {
            self.bytes
        }
    }
}
