//! Overload makes the tree coarser, never broken: full rings, caps, limits, values and names that are too much.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::export::{Delivery, ExportError, Exporter, Memory};
use heirloom_core::{builder, root, testing, Builder, Context, Name, SetError, Settings, Span, SpanId, TraceId, Value};
use std::sync::{Arc, Mutex};
use support::LONG;

/// The smallest ring: it takes some tens of open spans.
fn tiny(builder: Builder) -> Builder {
    testing::small_shards(builder, 1024)
}

/// With the settings of a test, changed.
fn with(change: impl FnOnce(&mut Settings)) -> impl FnOnce(Builder) -> Builder {
    let mut settings = Settings::default();
    settings.queue_bytes = 1 << 30;
    settings.verify = true;
    change(&mut settings);
    |builder| builder.settings(settings)
}

/// Opens children of `parent` until one is refused; returns the refused one last.
fn fill(parent: &Span) -> (Vec<Span>, Span) {
    let mut open = Vec::new();
    loop {
        let child = parent.span("filler");
        if !child.is_recording() {
            return (open, child);
        }
        assert!(open.len() < 1000, "the ring never gets full");
        open.push(child);
    }
}

#[test]
fn a_span_that_finds_no_room_is_transparent_and_its_children_go_to_its_parent() {
    testing::run_with(tiny, |t| {
        let root = root("root");
        let middle = root.span("middle");
        let (fillers, refused) = fill(&middle);
        assert!(refused.context().is_transparent() && refused.context().is_sampled());
        assert_eq!(refused.context().span_id(), middle.context().span_id());
        let deeper = refused.span("deeper");
        assert!(!deeper.is_recording() && deeper.context().is_transparent());
        drop(fillers);
        t.tracer().flush(LONG).unwrap();
        // There is room again: a child of the refused ones is recorded, below their nearest recorded ancestor.
        let child = deeper.span("child");
        assert!(child.is_recording() && !child.context().is_transparent());
        drop((child, deeper, refused, middle, root));
        t.tracer().flush(LONG).unwrap();
        let spans = t.spans();
        let id = |name: &str| spans.iter().find(|s| s.name == name).unwrap().span_id;
        assert_eq!(t.span("child").parent_span_id, Some(id("middle")));
        assert!(!spans.iter().any(|s| s.name == "deeper"));
        t.assert_balanced();
        let ledger = t.tracer().ledger();
        assert_eq!((ledger.transparent.full, ledger.transparent.total()), (2, 2));
    });
}

#[test]
fn what_is_set_on_a_transparent_span_never_reaches_its_ancestor() {
    testing::run_with(tiny, |t| {
        let root = root("root");
        let (fillers, refused) = fill(&root);
        drop(fillers);
        t.tracer().flush(LONG).unwrap();
        refused.set("key", 1).event("event").link(&root).error("no").rename("renamed");
        assert_eq!(refused.try_set("key", 1).unwrap_err(), SetError::NotRecording);
        drop(refused);
        drop(root);
        let root = t.span("root");
        assert_eq!((root.attributes.len(), root.events.len(), root.links.len()), (0, 0, 0));
        assert_eq!((root.status, root.dropped), (heirloom_core::Status::Unset, 0));
    });
}

#[test]
fn a_root_that_finds_no_room_drops_its_whole_local_trace() {
    testing::run_with(tiny, |t| {
        let first = root("first");
        let (fillers, _) = fill(&first);
        let lost = root("lost");
        assert!(!lost.is_recording() && lost.context().is_transparent());
        assert!(!lost.context().is_sampled(), "what it calls elsewhere is told not to record either");
        assert!(lost.context().traceparent().unwrap().to_string().ends_with("-02"));
        drop(fillers);
        t.tracer().flush(LONG).unwrap();
        // Room or not: no part of a lost trace is recorded.
        let child = lost.span("child");
        let cx = lost.context();
        let elsewhere = std::thread::spawn(move || cx.span("elsewhere").is_recording()).join().unwrap();
        assert!(!child.is_recording() && !child.span("grandchild").is_recording() && !elsewhere);
        drop((child, lost, first));
        t.assert_balanced();
        let transparent = t.tracer().ledger().transparent;
        assert_eq!((transparent.full, transparent.root_lost, transparent.total()), (2, 3, 5), "{transparent:?}");
    });
}

#[test]
fn under_a_remote_parent_a_refused_span_leaves_its_children_to_the_remote_one() {
    testing::run_with(tiny, |t| {
        let first = root("first");
        let (fillers, _) = fill(&first);
        let remote = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(9), true);
        let refused = remote.span("refused");
        assert!(!refused.is_recording());
        drop(fillers);
        t.tracer().flush(LONG).unwrap();
        drop(refused.span("child"));
        drop((refused, first));
        let child = t.span("child");
        assert_eq!((child.parent_span_id, child.parent_is_remote), (Some(SpanId::from_u64(9)), true));
        t.assert_balanced();
    });
}

#[test]
fn no_more_spans_are_open_on_a_thread_than_the_cap_allows() {
    testing::run_with(with(|s| s.max_open_spans_per_thread = 3), |t| {
        for round in 1..=3 {
            let mut open: Vec<Span> = (0..5).map(|_| root("open")).collect();
            assert_eq!(open.iter().filter(|span| span.is_recording()).count(), 3);
            assert_eq!(t.tracer().ledger().transparent.open_cap, 2 * round);
            open.remove(0).end();
            assert!(root("again").is_recording(), "an end makes room for one more at once");
            // Ends on another thread make room as soon as the collector has seen them.
            std::thread::spawn(move || drop(open)).join().unwrap();
            t.tracer().flush(LONG).unwrap();
        }
        t.assert_balanced();
        assert_eq!(t.tracer().ledger().transparent.total(), 6);
    });
}

#[test]
fn the_cap_of_open_spans_is_each_threads_own() {
    testing::run_with(with(|s| s.max_open_spans_per_thread = 1), |t| {
        let here = root("here");
        assert!(!here.span("second").is_recording());
        let there = here.context();
        assert!(std::thread::spawn(move || there.span("there").is_recording()).join().unwrap());
        drop(here);
        t.assert_balanced();
    });
}

/// What an exporter sees of the attributes: key, length of the text, size before it was cut.
type Seen = Arc<Mutex<Vec<(String, Value<'static>, Option<u32>)>>>;

#[derive(Clone, Default)]
struct Attributes(Seen);

impl Exporter for Attributes {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let all = delivery.spans().flat_map(|span| span.attributes().collect::<Vec<_>>());
        self.0.lock().unwrap().extend(all.map(|a| (a.key.to_owned(), a.value.into_owned(), a.truncated_from)));
        Ok(())
    }
}

#[test]
fn an_attribute_of_a_megabyte_is_cut_at_a_character_and_marked_whatever_the_rings_size() {
    for shard_bytes in [64 << 10, 1 << 20] {
        let seen = Attributes::default();
        let exporter = seen.clone();
        let text = "aé€😀".repeat(100_000);
        testing::run_with(
            |b| b.shard_bytes(shard_bytes).exporter(exporter),
            |t| {
                let span = root("large");
                span.try_set("text", &text).unwrap();
                span.end();
                t.assert_complete();
            },
        );
        let seen = seen.0.lock().unwrap().clone();
        let (key, value, truncated_from) = &seen[0];
        let kept = value.as_str().unwrap();
        assert_eq!((key.as_str(), *truncated_from), ("text", Some(1_000_000)));
        assert!(text.starts_with(kept), "it is a beginning of the text");
        assert!((10_000..=65_536).contains(&kept.len()), "{} bytes of a ring of {shard_bytes}", kept.len());
    }
}

#[test]
fn arrays_are_cut_at_an_element_and_marked() {
    let seen = Attributes::default();
    let exporter = seen.clone();
    testing::run_with(
        |b| with(|s| s.limits.attribute_value_bytes = 100)(b).exporter(exporter),
        |t| {
            let texts = ["é".repeat(20), "ü".repeat(20), "ö".repeat(20)];
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let span = root("arrays");
            span.set("numbers", &[7_i64; 20][..]).set("texts", &texts[..]).set("bools", &[true; 101][..]);
            span.end();
            t.assert_complete();
        },
    );
    let seen = seen.0.lock().unwrap().clone();
    assert_eq!(seen[0], ("numbers".into(), Value::from(&[7_i64; 12][..]), Some(160)));
    let texts = ["é".repeat(20), "ü".repeat(20)];
    assert_eq!(seen[1], ("texts".into(), Value::Strs(texts.map(Into::into).to_vec()), Some(132)));
    assert_eq!(seen[2], ("bools".into(), Value::from(&[true; 100][..]), Some(101)));
}

#[test]
fn a_limit_in_characters_is_kept_exactly() {
    let seen = Attributes::default();
    let exporter = seen.clone();
    testing::run_with(
        |b| with(|s| s.limits.attribute_value_chars = Some(3))(b).exporter(exporter),
        |t| {
            let span = root("chars");
            span.set("cut", "é€😀x").set("whole", "é€😀").set("each", &["😀😀😀😀", "ab"][..]);
            span.end();
            t.assert_complete();
        },
    );
    let seen = seen.0.lock().unwrap().clone();
    assert_eq!(seen[0], ("cut".into(), "é€😀".into(), Some(10)));
    assert_eq!(seen[1], ("whole".into(), "é€😀".into(), None));
    assert_eq!(seen[2].1, Value::from(&["😀😀😀", "ab"][..]));
    assert!(seen[2].2.is_some());
}

#[test]
fn a_limit_beyond_four_gigabytes_is_no_limit() {
    testing::run_with(with(|s| s.limits.attribute_value_bytes = 1 << 32), |t| {
        root("large").set("text", "x".repeat(1000)).set("short", "abc");
        let large = t.span("large");
        assert_eq!(large.attribute("text"), Some(&"x".repeat(1000).into()));
        assert_eq!(large.attribute("short"), Some(&"abc".into()));
    });
}

#[test]
fn limits_on_counts_are_exact_and_what_is_beyond_is_counted() {
    let limits = with(|s| {
        (s.limits.attributes_per_span, s.limits.events_per_span, s.limits.links_per_span) = (5, 4, 3);
        (s.limits.attributes_per_event, s.limits.attributes_per_link) = (2, 1);
    });
    let dropped = Dropped::default();
    let exporter = dropped.clone();
    testing::run_with(
        |b| limits(b).exporter(exporter),
        |t| {
            let other = root("other");
            let span = root("limited");
            for i in 0..1000 {
                span.set(Name::dynamic(&i.to_string()), i);
            }
            span.set("0", "replaced: its key is there already");
            let three = [("a", 1.into()), ("b", 2.into()), ("c", 3.into())];
            for _ in 0..100 {
                span.event_with("event", &three);
                span.link_with(&other, &three);
            }
            drop((span, other));
            let span = t.span("limited");
            assert_eq!(span.attributes.len(), 5);
            assert_eq!(span.attribute("0"), Some(&"replaced: its key is there already".into()));
            assert_eq!(span.attribute("4"), Some(&4.into()));
            assert_eq!((span.events.len(), span.events[0].2.len()), (4, 2));
            assert_eq!((span.links.len(), span.links[0].2.len()), (3, 1));
            assert_eq!(*dropped.0.lock().unwrap(), [995, 96, 97, 4, 6]);
            t.assert_complete();
        },
    );
}

/// What a span lost: attributes, events, links, attributes of its events, of its links.
#[derive(Clone, Default)]
struct Dropped(Arc<Mutex<[u32; 5]>>);

impl Exporter for Dropped {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        for span in delivery.spans().filter(|span| span.name() == "limited") {
            let events = span.events().map(|e| e.dropped_attributes()).sum();
            let links = span.links().map(|l| l.dropped_attributes()).sum();
            let own = [span.dropped_attributes(), span.dropped_events(), span.dropped_links(), events, links];
            *self.0.lock().unwrap() = own;
        }
        Ok(())
    }
}

#[test]
fn limits_of_zero_keep_nothing_and_count_everything() {
    let limits = with(|s| {
        (s.limits.attributes_per_span, s.limits.events_per_span, s.limits.links_per_span) = (0, 0, 0);
    });
    testing::run_with(limits, |t| {
        let span = root("empty");
        span.set("a", 1).event("e").link(&span);
        span.end();
        let span = t.span("empty");
        assert_eq!((span.attributes.len(), span.events.len(), span.links.len(), span.dropped), (0, 0, 0, 3));
    });
}

#[test]
fn attributes_that_find_no_room_are_counted_on_their_span() {
    testing::run_with(tiny, |t| {
        let span = root("crowded");
        let (fillers, _) = fill(&span);
        let mut refused = 0;
        for i in 0..100 {
            refused += u32::from(matches!(span.try_set("key", i), Err(SetError::Full)));
        }
        assert!(refused > 0);
        drop(fillers);
        drop(span);
        assert_eq!(t.span("crowded").dropped, refused);
        t.assert_balanced();
    });
}

#[test]
fn strange_names_and_keys_arrive_as_they_are() {
    let strange = ["", " ", "\0", "a\nb\r\tc", "\"},{\"", "\u{202e}rtl", "é\u{0301}", "\u{fffd}", "%s%n", "../../etc"];
    testing::run(|t| {
        for name in strange {
            let span = root(name);
            span.set(name, name).set(Name::dynamic(name), 1).event(name).rename(Name::dynamic(name));
            span.end();
            root(Name::dynamic(name)).end();
        }
        let spans = t.spans();
        assert_eq!(spans.len(), 2 * strange.len());
        for (pair, name) in spans.chunks(2).zip(strange) {
            assert_eq!((pair[0].name.as_str(), pair[1].name.as_str()), (name, name));
            assert_eq!(pair[0].attributes, [(name.to_owned(), Value::I64(1))]);
            assert_eq!(pair[0].events[0].0, name);
        }
        t.assert_complete();
    });
}

#[test]
fn names_that_are_too_long_are_cut_at_a_character() {
    for shard_bytes in [64 << 10, 1 << 20] {
        testing::run_with(
            |b| b.shard_bytes(shard_bytes),
            |t| {
                let long = "€".repeat(100_000);
                let span = root(Name::dynamic(&long));
                span.set(Name::dynamic(&long), 1).event(Name::dynamic(&long));
                let child = span.span(Name::dynamic("short"));
                child.rename(Name::dynamic(&long));
                drop((child, span));
                t.tracer().flush(LONG).unwrap();
                let spans = t.spans();
                assert_eq!(spans.len(), 2);
                for span in spans {
                    let whole = span.name.len() % 3 == 0 && span.name.chars().all(|c| c == '€');
                    assert!(whole && span.name.len() <= Name::MAX_BYTES, "{:?}", span.name);
                }
                t.assert_balanced();
            },
        );
    }
}

#[test]
fn zero_ids_make_roots_and_no_links() {
    testing::run(|t| {
        let (trace, span) = (TraceId::from_u128(5), SpanId::from_u64(6));
        for cx in [
            Context::INERT,
            Context::default(),
            Context::from_ids(TraceId::INVALID, span, true),
            Context::from_ids(trace, SpanId::INVALID, true),
        ] {
            let root = cx.span("root");
            assert!(root.is_recording() && root.context().is_valid());
            root.link(cx);
        }
        let spans = t.spans();
        assert_eq!(spans.len(), 4);
        assert!(spans.iter().all(|s| s.parent_span_id.is_none() && s.links.is_empty() && s.trace_id.is_valid()));
        t.assert_complete();
    });
}

#[test]
fn an_attribute_that_is_set_for_ever_costs_no_memory_of_the_others() {
    testing::run(|t| {
        let worker = root("worker");
        // More than all open spans together may hold, if every value of the one attribute were kept.
        let text = "x".repeat(1000);
        let mut set = 0;
        while set < 80_000 {
            match worker.try_set("now", &text) {
                Ok(_) => set += 1,
                Err(_) => t.tracer().flush(LONG).unwrap(),
            }
            if set % 100 == 0 {
                t.tracer().flush(LONG).unwrap();
            }
        }
        let other = root("other");
        other.set("key", "value");
        other.end();
        assert_eq!(t.span("other").attribute("key"), Some(&"value".into()));
        worker.end();
        assert_eq!(t.span("worker").attribute("now"), Some(&text.as_str().into()));
    });
}

#[test]
fn a_small_queue_takes_what_fits_of_a_burst() {
    let memory = Memory::new();
    let guard = builder("small").settings(Settings::default()).queue_bytes(64 << 10).exporter(memory.clone());
    let guard = guard.start().unwrap();
    for _ in 0..10 {
        for _ in 0..500 {
            guard.tracer().root("span").end();
        }
        let _ = guard.tracer().flush(LONG);
    }
    // The queue holds some hundreds of spans: what comes faster than the exporter takes it may be lost, but not all of it.
    let report = guard.finish();
    assert!(report.ledger().is_balanced() && memory.len() > 1000, "{report}");
}
