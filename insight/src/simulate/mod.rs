//! What would happen with other lanes or a changed program: a simulated schedule of a [`Graph`](crate::graph::Graph).
//!
//! # The schedule
//!
//! Greedy list scheduling (Graham, "Bounds on Multiprocessing Timing Anomalies", 1969): a lane that has nothing to do takes the
//! ready job of its pool that was recorded first. A job that has just become ready runs on the lane of the job that made it
//! ready, if that lane is idle now. A job keeps its lane from part to part. It releases the lane when it waits for another job,
//! or for a delay. A thread that waits for a lock keeps its lane. In a pool that steals (rayon), the job of a join goes on only
//! on its own lane, and only after all jobs that the lane took meanwhile have ended. If the run itself was faster than that, a
//! job may go on on any lane after a join ("free continuations"). Time on a CPU needs a lane and a core; time off the CPU needs
//! only a lane. Without samples of CPU time nothing needs a core, since the recorded durations include the waits for one. Jobs
//! get a lock in the order in which they asked for it. The same input always gives the same schedule.
//!
//! # The bounds
//!
//! - Lower: the largest of T-infinity with all leaves split, T1 of each pool / its size, CPU time / cores, and the longest total
//!   hold of a lock.
//! - Upper, for free continuations: T-infinity + the sum of T1 / size over the pools + CPU time / cores + all holds (Brent, "The
//!   Parallel Evaluation of General Arithmetic Expressions", 1974, and Graham, for several resources). The part that is on the
//!   chain itself is subtracted from the other terms: on *p* equal lanes that is Graham's *T1/p + (1 - 1/p) T-infinity*. A term
//!   is left out where the resource can't run short: a pool with as many lanes as jobs, as many cores as lanes, a lock with one
//!   user. Two other values limit the bound: the same formula with all work on the smallest of these resources, and the sum of
//!   all work and all delays. Where continuations are tied to their lanes and the simulated time is longer, the bound is that
//!   time.
//!
//! # Measured and simulated
//!
//! The schedule has no wake-ups, no caches and no untraced time. [`Base`] simulates the run as it was and divides the measured
//! wall time by the result. Every predicted time is the simulated one times this ratio: the gain of a change is the ratio of two
//! simulations, applied to the wall time. The bounds are stretched by it too, the lower one only if it is below 1, the upper one
//! only if it is above.
//!
//! # Large graphs
//!
//! A graph of more than 200,000 nodes is folded: neighbouring pieces of one fan-out that nothing else depends on run as one
//! piece. Parts of one job run as one part, if no other job and no lock depends on the time between them. Merged parts change no
//! schedule that has as many cores as lanes; with fewer cores, another job may wait for its core until the longest merged part
//! has ended. T1 and T-infinity stay what they were. The end of a fan-out moves by at most the length of its longest folded
//! piece. So the simulated time differs from that of the whole graph by at most [`Plan::fold_error`], the sum of these lengths
//! and of the longest merged part, as long as locks are taken in the same order. If they are taken in another one, nothing
//! bounds the difference (Graham: "timing anomalies").
//!
//! If a job starts a single short piece and waits for it, the piece is planned as a part of that job, since both are one chain.
//! Merged parts of such a chain are one node for each pool. If no other job needs the lanes of these pools, the order of the
//! parts doesn't matter to others. If another job does, it may wait for all of them, so the error includes all parts of the
//! chain.

mod base;
mod bounds;
mod chain;
mod change;
mod engine;
mod faster;
mod lane;
mod locks;
mod merged;
mod node;
mod plan;
mod shrink;
mod state;
mod template;

pub use base::{points, Base, MOST_NODES};
pub use bounds::{bounds, Bounds};
pub use change::Change;
pub(crate) use change::LONG_POLL_NS;
pub use engine::{run, Schedule};
pub use plan::{Lanes, Plan};
