//! Encoding allocates nothing for the spans that programs have, once the buffers are warm.
#![allow(clippy::unwrap_used, missing_docs, unsafe_code)]

mod support;

use heirloom_core::export::Delivery;
use heirloom_core::{builder, Settings};
use heirloom_otlp::{Encoder, Format, Plain};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io;
use std::sync::mpsc::channel;
use std::time::Duration;
use support::{Each, FORMATS};

/// The system's allocator, counting for each thread.
struct Counting;

thread_local!(static ALLOCATIONS: Cell<u64> = const { Cell::new(0) });

// SAFETY: hands every call on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: the caller's duties are the same.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller's duties are the same.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The allocations of encoding a delivery, without those for its resource and scope.
fn allocations(encoder: &mut Encoder<Plain>, delivery: &Delivery) -> u64 {
    let mut count = |spans: usize| {
        let before = ALLOCATIONS.with(Cell::get);
        for part in delivery.parts() {
            let spans = &mut part.spans().take(spans).peekable();
            encoder.fill(part.resource(), spans, usize::MAX, &mut io::sink()).unwrap();
        }
        ALLOCATIONS.with(Cell::get) - before
    };
    // The first one makes the buffers.
    count(usize::MAX);
    count(usize::MAX) - count(0)
}

#[test]
fn a_span_is_encoded_without_an_allocation() {
    let (found, counts) = channel();
    let look = move |delivery: &Delivery| {
        let each = FORMATS.map(|format: Format| allocations(&mut Encoder::new(format, Plain), delivery));
        found.send((delivery.len(), each)).unwrap();
    };
    // Marks are packed into an array: an allocation for each span that carries them.
    let mut settings = Settings::default();
    settings.sample = false;
    let guard = builder("cost").settings(settings).exporter(Each(look)).start().unwrap();
    guard.tracer().in_root("root", |root| {
        for n in 0..3000 {
            let span = root.span("decode");
            span.set("items", n).set("ratio", 0.5).set("file", "a-picture.png").set("ready", true);
        }
    });
    assert!(guard.finish_within(Duration::from_secs(60)).is_complete());
    let counts: Vec<_> = counts.iter().collect();
    assert_eq!(counts.iter().map(|(spans, _)| spans).sum::<usize>(), 3001);
    counts.iter().for_each(|(spans, each)| assert_eq!(*each, [0, 0], "{spans} spans"));
}
