//! Events and links keep all of their attributes, whatever their length.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::export::{Delivery, ExportError, Exporter, SpanData};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{builder, root, Context, Name, Settings, Span, SpanId, TraceId, Value};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn event(t: &Testing) -> Vec<(String, Value<'static>)> {
    let SpanData { mut events, .. } = t.span("work");
    assert_eq!(events.len(), 1);
    events.remove(0).2
}

fn text(len: usize) -> String {
    (0..len).map(|at| char::from(b'a' + (at % 23) as u8)).collect()
}

#[test]
fn a_stack_trace_of_20_000_bytes_arrives_whole_and_so_does_what_follows_it() {
    let trace = text(20_000);
    testing::run(|t| {
        let span = root("work");
        span.event_with(
            "exception",
            &[
                ("exception.type", "panic".into()),
                ("exception.stacktrace", (&*trace).into()),
                ("exception.message", "boom".into()),
                ("exception.escaped", true.into()),
            ],
        );
        drop(span);
        let found = event(t);
        let keys: Vec<_> = found.iter().map(|(key, _)| &**key).collect();
        assert_eq!(keys, ["exception.type", "exception.stacktrace", "exception.message", "exception.escaped"]);
        assert_eq!(found[1].1.as_str(), Some(&*trace));
        assert_eq!((found[2].1.as_str(), &found[3].1), (Some("boom"), &Value::Bool(true)));
        t.assert_complete();
        assert_eq!(t.tracer().ledger().truncated, 0);
    });
}

#[test]
fn the_role_stays_behind_a_long_content_of_any_length() {
    testing::run(|t| {
        let lengths: Vec<usize> = (3_800..4_300).step_by(3).chain((8_000..8_400).step_by(7)).chain([65_536]).collect();
        for len in &lengths {
            let span = root("work");
            let (content, key) = (text(*len), text(len % 90));
            let long = [
                (Name::dynamic(&key), 7.into()),
                ("content".into(), content.as_str().into()),
                ("role".into(), "user".into()),
            ];
            span.event_with_keys("message", &long);
            span.link_with(
                Context::from_ids(TraceId::from_u128(1), SpanId::from_u64(2), true),
                &[("content", content.as_str().into()), ("role", "user".into())],
            );
            drop(span);
            // The ring has room for some of them only.
            t.tracer().flush(Duration::from_secs(60)).unwrap();
        }
        let spans = t.spans();
        assert_eq!(spans.len(), lengths.len());
        for (span, len) in spans.iter().zip(&lengths) {
            let (event, link) = (&span.events[0].2, &span.links[0].2);
            assert_eq!((event.len(), link.len()), (3, 2), "{len}");
            for attributes in [&event[1..], &link[..]] {
                assert_eq!(attributes[0].1.as_str().map(str::len), Some(*len));
                assert_eq!(attributes[0].1.as_str(), Some(&*text(*len)));
                assert_eq!((&*attributes[1].0, attributes[1].1.as_str()), ("role", Some("user")));
            }
        }
        t.assert_complete();
    });
}

#[test]
fn of_an_event_that_is_too_long_the_longest_values_are_cut_and_no_attribute_is_lost() {
    testing::run(|t| {
        let span = root("work");
        let (long, longer) = (text(60_000), text(200_000));
        let mut attributes: Vec<(&'static str, Value<'_>)> = vec![("a", (&*long).into()), ("b", (&*longer).into())];
        attributes.extend([("c", (&*long).into()), ("d", "short".into()), ("e", 5.into()), ("f", text(500).into())]);
        span.event_with("many", &attributes);
        drop(span);
        let found = event(t);
        let lengths: Vec<_> = found.iter().map(|(_, value)| value.as_str().map_or(0, str::len)).collect();
        assert_eq!(lengths, [32_768, 32_768, 32_768, 5, 0, 500]);
        assert_eq!(t.tracer().ledger().truncated, 3);
        t.assert_complete();
    });
}

/// Of each span the dropped events, of each event the attributes and the number of those that were dropped.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<Vec<CountedSpan>>>);

type CountedSpan = (u32, Vec<(Vec<(String, Value<'static>)>, u32)>);

impl Exporter for Counted {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let of_event = |event: heirloom_core::export::EventRef<'_>| {
            let attributes = event.attributes().map(|a| (a.key.to_owned(), a.value.into_owned())).collect();
            (attributes, event.dropped_attributes())
        };
        let spans = delivery.spans().map(|span| (span.dropped_events(), span.events().map(of_event).collect()));
        self.0.lock().unwrap().extend(spans);
        Ok(())
    }
}

fn counted(settings: Settings, record: impl FnOnce(&Span)) -> CountedSpan {
    let counted = Counted::default();
    let guard = builder("events").settings(settings).exporter(counted.clone()).start().unwrap();
    guard.tracer().in_root("work", record);
    assert!(guard.finish().is_complete());
    let mut spans = std::mem::take(&mut *counted.0.lock().unwrap());
    assert_eq!(spans.len(), 1);
    spans.remove(0)
}

#[test]
fn all_128_attributes_of_an_event_arrive_and_the_129th_is_counted() {
    let keys: Vec<String> = (0..129).map(|n| format!("key {n}")).collect();
    let (_, events) = counted(Settings::default(), |span| {
        let attributes: Vec<_> = keys.iter().enumerate().map(|(n, key)| (key.into(), text(n * 3).into())).collect();
        span.event_with_keys("many", &attributes);
    });
    let [(attributes, dropped)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((attributes.len(), *dropped), (128, 1));
    for (n, (key, value)) in attributes.iter().enumerate() {
        assert_eq!((key, value.as_str()), (&keys[n], Some(&*text(n * 3))));
    }
}

/// Of a dropped event, nothing gets into the one before it.
#[test]
fn long_attributes_of_events_beyond_the_limit_are_dropped_with_them() {
    let mut settings = Settings::default();
    (settings.limits.events_per_span, settings.limits.attributes_per_event) = (2, 3);
    let (dropped_events, events) = counted(settings, |span| {
        let long = text(9_000);
        for n in 0..5 {
            let value = || Value::from(&*long);
            span.event_with(
                "long",
                &[("n", n.into()), ("a", value()), ("b", value()), ("c", value()), ("a", 7.into())],
            );
        }
    });
    assert_eq!((events.len(), dropped_events), (2, 3));
    for (n, (attributes, dropped)) in events.iter().enumerate() {
        let found: Vec<_> = attributes.iter().map(|(key, value)| (&**key, value.as_i64())).collect();
        assert_eq!(found, [("n", Some(n as i64)), ("a", Some(7)), ("b", None)], "the last of two equal keys wins");
        assert_eq!(*dropped, 1);
    }
}

/// The thread that writes isn't the span's, and the span isn't known to the collector yet.
#[test]
fn long_events_of_other_threads_arrive_whole() {
    testing::run(|t| {
        let span = root("work");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let span = &span;
                scope.spawn(move || {
                    for n in 0..20 {
                        let long = text(5_000 + thread * 1_000 + n);
                        span.event_with("long", &[("text", (&*long).into()), ("role", "user".into())]);
                    }
                });
            }
        });
        drop(span);
        let events = t.span("work").events;
        assert_eq!(events.len(), 80);
        for (_, _, attributes) in events {
            let [(_, long), (_, role)] = &attributes[..] else { panic!("{attributes:?}") };
            let long = long.as_str().unwrap();
            assert_eq!((long, role.as_str()), (&*text(long.len()), Some("user")));
            assert!(long.len() >= 5_000);
        }
        t.assert_complete();
    });
}
