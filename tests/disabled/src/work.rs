//! A loop, bare and instrumented. The program `bare` runs one and `instrumented` the other; `ci/library-mode.sh` counts
//! their instructions.

use heirloom_core::{in_root, in_span, Span, SpanKind};
use std::hint::black_box;

/// The number of rounds in the first argument; 0 without a valid one.
pub fn rounds() -> u64 {
    std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The work alone.
pub fn bare(rounds: u64) -> u64 {
    let mut state = 1;
    for i in 0..rounds {
        state = half(step(state, i));
    }
    state
}

/// The same work with a root, two spans a round, a scope, attributes, an event, a link and a status.
///
/// The caller makes the values of an event's attributes even if they aren't recorded. They cost nothing either, except
/// a `u64`, which may have to become a text.
pub fn instrumented(rounds: u64) -> u64 {
    in_root("loop", |root| {
        let parent = root.context();
        let mut state = 1;
        for i in 0..rounds {
            state = in_span("step", |span: &Span| {
                span.set("i", i).set("state", state).set("name", "step");
                let next = step(state, i);
                span.event_with("stepped", &[("next", (next as i64).into())]);
                next
            });
            let span = parent.build("half").kind(SpanKind::Client).link(root).start();
            let _scope = span.enter();
            state = half(state);
            if state == 0 {
                span.error("stuck");
            }
        }
        state
    })
}

#[inline(never)]
fn step(state: u64, i: u64) -> u64 {
    black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(i))
}

#[inline(never)]
fn half(state: u64) -> u64 {
    black_box(state ^ (state >> 31))
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_loops_do_the_same_work() {
        assert_eq!(super::bare(1000), super::instrumented(1000));
        assert_ne!(super::bare(1000), super::bare(1001));
    }
}
