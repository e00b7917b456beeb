//! The bare loop: `bare ROUNDS`.

use heirloom_disabled::work::{bare, rounds};

fn main() {
    std::hint::black_box(bare(rounds()));
}
