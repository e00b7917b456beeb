//! What the tests of all packages share: a test in a separate process ([`alone`], [`elevated`]), a watchdog for tests that wait
//! ([`watch`], [`within`]), a wait for a thread that blocks ([`ThisThread`]), and random numbers ([`Rng`]).

mod alone;
mod asleep;
#[cfg(unix)]
mod elevated;
mod random;
mod watchdog;

pub use alone::{again, alone, case, output_of, succeeded};
pub use asleep::{this_thread, ThisThread};
#[cfg(unix)]
pub use elevated::elevated;
pub use random::{noise, Rng};
pub use watchdog::{watch, within, Watch};
