//! [`Leaf`]: the span of a run of items. It starts at the first item and ends when the leaf is dropped.

use super::fan::FanGuard;
use super::lanes;
use super::summary::Histogram;
use crate::carry::{JobName, COMPILED_OUT};
use heirloom_core::mark::FanKind;
use heirloom_core::{Context, Span};
use std::cell::Cell;
use std::time::Instant;

thread_local! {
    /// The sum of `heirloom.busy_ns` over all ended leaves of this thread.
    static CLOSED_BUSY_NS: Cell<u64> = const { Cell::new(0) };
}

/// The settings that the leaves of one parallel iterator share.
#[derive(Clone, Debug)]
pub(super) struct LeafSpec {
    pub(super) cx: Context,
    pub(super) name: JobName,
    pub(super) summary: bool,
}

/// One drive of a parallel iterator with leaves. Its end is the drive's.
pub(super) struct Drive {
    pub(super) spec: LeafSpec,
    fan: FanGuard,
}

impl Drive {
    pub(super) fn begin(spec: LeafSpec) -> Self {
        Self { fan: FanGuard::begin(spec.cx, FanKind::Iterator), spec }
    }
}

/// The span of one leaf, from its first item on. A leaf without items has no span.
///
/// It stays on one thread, since rayon folds a leaf on one thread.
#[derive(Default)]
pub(super) struct Leaf(Option<OpenLeaf>);

impl Leaf {
    /// Runs the closure of one item.
    ///
    /// Cost: a branch; with a histogram two clock reads.
    #[inline]
    pub(super) fn run<R>(&mut self, drive: &Drive, item: impl FnOnce() -> R) -> R {
        if COMPILED_OUT {
            return item();
        }
        let open = self.0.get_or_insert_with(|| OpenLeaf::new(drive));
        let started = open.histogram.is_some().then(Instant::now);
        let result = item();
        open.items += 1;
        if let (Some(started), Some(histogram)) = (started, &mut open.histogram) {
            histogram.count(started.elapsed());
        }
        result
    }
}

/// The span of a leaf that has items.
pub(super) struct OpenLeaf {
    span: Span,
    /// `None` if the span isn't recorded.
    busy: Option<Busy>,
    histogram: Option<Box<Histogram>>,
    /// The number of its items.
    pub(super) items: u64,
}

impl OpenLeaf {
    #[cold]
    pub(super) fn new(drive: &Drive) -> Self {
        lanes::place();
        let span = drive.fan.fan().span(drive.spec.name.get());
        let recorded = span.is_recording();
        let histogram = (recorded && drive.spec.summary).then(Box::default);
        Self { span, busy: recorded.then(Busy::begin), histogram, items: 0 }
    }

    #[inline]
    pub(super) fn span(&self) -> &Span {
        &self.span
    }
}

impl Drop for OpenLeaf {
    fn drop(&mut self) {
        if let Some(busy) = &self.busy {
            self.span.set("heirloom.busy_ns", busy.end_ns());
            self.span.set("heirloom.items", self.items);
        }
        if let Some(histogram) = &self.histogram {
            histogram.write(&self.span);
        }
    }
}

/// Measures the time that a thread was busy with one leaf. It subtracts other leaves that the thread ran meanwhile, because it
/// stole them while it waited, or because an item has a parallel iterator inside.
///
/// Cost: two clock reads per leaf. Stolen work without a leaf can't be recognised and isn't subtracted. If leaves overlap (both
/// sides of a `zip`), the time counts for the one that ends first.
struct Busy {
    started: Instant,
    closed_busy_ns: u64,
}

impl Busy {
    fn begin() -> Self {
        Self { started: Instant::now(), closed_busy_ns: CLOSED_BUSY_NS.get() }
    }

    fn end_ns(&self) -> u64 {
        let duration_ns = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let closed_busy_ns = CLOSED_BUSY_NS.get();
        let others_ns = closed_busy_ns.saturating_sub(self.closed_busy_ns);
        let busy_ns = duration_ns.saturating_sub(others_ns);
        CLOSED_BUSY_NS.set(closed_busy_ns.saturating_add(busy_ns));
        busy_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn spin(duration: Duration) {
        let started = Instant::now();
        while started.elapsed() < duration {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn the_time_of_a_leaf_inside_is_not_counted_twice() {
        let outer = Busy::begin();
        let inner = Busy::begin();
        spin(Duration::from_millis(2));
        let inner_ns = inner.end_ns();
        let outer_ns = outer.end_ns();
        let outer_duration_ns = outer.started.elapsed().as_nanos() as u64;
        assert!(inner_ns >= 2_000_000);
        assert!(outer_ns + inner_ns <= outer_duration_ns);
    }

    #[test]
    fn leaves_that_overlap_share_the_time_and_never_go_negative() {
        let left = Busy::begin();
        spin(Duration::from_millis(1));
        let right = Busy::begin();
        spin(Duration::from_millis(1));
        let left_ns = left.end_ns();
        let right_ns = right.end_ns();
        assert!(left_ns >= 2_000_000);
        assert!(left_ns + right_ns <= left.started.elapsed().as_nanos() as u64);
    }
}
