//! What the tests of all packages share: a test in a separate process ([`alone`]), and a watchdog for tests that wait
//! ([`watch`], [`within`]).

mod alone;
mod watchdog;

pub use alone::{again, alone, case, output_of, succeeded};
pub use watchdog::{watch, within, Watch};
