//! Random numbers for ids: fast, one generator per thread, seeded by the operating system.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A seed, never zero.
pub(crate) fn seed() -> u64 {
    // The operating system seeds a RandomState once per thread. The counter, the process id and the time make the seeds
    // of threads and forked processes different: the children of one thread have its RandomState, and ids are reused.
    static SEEDS: AtomicU64 = AtomicU64::new(0);
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u64(SEEDS.fetch_add(1, Ordering::Relaxed));
    hasher.write_u32(std::process::id());
    hasher.write_u128(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos()));
    hasher.finish() | 1
}

/// A generator, wyrand, that seeds itself at its first use.
///
/// Source: <https://github.com/wangyi-fudan/wyhash>, `wyrand`.
#[derive(Debug)]
pub(crate) struct Random(Cell<u64>);

impl Random {
    pub(crate) const fn new() -> Self {
        Self(Cell::new(0))
    }

    /// Makes the next use seed it anew: in the child of a fork it would repeat the parent's numbers.
    pub(crate) fn forget_seed(&self) {
        self.0.set(0);
    }

    /// The next number.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        let mut state = self.0.get();
        if state == 0 {
            state = seed();
        }
        state = state.wrapping_add(0xa076_1d64_78bd_642f);
        self.0.set(state);
        let product = u128::from(state) * u128::from(state ^ 0xe703_7ed1_a0b4_28db);
        (product >> 64) as u64 ^ product as u64
    }
}
