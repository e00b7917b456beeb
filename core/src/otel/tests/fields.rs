//! What an exporter gets: every field, the right resource, chunks of the right size.

use super::batch::{full_batch, lane, one, plain, plain_batch, resource, RESOURCE_PID, START_NS, TRACE};
use crate::dictionary::Names;
use crate::export::{Batch, BatchBuilder, Closing, Delivery, Exporter, List, MoreRow, Part, SpanRow};
use crate::otel::OtelExporter;
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceFlags, TraceId};
use opentelemetry::{Array, Key, KeyValue, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData, SpanExporter};
use opentelemetry_sdk::Resource;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

fn exported(batch: Batch) -> Vec<SpanData> {
    let memory = InMemorySpanExporter::default();
    let mut exporter = OtelExporter::new(memory.clone());
    exporter.export(&batch.into()).unwrap();
    memory.get_finished_spans().unwrap()
}

fn at(ns: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(ns)
}

fn strings(texts: &[&'static str]) -> Value {
    Value::Array(Array::String(texts.iter().map(|s| (*s).into()).collect()))
}

#[test]
fn what_a_full_queue_refused_below_a_span_is_an_attribute() {
    let memory = InMemorySpanExporter::default();
    let part = Part::of(Arc::new(full_batch()), None, vec![(0, 12)]);
    OtelExporter::new(memory.clone()).export(&Delivery::new(vec![part], Closing::new())).unwrap();
    let [span] = <[_; 1]>::try_from(memory.get_finished_spans().unwrap()).unwrap();
    assert!(span.attributes.contains(&KeyValue::new("heirloom.dropped_children", 12)));
    let [whole] = <[_; 1]>::try_from(exported(full_batch())).unwrap();
    assert!(whole.attributes.iter().all(|kv| kv.key.as_str() != "heirloom.dropped_children"));
}

#[test]
fn identity_times_and_outcome_arrive() {
    let [span] = <[_; 1]>::try_from(exported(full_batch())).unwrap();
    let context = &span.span_context;
    assert_eq!((context.trace_id(), context.span_id()), (TRACE.into(), SpanId::from(2)));
    assert_eq!((context.trace_flags(), context.is_remote()), (TraceFlags::new(3), false));
    assert_eq!(context.trace_state().header(), "vendor=1,other=2");
    assert_eq!((span.parent_span_id, span.parent_span_is_remote), (SpanId::from(1), true));
    assert_eq!((span.name.as_ref(), span.span_kind.clone()), ("schöner Name", SpanKind::Consumer));
    assert_eq!((span.start_time, span.end_time), (at(START_NS), at(START_NS + 1_500)));
    assert_eq!(span.status, Status::error("no such file"));
    assert_eq!(span.instrumentation_scope.name(), "heirloom");
    assert_eq!(span.instrumentation_scope.version(), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!((span.dropped_attributes_count, span.events.dropped_count, span.links.dropped_count), (3, 4, 5));
}

#[test]
fn attributes_of_every_type_arrive_and_then_what_has_no_field() {
    let [span] = <[_; 1]>::try_from(exported(full_batch())).unwrap();
    let expected = [
        KeyValue::new("bool", true),
        KeyValue::new("int", i64::MIN),
        KeyValue::new("double", 2.5),
        KeyValue::new("text", "a text"),
        KeyValue::new("bools", Value::Array(Array::Bool(vec![true, false]))),
        KeyValue::new("ints", Value::Array(Array::I64(vec![1, -2]))),
        KeyValue::new("doubles", Value::Array(Array::F64(vec![0.5, 1e9]))),
        KeyValue::new("texts", strings(&["a", "bc"])),
        KeyValue::new("a dynamic key", 1),
        KeyValue::new("heirloom.truncated", strings(&["text=5000"])),
        KeyValue::new("heirloom.incomplete", true),
        KeyValue::new("thread.id", 8),
        KeyValue::new("thread.name", "worker-1"),
        KeyValue::new("process.pid", 101),
        KeyValue::new("heirloom.nested", false),
    ];
    assert_eq!(span.attributes, expected);
}

#[test]
fn events_and_links_arrive() {
    let [span] = <[_; 1]>::try_from(exported(full_batch())).unwrap();
    assert_eq!((span.dropped_attributes_count, span.events.dropped_count, span.links.dropped_count), (3, 4, 5));
    let [first, second] = <[_; 2]>::try_from(span.events.events).unwrap();
    assert_eq!((first.name.as_ref(), first.timestamp), ("retry", at(START_NS + 10)));
    assert_eq!(
        first.attributes,
        [KeyValue::new("why", "cut"), KeyValue::new("heirloom.truncated", strings(&["why=900"]))]
    );
    assert_eq!((first.dropped_attributes_count, second.dropped_attributes_count), (6, 0));
    assert_eq!((second.name.as_ref(), second.timestamp), ("again", at(START_NS + 20)));

    let [link] = <[_; 1]>::try_from(span.links.links).unwrap();
    let context = &link.span_context;
    assert_eq!((context.trace_id(), context.span_id()), (TraceId::from(9), SpanId::from(10)));
    assert_eq!((context.trace_flags(), context.is_remote()), (TraceFlags::new(2), true));
    assert_eq!(context.trace_state().header(), "linked=1");
    assert_eq!((link.attributes, link.dropped_attributes_count), (vec![KeyValue::new("n", 1)], 7));
}

#[test]
fn a_plain_root_of_the_resources_process_gets_its_thread_and_nothing_else() {
    let [span] = <[_; 1]>::try_from(exported(plain_batch("a", 1))).unwrap();
    assert_eq!((span.parent_span_id, span.parent_span_is_remote), (SpanId::INVALID, false));
    assert_eq!(span.attributes, [KeyValue::new("thread.id", 7), KeyValue::new("thread.name", "main")]);
    assert_eq!((span.status, span.events.len(), span.links.len()), (Status::Unset, 0, 0));
    assert_eq!(span.span_context.trace_state().header(), "");
}

#[test]
fn an_attribute_of_the_program_wins_over_ours_of_the_same_key() {
    let mut batch = BatchBuilder::new(resource("a"));
    let lane = batch.add_lane(&lane(RESOURCE_PID, u64::MAX, ""));
    let attributes = one(&mut batch, "thread.id", (-1).into());
    batch.span(SpanRow { attributes, ..plain(1, lane) });
    batch.span(plain(2, lane));
    let [own, other] = <[_; 2]>::try_from(exported(batch.finish(&Names::now()))).unwrap();
    assert_eq!(own.attributes, [KeyValue::new("thread.id", -1)]);
    assert_eq!(other.attributes, [KeyValue::new("thread.id", u64::MAX.to_string())]);
}

#[test]
fn a_tracestate_that_cannot_be_parsed_is_left_out() {
    let mut batch = BatchBuilder::new(resource("a"));
    let lane = batch.add_lane(&lane(RESOURCE_PID, 1, ""));
    let more = batch.more(MoreRow { tracestate: Some("no equals sign".into()), ..MoreRow::default() });
    batch.span(SpanRow { more, ..plain(1, lane) });
    assert_eq!(exported(batch.finish(&Names::now()))[0].span_context.trace_state().header(), "");
}

#[test]
fn a_tracestate_that_opentelemetrys_type_cannot_have_whole_is_an_attribute_of_its_span_or_link() {
    let long = "tenant@a-very-long-vendor=1,other=2";
    let whole = "tenant@long-vendor=1,other=2";
    let mut batch = BatchBuilder::new(resource("a"));
    let lane = batch.add_lane(&lane(RESOURCE_PID, 1, ""));
    let link = |state: &str| crate::export::LinkRow {
        trace: crate::TraceId::from_u128(7),
        span: crate::SpanId::from_u64(9),
        trace_flags: 1,
        remote: true,
        tracestate: Some(state.into()),
        attributes: List::default(),
        dropped_attributes: 0,
    };
    let links = batch.links([link(long), link(whole)].into_iter());
    let more = batch.more(MoreRow { tracestate: Some(long.into()), links, ..MoreRow::default() });
    batch.span(SpanRow { more, ..plain(1, lane) });
    let more = batch.more(MoreRow { tracestate: Some(whole.into()), ..MoreRow::default() });
    batch.span(SpanRow { more, ..plain(2, lane) });
    let [cut, kept] = <[_; 2]>::try_from(exported(batch.finish(&Names::now()))).unwrap();
    let attribute = KeyValue::new("heirloom.tracestate", long);
    assert_eq!(cut.span_context.trace_state().header(), "other=2");
    assert!(cut.attributes.contains(&attribute));
    let links: Vec<_> = cut.links.iter().map(|link| link.span_context.trace_state().header()).collect();
    assert_eq!(links, ["other=2", whole]);
    assert_eq!((&cut.links[0].attributes[..], &cut.links[1].attributes[..]), (&[attribute][..], &[][..]));
    assert_eq!(kept.span_context.trace_state().header(), whole);
    assert!(!kept.attributes.iter().any(|kv| kv.key.as_str() == "heirloom.tracestate"));
}

/// Keeps the size of each chunk and each resource.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn push(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl SpanExporter for Log {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.push(format!("{} from {}", batch.len(), batch[0].span_context.span_id()));
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.push("flush".into());
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        self.push("shutdown".into());
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        let value = |key: &'static str| resource.get(&Key::from_static_str(key)).map_or("-".into(), |v| v.to_string());
        self.push(format!("{} {}, {} keys", value("service.name"), value("process.pid"), resource.len()));
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.push("drop".into());
    }
}

#[test]
fn a_batch_is_cut_into_chunks_in_order() {
    let log = Log::default();
    let mut exporter = OtelExporter::new(log.clone()).max_export_batch_size(4);
    exporter.export(&plain_batch("a", 10).into()).unwrap();
    let chunks = ["4 from 0000000000000001", "4 from 0000000000000005", "2 from 0000000000000009"];
    assert_eq!(log.take()[1..], chunks);

    let mut exporter = OtelExporter::new(log.clone()).max_export_batch_size(0);
    exporter.export(&plain_batch("a", 513).into()).unwrap();
    assert_eq!(log.take()[1..], ["512 from 0000000000000001", "1 from 0000000000000201"]);
}

#[test]
fn the_resource_is_set_once_and_again_when_it_changes() {
    let log = Log::default();
    let mut exporter = OtelExporter::new(log.clone());
    for service in ["a", "a", "b"] {
        exporter.export(&plain_batch(service, 1).into()).unwrap();
    }
    let one = "1 from 0000000000000001";
    assert_eq!(log.take(), ["a 100, 2 keys", one, one, "b 100, 2 keys", one]);
}

#[test]
fn flush_and_shutdown_reach_the_exporter_and_it_is_dropped_before_shutdown_returns() {
    let log = Log::default();
    let mut exporter = OtelExporter::new(log.clone()).named("mine");
    exporter.flush().unwrap();
    assert_eq!(log.take(), [""; 0], "nothing was exported: nothing is started for a flush");
    exporter.export(&plain_batch("a", 1).into()).unwrap();
    exporter.flush().unwrap();
    exporter.shutdown().unwrap();
    assert_eq!(log.take()[2..], ["flush", "shutdown", "drop"]);
    exporter.shutdown().unwrap();
    let error = exporter.export(&plain_batch("a", 3).into()).unwrap_err();
    assert_eq!(error.to_string(), "mine: 3 of 3 spans were not delivered: the exporter was shut down");
    assert_eq!((error.rejected(3), log.take().len()), (3, 0));
}

#[test]
fn an_exporter_that_only_implements_shutdown_is_shut_down() {
    #[derive(Debug)]
    struct OnlyShutdown(Log);
    impl SpanExporter for OnlyShutdown {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            Ok(())
        }
        fn shutdown(&self) -> OTelSdkResult {
            self.0.push("shutdown".into());
            Ok(())
        }
    }
    let log = Log::default();
    OtelExporter::new(OnlyShutdown(log.clone())).shutdown().unwrap();
    assert_eq!(log.take(), ["shutdown", "drop"]);
}

#[test]
fn an_empty_batch_is_no_error() {
    assert_eq!(exported(plain_batch("a", 0)).len(), 0);
}
