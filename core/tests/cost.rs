//! Recording allocates nothing on the recording thread, once it is warm.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs, unsafe_code)]

mod support;

use heirloom_core::{builder, in_span, span, testing, Context, Guard, Name, Sampler, Settings, Span, SpanKind, Status};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::mpsc::sync_channel;
use support::exporters::{Bad, Way};
use support::LONG;

/// The system's allocator, counting for each thread.
struct Counting;

thread_local!(static ALLOCATIONS: Cell<u64> = const { Cell::new(0) });

fn count() {
    ALLOCATIONS.with(|n| n.set(n.get() + 1));
}

// SAFETY: hands every call on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's duties are the same.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's duties are the same.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's duties are the same.
        unsafe { System.realloc(old, layout, size) }
    }
    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's duties are the same.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations, reallocations and deallocations of this thread so far.
fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

/// How often each operation is done while it is counted: few enough for one ring.
const TIMES: usize = 1000;

/// Something to do, and what it is.
type Operation<'a> = (&'static str, Box<dyn FnMut() + 'a>);

/// How many calls of the allocator `TIMES` of this operation make on this thread, after a warm-up.
fn calls_of(mut operation: impl FnMut()) -> u64 {
    operation();
    let before = allocations();
    (0..TIMES).for_each(|_| operation());
    allocations() - before
}

fn start(settings: Settings) -> Guard {
    builder("cost").settings(settings).shard_bytes(1 << 22).exporter(Bad::new("fine", Way::Fine)).start().unwrap()
}

#[test]
fn nothing_that_is_recorded_on_a_spans_own_thread_allocates() {
    let guard = start(Settings::default());
    let tracer = guard.tracer().clone();
    let _scope = tracer.enter();
    let parent = tracer.root("parent");
    let cx = parent.context();
    let (text, name) = ("x".repeat(1000), "dynamic".repeat(9));
    let mut spare = (0..2 * TIMES).map(|_| parent.span("spare")).collect::<Vec<Span>>();
    let operations: Vec<Operation<'_>> = vec![
        ("root", Box::new(|| tracer.root("root").end())),
        ("in_root", Box::new(|| tracer.in_root("root", |_| ()))),
        ("child", Box::new(|| parent.span("child").end())),
        ("child of a context", Box::new(|| cx.span("child").end())),
        ("child of what is current", Box::new(|| span("child").end())),
        ("child with a dynamic name", Box::new(|| parent.span(Name::dynamic(&name)).end())),
        ("in_span", Box::new(|| parent.in_span("child", |_| in_span("grandchild", |_| ())))),
        ("enter", Box::new(|| drop(parent.enter()))),
        ("current", Box::new(|| assert!(Context::try_current().is_none()))),
        ("builder", Box::new(|| parent.build("child").kind(SpanKind::Client).start().end())),
        ("i64", Box::new(|| only(parent.set("i64", 1_i64)))),
        ("f64", Box::new(|| only(parent.set("f64", 0.5)))),
        ("bool", Box::new(|| only(parent.set("bool", true)))),
        ("str", Box::new(|| only(parent.set("str", "a text of 20 bytes..")))),
        ("long str", Box::new(|| only(parent.set("long", text.as_str())))),
        ("dynamic key", Box::new(|| only(parent.set(Name::dynamic(&name), 1)))),
        ("event", Box::new(|| only(parent.event("event")))),
        ("link", Box::new(|| only(parent.link(cx)))),
        ("status", Box::new(|| only(parent.set_status(Status::Ok)))),
        ("rename", Box::new(|| only(parent.rename("renamed")))),
        ("the end alone", Box::new(|| drop(spare.pop()))),
    ];
    for (what, operation) in operations {
        tracer.flush(LONG).unwrap();
        assert_eq!(calls_of(operation), 0, "{what}");
    }
    // That the allocator does count.
    assert!(calls_of(|| only(parent.error("a text of its own"))) >= TIMES as u64);
    drop((parent, spare));
    let report = guard.finish();
    assert!(report.is_complete(), "{report}");
}

#[test]
fn ends_and_writes_on_another_thread_do_not_allocate_there() {
    let guard = start(Settings::default());
    let tracer = guard.tracer().clone();
    let (sender, spans) = sync_channel::<Span>(2 * TIMES);
    for _ in 0..TIMES + 1 {
        sender.send(tracer.root("moved")).unwrap();
    }
    drop(sender);
    let counted = move || {
        // This thread's own shard, and the channel's own first use.
        tracer.root("warm-up").end();
        calls_of(|| {
            let span = spans.recv().unwrap();
            span.set("i64", 1).set("str", "a text").event("event");
            span.in_span("child", |_| ());
        })
    };
    assert_eq!(std::thread::spawn(counted).join().unwrap(), 0);
    let report = guard.finish();
    assert!(report.is_complete(), "{report}");
}

#[test]
fn what_is_not_recorded_does_not_allocate_either() {
    let mut settings = Settings::default();
    settings.sampler = Sampler::AlwaysOff;
    let guard = start(settings);
    let root = guard.tracer().root("not sampled");
    let work = || {
        root.span("child").set("key", 1).event("event");
        root.in_span("child", |child| child.context().span("grandchild").end());
        guard.tracer().root("another").end();
    };
    assert_eq!(calls_of(work), 0);
    // Without any tracer.
    assert_eq!(calls_of(|| heirloom_core::in_root("nowhere", |root| only(root.span("child").set("key", 1)))), 0);
    // After its tracer has finished.
    let cx = root.context();
    drop(root);
    drop(guard);
    assert_eq!(calls_of(|| cx.in_span("late", |late| only(late.set("key", 1)))), 0);
}

#[test]
fn what_a_full_ring_refuses_does_not_allocate() {
    testing::run_with(
        |b| testing::small_shards(b, 1024),
        |t| {
            let root = t.tracer().root("root");
            let open: Vec<Span> = (0..100).map(|_| root.span("open")).collect();
            t.tracer().flush(LONG).unwrap();
            let work = || {
                root.span("refused").set("key", 1).event("event");
                root.set("text", "a text that is too long for what is left of the ring").event("event");
            };
            assert_eq!(calls_of(work), 0);
            drop((open, root));
            t.assert_balanced();
        },
    );
}

/// For the sake of closures that return nothing.
fn only(_: &Span) {}

#[cfg(feature = "macros")]
mod observed {
    use super::*;
    use heirloom_core::observe;
    use std::future::{ready, Future};

    #[observe]
    fn plain() {}

    #[observe(kind = "client", fields(text, length = text.len()))]
    fn with_fields(text: &str) {
        let _ = text;
    }

    #[observe(err)]
    fn fallible(fail: bool) -> Result<(), &'static str> {
        if fail {
            return Err("failed");
        }
        Ok(())
    }

    #[observe]
    async fn later() -> Result<(), ()> {
        ready(Ok(())).await
    }

    fn poll_once(future: impl Future) {
        let mut task = std::task::Context::from_waker(futures_util::task::noop_waker_ref());
        assert!(std::pin::pin!(future).poll(&mut task).is_ready());
    }

    #[test]
    fn an_observed_call_allocates_nothing_of_its_own() {
        let guard = start(Settings::default());
        let _scope = guard.tracer().enter();
        let text = "text".repeat(9);
        let operations: Vec<Operation<'_>> = vec![
            ("plain", Box::new(plain)),
            ("with fields", Box::new(|| with_fields(&text))),
            ("Ok", Box::new(|| fallible(false).unwrap())),
            ("future", Box::new(|| poll_once(later()))),
        ];
        for (what, operation) in operations {
            assert_eq!(calls_of(operation), 0, "{what}");
        }
    }
}
