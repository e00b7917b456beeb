//! Tracestates that are invalid, or by an index of the parent's table.

use super::{abuse, end, family, flush, PID};
use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::testing::region::{Parent, RawRecord};
use heirloom_core::{in_root, testing, Context};
use std::sync::{Arc, Mutex};

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
