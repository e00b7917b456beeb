//! What would happen with other lanes or a changed program: a simulated schedule of a [`Graph`](crate::graph::Graph).
//!
//! # The schedule
//!
//! Greedy list scheduling (Graham, "Bounds on Multiprocessing Timing Anomalies", 1969): a lane that has nothing to do takes the ready job of its pool that
//! was recorded first; a job that was just let go runs on the lane of the one that did so, if that is idle now. A job keeps its lane from part to part. It gives it up when it waits for another job, or for a delay; a
//! thread that waits for a lock keeps its lane. In a pool that steals (rayon), the job of a join goes on only on its own lane, and only
//! after all that the lane took on top of it has ended; if the run itself was faster than that, continuations are free. Time on a CPU needs a lane and a core; time off the CPU holds a lane only.
//! Without samples of CPU time nothing needs a core, since the recorded lengths have the wait for one in them. Locks are handed to
//! the holds in the order in which they asked. The same input always gives the same schedule.
//!
//! # The bounds
//!
//! - Lower: the largest of T-infinity with all leaves split, T1 of each pool / its size, CPU time / cores, and the longest total hold of a lock.
//! - Upper, for free continuations: T-infinity + the sum of T1 / size over the pools + CPU time / cores + all holds (Brent, "The Parallel Evaluation of General
//!   Arithmetic Expressions", 1974, and Graham, for several resources), where what lies on the chain itself is taken from the other terms: on *p* equal
//!   lanes that is Graham's *T1/p + (1 - 1/p) T-infinity*. A term is left out where the resource can't run short: a pool with as many lanes as jobs, as
//!   many cores as lanes, a lock with one user. Nor is it more than the same formula with all work on the smallest of these resources, nor than all work and
//!   all delays one after the other. Where continuations are tied to their lanes and the simulated time is longer, the bound is that time.
//!
//! # Measured and simulated
//!
//! The schedule knows no wake-ups, no cache and no untraced time. [`Base`] simulates the run as it was and divides the measured wall time by the result.
//! Every predicted time is the simulated one times this ratio: the gain of a change is the ratio of two simulations, applied to the wall time.
//! The bounds are stretched by it too, the lower one only if it is below 1, the upper one only if it is above.
//!
//! # Large graphs
//!
//! A graph of more than 200,000 nodes is folded: neighbouring pieces of one fan-out that nothing else depends on are run as one piece, and so are parts of one job
//! with nothing between them that another job or a lock depends on. These change no schedule with as many cores as lanes; with fewer, another job waits for its core
//! until the longest of them has ended. T1 and T-infinity stay what they were. The end of a fan-out moves by the length of its longest folded piece at most, so the
//! simulated time is within [`Plan::fold_error`], the sum of these and the longest merged part, of that of the whole graph, as long as locks are taken in the same order (Graham: "timing anomalies"). Where they are taken in another one, nothing bounds it.
//!
//! A short piece that its job waits for alone is planned as a part of that job, since both are one chain. Merged parts of such a chain are one node for each pool. If no other
//! job needs the lanes of these pools, the order of its parts changes nothing for others; if one does, it may wait for all of them, so they are in the error as a whole.

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
