//! The instrumented loop: `instrumented ROUNDS`.

use heirloom_disabled::work::{instrumented, rounds};

fn main() {
    std::hint::black_box(instrumented(rounds()));
}
