//! [`Level`]: how full a queue is for one process. [`Room`]: what it is counted from.

/// How full a queue is, in thousandths of what the process may use, rounded up. So it is at most [`FULL`](Level::FULL) exactly if
/// the bytes fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level(u64);

impl Level {
    /// From here on, leaves are refused.
    pub(super) const LEAVES: Self = Self(600);
    /// Above this, traces that begin are refused, a growing share of them.
    pub(super) const TRACES: Self = Self(800);
    /// Above this, spans are kept as skeletons.
    pub(super) const FULL: Self = Self(1000);
    /// Above this, every span is refused.
    pub(super) const OVERFULL: Self = Self(1100);

    pub(super) fn of(used: usize, of: usize) -> Self {
        Self((used as u64).saturating_mul(1000).div_ceil(of.max(1) as u64))
    }

    /// Whether a trace that begins at this level is refused: a share of all hashes that grows from none to all of them.
    pub(super) fn refuses(self, hash: u64) -> bool {
        let above = self.0.saturating_sub(Self::TRACES.0).min(Self::FULL.0 - Self::TRACES.0);
        (((u128::from(hash) * u128::from(Self::FULL.0 - Self::TRACES.0)) >> 64) as u64) < above
    }

    #[cfg(all(test, not(loom)))]
    pub(super) const fn thousandths(level: u64) -> Self {
        Self(level)
    }
}

/// What one process has of a queue, and what it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// The bytes of this process.
    pub(super) used: usize,
    /// What it may use: its reserve, and what others leave of the common half.
    pub(super) capacity: usize,
    /// The bytes of all processes.
    pub(super) total: usize,
    /// The bound of the queue.
    pub(super) bound: usize,
}

impl Room {
    /// The level with so many more bytes. A process that joins has a reserve at once, also if others use it. So the bound of all
    /// counts too, once it is exceeded.
    #[inline]
    pub(super) fn level(&self, more: usize) -> Level {
        let of_process = Level::of(self.used.saturating_add(more), self.capacity);
        let of_all = Level::of(self.total.saturating_add(more), self.bound);
        if of_all > Level::FULL {
            of_process.max(of_all)
        } else {
            of_process
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_at_most_full_and_one_byte_more_is_above() {
        for bound in [1, 7, 1000, 64 << 10, 64 << 20] {
            assert!(Level::of(bound, bound) <= Level::FULL);
            assert!(Level::of(bound + 1, bound) > Level::FULL, "{bound}");
        }
        assert!(Level::of(599, 1000) < Level::LEAVES && Level::of(600, 1000) == Level::LEAVES);
        assert!(Level::of(usize::MAX, 0) > Level::OVERFULL, "no bound is no division by zero");
    }

    #[test]
    fn no_trace_is_refused_at_80_percent_and_every_one_at_100_and_the_share_grows_between() {
        let hashes: Vec<u64> = (0..1000).map(|n| (u64::MAX / 1000) * n + 17).chain([0, u64::MAX]).collect();
        let refused = |level| hashes.iter().filter(|hash| Level::thousandths(level).refuses(**hash)).count();
        assert_eq!((refused(0), refused(800)), (0, 0));
        assert_eq!((refused(1000), refused(1100), refused(u64::MAX)), (1002, 1002, 1002));
        for level in 800..1000 {
            assert!(refused(level) <= refused(level + 1));
            let share = (level - 800) as f64 / 200.0 * 1002.0;
            assert!((refused(level) as f64 - share).abs() < 8.0, "{level}: {}", refused(level));
        }
    }

    #[test]
    fn a_trace_that_is_refused_at_a_level_is_refused_at_every_higher_one() {
        for hash in (0..64).map(|n| 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n)) {
            let first = (800..=1000).find(|level| Level::thousandths(*level).refuses(hash));
            let first = first.expect("at 100 % at the latest");
            assert!((first..1200).all(|level| Level::thousandths(level).refuses(hash)));
        }
    }

    #[test]
    fn the_bound_of_all_counts_once_it_is_exceeded() {
        let room = Room { used: 0, capacity: 250, total: 1000, bound: 1000 };
        assert_eq!(room.level(0), Level::thousandths(0));
        assert_eq!(room.level(50), Level::thousandths(1050), "its own level is 20 %");
        assert!(room.level(101) > Level::OVERFULL);
    }
}
