//! Random requests of the official schema with what Heirloom never writes: bytes, maps, nested arrays, schemas, dropped resources.

use super::random::Rng;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

const TEXTS: [&str; 6] = ["", "a", "ünï 𝄞", "\"\\/\n\u{1}", "http.request.method", "\u{2028}"];
const INTEGERS: [i64; 6] = [0, -1, i64::MIN, i64::MAX, 300, 1 << 53];
/// Without those for which JSON has no number: the official crate writes them as `null`.
const DOUBLES: [f64; 5] = [0.0, -0.5, 1e300, 5e-324, 3.0];

fn some<T>(rng: &mut Rng, most: u64, mut make: impl FnMut(&mut Rng) -> T) -> Vec<T> {
    (0..rng.below(most + 1)).map(|_| make(rng)).collect()
}

fn text(rng: &mut Rng) -> String {
    (*rng.pick(&TEXTS)).to_owned()
}

fn bytes(rng: &mut Rng, len: u64) -> Vec<u8> {
    (0..len).map(|_| rng.next() as u8).collect()
}

fn id(rng: &mut Rng, len: u64) -> Vec<u8> {
    let len = if rng.one_in(4) { 0 } else { len };
    bytes(rng, len)
}

fn any(rng: &mut Rng, depth: u64) -> AnyValue {
    let deeper = if depth < 3 { 8 } else { 6 };
    let value = match rng.below(deeper) {
        0 => None,
        1 => Some(Value::StringValue(text(rng))),
        2 => Some(Value::BoolValue(rng.one_in(2))),
        3 => Some(Value::IntValue(*rng.pick(&INTEGERS))),
        4 => Some(Value::DoubleValue(*rng.pick(&DOUBLES))),
        5 => {
            let len = rng.below(6);
            Some(Value::BytesValue(bytes(rng, len)))
        }
        6 => Some(Value::ArrayValue(ArrayValue { values: some(rng, 3, |rng| any(rng, depth + 1)) })),
        _ => Some(Value::KvlistValue(KeyValueList { values: some(rng, 3, |rng| entry(rng, depth + 1)) })),
    };
    AnyValue { value }
}

fn entry(rng: &mut Rng, depth: u64) -> KeyValue {
    KeyValue { key: text(rng), value: Some(any(rng, depth)), key_strindex: 0 }
}

fn attributes(rng: &mut Rng) -> Vec<KeyValue> {
    some(rng, 4, |rng| entry(rng, 0))
}

fn count(rng: &mut Rng) -> u32 {
    *rng.pick(&[0, 0, 1, 300, u32::MAX])
}

fn time(rng: &mut Rng) -> u64 {
    *rng.pick(&[0, 1, 1_795_871_965_334_404_396, u64::MAX])
}

fn span(rng: &mut Rng) -> Span {
    Span {
        trace_id: id(rng, 16),
        span_id: id(rng, 8),
        trace_state: text(rng),
        parent_span_id: id(rng, 8),
        flags: count(rng),
        name: text(rng),
        kind: rng.below(7) as i32,
        start_time_unix_nano: time(rng),
        end_time_unix_nano: time(rng),
        attributes: attributes(rng),
        dropped_attributes_count: count(rng),
        events: some(rng, 2, |rng| Event {
            time_unix_nano: time(rng),
            name: text(rng),
            attributes: attributes(rng),
            dropped_attributes_count: count(rng),
        }),
        dropped_events_count: count(rng),
        links: some(rng, 2, |rng| Link {
            trace_id: id(rng, 16),
            span_id: id(rng, 8),
            trace_state: text(rng),
            attributes: attributes(rng),
            dropped_attributes_count: count(rng),
            flags: count(rng),
        }),
        dropped_links_count: count(rng),
        status: rng.one_in(2).then(|| Status { message: text(rng), code: rng.below(4) as i32 }),
    }
}

pub fn request(rng: &mut Rng) -> ExportTraceServiceRequest {
    let resource_spans = some(rng, 3, |rng| ResourceSpans {
        resource: rng.one_in(2).then(|| Resource {
            attributes: attributes(rng),
            dropped_attributes_count: count(rng),
            entity_refs: Vec::new(),
        }),
        scope_spans: some(rng, 3, |rng| ScopeSpans {
            scope: rng.one_in(2).then(|| InstrumentationScope {
                name: text(rng),
                version: text(rng),
                attributes: attributes(rng),
                dropped_attributes_count: count(rng),
            }),
            spans: some(rng, 3, span),
            schema_url: text(rng),
        }),
        schema_url: text(rng),
    });
    ExportTraceServiceRequest { resource_spans }
}
