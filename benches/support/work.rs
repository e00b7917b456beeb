//! Arithmetic that takes a wanted time: the items of a pipeline.

use std::hint::black_box;
use std::time::Instant;

/// Arithmetic in which each step depends on the previous one ([xorshift]).
///
/// [xorshift]: https://www.jstatsoft.org/article/view/v008i14
#[inline(never)]
pub fn work(seed: u64, steps: u32) -> u64 {
    let mut x = seed | 1;
    for _ in 0..steps {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    x >> 32 // So that the sum of all items doesn't overflow.
}

/// The number of steps that take this time in nanoseconds, by the fastest of several tries.
pub fn steps_that_take(wanted_ns: f64) -> u32 {
    const STEPS: u32 = 1_000_000;
    let try_once = |i| {
        let begin = Instant::now();
        black_box(work(black_box(i), STEPS));
        begin.elapsed().as_nanos() as f64
    };
    let fastest = (0..10).map(try_once).fold(f64::INFINITY, f64::min);
    (f64::from(STEPS) * wanted_ns / fastest) as u32
}
