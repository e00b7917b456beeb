//! What a child may use up, and values that are not what they say.

use super::family;
use heirloom_core::region::Region;
use heirloom_core::testing::{self, region::RawShard};
use heirloom_core::{in_root, Context};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(10);
const END: u64 = 2 | 3 << 8;

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
                for len in [4000_u64, 4000, 4000, 4000, 320].into_iter().take(long_values + 1) {
                    let mut words = vec![3 | (3 + len / 8) << 8 | 5 << 20 | 1 << 32, span, len];
                    words.extend(vec![0; len as usize / 8]);
                    push(&mut shard, &family.region, &words);
                }
                let mut words = vec![3 | (3 + 13) << 8 | 4 << 20 | 2 << 32, span, 104];
                words.extend([u64::MAX; 13]);
                push(&mut shard, &family.region, &words);
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
            let event = [5 | 6 << 8 | 1 << 27 | 1 << 32, span, testing::region::tick(), 0, 1 | 1 << 32, 1];
            push(&mut shard, &family.region, &event);
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
            let keys = 120_u64;
            assert!((0..keys).all(|n| family.child.name(&format!("key{n}"))));
            for _ in 0..200 {
                let span = begin(&mut shard, &family.region, root.context());
                let mut event = vec![5 | (4 + 2 * keys) << 8 | 1 << 32, span, testing::region::tick(), 0];
                (0..keys).for_each(|n| event.extend([1 | (n + 3) << 32, 1]));
                (0..128).for_each(|_| push(&mut shard, &family.region, &event));
            }
            root.set("own", true);
            family.kill();
        });
        let spans = t.spans();
        let held: usize = spans.iter().flat_map(|span| &span.events).map(|event| event.2.len()).sum();
        assert!((10_000..1_000_000).contains(&held), "{held} attributes of events were held, of 3,072,000");
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
            let names = (0..9_000).take_while(|n| greedy.child.name(&format!("greedy {n}"))).count() as u64;
            // The two of every family come first.
            for name in 3..3 + names {
                let span = shard.unused_id().to_u64();
                let trace = root.context().trace_id().to_u128();
                let begin = [1 | 6 << 8 | name << 32, span, 0, (trace >> 64) as u64, trace as u64, 1];
                push(&mut shard, &greedy.region, &begin);
                push(&mut shard, &greedy.region, &[END, span, 1]);
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

#[test]
fn one_process_does_not_keep_open_what_it_likes() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let trace = root.context().trace_id().to_u128();
            for thread in 0..20 {
                let mut shard = family.child.shard(thread, "worker").unwrap();
                for _ in 0..14_000 {
                    let span = shard.unused_id().to_u64();
                    let begin = [1 | 6 << 8 | 1 << 32, span, 0, (trace >> 64) as u64, trace as u64, 1];
                    if !shard.record(&begin) {
                        // Full: its reader has given the shard up, or is about to come.
                        family.region.wake_collector();
                        std::thread::yield_now();
                    }
                }
            }
            let report = family.kill();
            // A shard that is given up makes room for those after it.
            assert!(report.quarantined > 0 && (200_000..280_000).contains(&report.aborted), "{report:?}");
        });
        assert!(t.tracer().ledger().is_balanced());
    });
}
