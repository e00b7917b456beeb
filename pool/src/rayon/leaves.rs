//! [`Leaves`]: a stage with a span per leaf.

use super::leaf::{Drive, LeafSpec, OpenLeaf};
use super::stage::{Frame, StageCallback, StageConsumer};
use crate::carry::{JobName, COMPILED_OUT};
use ::rayon::iter::plumbing::{Consumer, ProducerCallback, UnindexedConsumer};
use ::rayon::iter::{IndexedParallelIterator, ParallelIterator};
use heirloom_core::{Context, Entered};

/// A parallel iterator over the same items. From here on, the closures that rayon runs for the items of one leaf run in a span for
/// that leaf, whose context is current there. Made by [`Traced::leaves`](super::Traced::leaves); indexed if its base is.
///
/// A leaf's span starts before its first item is passed on. It ends when rayon completes the leaf, after the adaptors that follow a
/// `fold`. A leaf without items has no span. The stage's parent is the current context where an accumulator is made and where the
/// results of two leaves are joined. The span isn't current in the adaptors before the stage, as with
/// [`Items`](super::Items). Their time is in it nevertheless, since rayon computes the items of a leaf one by one.
///
/// The rules of [`Items`](super::Items) for adaptors that pull, `flat_map`, early exits and panics hold for leaves too. In `chunks`
/// each chunk is a leaf.
///
/// | attribute | meaning |
/// |---|---|
/// | `heirloom.items` | number of items that the leaf took, including one that panicked |
/// | `heirloom.busy_ns` | as in [`PerLeaf`](super::PerLeaf) |
///
/// In contrast, [`per_leaf()`](super::Traced::per_leaf) is a single step, and doesn't change the current context.
///
/// Cost: per item a branch, and entering and leaving the span (some 100 instructions, where
/// [`per_leaf()`](super::Traced::per_leaf) takes 10); no clock read. Per leaf a span, two further clock reads and two attributes.
///
/// ```
/// use heirloom_pool::prelude::*;
/// use rayon::prelude::*;
/// let sums: Vec<u64> = heirloom_core::in_root("add up", |root| {
///     (0..1000_u64).into_par_iter().traced(root).leaves("chunk").fold(|| 0, |sum, n| sum + n).collect()
/// });
/// assert_eq!(sums.iter().sum::<u64>(), 499_500);
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterator adaptors are lazy and do nothing unless consumed"]
pub struct Leaves<I> {
    base: I,
    spec: LeafSpec,
}

impl<I> Leaves<I> {
    pub(super) fn new(base: I, cx: Context, name: JobName) -> Self {
        Self { base, spec: LeafSpec { cx, name, summary: false } }
    }
}

impl<I: ParallelIterator> ParallelIterator for Leaves<I> {
    type Item = I::Item;

    fn drive_unindexed<C: UnindexedConsumer<I::Item>>(self, consumer: C) -> C::Result {
        let frame = LeafFrame(Drive::begin(self.spec));
        self.base.drive_unindexed(StageConsumer { base: consumer, frame: &frame })
    }

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for Leaves<I> {
    fn drive<C: Consumer<I::Item>>(self, consumer: C) -> C::Result {
        let frame = LeafFrame(Drive::begin(self.spec));
        self.base.drive(StageConsumer { base: consumer, frame: &frame })
    }

    fn len(&self) -> usize {
        self.base.len()
    }

    fn with_producer<CB: ProducerCallback<I::Item>>(self, callback: CB) -> CB::Output {
        self.base.with_producer(StageCallback { callback, frame: LeafFrame(Drive::begin(self.spec)) })
    }
}

struct LeafFrame(Drive);

impl LeafFrame {
    /// The leaf, from its first item on. Counts the item.
    #[inline]
    fn take_item<'l>(&self, leaf: &'l mut Option<OpenLeaf>) -> &'l OpenLeaf {
        let leaf = leaf.get_or_insert_with(|| OpenLeaf::new(&self.0));
        leaf.items += 1;
        leaf
    }
}

/// A leaf from which items are pulled.
#[derive(Default)]
struct Pulled {
    // Dropped first.
    current: Option<Entered<'static>>,
    leaf: Option<OpenLeaf>,
}

impl Frame for LeafFrame {
    type Pushed = Option<OpenLeaf>;
    type Pulled = Pulled;

    #[inline]
    fn outside<R>(&self, rest: impl FnOnce() -> R) -> R {
        let _current = self.0.spec.cx.enter();
        rest()
    }

    #[inline]
    fn item<R>(&self, leaf: &mut Option<OpenLeaf>, rest: impl FnOnce() -> R) -> R {
        if COMPILED_OUT {
            return rest();
        }
        let _current = self.take_item(leaf).span().enter();
        rest()
    }

    #[inline]
    fn complete<R>(&self, leaf: Option<OpenLeaf>, rest: impl FnOnce() -> R) -> R {
        match &leaf {
            Some(leaf) => {
                let _current = leaf.span().enter();
                rest()
            }
            None => self.outside(rest),
        }
    }

    #[inline]
    fn pull<T>(&self, pulled: &mut Pulled, next: impl FnOnce() -> Option<T>) -> Option<T> {
        if COMPILED_OUT {
            return next();
        }
        pulled.current = None;
        let Some(item) = next() else {
            pulled.leaf = None;
            return None;
        };
        let leaf = self.take_item(&mut pulled.leaf);
        pulled.current = Some(leaf.span().context().enter());
        Some(item)
    }
}
