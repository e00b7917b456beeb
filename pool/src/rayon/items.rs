//! [`Items`]: a stage with a span per item.

use super::fan::FanGuard;
use super::lanes;
use super::stage::{Frame, StageCallback, StageConsumer};
use crate::carry::{JobName, COMPILED_OUT};
use ::rayon::iter::plumbing::{Consumer, ProducerCallback, UnindexedConsumer};
use ::rayon::iter::{IndexedParallelIterator, ParallelIterator};
use heirloom_core::mark::FanKind;
use heirloom_core::{Context, Entered, Span};

/// A parallel iterator over the same items. From here on, the closures that rayon runs for one item run in a span for that item,
/// whose context is current there. Made by [`Traced::items`](super::Traced::items); indexed if its base is.
///
/// | downstream | in the item's span |
/// |---|---|
/// | `map`, `filter`, `filter_map`, `inspect`, `update`, `map_with`, `map_init`, `for_each`, `for_each_with`, `try_for_each`, `find_any`, `position_any`, `any`, `all`, `reduce`, `sum`, `max_by`, ... | their closures, one after the other in one span |
/// | `flat_map_iter`, `flatten_iter` | the closure, the serial iterator, and the further closures for its items |
/// | `fold`, `fold_with`, `try_fold` | the closure for each item. The closure that makes an accumulator, and the adaptors after `fold`, belong to a leaf: see [`Leaves`](super::Leaves) |
/// | `flat_map`, `flatten` | the closure; the items of the inner parallel iterator may run on other threads, so trace them with a separate stage: `.flat_map(\|x\| inner(x).traced(Context::current()).items("inner"))` |
/// | `collect`, `collect_into_vec`, `unzip`, `partition` | keeping the item |
/// | `with_min_len`, `with_max_len` | no effect on the spans |
///
/// The span doesn't include the adaptors before the stage. What belongs to no item runs with the stage's parent as the current
/// context: the closure that makes an accumulator, the adaptors after a `fold`, and joining the results of two leaves (the second
/// closure of `reduce`, if both arguments are results).
///
/// # Adaptors that pull
///
/// For `zip`, `enumerate`, `rev`, `skip`, `take`, `step_by`, `chunks`, `interleave`, `chain` and others rayon makes a
/// serial iterator of each leaf and pulls items out of it. **Put them before the stage.** After it, an item's span
/// starts when the item has been pulled, is current from then on, and ends when the next item of this stage is pulled
/// or the leaf is over. So
///
/// - after `zip`, `enumerate`, `rev`, `take`, `skip` and `step_by` each item still has its span, and the adaptors
///   after it run in the span (of two stages in a `zip`, the right one's span is current);
/// - after `chunks` the spans cover only the gathering of the items, and no span covers the work on a chunk;
/// - after `interleave` and `intersperse` the items of the other side run in the span of the last item here.
///
/// An early exit (`find_any`, `try_for_each`) ends rayon's work as early as without the stage, and leaves no span open. A
/// panic ends the item's span as an error and passes through.
///
/// The closures don't get a `&Span`. [`Context::current()`] is the item's context, and
/// [`update()`](heirloom_core::Context::update) writes to its span. The closures of [`Traced::map`](super::Traced::map) and similar
/// methods get the span.
///
/// Cost per item: one span (two clock reads, no lock, no allocation), as [`Traced::map`](super::Traced::map).
///
/// ```
/// use heirloom_core::testing;
/// use heirloom_pool::prelude::*;
/// use rayon::prelude::*;
/// testing::run(|t| {
///     let total: usize = heirloom_core::in_root("measure", |root| {
///         ["a b", "", "c"]
///             .par_iter()
///             .traced(root)
///             .items("line")
///             .filter(|line| !line.is_empty())
///             .flat_map_iter(|line| line.split(' '))
///             .map(|word| heirloom_core::in_span("word", |_| word.len()))
///             .sum()
///     });
///     assert_eq!(total, 3);
///     t.assert_tree_sorted("measure\n  line\n  line\n    word\n  line\n    word\n    word");
/// });
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterator adaptors are lazy and do nothing unless consumed"]
pub struct Items<I> {
    base: I,
    cx: Context,
    name: JobName,
}

impl<I> Items<I> {
    pub(super) fn new(base: I, cx: Context, name: JobName) -> Self {
        Self { base, cx, name }
    }
}

impl<I: ParallelIterator> ParallelIterator for Items<I> {
    type Item = I::Item;

    fn drive_unindexed<C: UnindexedConsumer<I::Item>>(self, consumer: C) -> C::Result {
        let frame = ItemFrame::begin(self.cx, self.name);
        self.base.drive_unindexed(StageConsumer { base: consumer, frame: &frame })
    }

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for Items<I> {
    fn drive<C: Consumer<I::Item>>(self, consumer: C) -> C::Result {
        let frame = ItemFrame::begin(self.cx, self.name);
        self.base.drive(StageConsumer { base: consumer, frame: &frame })
    }

    fn len(&self) -> usize {
        self.base.len()
    }

    fn with_producer<CB: ProducerCallback<I::Item>>(self, callback: CB) -> CB::Output {
        self.base.with_producer(StageCallback { callback, frame: ItemFrame::begin(self.cx, self.name) })
    }
}

/// The fan-out of one drive of the stage. Its end is the drive's.
struct ItemFrame {
    cx: Context,
    fan: FanGuard,
    name: JobName,
}

impl ItemFrame {
    fn begin(cx: Context, name: JobName) -> Self {
        Self { cx, fan: FanGuard::begin(cx, FanKind::Iterator), name }
    }
}

/// The span of the item that was pulled last.
struct Pulled {
    // Dropped first.
    _current: Entered<'static>,
    _span: Span,
}

impl Frame for ItemFrame {
    type Pushed = ();
    type Pulled = Option<Pulled>;

    #[inline]
    fn outside<R>(&self, rest: impl FnOnce() -> R) -> R {
        let _current = self.cx.enter();
        rest()
    }

    #[inline]
    fn item<R>(&self, (): &mut (), rest: impl FnOnce() -> R) -> R {
        lanes::place();
        self.fan.fan().in_span(self.name.get(), |_| rest())
    }

    #[inline]
    fn complete<R>(&self, (): (), rest: impl FnOnce() -> R) -> R {
        self.outside(rest)
    }

    #[inline]
    fn pull<T>(&self, last: &mut Option<Pulled>, next: impl FnOnce() -> Option<T>) -> Option<T> {
        if COMPILED_OUT {
            return next();
        }
        *last = None;
        let item = next()?;
        lanes::place();
        let span = self.fan.fan().span(self.name.get());
        *last = Some(Pulled { _current: span.context().enter(), _span: span });
        Some(item)
    }
}
