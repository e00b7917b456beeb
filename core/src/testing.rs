//! Tests of traced code: a tracer for one test, trees as text, a manual clock.
//!
//! Tests can run in parallel: each call of [`run`] has a separate tracer. Functions without a handle use it on this
//! thread and wherever that tracer's contexts are current.

pub use crate::clock::ManualClock;

#[cfg(all(target_os = "linux", not(loom)))]
pub mod region;

use crate::export::{MarkData, Memory, SpanData};
use crate::tracer::{builder, Guard, Report, Tracer};
use crate::{tree, Builder, Settings};
use std::time::Duration;

/// How long a test waits for the collector, in seconds: enough for a run under a sanitizer.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A tracer for one test.
#[derive(Debug)]
pub struct Testing {
    guard: Guard,
    memory: Memory,
    clock: Option<ManualClock>,
}

/// Runs `test` with a separate tracer that checks every span.
///
/// ```
/// use heirloom_core::{in_root, testing};
/// testing::run(|t| {
///     in_root("build", |root| root.in_span("link", |_| ()));
///     t.assert_tree("build\n  link");
///     t.assert_balanced();
/// });
/// ```
///
/// # Panics
/// If a thread of the tracer can't be started. A panic of `test` passes through.
pub fn run<R>(test: impl FnOnce(&Testing) -> R) -> R {
    run_with(|builder| builder, test)
}

/// As [`run`], with other settings. Environment variables are ignored.
///
/// # Panics
/// As [`run`].
pub fn run_with<R>(configure: impl FnOnce(Builder) -> Builder, test: impl FnOnce(&Testing) -> R) -> R {
    run_in(None, configure, test)
}

/// As [`run`], with a clock that only the test moves.
///
/// ```
/// use heirloom_core::{in_root, testing};
/// use std::time::Duration;
/// testing::run_with_clock(|t, clock| {
///     in_root("wait", |_| clock.advance(Duration::from_millis(7)));
///     assert_eq!(t.spans()[0].end_ns - t.spans()[0].start_ns, 7_000_000);
/// });
/// ```
///
/// # Panics
/// As [`run`].
pub fn run_with_clock<R>(test: impl FnOnce(&Testing, &ManualClock) -> R) -> R {
    let clock = ManualClock::new();
    run_in(Some(clock.clone()), |builder| builder, |t| test(t, &clock))
}

fn run_in<R>(
    clock: Option<ManualClock>,
    configure: impl FnOnce(Builder) -> Builder,
    test: impl FnOnce(&Testing) -> R,
) -> R {
    let memory = Memory::new();
    let mut start = settings_of_a_test(&memory);
    if let Some(clock) = &clock {
        start = start.clock(clock.clone());
    }
    let guard = match configure(start).start() {
        Ok(guard) => guard,
        Err(error) => panic!("the test's tracer did not start: {error}"),
    };
    let testing = Testing { guard, memory, clock };
    let scope = testing.tracer().enter();
    let result = test(&testing);
    drop(scope);
    result
}

/// Gives each thread a ring of this size (a power of two, at least 1 KiB), far below the minimum of the settings. So a
/// test reaches a full ring and its wrap-around within a few spans.
///
/// ```
/// use heirloom_core::{root, testing};
/// testing::run_with(
///     |b| testing::small_shards(b, 1024),
///     |t| {
///         let open: Vec<_> = (0..100).map(|_| root("open")).collect();
///         assert!(!open[99].is_recording());
///         drop(open);
///         t.assert_balanced();
///     },
/// );
/// ```
pub fn small_shards(builder: Builder, bytes: usize) -> Builder {
    builder.test_ring(bytes)
}

/// Reports the same cause of loss once in `every` instead of once a minute: for tests of
/// [`on_diagnostic`](Builder::on_diagnostic).
///
/// ```
/// use heirloom_core::testing;
/// use std::time::Duration;
/// let builder = testing::report_every(heirloom_core::builder("test"), Duration::from_millis(10));
/// # drop(builder.start()?);
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
pub fn report_every(builder: Builder, every: Duration) -> Builder {
    builder.report_every(every)
}

/// Settings with which nothing is dropped, at any recording speed.
fn settings_of_a_test(memory: &Memory) -> Builder {
    let start = builder("test").settings(Settings { export_timeout: TIMEOUT, sample: false, ..Settings::default() });
    start.queue_bytes(1 << 30).exporter(memory.clone()).verify(true).for_test()
}

impl Testing {
    /// The tracer of this test.
    pub fn tracer(&self) -> &Tracer {
        self.guard.tracer()
    }

    /// The manual clock of this test, if it has one.
    pub fn clock(&self) -> Option<&ManualClock> {
        self.clock.as_ref()
    }

    /// Every span that has ended, after a flush.
    ///
    /// # Panics
    /// If the flush is not done within 120 s, or an exporter failed.
    pub fn spans(&self) -> Vec<SpanData> {
        if let Err(error) = self.tracer().flush(TIMEOUT) {
            panic!("flush: {error}");
        }
        self.memory.spans()
    }

    /// Every [mark](crate::mark) of the batches so far, after a flush. A mark comes with a span of its process that ends after it.
    ///
    /// # Panics
    /// As [`spans`](Self::spans).
    pub fn marks(&self) -> Vec<MarkData> {
        self.spans();
        self.memory.marks()
    }

    /// The span with this name.
    ///
    /// # Panics
    /// If there is none, or more than one.
    pub fn span(&self, name: &str) -> SpanData {
        let mut found: Vec<SpanData> = self.spans().into_iter().filter(|span| span.name == name).collect();
        match (found.pop(), found.len()) {
            (Some(span), 0) => span,
            (None, _) => panic!("there is no span {name:?} in\n{}", self.tree()),
            (Some(_), more) => panic!("there are {} spans {name:?} in\n{}", more + 1, self.tree()),
        }
    }

    /// All spans that have ended as a tree of names, two spaces a level: siblings by start, then by name.
    pub fn tree(&self) -> String {
        tree::names(&self.spans())
    }

    /// As [`tree`](Self::tree), with siblings sorted by name alone: for parallel code.
    pub fn tree_by_name(&self) -> String {
        tree::names_sorted(&self.spans())
    }

    /// Compares [`tree`](Self::tree) with the expected text; leading and trailing white space doesn't count.
    ///
    /// # Panics
    /// If they differ.
    #[track_caller]
    pub fn assert_tree(&self, expected: &str) {
        assert_same(&self.tree(), expected);
    }

    /// Compares [`tree_by_name`](Self::tree_by_name) with the expected text.
    ///
    /// # Panics
    /// If they differ.
    #[track_caller]
    pub fn assert_tree_sorted(&self, expected: &str) {
        assert_same(&self.tree_by_name(), expected);
    }

    /// Checks that every span is accounted for, and none is an orphan.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn assert_balanced(&self) {
        if let Err(error) = self.tracer().flush(TIMEOUT) {
            panic!("flush: {error}");
        }
        let ledger = self.tracer().ledger();
        let sound = ledger.is_balanced() && ledger.orphans == Some(0) && ledger.corrupt == 0;
        assert!(sound, "{ledger}\n{ledger:#?}");
    }

    /// As [`assert_balanced`](Self::assert_balanced); also checks that nothing was lost and no span is open.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn assert_complete(&self) {
        self.assert_balanced();
        let ledger = self.tracer().ledger();
        assert!(ledger.dropped() == 0 && ledger.open == 0 && ledger.late == 0, "{ledger}\n{ledger:#?}");
    }

    /// The spans exported so far, for tests that finish the tracer themselves.
    pub fn exported(&self) -> Vec<SpanData> {
        self.memory.spans()
    }
}

/// Runs `test` as [`run`] does, then finishes the tracer. Returns the report and all exported spans, including those that
/// were still open.
///
/// # Panics
/// As [`run`].
pub fn run_to_the_end<R>(
    configure: impl FnOnce(Builder) -> Builder,
    test: impl FnOnce(&Testing) -> R,
) -> (R, Report, Vec<SpanData>) {
    let memory = Memory::new();
    let kept = memory.clone();
    let start = settings_of_a_test(&memory);
    let guard = match configure(start).start() {
        Ok(guard) => guard,
        Err(error) => panic!("the test's tracer did not start: {error}"),
    };
    let testing = Testing { guard, memory, clock: None };
    let scope = testing.tracer().enter();
    let result = test(&testing);
    drop(scope);
    let report = testing.guard.finish();
    (result, report, kept.spans())
}

#[track_caller]
fn assert_same(found: &str, expected: &str) {
    let clean = |text: &str| text.trim().lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    if clean(found) != clean(expected) {
        panic!("the trees differ\n--- expected\n{}\n--- found\n{}", expected.trim(), found.trim());
    }
}
