//! The implementation of a stage: a parallel iterator that passes on the items of another one unchanged, and runs the further steps
//! in spans.
//!
//! It has the same four parts as rayon's own adaptors, because rayon runs an adaptor in two ways. It *pushes*: the consumer's
//! folder gets each item ([`StageFolder`]), and the further steps run inside that call. Or, below `zip`, `chunks`, `rev` and
//! others, it *pulls*: the producer makes a serial iterator ([`StageIter`]), and the further steps run between two calls. Each is
//! one leaf.

use ::rayon::iter::plumbing::{Consumer, Folder, Producer, ProducerCallback, Reducer, UnindexedConsumer};

/// The spans around the items of a leaf.
pub(super) trait Frame: Send + Sync {
    /// The open span of a leaf to which items are pushed.
    type Pushed: Default;
    /// The open span of a leaf from which items are pulled.
    type Pulled: Default;

    /// Runs what belongs to no item and no leaf: the start of an accumulator, and joining the results of two leaves. The
    /// stage's parent is the current context there. A thread that runs a stolen job would have another item's context.
    fn outside<R>(&self, rest: impl FnOnce() -> R) -> R;

    /// Runs the further steps for one item.
    fn item<R>(&self, leaf: &mut Self::Pushed, rest: impl FnOnce() -> R) -> R;

    /// Runs the further steps for a leaf whose items are done.
    fn complete<R>(&self, leaf: Self::Pushed, rest: impl FnOnce() -> R) -> R;

    /// Takes the next item from `next`. The further steps for the previous item are over.
    fn pull<T>(&self, leaf: &mut Self::Pulled, next: impl FnOnce() -> Option<T>) -> Option<T>;
}

pub(super) struct StageConsumer<'s, C, F> {
    pub(super) base: C,
    pub(super) frame: &'s F,
}

impl<'s, T, C: Consumer<T>, F: Frame> Consumer<T> for StageConsumer<'s, C, F> {
    type Folder = StageFolder<'s, C::Folder, F>;
    type Reducer = StageReducer<'s, C::Reducer, F>;
    type Result = C::Result;

    fn split_at(self, index: usize) -> (Self, Self, Self::Reducer) {
        let (left, right, base) = self.base.split_at(index);
        let reducer = StageReducer { base, frame: self.frame };
        (Self { base: left, ..self }, Self { base: right, ..self }, reducer)
    }

    fn into_folder(self) -> Self::Folder {
        StageFolder::new(self.frame.outside(|| self.base.into_folder()), self.frame)
    }

    fn full(&self) -> bool {
        self.base.full()
    }
}

impl<T, C: UnindexedConsumer<T>, F: Frame> UnindexedConsumer<T> for StageConsumer<'_, C, F> {
    fn split_off_left(&self) -> Self {
        Self { base: self.base.split_off_left(), ..*self }
    }

    fn to_reducer(&self) -> Self::Reducer {
        StageReducer { base: self.base.to_reducer(), frame: self.frame }
    }
}

/// Joins the results of two leaves.
pub(super) struct StageReducer<'s, C, F> {
    base: C,
    frame: &'s F,
}

impl<R, C: Reducer<R>, F: Frame> Reducer<R> for StageReducer<'_, C, F> {
    fn reduce(self, left: R, right: R) -> R {
        self.frame.outside(|| self.base.reduce(left, right))
    }
}

/// One leaf, pushed.
pub(super) struct StageFolder<'s, C, F: Frame> {
    base: C,
    frame: &'s F,
    leaf: F::Pushed,
}

impl<'s, C, F: Frame> StageFolder<'s, C, F> {
    fn new(base: C, frame: &'s F) -> Self {
        Self { base, frame, leaf: F::Pushed::default() }
    }
}

impl<T, C: Folder<T>, F: Frame> Folder<T> for StageFolder<'_, C, F> {
    type Result = C::Result;

    #[inline]
    fn consume(mut self, item: T) -> Self {
        let base = self.base;
        self.base = self.frame.item(&mut self.leaf, || base.consume(item));
        self
    }

    fn complete(self) -> C::Result {
        self.frame.complete(self.leaf, || self.base.complete())
    }

    fn full(&self) -> bool {
        self.base.full()
    }
}

pub(super) struct StageCallback<CB, F> {
    pub(super) callback: CB,
    pub(super) frame: F,
}

impl<T, CB: ProducerCallback<T>, F: Frame> ProducerCallback<T> for StageCallback<CB, F> {
    type Output = CB::Output;

    fn callback<P: Producer<Item = T>>(self, base: P) -> CB::Output {
        self.callback.callback(StageProducer { base, frame: &self.frame })
    }
}

struct StageProducer<'s, P, F> {
    base: P,
    frame: &'s F,
}

impl<'s, P: Producer, F: Frame> Producer for StageProducer<'s, P, F> {
    type Item = P::Item;
    type IntoIter = StageIter<'s, P::IntoIter, F>;

    fn into_iter(self) -> Self::IntoIter {
        StageIter { leaf: F::Pulled::default(), base: self.base.into_iter(), frame: self.frame }
    }

    fn min_len(&self) -> usize {
        self.base.min_len()
    }

    fn max_len(&self) -> usize {
        self.base.max_len()
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let (left, right) = self.base.split_at(index);
        (Self { base: left, ..self }, Self { base: right, ..self })
    }

    fn fold_with<G: Folder<P::Item>>(self, folder: G) -> G {
        // Doesn't call `complete`: the caller goes on with the folder.
        let StageFolder { base, frame, leaf } = self.base.fold_with(StageFolder::new(folder, self.frame));
        frame.complete(leaf, || base)
    }
}

/// One leaf, pulled.
struct StageIter<'s, S, F: Frame> {
    // Dropped first: the span's scope is left before the upstream iterator's destructors run.
    leaf: F::Pulled,
    base: S,
    frame: &'s F,
}

impl<S: Iterator, F: Frame> Iterator for StageIter<'_, S, F> {
    type Item = S::Item;

    #[inline]
    fn next(&mut self) -> Option<S::Item> {
        self.frame.pull(&mut self.leaf, || self.base.next())
    }

    /// Skipped items have no spans, since no further step runs for them.
    #[inline]
    fn nth(&mut self, n: usize) -> Option<S::Item> {
        self.frame.pull(&mut self.leaf, || self.base.nth(n))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.base.size_hint()
    }
}

impl<S: DoubleEndedIterator, F: Frame> DoubleEndedIterator for StageIter<'_, S, F> {
    #[inline]
    fn next_back(&mut self) -> Option<S::Item> {
        self.frame.pull(&mut self.leaf, || self.base.next_back())
    }

    #[inline]
    fn nth_back(&mut self, n: usize) -> Option<S::Item> {
        self.frame.pull(&mut self.leaf, || self.base.nth_back(n))
    }
}

impl<S: ExactSizeIterator, F: Frame> ExactSizeIterator for StageIter<'_, S, F> {}
