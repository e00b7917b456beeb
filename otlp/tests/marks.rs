//! Marks and fan-outs survive OTLP: a file of either form that is read back gives what was recorded.
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::export::marks::{unpack, FAN_OUT, MARKS, TEXTS};
use heirloom_core::export::{MarkData, Memory};
use heirloom_core::mark::{self, FanKind, FanOut, Lock, LockKind, StageKind, WaitCause};
use heirloom_core::{builder, Settings};
use heirloom_otlp::read::{AnyValue, Records, Span};
use heirloom_otlp::{Format, OtlpFile};
use std::collections::HashMap;
use std::fs::File;
use std::time::Duration;

/// One mark of each kind that a program records, on two threads.
fn record(tracer: &heirloom_core::Tracer) {
    static LOCK: Lock = Lock::named(LockKind::Mutex, "cache");
    let here = Lock::new(LockKind::Channel);
    tracer.in_root("run", |root| {
        mark::pool("main", 7, 0, 1);
        let from = mark::stamp();
        let fan = FanOut::begin(root.context(), FanKind::Iterator, true);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                mark::pool("workers", 8, 3, 4);
                let strand = fan.strand(true);
                fan.context().in_span("in a strand", |_| ());
                drop(strand);
                fan.in_span("item", |span| {
                    mark::waited(
                        WaitCause::Mutex,
                        from,
                        Some(&LOCK),
                        mark::current_span(),
                        Some(span.context().span_id()),
                    );
                    mark::held(&LOCK, from, true);
                    mark::lock_totals(&LOCK, 3, 500, 100, 2);
                    mark::stage(span.context(), StageKind::Submitted, from, 5);
                });
            });
        });
        fan.join();
        mark::waited(WaitCause::Empty, from, Some(&here), None, None);
        for n in 0..2000 {
            root.span("plain").set("n", n);
            mark::waited(WaitCause::Job, from, None, None, None);
        }
    });
}

fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a AnyValue> {
    span.attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}

fn number(value: &AnyValue) -> i64 {
    match value {
        AnyValue::Int(number) => *number,
        other => panic!("{other:?}"),
    }
}

fn unpacked(span: &Span, process_id: u32) -> Vec<MarkData> {
    let Some(AnyValue::Array(numbers)) = attribute(span, MARKS) else { return Vec::new() };
    let numbers: Vec<_> = numbers.iter().map(number).collect();
    let texts = match attribute(span, TEXTS) {
        Some(AnyValue::Array(texts)) => texts.as_slice(),
        _ => &[],
    };
    let text = |value: &AnyValue| match value {
        AnyValue::String(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    let texts: Vec<_> = texts.iter().map(text).collect();
    unpack(&numbers, &texts, span.start_time_unix_nano, process_id).unwrap()
}

#[test]
fn a_file_that_is_read_back_has_the_marks_and_the_fan_outs_that_were_recorded() {
    let folder = std::env::temp_dir().join(format!("heirloom-marks-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let paths = [(Format::Protobuf, folder.join("run.otlp")), (Format::Json, folder.join("run.jsonl"))];
    let memory = Memory::new();
    let mut settings = Settings::default();
    // The last sample may come after the last span.
    settings.sample = false;
    let mut tracer = builder("marks").settings(settings).exporter(memory.clone());
    for (format, path) in &paths {
        tracer = tracer.exporter(OtlpFile::create(*format, path).unwrap());
    }
    let guard = tracer.complete(Duration::from_secs(60)).start().unwrap();
    record(guard.tracer());
    let report = guard.finish_within(Duration::from_secs(60));
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.ledger().lost_marks, report.ledger().forgotten_marks), (0, 0), "{report}");

    let recorded = memory.marks();
    assert!(recorded.len() > 2000 && report.ledger().marks == recorded.len() as u64, "{}", recorded.len());
    let fans: HashMap<_, _> = memory.spans().iter().map(|span| (span.span_id, span.fan_out)).collect();
    assert_eq!(fans.values().flatten().count(), 2, "the span of the strand, and the item");
    for (format, path) in &paths {
        let requests: Vec<_> = Records::new(*format, File::open(path).unwrap()).collect::<Result<_, _>>().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        let spans: Vec<_> =
            resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans).collect();
        let read: Vec<_> = spans.iter().flat_map(|span| unpacked(span, std::process::id())).collect();
        assert!(read == recorded, "{} marks read of {}", read.len(), recorded.len());
        let carriers = spans.iter().filter(|span| attribute(span, MARKS).is_some()).count();
        assert!(carriers >= 4, "no span is very long: {carriers}");
        for span in spans {
            let fan = attribute(span, FAN_OUT).map(|fan| number(fan) as u64);
            assert_eq!(fan, fans[&span.span_id]);
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
