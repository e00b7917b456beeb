//! The table against a model, a flood, threads, and its cost.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::propagation::test_bytes::Random;
use std::collections::{HashMap, HashSet};

fn trace(n: u64) -> TraceId {
    TraceId { hi: n, lo: !n }
}

fn found(table: &Table, trace: TraceId, index: u16) -> Option<String> {
    let (texts, loss) = table.read(trace, index);
    assert_eq!(texts.tracestate.is_none(), loss.is_some());
    texts.tracestate.map(|text| text.to_string())
}

/// In a separate place for each test: some 300 bytes for each of the places.
fn table() -> Box<Table> {
    Box::new(Table::new())
}

#[test]
fn what_a_trace_brought_is_kept_for_a_minute_at_a_thousand_traces_per_second() {
    let table = table();
    // More, all from one minute ago, so that every place is used.
    (0..70_000).for_each(|n| _ = table.keep(trace(1 << 40 | n), "old=1", ""));
    let kept: Vec<u16> = (0..60_000).map(|n| table.keep(trace(n), &format!("vendor={n}"), "")).collect();
    for (n, index) in kept.into_iter().enumerate() {
        assert_eq!(found(&table, trace(n as u64), index), Some(format!("vendor={n}")), "{n}");
    }
}

#[test]
fn a_stranger_with_65_535_tracestates_takes_no_others_for_ever() {
    let table = table();
    for n in 0..65_535 {
        assert_ne!(table.keep(trace(7), &format!("stranger={n}"), ""), 0);
    }
    let index = table.keep(trace(8), "vendor=1", "");
    assert_eq!(found(&table, trace(8), index).as_deref(), Some("vendor=1"));
}

#[test]
fn every_place_has_an_index_and_none_has_zero() {
    let table = table();
    let indices: HashSet<u16> = (0..400_000).map(|n| table.keep(trace(n), "vendor=1", "")).collect();
    assert_eq!((indices.len(), indices.contains(&0)), (PLACES, false));
}

#[test]
fn the_same_text_of_different_traces_has_different_places() {
    let table = table();
    let [one, other] = [1, 2].map(|n| table.keep(trace(n), "vendor=1", ""));
    assert_ne!(one, other);
    assert_eq!(found(&table, trace(2), one), None, "another trace's place");
    assert_eq!(found(&table, trace(1), one).as_deref(), Some("vendor=1"));
}

#[test]
fn the_same_request_read_twice_takes_one_place() {
    let table = table();
    let first = table.keep(trace(1), "vendor=1", "tenant=blue");
    assert_eq!(table.keep(trace(1), "vendor=1", "tenant=blue"), first);
    for (trace_id, tracestate, baggage) in
        [(trace(2), "vendor=1", "tenant=blue"), (trace(1), "vendor=2", "tenant=blue"), (trace(1), "vendor=1", "")]
    {
        assert_ne!(table.keep(trace_id, tracestate, baggage), first);
    }
}

#[test]
fn nothing_is_kept_of_nothing_and_of_too_long_a_tracestate() {
    let table = table();
    assert_eq!(table.keep(trace(1), "", ""), 0);
    assert_eq!(table.keep(trace(1), &"x".repeat(MAX_TRACESTATE_BYTES + 1), ""), 0);
    assert_eq!(table.read(trace(1), 0), (Texts::default(), None));
    let longest = "x".repeat(MAX_TRACESTATE_BYTES);
    assert_eq!(found(&table, trace(1), table.keep(trace(1), &longest, "")), Some(longest));
}

#[test]
fn an_index_that_nothing_was_kept_at_reads_as_lost() {
    let table = table();
    assert_eq!(table.read(trace(1), 9), (Texts::default(), Some(Lost)));
    assert_eq!(table.read(trace(1), u16::MAX), (Texts::default(), Some(Lost)));
}

#[test]
fn a_reused_place_never_shows_another_traces_text() {
    let mut random = Random(0x5eed);
    for capacity in [1, 2, 7, 64, 200] {
        let mut stripe = Stripe::new(capacity, usize::MAX);
        // The model: the last that was kept at each place.
        let mut model = HashMap::new();
        let mut all = Vec::new();
        for _ in 0..2000 {
            let of = trace(random.below(2 * capacity + 1) as u64);
            let text = format!("vendor={}", random.below(3));
            // Few hashes, so that hints collide.
            let at = stripe.keep(random.below(5) as u64, of, &text, "");
            model.insert(at, (of, text));
            all.push((at, of));
            let (at, of) = all[random.below(all.len())];
            let (texts, loss) = stripe.read(at, of);
            let expected = model.get(&at).filter(|(owner, _)| *owner == of).map(|(_, text)| text.as_str());
            assert_eq!((texts.tracestate.as_deref(), loss.is_none()), (expected, expected.is_some()));
        }
        assert_eq!(model.len(), capacity);
    }
}

#[test]
fn places_are_reused_first_in_first_out() {
    let mut stripe = Stripe::new(3, usize::MAX);
    let taken: Vec<usize> = (0..7).map(|n| stripe.keep(n, trace(n), "vendor=1", "")).collect();
    assert_eq!(taken, [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn what_was_just_read_is_not_at_a_place_that_is_reused_soon() {
    let mut stripe = Stripe::new(640, usize::MAX);
    let first = stripe.keep(1, trace(1), "vendor=1", "");
    (0..11).for_each(|n| _ = stripe.keep(100 + n, trace(100 + n), "other=1", ""));
    let again = stripe.keep(1, trace(1), "vendor=1", "");
    assert_ne!(again, first);
    (0..630).for_each(|n| _ = stripe.keep(200 + n, trace(200 + n), "other=1", ""));
    assert_eq!(stripe.read(again, trace(1)).1, None);
}

#[test]
fn the_oldest_baggage_is_dropped_beyond_its_bytes_and_its_tracestate_stays() {
    let text = "x".repeat(1000);
    let mut stripe = Stripe::new(100, 10_500);
    let at: Vec<usize> = (0..20).map(|n| stripe.keep(n, trace(n), "vendor=1", &text)).collect();
    for (n, at) in at.iter().enumerate() {
        let (texts, loss) = stripe.read(*at, trace(n as u64));
        assert_eq!((texts.baggage.is_some(), loss.is_none()), (n >= 10, n >= 10), "{n}");
        assert_eq!(texts.tracestate.as_deref(), Some("vendor=1"));
    }
    // A place without baggage, reused by one with it, frees nothing.
    (20..300).for_each(|n| _ = stripe.keep(n, trace(n), "vendor=1", if n % 3 == 0 { &text } else { "" }));
    let kept = (200..300).filter(|n| (0..100).any(|at| stripe.read(at, trace(*n)).0.baggage.is_some())).count();
    assert_eq!(kept, 10);
}

#[test]
fn threads_that_keep_and_read_at_once_find_their_own() {
    let table = table();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let table = &table;
            scope.spawn(move || {
                for n in 0..20_000 {
                    let id = trace(thread << 32 | n);
                    let text = format!("vendor={thread}-{n}");
                    let index = table.keep(id, &text, "tenant=blue");
                    // Others may have filled the stripe meanwhile, but only if this thread was very slow.
                    let (texts, loss) = table.read(id, index);
                    assert!(loss.is_some() || texts.tracestate.as_deref() == Some(&text));
                    assert!(loss.is_some() || texts.baggage.as_deref() == Some("tenant=blue"));
                }
            });
        }
    });
}
