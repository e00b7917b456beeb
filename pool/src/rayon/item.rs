//! [`Traced`]: one span per item.

use super::fan::FanGuard;
use super::items::Items;
use super::lanes;
use super::leaves::Leaves;
use super::per_leaf::PerLeaf;
use super::try_item::TryItem;
use crate::carry::JobName;
use ::rayon::iter::{FilterMap, FlatMapIter, Map, ParallelIterator};
use heirloom_core::mark::FanKind;
use heirloom_core::{Context, Name, Span};

/// A parallel iterator whose next step has a span per item. Made by [`traced`](super::TracedParallel::traced).
///
/// Each closure gets the item's span, whose context is current while the closure runs. The span covers only the closure, except in
/// [`flat_map_iter`](Self::flat_map_iter). [`items`](Self::items) covers several steps with one span.
#[derive(Clone, Debug)]
#[must_use = "a traced iterator does nothing until one of its methods is called and the result is consumed"]
pub struct Traced<I> {
    base: I,
    cx: Context,
}

impl<I: ParallelIterator> Traced<I> {
    pub(super) fn new(base: I, cx: Context) -> Self {
        Self { base, cx }
    }

    /// A stage: a parallel iterator over the same items. The closures that rayon runs downstream for an item run in that item's
    /// span. [`Items`] lists them.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use rayon::prelude::*;
    /// let odd: Vec<i32> = heirloom_core::in_root("parse", |root| {
    ///     let texts = ["1", "x", "2", "3"].par_iter().traced(root).items("text");
    ///     texts.filter_map(|text| text.parse().ok()).filter(|n| n % 2 == 1).collect()
    /// });
    /// assert_eq!(odd, [1, 3]);
    /// ```
    pub fn items<'n>(self, name: impl Into<Name<'n>>) -> Items<I> {
        Items::new(self.base, self.cx, JobName::new(name))
    }

    /// A stage with a span per leaf: as [`items`](Self::items), for items that are too small for a span each.
    /// [`Leaves`] has an example.
    #[doc(alias = "per_leaf")]
    pub fn leaves<'n>(self, name: impl Into<Name<'n>>) -> Leaves<I> {
        Leaves::new(self.base, self.cx, JobName::new(name))
    }

    /// One span per leaf instead of one per item, for items of any size.
    pub fn per_leaf(self) -> PerLeaf<I> {
        PerLeaf::new(self.base, self.cx, false)
    }

    /// One span per leaf, with the number of items and a histogram of their durations.
    ///
    /// | attribute | meaning |
    /// |---|---|
    /// | `heirloom.items` | number of items that the leaf finished (without one that panicked) |
    /// | `heirloom.duration_histogram` | an array of counts: element 0 counts closures that took 0 or 1 ns, element *i* those that took from 2<sup>i</sup> up to but not including 2<sup>i+1</sup> ns, element 39 all from 2<sup>39</sup> ns (nine minutes) on; zeros at the end are left out |
    /// | `heirloom.busy_ns` | as in [`per_leaf`](Self::per_leaf) |
    ///
    /// The durations are those of the closure alone, in wall time, so they include waiting.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use rayon::prelude::*;
    /// let total: u64 = heirloom_core::in_root("add up", |root| {
    ///     (0..1000_u64).into_par_iter().traced(root).summary().map("square", |n| n * n).sum()
    /// });
    /// assert_eq!(total, 332_833_500);
    /// ```
    pub fn summary(self) -> PerLeaf<I> {
        PerLeaf::new(self.base, self.cx, true)
    }

    /// As rayon's `map`. Closures after it run in no span: where they record spans, use [`items`](Self::items).
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use rayon::prelude::*;
    /// let doubled: Vec<i32> = heirloom_core::in_root("double", |root| {
    ///     vec![1, 2, 3].into_par_iter().traced(root).map("item", |_span, n| n * 2).collect()
    /// });
    /// assert_eq!(doubled, [2, 4, 6]);
    /// ```
    pub fn map<'f, 'n, F, R>(self, name: impl Into<Name<'n>>, f: F) -> Map<I, impl Fn(I::Item) -> R + Send + Sync + 'f>
    where
        F: Fn(&Span, I::Item) -> R + Send + Sync + 'f,
        R: Send,
    {
        let step = Step::new(self.cx, name);
        self.base.map(move |item| step.run(|span| f(span, item)))
    }

    /// As rayon's `for_each`.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use rayon::prelude::*;
    /// let mut numbers = [1, 2, 3];
    /// heirloom_core::in_root("double", |root| {
    ///     numbers.par_iter_mut().traced(root).for_each("item", |_span, n| *n *= 2);
    /// });
    /// assert_eq!(numbers, [2, 4, 6]);
    /// ```
    pub fn for_each<'n, F>(self, name: impl Into<Name<'n>>, f: F)
    where
        F: Fn(&Span, I::Item) + Send + Sync,
    {
        let step = Step::new(self.cx, name);
        self.base.for_each(move |item| step.run(|span| f(span, item)));
    }

    /// As rayon's `filter_map`. Closures after it run in no span, as after [`map`](Self::map).
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use rayon::prelude::*;
    /// let numbers: Vec<i32> = heirloom_core::in_root("parse", |root| {
    ///     ["1", "x", "3"].par_iter().traced(root).filter_map("item", |_span, text| text.parse().ok()).collect()
    /// });
    /// assert_eq!(numbers, [1, 3]);
    /// ```
    pub fn filter_map<'f, 'n, F, R>(
        self,
        name: impl Into<Name<'n>>,
        f: F,
    ) -> FilterMap<I, impl Fn(I::Item) -> Option<R> + Send + Sync + 'f>
    where
        F: Fn(&Span, I::Item) -> Option<R> + Send + Sync + 'f,
        R: Send,
    {
        let step = Step::new(self.cx, name);
        self.base.filter_map(move |item| step.run(|span| f(span, item)))
    }

    /// As rayon's `flat_map_iter`.
    ///
    /// The serial iterator that `f` makes is lazy, so the item's span stays open until it is exhausted or dropped. The span's
    /// context is current while `f` runs and while the iterator computes its next item. Between two items it isn't current, but the
    /// time counts for the span.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use rayon::prelude::*;
    /// let words: Vec<&str> = heirloom_core::in_root("split", |root| {
    ///     ["a b", "c"].par_iter().traced(root).flat_map_iter("line", |_span, line| line.split(' ')).collect()
    /// });
    /// assert_eq!(words, ["a", "b", "c"]);
    /// ```
    pub fn flat_map_iter<'f, 'n, F, S>(
        self,
        name: impl Into<Name<'n>>,
        f: F,
    ) -> FlatMapIter<I, impl Fn(I::Item) -> SpanIter<S::IntoIter> + Send + Sync + 'f>
    where
        F: Fn(&Span, I::Item) -> S + Send + Sync + 'f,
        S: IntoIterator<Item: Send>,
    {
        let step = Step::new(self.cx, name);
        self.base.flat_map_iter(move |item| {
            let span = step.begin();
            let base = {
                let _current = span.enter();
                f(&span, item).into_iter()
            };
            SpanIter { base, span }
        })
    }

    /// As rayon's `try_for_each`: for closures that return a `Result`, an `Option` or a `ControlFlow`.
    ///
    /// A failure doesn't set the span's status. Call `span.error(..)` to set it.
    ///
    /// # Errors
    ///
    /// The failure that rayon found first.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use rayon::prelude::*;
    /// let failed = heirloom_core::in_root("check", |root| {
    ///     (0..100).into_par_iter().traced(root).try_for_each("item", |_span, n| if n == 7 { Err(n) } else { Ok(()) })
    /// });
    /// assert_eq!(failed, Err(7));
    /// ```
    pub fn try_for_each<'n, F, R>(self, name: impl Into<Name<'n>>, f: F) -> R
    where
        F: Fn(&Span, I::Item) -> R + Send + Sync,
        R: TryItem,
    {
        let step = Step::new(self.cx, name);
        R::try_for_each(self.base, move |item| step.run(|span| f(span, item)))
    }
}

/// What the closure of a traced step captures: the fan-out of its items, and their name. Rayon drops the closure when all items are
/// done, which ends the fan-out.
struct Step {
    fan: FanGuard,
    name: JobName,
}

impl Step {
    fn new<'n>(cx: Context, name: impl Into<Name<'n>>) -> Self {
        Self { fan: FanGuard::begin(cx, FanKind::Iterator), name: JobName::new(name) }
    }

    /// Starts an item's span.
    #[inline]
    fn begin(&self) -> Span {
        lanes::place();
        self.fan.fan().span(self.name.get())
    }

    /// Runs the closure of an item in its span.
    #[inline]
    fn run<R>(&self, item: impl FnOnce(&Span) -> R) -> R {
        lanes::place();
        self.fan.fan().in_span(self.name.get(), item)
    }
}

/// The items of [`Traced::flat_map_iter`]: a serial iterator and the span that it runs in.
#[derive(Debug)]
pub struct SpanIter<S> {
    // Dropped first: a destructor that records still finds the span open.
    base: S,
    span: Span,
}

impl<S: Iterator> Iterator for SpanIter<S> {
    type Item = S::Item;

    #[inline]
    fn next(&mut self) -> Option<S::Item> {
        let _current = self.span.enter();
        self.base.next()
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.base.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::super::TracedParallel;
    use super::*;
    use ::rayon::prelude::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn what_was_indexed_stays_indexed() {
        let squares = || (0..100_usize).into_par_iter().traced(Context::INERT).map("square", |_, n| n * n);
        let expected: Vec<usize> = (0..100).map(|n| n * n).collect();
        let mut collected = Vec::new();
        squares().collect_into_vec(&mut collected);
        assert_eq!(collected, expected);
        assert_eq!(squares().len(), 100);
        assert!(squares().zip(0..100_usize).all(|(square, n)| square == n * n));
        assert_eq!(squares().chunks(30).map(|chunk| chunk.len()).collect::<Vec<_>>(), [30, 30, 30, 10]);
        assert_eq!(squares().chain(squares()).collect::<Vec<_>>(), [&expected[..], &expected[..]].concat());
        assert_eq!(squares().interleave(squares()).take(4).collect::<Vec<_>>(), [0, 0, 1, 1]);
        assert_eq!(squares().rev().skip(10).step_by(40).collect::<Vec<_>>(), [89 * 89, 49 * 49, 9 * 9]);
    }

    #[test]
    fn nothing_runs_before_the_iterator_is_consumed() {
        let ran = AtomicUsize::new(0);
        let lazy =
            (0..10).into_par_iter().traced(Context::INERT).map("item", |_, _| ran.fetch_add(1, Ordering::SeqCst));
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        assert_eq!(lazy.count(), 10);
        assert_eq!(ran.load(Ordering::SeqCst), 10);
    }

    #[test]
    fn a_failure_stops_the_others_early() {
        let ran = AtomicUsize::new(0);
        let result = (0..1_000_000).into_par_iter().traced(Context::INERT).try_for_each("item", |_, n| {
            ran.fetch_add(1, Ordering::Relaxed);
            if n == 0 {
                None
            } else {
                Some(())
            }
        });
        assert_eq!(result, None);
        assert!(ran.load(Ordering::Relaxed) < 1_000_000);
    }

    #[test]
    fn a_lazy_iterator_copies_a_borrowed_name() {
        let name = String::from("stage 1");
        let items = || [1, 2].par_iter().traced(Context::INERT);
        let mapped = items().map(&name, |_, n| n);
        let kept = items().filter_map(Name::dynamic(&name), |_, n| Some(n));
        let flat = items().flat_map_iter(&name, |_, n| [n]);
        let stage = items().items(Name::dynamic(&name));
        drop(name);
        assert_eq!([mapped.count(), kept.count(), flat.count(), stage.count()], [2; 4]);
    }

    #[test]
    fn items_without_size_and_no_items_at_all_work() {
        let units: Vec<()> = vec![(); 50].into_par_iter().traced(Context::INERT).map("unit", |_, unit| unit).collect();
        assert_eq!(units.len(), 50);
        let none: Vec<u8> = Vec::new();
        assert_eq!(none.par_iter().traced(Context::INERT).map("none", |_, n| *n).max(), None);
    }

    #[test]
    fn a_panic_passes_through_unchanged() {
        let items = (0..100_u8).into_par_iter().traced(Context::INERT);
        let caught = std::panic::catch_unwind(|| {
            items.for_each("item", |_, n| {
                if n == 42 {
                    std::panic::panic_any(n)
                }
            });
        });
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&42_u8));
    }
}
