//! What a child may use up, and values that are not what they say.

use super::family;
use heirloom_core::region::Region;
use heirloom_core::testing;
use heirloom_core::testing::region::{Parent, RawName, RawRecord, RawShard};
use heirloom_core::{in_root, Context, Value};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(10);

/// Publishes a record, however full the ring is.
fn push(shard: &mut RawShard, region: &Region, words: &[u64]) {
    let start = Instant::now();
    while !shard.record(words) {
        assert!(start.elapsed() < LONG, "no room");
        region.wake_collector();
        std::thread::yield_now();
    }
}

fn begin(shard: &mut RawShard, region: &Region, cx: Context) -> u64 {
    let start = Instant::now();
    loop {
        if let Some(span) = shard.begin(1, cx) {
            return span;
        }
        assert!(start.elapsed() < LONG, "no room");
        region.wake_collector();
        std::thread::yield_now();
    }
}

/// A text attribute of bytes that are no UTF-8, cut by characters, alone and behind what makes the collector tidy up.
#[test]
fn bytes_that_are_no_text_are_cut_to_a_text() {
    let fifty_chars = |b: heirloom_core::Builder| {
        let mut settings = heirloom_core::Settings::default();
        settings.limits.attribute_value_chars = Some(50);
        b.settings(settings)
    };
    testing::run_with(fifty_chars, |t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.child.shard(1, "worker").unwrap();
            for long_values in [0, 4] {
                let span = begin(&mut shard, &family.region, root.context());
                for len in [4000, 4000, 4000, 4000, 320].into_iter().take(long_values + 1) {
                    let long = RawRecord::attribute(span, 1, &Value::Bools(vec![false; len].into()), 4096);
                    push(&mut shard, &family.region, &long[0]);
                }
                let text = RawRecord::attribute(span, 2, &"x".repeat(104).into(), 4096).remove(0);
                let no_text = (3..16).fold(text, |text, at| text.with_word(at, u64::MAX));
                push(&mut shard, &family.region, &no_text);
                shard.end(span);
            }
            t.tracer().flush(LONG).unwrap();
            root.in_span("own", |_| ());
            assert_eq!(family.kill().quarantined, 0);
        });
        let spans = t.spans();
        let texts = spans.iter().filter(|span| span.name == "job").filter_map(|span| span.attribute("step"));
        assert_eq!(texts.filter(|text| text.as_str() == Some(&"\u{fffd}".repeat(50))).count(), 2, "{spans:?}");
        assert!(spans.iter().any(|span| span.name == "own"));
    });
}

#[test]
fn a_flag_that_a_record_cannot_have_costs_its_shard() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.child.shard(1, "worker").unwrap();
            let span = begin(&mut shard, &family.region, root.context());
            // An event that says that a tick comes first, which only what is set on a span may say.
            let event = RawRecord::event(span, 1, &[(1.into(), true.into())], 0, testing::region::tick());
            push(&mut shard, &family.region, &event.with_flags(RawRecord::STAMPED));
            assert_eq!(family.kill().quarantined, 1);
        });
    });
}

/// Rows without bytes are memory too: events whose attributes are numbers under known names.
#[test]
fn what_open_spans_hold_is_bounded_whatever_it_is() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.child.shard(1, "worker").unwrap();
            let keys = 120;
            assert!((0..keys).all(|n| family.child.name(&format!("key{n}"))));
            let items: Vec<(RawName<'_>, Value<'_>)> = (0..keys).map(|n| ((n + 3).into(), true.into())).collect();
            for _ in 0..200 {
                let span = begin(&mut shard, &family.region, root.context());
                let event = RawRecord::event(span, 1, &items, 0, testing::region::tick());
                (0..128).for_each(|_| push(&mut shard, &family.region, &event));
            }
            root.set("own", true);
            family.kill();
        });
        let spans = t.spans();
        let held: usize = spans.iter().flat_map(|span| &span.events).map(|event| event.2.len()).sum();
        // Each takes two words, and other processes' spans may hold 32 MiB.
        let held_mib = (16 * held) >> 20;
        assert!((1..34).contains(&held_mib), "{held} attributes of events were held, of 3,072,000");
        let main = spans.iter().find(|span| span.name == "main").unwrap();
        assert!(main.attribute("own").is_some(), "the parent's own were not");
    });
}

#[test]
fn one_child_does_not_use_up_the_names_of_another() {
    testing::run(|t| {
        in_root("main", |root| {
            let greedy = family(t);
            let mut shard = greedy.child.shard(1, "greedy").unwrap();
            let names = (0..9_000).take_while(|n| greedy.child.name(&format!("greedy {n}"))).count() as u32;
            // The two of every family come first.
            for name in 3..3 + names {
                let span = shard.unused_id().to_u64();
                let parent = Parent::of_root(root.context().trace_id().to_u128());
                push(&mut shard, &greedy.region, &RawRecord::begin(span, name, parent, 1));
                push(&mut shard, &greedy.region, &RawRecord::end(span, 0, 1));
            }
            assert_eq!(greedy.kill().quarantined, 0);
            let modest = family(t);
            assert!(modest.child.name("modest"));
            let mut shard = modest.child.shard(1, "modest").unwrap();
            let span = shard.begin(3, root.context()).unwrap();
            shard.end(span);
            modest.kill();
        });
        let spans = t.spans();
        assert!(spans.iter().any(|span| span.name == "greedy 0") && spans.iter().any(|span| span.name == "modest"));
        assert!(spans.iter().any(|span| span.name == "(no room for this name)"), "{} spans", spans.len());
    });
}
