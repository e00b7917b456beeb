//! Hashes of trace ids, which strangers choose: for the collector's tables and the exporters' queues.

use crate::random::seed;
use std::hash::{BuildHasher, Hasher};

/// Hashes ids of traces, which strangers choose, under a key that they don't know: one multiplication for each half, whose
/// product is folded. It has no proof of strength; it only has to be too costly to search for collisions without the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyedIds(u64, u64);

impl Default for KeyedIds {
    fn default() -> Self {
        Self(seed(), seed() | 1)
    }
}

impl BuildHasher for KeyedIds {
    type Hasher = KeyedHasher;

    #[inline]
    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher { state: self.0, key: self.1 }
    }
}

/// The hasher of [`KeyedIds`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyedHasher {
    state: u64,
    key: u64,
}

impl Hasher for KeyedHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    #[inline]
    fn write_u64(&mut self, half: u64) {
        let product = u128::from(self.state ^ half) * u128::from(self.key);
        self.state = product as u64 ^ (product >> 64) as u64;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::TraceId;
    use std::collections::HashSet;

    #[test]
    fn keyed_hashes_of_ids_spread_and_depend_on_the_key() {
        let (one, other) = (KeyedIds::default(), KeyedIds::default());
        let ids = || (0..1_u128 << 12).map(|n| TraceId::from_u128(n << 52 | n));
        for keyed in [one, other] {
            let low: HashSet<u64> = ids().map(|id| keyed.hash_one(id) & 0xffff).collect();
            assert!(low.len() > 3_900, "{} of 4,096 hashes differ in 16 bits", low.len());
        }
        assert!(ids().filter(|id| one.hash_one(id) == other.hash_one(id)).count() < 2);
    }
}
