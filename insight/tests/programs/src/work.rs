//! What the programs do: timed waiting, and computing.
//!
//! *Timed waiting* sleeps for a given time. It stands for the work of a core that this machine doesn't have, so that two cores show
//! eight lanes. *Computing* takes as long as the machine needs.

use hmac_sha256::Hash;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Sleeps until `ms` milliseconds from now, times the scale.
pub(crate) fn wait(ms: f64, scale: f64) {
    wait_until(Instant::now() + Duration::from_secs_f64(ms * scale / 1e3));
}

/// Sleeps until then.
pub(crate) fn wait_until(deadline: Instant) {
    while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::sleep(left);
    }
}

/// SHA-256, again and again, over blocks of 1 KiB. About 3 us a block on a current core.
pub(crate) fn hash(blocks: u64, seed: u64) -> u64 {
    let mut block = [seed as u8; 1024];
    for _ in 0..blocks {
        let hash = Hash::hash(&block);
        block[..hash.len()].copy_from_slice(&hash);
    }
    u64::from(block[0])
}

/// Sorts that many numbers, which depend on the seed.
pub(crate) fn sort(count: usize, seed: u64) -> u64 {
    let mut numbers: Vec<u64> = random(seed).take(count).collect();
    numbers.sort_unstable();
    black_box(numbers[count / 2])
}

/// The number of primes in a range, by trial division: later ranges take longer.
pub(crate) fn primes(range: std::ops::Range<u64>) -> usize {
    range.filter(|n| *n > 1 && (2..).take_while(|d| d * d <= *n).all(|d| n % d != 0)).count()
}

/// The number of primes below `limit`, by a sieve.
pub(crate) fn sieve(limit: usize) -> usize {
    let mut composite = vec![false; limit];
    let mut count = 0;
    for n in 2..limit {
        if !composite[n] {
            count += 1;
            for multiple in (n * n..limit).step_by(n) {
                composite[multiple] = true;
            }
        }
    }
    count
}

/// Numbers that look random (xorshift).
fn random(seed: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(seed | 1), |n| {
        let n = n ^ (n << 13);
        let n = n ^ (n >> 7);
        Some(n ^ (n << 17))
    })
    .skip(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_computations_compute() {
        assert_eq!(primes(0..100), 25);
        assert_eq!(sieve(100), 25);
        assert_ne!(hash(2, 1), hash(3, 1));
        assert_ne!(sort(1000, 1), sort(1000, 2));
    }

    #[test]
    fn a_timed_wait_is_never_too_short() {
        let start = Instant::now();
        wait(8.0, 0.25);
        assert!(start.elapsed() >= Duration::from_millis(2));
    }
}
