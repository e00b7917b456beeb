//! The recording of marks: facts about a lane at a time, beside its spans. For adapters of pools, locks and channels.
//!
//! | file | what it records |
//! |---|---|
//! | `fan.rs` | fan-outs, their joins, and spans in them |
//! | `strand.rs` | pieces of a fan-out without a span of their own |
//! | `wait.rs` | what blocked a thread, and for how long; what a task awaited |
//! | `lock.rs` | what a lock is called, how long it was held |
//! | `place.rs` | a job's stages, a thread's place in its pool |
//! | `poll.rs` | polls of futures and streams |
//! | `stamp.rs` | readings of the clock |
//! | `write.rs` | the span and the shard of a mark |

mod fan;
mod lock;
mod place;
#[cfg(feature = "async")]
mod poll;
mod stamp;
mod strand;
mod wait;
mod write;

pub use fan::FanOut;
pub use lock::{held, held_until, lock_totals, Lock};
pub use place::{current_span, pool, stage, stage_of, submitted};
#[cfg(feature = "async")]
pub(super) use poll::polled;
pub use stamp::{stamp, Stamp};
pub use strand::Strand;
pub use wait::{wait, waited, waited_until, Awaiting};
