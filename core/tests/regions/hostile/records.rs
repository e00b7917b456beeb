//! Records, names and positions that make no sense.

use super::{abuse, begin, child_of, end, escaped_end, raw, Family};
use heirloom_core::mark::MarkKind;
use heirloom_core::testing::region::{Collector, Parent, RawRecord, RawShard};
use heirloom_core::{Context, SpanId};
use std::sync::atomic::Ordering::Relaxed;

type Crime = Box<dyn FnOnce(&Family, &mut RawShard, Context)>;

/// A number for another trace than the parent's, through a span with the id 1.
fn trace_value() -> RawRecord {
    RawRecord::trace_value(Parent { span: SpanId::from_u64(1), ..Parent::of_root(1 << 64 | 1) }, 1, &7.into(), 1)
}

/// A text on a span, in one record.
fn text(span: u64, text: &str) -> RawRecord {
    RawRecord::attribute(span, 1, &text.into(), 4096).remove(0)
}

fn mark(kind: MarkKind, span: u64) -> RawRecord {
    RawRecord::mark(kind, span, 1, 1, [1, 2, 3, 4], "")
}

#[test]
fn what_makes_no_sense_costs_its_shard_and_nothing_else() {
    let crimes: Vec<(&str, Crime)> = vec![
        ("zeros", Box::new(|_, s, _| raw(s, &[0]))),
        ("an unknown kind", Box::new(|_, s, _| raw(s, &RawRecord::of(77, 0, 0, &[])))),
        ("a begin that is too short", Box::new(|_, s, _| raw(s, &begin(1).cut(2)))),
        ("a record longer than what was published", Box::new(|_, s, _| raw(s, &end(1).with_length(100)))),
        ("a length beyond every record", Box::new(|_, s, _| raw(s, &end(1).with_length(0xfff)))),
        ("a forged end", Box::new(|_, s, cx| raw(s, &end(cx.span_id().to_u64())))),
        ("a value of no trace", Box::new(|_, s, _| raw(s, &trace_value().with_word(2, 0).with_word(3, 0)))),
        ("a value of a trace that is too short", Box::new(|_, s, _| raw(s, &trace_value().cut(5)))),
        (
            "a value of a trace longer than its record",
            Box::new(|_, s, _| {
                let text = RawRecord::trace_value(Parent::of_root(1), 1, &"a text".into(), 1).with_word(1, 1);
                raw(s, &text.cut(6).with_word(5, 9));
            }),
        ),
        ("a value of a trace without a type", Box::new(|_, s, _| raw(s, &trace_value().with_flags(0)))),
        ("a mark of a foreign span", Box::new(|_, s, cx| raw(s, &mark(MarkKind::Wait, cx.span_id().to_u64())))),
        ("a mark that only the parent makes", Box::new(|_, s, _| raw(s, &mark(MarkKind::Cpu, 0)))),
        ("a mark of no kind", Box::new(|_, s, _| raw(s, &mark(MarkKind::Wait, 0).with_aux(5 << 8 | 99)))),
        ("a mark with fewer words than it says", Box::new(|_, s, _| raw(s, &mark(MarkKind::Wait, 0).cut(4)))),
        (
            "a mark with a text longer than itself",
            Box::new(|_, s, _| raw(s, &mark(MarkKind::Pool, 0).with_aux(10 | 9 << 16))),
        ),
        ("a strand that is too short", Box::new(|_, s, _| raw(s, &RawRecord::strand(true, 1, 1).cut(2)))),
        ("a forged begin", Box::new(|_, s, cx| raw(s, &begin(cx.span_id().to_u64())))),
        (
            "an end of nothing",
            Box::new(|_, s, _| {
                let id = s.unused_id().to_u64();
                raw(s, &end(id));
            }),
        ),
        (
            "a begin twice",
            Box::new(|_, s, _| {
                let id = s.unused_id().to_u64();
                raw(s, &[&begin(id)[..], &begin(id)].concat());
            }),
        ),
        (
            "a name that nobody has",
            Box::new(|_, s, _| {
                let id = s.unused_id().to_u64();
                raw(s, &begin(id).with_aux(9_999));
            }),
        ),
        (
            "a value longer than its record",
            Box::new(|_, s, _| {
                let id = s.unused_id().to_u64();
                raw(s, &text(id, "a text").with_word(2, 4_000));
            }),
        ),
        ("a chunk of nothing", Box::new(|_, s, _| raw(s, &RawRecord::attribute(1, 1, &"a long text".into(), 32)[1]))),
        ("a position that goes back", Box::new(|f, _, _| f.child.head(1, 0).store(8, Relaxed))),
        ("a position beyond the ring", Box::new(|f, _, _| f.child.head(1, 0).store(1 << 40, Relaxed))),
        ("a crooked position", Box::new(|f, _, _| _ = f.child.head(1, 0).fetch_add(4, Relaxed))),
    ];
    for (what, crime) in crimes {
        let report = abuse(what, crime);
        assert_eq!(report.quarantined, 1, "{what}");
    }
}

#[test]
fn a_part_of_a_long_value_is_no_part_of_a_strangers() {
    let mut collector = Collector::start(4096, heirloom_core::Settings::default()).unwrap();
    let child = |collector: &Collector| {
        let family = child_of(collector.tracer(), &["job"]);
        let shard = family.shard();
        (family, shard)
    };
    let ((_one, mut hostile), (_two, mut good)) = (child(&collector), child(&collector));
    let (nobody, later) = (hostile.unused_id().to_u64(), good.unused_id().to_u64());
    // A text of 24 bytes, of which the last 8 are in a chunk; its span isn't known yet.
    let parts = |span| RawRecord::attribute(span, 1, &"abcdefgh".repeat(3).into(), 40);
    raw(&mut hostile, &parts(nobody)[0]);
    collector.pass();
    raw(&mut good, &parts(later).iter().flat_map(|part| part.to_vec()).collect::<Vec<_>>());
    collector.pass();
    raw(&mut hostile, &parts(nobody)[1]);
    raw(&mut good, &[&begin(later)[..], &escaped_end(later)].concat());
    collector.pass();
    collector.pass();
    let spans = collector.take_spans();
    let [job] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(job.attribute("job").and_then(|value| value.as_str()), Some("abcdefgh".repeat(3).as_str()));
}
