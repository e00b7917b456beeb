//! What the encoder writes means the same to the official schema (`opentelemetry-proto`, `prost`) as the batch does.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_otlp::{Encoder, Format, Plain};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use prost::Message;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use support::{official, random, requests};

/// What requests say, whatever their order and their parts are: the spans below each resource and scope, as texts, since a NaN
/// doesn't equal itself.
fn meaning(requests: impl IntoIterator<Item = Request>) -> BTreeMap<(String, String), Vec<String>> {
    let mut all: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for resource in requests.into_iter().flat_map(|request| request.resource_spans) {
        for scope in resource.scope_spans {
            let key = (format!("{:?}", resource.resource), format!("{:?}", scope.scope));
            all.entry(key).or_default().extend(scope.spans.iter().map(|span| format!("{span:?}")));
        }
    }
    all.values_mut().for_each(|spans| spans.sort());
    all
}

/// Doubles that JSON has no number for are texts, by protobuf's rules for JSON. The official crate can't read them, so the tests
/// put numbers in their place.
const TEXTS: [(&str, f64); 3] = [("NaN", 1.25e301), ("Infinity", 2.5e301), ("-Infinity", 5e301)];

fn decode(format: Format, request: &[u8]) -> Request {
    if format == Format::Protobuf {
        return Request::decode(request).unwrap();
    }
    let mut json = String::from_utf8(request.to_vec()).unwrap();
    for (text, number) in TEXTS {
        json = json.replace(&format!("{{\"doubleValue\":\"{text}\"}}"), &format!("{{\"doubleValue\":{number:e}}}"));
    }
    let mut decoded = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    doubles(&mut decoded);
    decoded
}

/// Puts the doubles back.
fn doubles(request: &mut Request) {
    let spans = request.resource_spans.iter_mut().flat_map(|r| &mut r.scope_spans).flat_map(|s| &mut s.spans);
    for span in spans {
        let events = span.events.iter_mut().flat_map(|event| &mut event.attributes);
        let links = span.links.iter_mut().flat_map(|link| &mut link.attributes);
        let values = span.attributes.iter_mut().chain(events).chain(links).filter_map(|a| a.value.as_mut());
        for value in values {
            match value.value.as_mut() {
                Some(Any::DoubleValue(number)) => double(number),
                Some(Any::ArrayValue(array)) => array.values.iter_mut().for_each(|item| {
                    if let Some(Any::DoubleValue(number)) = item.value.as_mut() {
                        double(number);
                    }
                }),
                _ => {}
            }
        }
    }
}

fn double(number: &mut f64) {
    if let Some((text, _)) = TEXTS.iter().find(|(_, known)| known == number) {
        *number = text.to_lowercase().parse().unwrap();
    }
}

/// Random batches in requests of at most `max` bytes; returns how many spans and requests there were.
fn compare(format: Format, seeds: std::ops::Range<u64>, max: usize) -> (usize, usize) {
    let counts = Arc::new(Mutex::new((0, 0)));
    for seed in seeds {
        let counts = Arc::clone(&counts);
        let mut encoder = Encoder::new(format, Plain);
        random::record(seed, move |delivery| {
            let encoded = requests(&mut encoder, delivery, max);
            let mut counts = counts.lock().unwrap();
            *counts = (counts.0 + delivery.len(), counts.1 + encoded.len());
            let ours = meaning(encoded.iter().map(|request| decode(format, request)));
            let theirs = meaning(delivery.parts().map(official::request));
            assert!(ours.keys().eq(theirs.keys()), "{:#?}\n{:#?}", ours.keys(), theirs.keys());
            for (ours, theirs) in ours.values().zip(theirs.values()) {
                assert_eq!(ours.len(), theirs.len());
                ours.iter().zip(theirs).for_each(|(ours, theirs)| assert_eq!(ours, theirs, "seed {seed}"));
            }
        });
    }
    let counts = *counts.lock().unwrap();
    counts
}

#[test]
fn protobuf_means_what_the_batch_does() {
    let (spans, _) = compare(Format::Protobuf, 0..12, usize::MAX);
    assert!(spans > 1000, "{spans}");
}

#[test]
fn json_means_what_the_batch_does() {
    let (spans, _) = compare(Format::Json, 0..12, usize::MAX);
    assert!(spans > 1000, "{spans}");
}

#[test]
fn requests_of_any_size_have_each_span_once() {
    for format in support::FORMATS {
        for max in [1, 1000, 5000, 70_000] {
            let (spans, requests) = compare(format, 20..22, max);
            assert!(requests > 1 && requests <= spans, "{max}: {requests} requests for {spans} spans");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_span_that_its_process_left_open_is_marked_as_aborted() {
    use heirloom_core::region::{Death, Region};
    use heirloom_core::testing::region::{RawChild, SharedMemory};
    use std::time::Duration;

    const PID: u32 = 4_000_000;
    let found = Arc::new(Mutex::new(Vec::new()));
    let requests_found = Arc::clone(&found);
    let look = move |delivery: &heirloom_core::export::Delivery| {
        for format in support::FORMATS {
            let ours = requests(&mut Encoder::new(format, Plain), delivery, usize::MAX);
            let ours = meaning(ours.iter().map(|request| decode(format, request)));
            assert_eq!(ours, meaning(delivery.parts().map(official::request)));
            requests_found.lock().unwrap().extend(ours.into_values().flatten());
        }
    };
    let mut settings = heirloom_core::Settings::default();
    settings.sample = false;
    let guard = heirloom_core::builder("parent").settings(settings).exporter(support::Each(look)).start().unwrap();
    let tracer = guard.tracer();
    let root = tracer.root("main");
    let memory = SharedMemory::new(Region::bytes(tracer)).unwrap();
    let region = Region::host(tracer, Box::new(memory.clone()), 7).unwrap();
    let child = RawChild::attach(&memory, 7).unwrap();
    region.started(PID);
    assert!(child.name("job"));
    let _job = child.shard(1, "worker").unwrap().begin(1, root.context()).unwrap();
    region.died(Death::Killed(9));
    region.wait_closed(Duration::from_secs(60)).unwrap();
    drop(root);
    assert!(guard.finish().ledger().is_balanced());
    let spans = found.lock().unwrap();
    let jobs: Vec<_> = spans.iter().filter(|span| span.contains("\"job\"")).collect();
    assert_eq!((spans.len(), jobs.len()), (4, 2));
    // The resource is that of the child, so its number isn't repeated.
    let is_right = |job: &str| job.contains("heirloom.aborted") && job.contains("killed by signal 9");
    jobs.iter().for_each(|job| assert!(is_right(job), "{job}"));
}

#[test]
fn a_span_below_which_a_full_queue_dropped_spans_says_how_many() {
    use std::sync::mpsc::channel;
    use std::time::{Duration, Instant};

    const LONG: Duration = Duration::from_secs(60);
    let ((entered, is_in), (open, opened)) = (channel(), channel::<()>());
    let missing = Arc::new(Mutex::new(0));
    let missing_found = Arc::clone(&missing);
    let look = move |delivery: &heirloom_core::export::Delivery| {
        // The queue fills up while the first delivery is held.
        let _ = entered.send(());
        let _ = opened.recv_timeout(LONG);
        *missing_found.lock().unwrap() += delivery.spans().map(|span| span.dropped_children()).sum::<u64>();
        for format in support::FORMATS {
            let ours = requests(&mut Encoder::new(format, Plain), delivery, usize::MAX);
            let ours = ours.iter().map(|request| decode(format, request)).collect::<Vec<_>>();
            let said = format!("{ours:?}").matches("heirloom.dropped_children").count();
            let say = delivery.spans().filter(|span| span.dropped_children() > 0).count();
            assert_eq!((said, meaning(ours)), (say, meaning(delivery.parts().map(official::request))));
        }
    };
    let mut settings = heirloom_core::Settings::default();
    settings.queue_bytes = 64 << 10;
    settings.sample = false;
    let guard = heirloom_core::builder("full").settings(settings).exporter(support::Each(look)).start().unwrap();
    let tracer = guard.tracer();
    tracer.root("first").end();
    is_in.recv_timeout(LONG).unwrap();
    for _ in 0..20 {
        tracer.in_root("root", |root| (0..500).for_each(|_| root.span("leaf").end()));
    }
    let begin = Instant::now();
    while tracer.ledger().assembled < 20 * 501 + 1 {
        assert!(begin.elapsed() < LONG, "{:?}", tracer.ledger());
        std::thread::yield_now();
    }
    drop(open);
    let report = guard.finish_within(LONG);
    let ours = &report.ledger().exporters[0];
    assert_eq!((ours.dropped.panicked, ours.queued), (0, 0), "{report}");
    assert!(*missing.lock().unwrap() > 0, "{report}");
}
