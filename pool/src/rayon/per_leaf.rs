//! [`PerLeaf`]: one span per leaf.

use super::leaf::LeafSpec;
use super::leaf_map::LeafMap;
use super::try_item::TryItem;
use crate::carry::JobName;
use ::rayon::iter::{FilterMap, FlattenIter, ParallelIterator};
use heirloom_core::{Context, Name};

/// A parallel iterator whose next step has a span per leaf. Made by [`Traced::per_leaf`](super::Traced::per_leaf) and
/// [`Traced::summary`](super::Traced::summary).
///
/// A leaf's span starts before its first item and ends when the leaf is complete. So it includes rayon's work between two items
/// (later steps, folding, collecting). A leaf without items has no span. In `chunks` each chunk is a leaf.
///
/// The closures don't get a span, and **the current context isn't changed**: it is that of the pool's thread, usually none. For
/// spans inside the closure, pass a context to it, or trace per item.
///
/// | attribute | meaning |
/// |---|---|
/// | `heirloom.items` | number of items that the leaf finished (without one that panicked) |
/// | `heirloom.busy_ns` | the span's duration without other leaves that ran on the same thread meanwhile: stolen ones while an item waited, and those of a parallel iterator inside an item. In the sum over a thread's leaves, no nanosecond counts twice |
///
/// If an item panics, the leaf's span ends as an error.
///
/// Cost: a branch per item. Per leaf a span, two further clock reads and two attributes, unless it isn't sampled. Per call two
/// marks with a clock read each.
///
/// ```
/// use heirloom_pool::prelude::*;
/// use rayon::prelude::*;
/// let bytes: usize = heirloom_core::in_root("measure", |root| {
///     ["a", "parallel", "program"].par_iter().traced(root).per_leaf().map("words", |word| word.len()).sum()
/// });
/// assert_eq!(bytes, 16);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a traced iterator does nothing until one of its methods is called and the result is consumed"]
pub struct PerLeaf<I> {
    base: I,
    cx: Context,
    summary: bool,
}

impl<I: ParallelIterator> PerLeaf<I> {
    pub(super) fn new(base: I, cx: Context, summary: bool) -> Self {
        Self { base, cx, summary }
    }

    /// As rayon's `map`.
    pub fn map<'n, F, R>(self, name: impl Into<Name<'n>>, f: F) -> LeafMap<I, F>
    where
        F: Fn(I::Item) -> R + Send + Sync,
        R: Send,
    {
        LeafMap::new(self.base, LeafSpec { cx: self.cx, name: JobName::new(name), summary: self.summary }, f)
    }

    /// As rayon's `for_each`.
    pub fn for_each<'n, F>(self, name: impl Into<Name<'n>>, f: F)
    where
        F: Fn(I::Item) + Send + Sync,
    {
        self.map(name, f).for_each(|()| ());
    }

    /// As rayon's `filter_map`.
    pub fn filter_map<'n, F, R>(
        self,
        name: impl Into<Name<'n>>,
        f: F,
    ) -> FilterMap<LeafMap<I, F>, impl Fn(Option<R>) -> Option<R> + Send + Sync>
    where
        F: Fn(I::Item) -> Option<R> + Send + Sync,
        R: Send,
    {
        self.map(name, f).filter_map(|item| item)
    }

    /// As rayon's `flat_map_iter`. The serial iterator is lazy: a histogram has the duration of `f`, which makes the iterator, not
    /// that of its items. The leaf's span includes them.
    ///
    /// Unlike in rayon, the serial iterator must be `Send`.
    pub fn flat_map_iter<'n, F, S>(self, name: impl Into<Name<'n>>, f: F) -> FlattenIter<LeafMap<I, F>>
    where
        F: Fn(I::Item) -> S + Send + Sync,
        S: IntoIterator<Item: Send> + Send,
    {
        self.map(name, f).flatten_iter()
    }

    /// As rayon's `try_for_each`: for closures that return a `Result`, an `Option` or a `ControlFlow`.
    ///
    /// # Errors
    ///
    /// The failure that rayon found first.
    pub fn try_for_each<'n, F, R>(self, name: impl Into<Name<'n>>, f: F) -> R
    where
        F: Fn(I::Item) -> R + Send + Sync,
        R: TryItem,
    {
        R::try_for_each(self.map(name, f), |result| result)
    }
}

#[cfg(test)]
mod tests {
    use super::super::TracedParallel;
    use super::*;
    use ::rayon::prelude::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn both<I: ParallelIterator + Clone>(base: I) -> [PerLeaf<I>; 2] {
        [base.clone().traced(Context::INERT).per_leaf(), base.traced(Context::INERT).summary()]
    }

    #[test]
    fn every_method_computes_what_rayon_computes() {
        for traced in both((0..100_u32).into_par_iter()) {
            let sum = AtomicUsize::new(0);
            traced.clone().for_each("item", |n| _ = sum.fetch_add(n as usize, Ordering::Relaxed));
            assert_eq!(sum.into_inner(), 4950);
            let odd: Vec<u32> = traced.clone().filter_map("item", |n| (n % 2 == 1).then_some(n)).collect();
            assert_eq!(odd, (0..100).filter(|n| n % 2 == 1).collect::<Vec<_>>());
            let twice: Vec<u32> = traced.clone().flat_map_iter("item", |n| [n, n]).collect();
            assert_eq!(twice, (0..100).flat_map(|n| [n, n]).collect::<Vec<_>>());
            assert_eq!(traced.clone().try_for_each("item", |n| if n == 7 { Err(n) } else { Ok(()) }), Err(7));
            assert_eq!(traced.try_for_each("item", |_| Some(())), Some(()));
        }
    }

    #[test]
    fn a_failure_stops_the_others_early() {
        for traced in both((0..1_000_000_u32).into_par_iter()) {
            let ran = AtomicUsize::new(0);
            let result = traced.try_for_each("item", |n| {
                ran.fetch_add(1, Ordering::Relaxed);
                if n == 0 {
                    None
                } else {
                    Some(())
                }
            });
            assert_eq!(result, None);
            assert!(ran.into_inner() < 1_000_000);
        }
    }
}
