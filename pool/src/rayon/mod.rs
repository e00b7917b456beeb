//! Rayon: traced parallel iterators, and twins of its functions and of a `ThreadPool`'s methods that start jobs.
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
//!         .collect(); // rayon's own from here on, in order
//!     assert_eq!(lengths, [1, 8, 7]);
//! });
//! ```
//!
//! # One step, or all that follows?
//!
//! `.traced(cx).map(name, f)` is one step: `f` runs in the item's span and is given it. `.traced(cx).items(name)` is a *stage*,
//! itself a parallel iterator: everything that rayon runs for the item from there on runs in the item's span. See
//! [`Items`].
//!
//! # How fine?
//!
//! | | spans | costs | use it for items that take |
//! |---|---|---|---|
//! | [`.traced(cx)`](TracedParallel::traced) | one per item | a span per item: two clock reads, no lock, no allocation | more than a microsecond |
//! | [`.items(name)`](Traced::items) | one per item, around all that follows | the same | more than a microsecond |
//! | [`.leaves(name)`](Traced::leaves) | one per leaf, around all that follows | entering and leaving a scope per item; a span and two clock reads per leaf | any time |
//! | [`.per_leaf()`](Traced::per_leaf) | one per leaf | a branch per item; a span and two clock reads per leaf | any time |
//! | [`.summary()`](Traced::summary) | one per leaf, with a histogram | two clock reads per item, an allocation per leaf | more than 100 ns |
//!
//! A *leaf* is a run of items that rayon takes one after the other on one thread, without splitting any further. How
//! many there are depends on how busy the pool is: a few per thread as a rule, more where work was stolen.
//!
//! # What is current, and stealing
//!
//! A rayon thread that waits (in `rayon::join`, in a nested parallel iterator, in `install` from another pool) doesn't
//! sleep: it *steals* a job that has nothing to do with what it waits for, and runs it in the middle of that. So:
//!
//! - **The parent by handle is always right.** All adapters here take the context where the job is submitted.
//! - **Inside a job of an adapter the current span is right too:** the adapter makes the job's own span (or, in
//!   [`join()`], the given context) current, and restores exactly what was there before.
//! - **Inside a job of plain `rayon::join`, `rayon::spawn` or a plain parallel iterator the current span is whatever
//!   the thread was in the middle of:** nothing at all, or the span of the job that waits. Nobody tells Heirloom that
//!   a stolen job begins. Use the twins here, or hand a context down.
//!
//! # What differs from plain rayon
//!
//! Nothing but the spans. Items are computed in the same order and in the same leaves, `with_min_len` and
//! `with_max_len` hold, a panic passes through unchanged (and closes the span as an error), `find_any` and
//! `try_for_each` stop as early as they do untraced. A parallel iterator that nobody consumes has no spans.
//!
//! # Lanes
//!
//! In the trace, a thread of rayon's without a name is called `rayon-0`, `rayon-1`, ... by its index in its pool;
//! `ThreadPoolBuilder::thread_name` gives others. That holds for threads that record for the first time after the first
//! call of an adapter here.

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
mod twins;

pub use item::{SpanIter, Traced};
pub use items::Items;
pub use leaf_map::LeafMap;
pub use leaves::Leaves;
pub use per_leaf::PerLeaf;
pub use pool::{TracedPool, TracedThreadPool};
pub use scope::{in_place_scope, in_place_scope_fifo, scope, scope_fifo, Scope, ScopeFifo};
pub use try_item::TryItem;
pub use twins::{broadcast, install, join, join_context, spawn, spawn_broadcast, spawn_fifo};

use ::rayon::iter::ParallelIterator;
use heirloom_core::Context;

/// Adds [`traced`](Self::traced) to every parallel iterator.
pub trait TracedParallel: ParallelIterator {
    /// Traces the next step of this parallel iterator: its spans are children of `cx`.
    ///
    /// What comes back is not a parallel iterator. Its methods take a name, are one step of the computation, and give
    /// back an ordinary one, which is indexed if this one was: `collect` keeps the order, `zip`, `chunks`, `chain` and
    /// `interleave` work. The steps before `traced` and after are not in the spans; those after
    /// [`items`](Traced::items) and [`leaves`](Traced::leaves) are.
    fn traced(self, cx: impl Into<Context>) -> Traced<Self> {
        lanes::name();
        Traced::new(self, cx.into())
    }
}

impl<I: ParallelIterator> TracedParallel for I {}
