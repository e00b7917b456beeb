//! [`LeafMap`]: rayon's `map`, with a [`Leaf`] around each run of items.
//!
//! It has the same four parts as rayon's own adaptors, because rayon runs an adaptor in two ways. It *pushes*: the consumer's
//! folder gets each item ([`LeafFolder`]). Or, below `zip`, `chunks`, `interleave` and others, it *pulls*: the producer makes a
//! serial iterator ([`LeafIter`]). Each is one leaf. `split_at` splits only producers, which have no leaf yet.

use super::leaf::{Drive, Leaf, LeafSpec};
use ::rayon::iter::plumbing::{Consumer, Folder, Producer, ProducerCallback, UnindexedConsumer};
use ::rayon::iter::{IndexedParallelIterator, ParallelIterator};
use std::fmt;

/// A parallel iterator that maps its items, with a span per leaf. Made by [`PerLeaf`](super::PerLeaf); indexed if its
/// base is.
#[derive(Clone)]
#[must_use = "iterator adaptors are lazy and do nothing unless consumed"]
pub struct LeafMap<I, F> {
    base: I,
    spec: LeafSpec,
    f: F,
}

/// One drive, and the closure for each item.
struct Step<F> {
    drive: Drive,
    f: F,
}

impl<F> Step<F> {
    fn begin(spec: LeafSpec, f: F) -> Self {
        Self { drive: Drive::begin(spec), f }
    }
}

impl<I, F> LeafMap<I, F> {
    pub(super) fn new(base: I, spec: LeafSpec, f: F) -> Self {
        Self { base, spec, f }
    }
}

impl<I: fmt::Debug, F> fmt::Debug for LeafMap<I, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeafMap").field("base", &self.base).field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl<I, F, R> ParallelIterator for LeafMap<I, F>
where
    I: ParallelIterator,
    F: Fn(I::Item) -> R + Send + Sync,
    R: Send,
{
    type Item = R;

    fn drive_unindexed<C: UnindexedConsumer<R>>(self, consumer: C) -> C::Result {
        let step = Step::begin(self.spec, self.f);
        self.base.drive_unindexed(LeafConsumer { base: consumer, step: &step })
    }

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

impl<I, F, R> IndexedParallelIterator for LeafMap<I, F>
where
    I: IndexedParallelIterator,
    F: Fn(I::Item) -> R + Send + Sync,
    R: Send,
{
    fn drive<C: Consumer<R>>(self, consumer: C) -> C::Result {
        let step = Step::begin(self.spec, self.f);
        self.base.drive(LeafConsumer { base: consumer, step: &step })
    }

    fn len(&self) -> usize {
        self.base.len()
    }

    fn with_producer<CB: ProducerCallback<R>>(self, callback: CB) -> CB::Output {
        self.base.with_producer(LeafCallback { callback, step: Step::begin(self.spec, self.f) })
    }
}

struct LeafCallback<CB, F> {
    callback: CB,
    step: Step<F>,
}

impl<T, R, CB, F> ProducerCallback<T> for LeafCallback<CB, F>
where
    CB: ProducerCallback<R>,
    F: Fn(T) -> R + Send + Sync,
    R: Send,
{
    type Output = CB::Output;

    fn callback<P: Producer<Item = T>>(self, base: P) -> CB::Output {
        self.callback.callback(LeafProducer { base, step: &self.step })
    }
}

struct LeafProducer<'s, P, F> {
    base: P,
    step: &'s Step<F>,
}

impl<'s, P, F, R> Producer for LeafProducer<'s, P, F>
where
    P: Producer,
    F: Fn(P::Item) -> R + Send + Sync,
    R: Send,
{
    type Item = R;
    type IntoIter = LeafIter<'s, P::IntoIter, F>;

    fn into_iter(self) -> Self::IntoIter {
        LeafIter { base: self.base.into_iter(), step: self.step, leaf: Leaf::default() }
    }

    fn min_len(&self) -> usize {
        self.base.min_len()
    }

    fn max_len(&self) -> usize {
        self.base.max_len()
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let (left, right) = self.base.split_at(index);
        (Self { base: left, step: self.step }, Self { base: right, step: self.step })
    }

    fn fold_with<G: Folder<R>>(self, folder: G) -> G {
        self.base.fold_with(LeafFolder { base: folder, step: self.step, leaf: Leaf::default() }).base
    }
}

/// One leaf, pulled.
struct LeafIter<'s, S, F> {
    base: S,
    step: &'s Step<F>,
    leaf: Leaf,
}

impl<S, F, R> Iterator for LeafIter<'_, S, F>
where
    S: Iterator,
    F: Fn(S::Item) -> R,
{
    type Item = R;

    #[inline]
    fn next(&mut self) -> Option<R> {
        let item = self.base.next()?;
        Some(self.leaf.run(&self.step.drive, || (self.step.f)(item)))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.base.size_hint()
    }
}

impl<S, F, R> DoubleEndedIterator for LeafIter<'_, S, F>
where
    S: DoubleEndedIterator,
    F: Fn(S::Item) -> R,
{
    #[inline]
    fn next_back(&mut self) -> Option<R> {
        let item = self.base.next_back()?;
        Some(self.leaf.run(&self.step.drive, || (self.step.f)(item)))
    }
}

impl<S, F, R> ExactSizeIterator for LeafIter<'_, S, F>
where
    S: ExactSizeIterator,
    F: Fn(S::Item) -> R,
{
}

struct LeafConsumer<'s, C, F> {
    base: C,
    step: &'s Step<F>,
}

impl<'s, T, R, C, F> Consumer<T> for LeafConsumer<'s, C, F>
where
    C: Consumer<R>,
    F: Fn(T) -> R + Send + Sync,
    R: Send,
{
    type Folder = LeafFolder<'s, C::Folder, F>;
    type Reducer = C::Reducer;
    type Result = C::Result;

    fn split_at(self, index: usize) -> (Self, Self, C::Reducer) {
        let (left, right, reducer) = self.base.split_at(index);
        (Self { base: left, step: self.step }, Self { base: right, step: self.step }, reducer)
    }

    fn into_folder(self) -> Self::Folder {
        LeafFolder { base: self.base.into_folder(), step: self.step, leaf: Leaf::default() }
    }

    fn full(&self) -> bool {
        self.base.full()
    }
}

impl<T, R, C, F> UnindexedConsumer<T> for LeafConsumer<'_, C, F>
where
    C: UnindexedConsumer<R>,
    F: Fn(T) -> R + Send + Sync,
    R: Send,
{
    fn split_off_left(&self) -> Self {
        Self { base: self.base.split_off_left(), step: self.step }
    }

    fn to_reducer(&self) -> C::Reducer {
        self.base.to_reducer()
    }
}

/// One leaf, pushed.
struct LeafFolder<'s, C, F> {
    base: C,
    step: &'s Step<F>,
    leaf: Leaf,
}

impl<T, R, C, F> Folder<T> for LeafFolder<'_, C, F>
where
    C: Folder<R>,
    F: Fn(T) -> R,
{
    type Result = C::Result;

    #[inline]
    fn consume(mut self, item: T) -> Self {
        let result = self.leaf.run(&self.step.drive, || (self.step.f)(item));
        self.base = self.base.consume(result);
        self
    }

    fn consume_iter<S: IntoIterator<Item = T>>(mut self, items: S) -> Self {
        let Step { drive, f } = self.step;
        let leaf = &mut self.leaf;
        self.base = self.base.consume_iter(items.into_iter().map(|item| leaf.run(drive, || f(item))));
        self
    }

    fn complete(self) -> C::Result {
        drop(self.leaf);
        self.base.complete()
    }

    fn full(&self) -> bool {
        self.base.full()
    }
}
