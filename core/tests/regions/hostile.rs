//! A child that does what no child of good will does harms itself alone.

use super::{child_of, family, of_child, Family, PID};
use heirloom_core::export::{Delivery, ExportError, Exporter, SpanData};
use heirloom_core::mark::MarkKind;
use heirloom_core::region::RegionReport;
use heirloom_core::testing::region::{Collector, Parent, RawName, RawRecord, RawShard};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, Context, Span, SpanId, Status, Value};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a hostile child does to its shard; the parent's own spans and the child's earlier ones must not suffer.
fn abuse(what: &str, crime: impl FnOnce(&Family, &mut RawShard, Context)) -> RegionReport {
    testing::run_with(
        |b| testing::small_shards(b, 16 << 10),
        |t| {
            let report = in_root("main", |root| {
                let family = family(t);
                let mut good = family.child.shard(2, "good").unwrap();
                let mut shard = family.shard();
                let first = shard.begin(1, root.context()).unwrap();
                shard.end(first);
                let open = shard.begin(2, root.context()).unwrap();
                t.tracer().flush(Duration::from_secs(10)).unwrap();
                crime(&family, &mut shard, root.context());
                t.tracer().flush(Duration::from_secs(10)).unwrap();
                root.in_span("own", |_| ());
                // Another shard of the same child is as good as before.
                let second = good.begin(1, root.context()).unwrap();
                good.end(second);
                let report = family.kill();
                let spans = t.spans();
                let child = of_child(&spans);
                assert!(child.iter().filter(|s| s.name == "job" && !s.aborted).count() >= 2, "{what}: {child:?}");
                assert_eq!(
                    child.iter().filter(|s| s.span_id == SpanId::from_u64(open) && s.aborted).count(),
                    1,
                    "{what}"
                );
                report
            });
            assert!(t.spans().iter().any(|s| s.name == "own"), "{what}");
            t.assert_balanced();
            report
        },
    )
}

type Crime = Box<dyn FnOnce(&Family, &mut RawShard, Context)>;

/// A begin of a root, of another trace than the parent's.
fn begin(span: u64) -> RawRecord {
    RawRecord::begin(span, 1, Parent::of_root(1 << 64 | 1), 1)
}

fn end(span: u64) -> RawRecord {
    RawRecord::end(span, 0, 1)
}

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

/// Publishes words as they are.
fn raw(shard: &mut RawShard, words: &[u64]) {
    assert!(shard.record(words), "no room");
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
fn a_child_that_opens_more_than_it_may_is_stopped() {
    let few = |b: heirloom_core::Builder| {
        let mut settings = heirloom_core::Settings::default();
        settings.max_open_spans_per_thread = 1000;
        testing::small_shards(b.settings(settings), 16 << 10)
    };
    testing::run_with(few, |t| {
        in_root("main", |_| {
            let family = family(t);
            let mut shard = family.shard();
            let mut refused_since = None::<Instant>;
            let start = Instant::now();
            while refused_since.is_none_or(|since| since.elapsed() < Duration::from_millis(300)) {
                assert!(start.elapsed() < Duration::from_secs(30), "it was never stopped");
                let id = shard.unused_id().to_u64();
                if shard.record(&begin(id)) {
                    refused_since = None;
                } else {
                    refused_since.get_or_insert_with(Instant::now);
                    family.region.wake_collector();
                    std::thread::yield_now();
                }
            }
            let report = family.kill();
            assert_eq!(report.quarantined, 1);
            assert!((1000..10_000).contains(&report.aborted), "{report:?}");
        });
        let ledger = t.tracer().ledger();
        assert!(ledger.is_balanced(), "{ledger}");
    });
}

#[test]
fn a_child_with_too_many_open_spans_is_told_that_and_not_that_it_is_damaged() {
    const MAX_OPEN: usize = 1 << 18;
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            // As a program of good will: each thread is within its own limit.
            let stopped = (1..=20).any(|thread| {
                let mut shard = family.child.shard(thread, "worker").unwrap();
                !(0..15_000).all(|_| begin_waiting(&mut shard, &family, root.context()))
            });
            assert!(stopped || t.tracer().ledger().quarantined > 0);
            let report = family.kill();
            assert!(report.quarantined > 0, "{report:?}");
        });
        let spans = t.spans();
        let told = Status::Error(format!("aborted: process {PID} has more than {MAX_OPEN} open spans"));
        assert!(of_child(&spans).iter().any(|span| span.status == told), "the spans of the quarantined shard say why");
        assert!(!spans.iter().any(|span| format!("{:?}", span.status).contains("damaged")));
        t.assert_balanced();
    });
}

/// Begins a span, however full the ring is. `false` if nothing makes room: its shard is quarantined.
fn begin_waiting(shard: &mut RawShard, family: &Family, cx: Context) -> bool {
    let start = Instant::now();
    while shard.begin(1, cx).is_none() {
        if start.elapsed() > Duration::from_secs(2) {
            return false;
        }
        family.region.wake_collector();
        std::thread::yield_now();
    }
    true
}

#[test]
fn claims_that_nobody_can_check_stay_within_what_is_possible() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let job = shard.begin(1, root.context()).unwrap();
            shard.end(job);
            family.child.head(0, 1).store(u64::MAX, Relaxed); // begun
            t.tracer().flush(Duration::from_secs(10)).unwrap();
            let ledger = t.tracer().ledger();
            // A child's ring holds at most 21,846 begins.
            assert!(ledger.begun < 22_000, "{ledger}");
            assert!(ledger.is_balanced(), "{ledger}");
            assert!(family.kill().unpublished > 0);
        });
        t.assert_balanced();
    });
}

#[test]
fn stamps_lie_within_the_life_of_the_process() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let before = Instant::now();
            for stamp in [0, 1, u64::MAX, u64::MAX >> 1, 1 << 63] {
                let id = shard.unused_id().to_u64();
                let begin = RawRecord::begin(id, 1, root.context(), stamp);
                shard.record(&[&begin[..], &RawRecord::end(id, 0, !stamp)].concat());
            }
            family.kill();
            for span in of_child(&t.spans()) {
                assert!(span.start_ns <= span.end_ns);
                assert!(u128::from(span.end_ns - span.start_ns) <= before.elapsed().as_nanos() + 50_000_000);
            }
        });
        let spans = t.spans();
        let main = spans.iter().find(|s| s.name == "main").unwrap();
        let children = of_child(&spans);
        assert_eq!(children.len(), 5);
        assert!(children.iter().all(|s| s.start_ns >= main.start_ns && s.end_ns <= main.end_ns));
    });
}

#[test]
fn scribbling_over_everything_that_a_child_can_reach_harms_nobody_else() {
    for seed in 1..40_u64 {
        testing::run_with(
            |b| testing::small_shards(b, 64 << 10),
            |t| {
                in_root("main", |root| {
                    let family = family(t);
                    let mut shard = family.shard();
                    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let mut next = || {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        random
                    };
                    for _ in 0..200 {
                        if let Some(job) = shard.begin(1, root.context()) {
                            shard.end(job);
                        }
                        let place = next() as usize % (1_130_496 / 8 + 2 * 8192 / 8);
                        // Half of the time in the header, or near the shard.
                        let place = match next() % 4 {
                            0 => place,
                            1 => 32 + place % 8,
                            _ => 1_126_400 / 8 + place % (8192 / 8),
                        };
                        let value = match next() % 3 {
                            0 => next(),
                            1 => next() & 0xffff,
                            _ => 0,
                        };
                        family.memory.words()[place].store(value, Relaxed);
                        root.in_span("own", |_| ());
                    }
                    family.kill();
                });
                assert_eq!(t.spans().iter().filter(|s| s.name == "own").count(), 200);
                let ledger = t.tracer().ledger();
                assert!(ledger.is_balanced() && ledger.corrupt == 0, "{ledger}");
            },
        );
    }
}

fn flush(t: &Testing) {
    t.tracer().flush(Duration::from_secs(10)).unwrap();
}

/// The parent's span of this name is as the parent made it.
fn assert_untouched(spans: &[SpanData], name: &str) {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    let [span] = found[..] else { panic!("{name}: {found:?}") };
    assert!(span.attributes.is_empty() && span.status == Status::Unset && !span.aborted, "{span:?}");
    assert_eq!(span.lane.process_id, std::process::id());
}

/// Ends a span where another thread of the child would.
fn end_elsewhere(span: u64) -> RawRecord {
    RawRecord::end(span, RawRecord::ELSEWHERE, 1)
}

/// An end that waits for one more pass.
fn escaped_end(span: u64) -> RawRecord {
    RawRecord::end(span, RawRecord::ESCAPED, 1)
}

#[test]
fn a_span_that_ends_twice_closes_nobody_elses() {
    for second in [end as fn(u64) -> RawRecord, escaped_end] {
        testing::run(|t| {
            in_root("main", |root| {
                let family = family(t);
                let mut shard = family.shard();
                let job = shard.begin(1, root.context()).unwrap();
                raw(&mut shard, &[&escaped_end(job)[..], &second(job)].concat());
                flush(t);
                root.in_span("own", |_| flush(t));
                assert_eq!(family.kill().quarantined, 1);
            });
            assert_untouched(&t.spans(), "own");
            assert_untouched(&t.spans(), "main");
            t.assert_balanced();
        });
    }
}

/// A child whose span has ended elsewhere, and the parent's spans that have its place in the collector's tables now.
fn with_reused_places(t: &Testing, crime: impl FnOnce(&mut RawShard, u64)) -> RegionReport {
    in_root("main", |root| {
        let family = family(t);
        let mut shard = family.shard();
        let job = shard.begin(1, root.context()).unwrap();
        raw(&mut shard, &end_elsewhere(job));
        flush(t);
        let own: Vec<Span> = (0..8).map(|_| root.span("own")).collect();
        flush(t);
        crime(&mut shard, job);
        flush(t);
        assert!(t.spans().iter().all(|span| span.name != "own"), "the child ended its parent's span");
        drop(own);
        let spans = t.spans();
        let own: Vec<_> = spans.iter().filter(|span| span.name == "own").collect();
        assert_eq!(own.len(), 8);
        assert!(own.iter().all(|span| span.attributes.is_empty()), "{own:?}");
        family.kill()
    })
}

#[test]
fn a_span_that_ended_elsewhere_ends_once() {
    testing::run(|t| {
        let report = with_reused_places(t, |shard, job| raw(shard, &end(job)));
        assert_eq!(report.quarantined, 1);
        t.assert_balanced();
    });
}

#[test]
fn what_is_set_on_a_span_that_ended_elsewhere_is_late() {
    testing::run(|t| {
        with_reused_places(t, |shard, job| assert!(shard.number(job, 2, 1)));
        t.assert_balanced();
        assert!(t.tracer().ledger().late > 0);
    });
}

#[test]
fn lost_attributes_that_cannot_be_so_many_are_counted_as_many_as_can_be() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let job = shard.begin(1, root.context()).unwrap();
            let keys: Vec<String> = (0..150).map(|n| format!("key{n:05}")).collect();
            let items: Vec<(RawName<'_>, Value<'_>)> = keys.iter().map(|key| (key.as_str().into(), 1.into())).collect();
            raw(&mut shard, &RawRecord::event(job, 1, &items, u32::MAX, 1));
            raw(&mut shard, &RawRecord::link(job, Parent::of_root(1 << 64 | 1), &items, u32::MAX));
            shard.end(job);
            assert_eq!(family.kill().quarantined, 0);
        });
        t.assert_balanced();
    });
}

#[test]
fn refusals_that_cannot_be_so_many_leave_the_ledger_a_ledger() {
    testing::run(|t| {
        in_root("main", |_| {
            let family = family(t);
            let _shard = family.shard();
            (2..7).for_each(|word| family.child.head(0, word).store(u64::MAX, Relaxed));
            family.memory.words()[36].store(u64::MAX, Relaxed); // unplaced
            flush(t);
            assert!(t.tracer().ledger().is_balanced());
            family.kill();
        });
        let ledger = t.tracer().ledger();
        assert!(ledger.is_balanced() && ledger.transparent.full == 1 << 40, "{ledger:#?}");
    });
}

#[test]
fn ends_that_are_written_after_the_death_leave_nothing_open() {
    testing::run(|t| {
        in_root("main", |root| {
            for _ in 0..50 {
                let family = family(t);
                let mut shard = family.shard();
                family.region.died(heirloom_core::region::Death::Killed(9));
                // As from a process that was forked from it.
                let start = Instant::now();
                while family.region.wait_closed(Duration::ZERO).is_none() && start.elapsed() < Duration::from_secs(10) {
                    if let Some(job) = shard.begin(1, root.context()) {
                        shard.record(&escaped_end(job));
                    }
                }
            }
        });
        flush(t);
        let ledger = t.tracer().ledger();
        assert!(ledger.is_balanced() && ledger.open == 0, "{ledger:#?}");
    });
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

/// The tracestates of the child's spans.
#[derive(Clone, Default)]
struct States(Arc<Mutex<Vec<String>>>);

impl Exporter for States {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let of_child = delivery.spans().filter(|span| span.lane().process_id == PID);
        self.0.lock().unwrap().extend(of_child.map(|span| span.tracestate().to_owned()));
        Ok(())
    }
}

#[test]
fn a_tracestate_is_on_a_span_that_ends_in_the_pass_that_brings_it() {
    let seen = States::default();
    testing::run_with(
        |b| b.exporter(seen.clone()),
        |t| {
            in_root("main", |root| {
                let family = family(t);
                let mut shard = family.shard();
                for n in 0..2000 {
                    let job = loop {
                        match shard.begin(1, root.context()) {
                            Some(job) => break job,
                            None => flush(t),
                        }
                    };
                    while !shard.record(&RawRecord::tracestate(job, "vendor=1")) {
                        flush(t);
                    }
                    shard.end(job);
                    if n % 500 == 0 {
                        flush(t);
                    }
                }
                assert_eq!(family.kill().quarantined, 0);
            });
            flush(t);
        },
    );
    let seen = seen.0.lock().unwrap();
    assert_eq!(seen.len(), 2000);
    assert!(seen.iter().all(|state| state == "vendor=1"), "{:?}", seen.iter().find(|state| state.is_empty()));
}

/// Records with a tracestate, each valid but for the text.
fn records_with(tracestate: &str, job: u64) -> [RawRecord; 2] {
    let of = Parent::of_root(1 << 64 | 1);
    [RawRecord::tracestate(job, tracestate), RawRecord::link_with_tracestate(job, of, tracestate, &[], 0)]
}

#[test]
fn a_tracestate_that_is_too_long_or_has_too_many_members_or_is_none_is_refused() {
    let numbered = |members: usize| (0..members).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(",");
    let long = |value: usize| format!("a=1,b={}", "v".repeat(value));
    let longest = |bytes: usize| {
        let two = format!("a={},b=", "v".repeat(240));
        format!("{two}{},c={}", "v".repeat(200), "v".repeat(bytes - two.len() - 203))
    };
    assert_eq!(longest(513).len(), 513);
    let cases = [
        ("513 bytes", longest(513)),
        ("33 members", numbered(33)),
        ("a value of 257 bytes", long(257)),
        ("no member", "vendor".to_owned()),
        ("a key twice", "a=1,a=2".to_owned()),
        ("not as it is printed", "a=1, b=2".to_owned()),
        ("not ASCII", "a=\u{e9}".to_owned()),
    ];
    for (what, text) in cases {
        for which in 0..2 {
            let text = text.clone();
            let report = abuse(what, move |_, shard, cx| {
                let job = shard.begin(1, cx).unwrap();
                assert!(shard.record(&records_with(&text, job)[which]));
            });
            assert_eq!(report.quarantined, 1, "{what}, {which}");
        }
    }
    // What is within these limits passes.
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let job = shard.begin(1, root.context()).unwrap();
            for text in [longest(512), numbered(32), long(256)] {
                records_with(&text, job).iter().for_each(|record| assert!(shard.record(record)));
            }
            shard.end(job);
            assert_eq!(family.kill().quarantined, 0);
        });
    });
}

#[test]
fn an_index_of_a_childs_table_reads_none_of_this_processs_tracestates() {
    let seen = States::default();
    testing::run_with(
        |b| b.exporter(seen.clone()),
        |t| {
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            let cx = Context::from_headers(Some(parent), Some("secret=1"), None).unwrap();
            let root = t.tracer().bind(cx).span("main");
            let family = family(t);
            let mut shard = family.shard();
            // All indices: one of them is the parent's.
            for chunk in 0..64 {
                for index in chunk * 1024..(chunk + 1) * 1024_u32 {
                    let begin = RawRecord::begin(shard.unused_id().to_u64(), 1, root.context(), 1);
                    let aux = begin.aux();
                    let begin = begin.with_aux(aux | index << 16);
                    while !shard.record(&begin) {
                        flush(t);
                    }
                    while !shard.record(&end(begin[1])) {
                        flush(t);
                    }
                }
                flush(t);
            }
            assert_eq!(family.kill().quarantined, 0);
            drop(root);
            flush(t);
        },
    );
    let seen = seen.0.lock().unwrap();
    assert!(!seen.is_empty() && seen.iter().all(String::is_empty), "{:?}", seen.iter().find(|text| !text.is_empty()));
}
