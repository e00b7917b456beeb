//! Rayon: traced parallel iterators, and traced forms of the functions and of the `ThreadPool` methods that start jobs.
//!
//! ```
//! use heirloom_pool::prelude::*;
//! use rayon::prelude::*;
//! let words = ["a", "parallel", "program"];
//! heirloom_core::in_root("measure", |root| {
//!     let lengths: Vec<usize> = words
//!         .par_iter()
//!         .traced(root)
//!         .map("word", |span, word| {
//!             span.set("bytes", word.len());
//!             word.len()
//!         })
//!         .collect(); // from here on rayon's types, in order
//!     assert_eq!(lengths, [1, 8, 7]);
//! });
//! ```
//!
//! # One step, or all further steps
//!
//! `.traced(cx).map(name, f)` is one step: `f` gets the item's span and runs in it. `.traced(cx).items(name)` is a *stage*, itself
//! a parallel iterator: from there on, the closures that rayon runs for the item run in the item's span. See [`Items`].
//!
//! What comes after one step is plain rayon: a span that a later closure starts without a handle is no child of `cx`.
//!
//! # Granularity
//!
//! | | spans | costs | use it for items that take |
//! |---|---|---|---|
//! | [`.traced(cx)`](TracedParallel::traced) | one per item | a span per item: two clock reads, no lock, no allocation | more than a microsecond |
//! | [`.items(name)`](Traced::items) | one per item, around all further steps | the same | more than a microsecond |
//! | [`.leaves(name)`](Traced::leaves) | one per leaf, around all further steps | entering and leaving a scope per item; a span and two clock reads per leaf | any time |
//! | [`.per_leaf()`](Traced::per_leaf) | one per leaf | a branch per item; a span and two clock reads per leaf | any time |
//! | [`.summary()`](Traced::summary) | one per leaf, with a histogram | two clock reads per item, an allocation per leaf | more than 100 ns |
//!
//! A *leaf* is a run of items that rayon takes one after the other on one thread, without further splitting. The number of leaves
//! depends on the pool's load: usually a few per thread, and more if work was stolen.
//!
//! # The current context, and stealing
//!
//! A rayon thread that waits (in `rayon::join`, in a nested parallel iterator, in `install` from another pool) doesn't sleep. It
//! *steals* an unrelated job and runs it while it waits. So:
//!
//! - **The parent by handle is always right.** All adapters here take the context where the job is submitted.
//! - **Inside a job of an adapter the current context is right too:** the adapter makes the context of the job's span (or, in
//!   [`join()`], the given context) current, and restores the previous one afterwards.
//! - **Inside a job of plain `rayon::join`, `rayon::spawn` or a plain parallel iterator the current context is arbitrary:** there
//!   is none, or it is that of the job that waits on the thread. Rayon doesn't report that a stolen job starts. Use the traced
//!   forms here, or pass a context to the job.
//!
//! # Differences from plain rayon
//!
//! Only the spans differ. Items are computed in the same order and in the same leaves. `with_min_len` and `with_max_len` hold. A
//! panic passes through unchanged, and ends the span as an error. `find_any` and `try_for_each` stop as early as they do untraced.
//! A parallel iterator that isn't consumed has no spans.
//!
//! # Fan-outs
//!
//! Each call of a traced iterator, of [`join()`], [`scope()`] or [`broadcast`] is a *fan-out*: its spans have its id, and its start
//! and its join are recorded with their times. So the analysis of a trace knows which spans could run at the same time, and that a
//! second call under the same parent began when the first one was done. Cost: two marks with a clock read each per call; per item
//! one more word in its record.
//!
//! # Lanes
//!
//! In the trace, an unnamed thread of rayon is called `rayon-0`, `rayon-1`, ... by its index in its pool.
//! `ThreadPoolBuilder::thread_name` sets other names. This holds for threads that record for the first time after the first call of
//! an adapter.

mod fan;
mod functions;
mod item;
mod items;
pub(crate) mod lanes;
mod leaf;
mod leaf_map;
mod leaves;
mod per_leaf;
mod pool;
mod scope;
mod stage;
mod summary;
mod try_item;

pub use functions::{broadcast, install, join, join_context, spawn, spawn_broadcast, spawn_fifo};
pub use item::{SpanIter, Traced};
pub use items::Items;
pub use leaf_map::LeafMap;
pub use leaves::Leaves;
pub use per_leaf::PerLeaf;
pub use pool::{TracedPool, TracedThreadPool};
pub use scope::{in_place_scope, in_place_scope_fifo, scope, scope_fifo, Scope, ScopeFifo};
pub use try_item::TryItem;

use ::rayon::iter::ParallelIterator;
use heirloom_core::Context;

/// Adds [`traced`](Self::traced) to every parallel iterator.
pub trait TracedParallel: ParallelIterator {
    /// Traces the next step of this parallel iterator: its spans are children of `cx`.
    ///
    /// The result is not a parallel iterator. Its methods take a name, are one step of the computation, and return an ordinary
    /// parallel iterator, which is indexed if this one is: `collect` keeps the order, and `zip`, `chunks`, `chain` and `interleave`
    /// work. The spans cover that one step only. After [`items`](Traced::items) and [`leaves`](Traced::leaves) they cover all
    /// further steps.
    fn traced(self, cx: impl Into<Context>) -> Traced<Self> {
        lanes::name();
        Traced::new(self, cx.into())
    }
}

impl<I: ParallelIterator> TracedParallel for I {}
