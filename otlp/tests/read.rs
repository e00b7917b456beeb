//! The reader understands what the official schema writes, and what the encoder does; and what is no OTLP is an error with its
//! place.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_otlp::read::{
    self, AnyValue, KeyValue, Place, ReadError, Record, Records, Request, Resource, Span, Visitor,
};
use heirloom_otlp::{Encoder, Format, Plain};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use support::random::{self, Rng};
use support::{convert, foreign, requests, FORMATS};

fn read(format: Format, bytes: &[u8]) -> Result<Request, ReadError> {
    match format {
        Format::Protobuf => read::protobuf(bytes),
        Format::Json => read::json(std::str::from_utf8(bytes).unwrap()),
    }
}

/// A request as the official crate writes it.
fn official(format: Format, request: &ExportTraceServiceRequest) -> Vec<u8> {
    match format {
        Format::Protobuf => request.encode_to_vec(),
        Format::Json => serde_json::to_vec(request).unwrap(),
    }
}

#[test]
fn what_the_official_schema_writes_is_read_in_both_forms() {
    for seed in 0..400 {
        let request = foreign::request(&mut Rng(seed));
        let expected = convert::request(request.clone());
        for format in FORMATS {
            let ours = read(format, &official(format, &request)).unwrap();
            assert_eq!(format!("{ours:?}"), format!("{expected:?}"), "seed {seed}, {format:?}");
        }
    }
}

/// Each span with its resource and its scope, in one order: chunks differ between the forms.
fn spans(requests: Vec<Request>) -> Vec<String> {
    let mut all = Vec::new();
    for resource in requests.into_iter().flat_map(|request| request.resource_spans) {
        for scope in resource.scope_spans {
            let around = format!("{:?} {:?}", resource.resource, scope.scope);
            all.extend(scope.spans.iter().map(|span| format!("{span:?} {around}")));
        }
    }
    all.sort();
    all
}

#[test]
fn what_the_encoder_writes_is_read_in_both_forms() {
    for seed in 40..44 {
        random::record(seed, |delivery| {
            let read = |format| {
                let requests = requests(&mut Encoder::new(format, Plain), delivery, usize::MAX);
                requests.iter().map(|bytes| read(format, bytes).unwrap()).collect::<Vec<_>>()
            };
            let [protobuf, json] = FORMATS.map(read).map(spans);
            assert_eq!(protobuf.len(), delivery.len());
            protobuf.iter().zip(&json).for_each(|(protobuf, json)| assert_eq!(protobuf, json));
            for bytes in requests(&mut Encoder::new(Format::Protobuf, Plain), delivery, 50_000) {
                let expected = convert::request(ExportTraceServiceRequest::decode(&bytes[..]).unwrap());
                assert_eq!(format!("{:?}", read::protobuf(&bytes).unwrap()), format!("{expected:?}"));
            }
        });
    }
}

#[test]
fn what_was_read_is_written_as_the_official_schema_has_it() {
    for seed in 0..400 {
        let request = foreign::request(&mut Rng(seed));
        let expected = convert::request(request);
        for format in FORMATS {
            let mut written = Vec::new();
            heirloom_otlp::write::request(format, &expected, &mut written);
            let ours = read(format, &written).unwrap();
            assert_eq!(format!("{ours:?}"), format!("{expected:?}"), "seed {seed}, {format:?}");
            let official: ExportTraceServiceRequest = match format {
                Format::Protobuf => ExportTraceServiceRequest::decode(&written[..]).unwrap(),
                Format::Json => serde_json::from_slice(&written).unwrap(),
            };
            assert_eq!(format!("{:?}", convert::request(official)), format!("{expected:?}"), "seed {seed}, {format:?}");
        }
    }
}

#[test]
fn records_that_are_written_are_read_one_by_one() {
    let requests: Vec<Request> = (0..20).map(|seed| convert::request(foreign::request(&mut Rng(seed)))).collect();
    for format in FORMATS {
        let mut file = Vec::new();
        requests.iter().for_each(|one| heirloom_otlp::write::record(format, one, &mut file));
        let read: Vec<Request> = Records::new(format, &file[..]).collect::<Result<_, _>>().unwrap();
        assert_eq!(format!("{read:?}"), format!("{requests:?}"), "{format:?}");
    }
}

#[test]
fn json_is_read_in_each_way_in_which_it_is_written() {
    let one = |span: &str| {
        let text = format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{span}]}}]}}]}}");
        read::json(&text).unwrap().resource_spans.remove(0).scope_spans.remove(0).spans.remove(0)
    };
    let expected = one(
        r#"{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","kind":3,"startTimeUnixNano":"1000",
            "flags":257,"attributes":[{"key":"n","value":{"intValue":"7"}},{"key":"d","value":{"doubleValue":5.0}}],
            "status":{"code":2,"message":"no"},"droppedLinksCount":4}"#,
    );
    assert_eq!(expected.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
    for same in [
        r#"{"traceId":"0AF7651916CD43DD8448EB211C80319C","spanId":"B7AD6B7169203331","kind":"SPAN_KIND_CLIENT",
            "startTimeUnixNano":1000,"flags":"257","attributes":[{"key":"n","value":{"intValue":7}},
            {"key":"d","value":{"doubleValue":5}}],"status":{"code":"STATUS_CODE_ERROR","message":"no"},"droppedLinksCount":"4"}"#,
        r#"{"traceId":"CvdlGRbNQ92ESOshHIAxnA==","spanId":"t61rcWkgMzE","kind":3.0,"startTimeUnixNano":1e3,"name":null,
            "flags":257,"attributes":[{"key":"n","value":{"intValue":7}},{"value":{"doubleValue":"5"},"key":"d"}],
            "status":{"message":"\u006e\u006f","code":2},"droppedLinksCount":4,"events":null,"parentSpanId":"",
            "aLaterField":{"a":[1,-2.5e3,"\ud834\udd1e",{"b":null}],"c":true},"parent_span_id":"x"}"#,
    ] {
        assert_eq!(one(same), expected);
    }
    let texts = one(r#"{"name":"\"\\\/\b\f\n\r\t\u00fc\ud834\udd1e","traceState":"\ud834-\udd1e"}"#);
    assert_eq!((&*texts.name, &*texts.trace_state), ("\"\\/\u{8}\u{c}\n\r\tü𝄞", "\u{fffd}-\u{fffd}"));
}

#[test]
fn unknown_fields_of_protobuf_are_skipped() {
    let span = [
        &[0x2a, 1, b'a'][..],                               // the name
        &[0xfa, 0x3f, 2, 1, 2],                             // field 1023, bytes
        &[0xf8, 0x3f, 0xff, 1],                             // an integer
        &[0xf9, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0],              // eight bytes
        &[0xfd, 0x3f, 0, 0, 0, 0],                          // four bytes
        &[0xfb, 0x3f, 0x0b, 0x10, 1, 0x0c, 0xfc, 0x3f][..], // a group, with another one inside
        &[0x30, 2],                                         // the kind
    ]
    .concat();
    let wrap = |tag: u8, inner: &[u8]| [&[tag, inner.len() as u8][..], inner].concat();
    let bytes = wrap(0x0a, &wrap(0x12, &wrap(0x12, &span)));
    let request = read::protobuf(&bytes).unwrap();
    let span = &request.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!((&*span.name, span.kind), ("a", heirloom_core::SpanKind::Server));
}

fn message(error: ReadError) -> String {
    error.to_string()
}

#[test]
fn an_error_has_its_place_and_what_was_expected_and_no_text_of_the_request() {
    let json = |text: &str| message(read::json(text).unwrap_err());
    for (text, expected) in [
        ("", "line 1, column 1: expected an object"),
        ("{} secret", "line 1, column 4: expected the end"),
        ("{\"resourceSpans\":[\n  {\"ü\":1} 7", "line 2, column 11: expected a comma or the end of the list"),
        ("{\"secret", "line 1, column 2: expected a text with an end"),
        ("{\"secret\" 7}", "line 1, column 11: expected a colon"),
        ("{\"x\":\"\\q\"}", "line 1, column 8: expected an escape"),
        ("{\"x\":\"\\u12\"}", "line 1, column 9: expected four hexadecimal digits"),
        ("{\"x\":secret}", "line 1, column 6: expected a value"),
        ("{\"resourceSpans\":[{\"schemaUrl\":7}]}", "line 1, column 32: expected a text"),
        (
            "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\": \"secret\"}]}]}]}",
            "line 1, column 56: expected a trace id of 32 hexadecimal digits",
        ),
        (
            "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"flags\":-1}]}]}]}",
            "line 1, column 53: expected an integer from 0 to 4294967295",
        ),
    ] {
        assert_eq!(json(text), expected, "{text}");
    }
    let protobuf = |bytes: &[u8]| message(read::protobuf(bytes).unwrap_err());
    for (bytes, expected) in [
        (&[0x0a, 5, 1][..], "byte 2: expected as many bytes as the length says"),
        (&[0x08, 1], "byte 1: expected a message"),
        (&[0x0a, 2, 0x1a, 0xff], "byte 3: expected an integer of at most 10 bytes"),
        (&[0x0a, 4, 0x1a, 2, b'a', 0xff], "byte 5: expected UTF-8"),
        (&[0x0f], "byte 0: expected a field"),
        (&[0x00], "byte 0: expected the number of a field"),
        (&[0x0a, 8, 0x12, 6, 0x12, 4, 0x0a, 2, 1, 2], "byte 7: expected a trace id of 16 bytes"),
        (&[0x0b, 0x14], "byte 1: expected a field of a group"),
    ] {
        assert_eq!(protobuf(bytes), expected, "{bytes:x?}");
    }
    assert_eq!(Place::Byte(7).to_string(), "byte 7");
}

fn nested(format: Format, depth: usize) -> Vec<u8> {
    match format {
        Format::Json => {
            let mut value = "{}".to_owned();
            for n in 0..depth {
                value = match n % 2 {
                    0 => format!("{{\"arrayValue\":{{\"values\":[{value}]}}}}"),
                    _ => format!("{{\"kvlistValue\":{{\"values\":[{{\"value\":{value}}}]}}}}"),
                };
            }
            format!("{{\"resourceSpans\":[{{\"resource\":{{\"attributes\":[{{\"value\":{value}}}]}}}}]}}").into_bytes()
        }
        Format::Protobuf => {
            let wrap = |tag: u8, inner: Vec<u8>| {
                let mut out = vec![tag];
                prost::encoding::encode_varint(inner.len() as u64, &mut out);
                out.extend(inner);
                out
            };
            let mut value = Vec::new();
            for n in 0..depth {
                value = match n % 2 {
                    0 => wrap(0x2a, wrap(0x0a, value)),
                    _ => wrap(0x32, wrap(0x0a, wrap(0x12, value))),
                };
            }
            wrap(0x0a, wrap(0x0a, wrap(0x0a, wrap(0x12, value))))
        }
    }
}

#[test]
fn values_are_nested_64_deep_at_most_and_deeper_ones_are_errors() {
    for format in FORMATS {
        let request = read(format, &nested(format, 64)).unwrap();
        let mut value = &request.resource_spans[0].resource.attributes[0].value;
        for depth in 0..64 {
            value = match value {
                AnyValue::Array(items) => &items[0],
                AnyValue::Map(entries) => &entries[0].value,
                other => panic!("{other:?} at {depth}"),
            };
        }
        assert_eq!(value, &AnyValue::Empty);
        for deeper in [65, 66, 2000] {
            let error = read(format, &nested(format, deeper)).unwrap_err();
            assert!(message(error).ends_with("expected no array or map inside 64 others"));
        }
    }
    // What is skipped is bounded too.
    let lists = format!("{{\"x\":{}", "[".repeat(1_000_000));
    assert!(message(read::json(&lists).unwrap_err()).ends_with("inside 300 others"));
    let groups = vec![0x0b; 1_000_000];
    assert!(message(read::protobuf(&groups).unwrap_err()).ends_with("a field of a group"));
}

#[test]
fn zeros_at_the_end_of_a_file_are_an_error_and_end_it_even_if_they_never_end() {
    let request = official(Format::Protobuf, &foreign::request(&mut Rng(1)));
    let mut file = Vec::new();
    let mut length = request.len();
    while length > 0x7f {
        file.push(length as u8 | 0x80);
        length >>= 7;
    }
    file.push(length as u8);
    file.extend(&request);
    let whole = file.len();
    let mut records = Records::new(Format::Protobuf, std::io::Read::chain(&file[..], std::io::repeat(0)));
    let read = records.by_ref().take_while(Result::is_ok).count();
    assert_eq!(read, 65, "a few empty requests may be meant");
    assert!(records.next().is_none());
    let mut records = Records::new(Format::Protobuf, std::io::Read::chain(&file[..], std::io::repeat(0)));
    let error = message(records.find_map(Result::err).unwrap());
    assert!(error.contains(&(whole + 64).to_string()) && error.ends_with("not only zeros"), "{error}");
    assert!(records.next().is_none());
}

#[test]
fn no_cut_and_no_changed_byte_makes_the_reader_panic() {
    let mut rng = Rng(7);
    for seed in 0..60 {
        let request = foreign::request(&mut Rng(seed));
        for format in FORMATS {
            let whole = official(format, &request);
            for _ in 0..30 {
                let mut bytes = whole.clone();
                for _ in 0..rng.below(4) {
                    if !bytes.is_empty() {
                        let at = rng.below(bytes.len() as u64) as usize;
                        bytes[at] = *rng.pick(&[0, 1, b'"', b'\\', b'{', b']', 0x7f, 0x80, 0xff]);
                    }
                }
                bytes.truncate(rng.below(bytes.len() as u64 + 1) as usize);
                match format {
                    Format::Protobuf => drop(read::protobuf(&bytes)),
                    Format::Json => drop(read::json(&String::from_utf8_lossy(&bytes))),
                }
                visits_what_is_read(format, &bytes);
                Records::new(format, &bytes[..]).for_each(drop);
            }
        }
    }
}

/// What a visitor saw of spans, as text.
#[derive(Default)]
struct Seen(Vec<String>);

impl Visitor for Seen {
    fn resource<T: AsRef<str>>(&mut self, resource: &Resource<T>) {
        self.0.push(format!("{}, {}", keys(&resource.attributes), resource.dropped_attributes_count));
    }

    fn span<T: AsRef<str>>(&mut self, span: &Span<T>) {
        let ids = (span.trace_id, span.span_id, span.parent_span_id, span.flags, span.kind);
        let times = (span.start_time_unix_nano, span.end_time_unix_nano, &span.status);
        let events: Vec<_> =
            span.events.iter().map(|e| (e.name.as_ref(), e.time_unix_nano, keys(&e.attributes))).collect();
        let links: Vec<_> = span.links.iter().map(|l| (l.trace_id, l.span_id, keys(&l.attributes))).collect();
        let keys = keys(&span.attributes);
        self.0.push(format!("{} {ids:?} {times:?} {keys} {events:?} {links:?}", span.name.as_ref()));
    }
}

fn keys<T: AsRef<str>>(attributes: &[KeyValue<T>]) -> String {
    let text = |attribute: &KeyValue<T>| match &attribute.value {
        AnyValue::String(text) => format!("{}={}", attribute.key.as_ref(), text.as_ref()),
        AnyValue::Int(number) => format!("{}={number}", attribute.key.as_ref()),
        AnyValue::Array(items) => format!("{}: {} items", attribute.key.as_ref(), items.len()),
        _ => attribute.key.as_ref().to_owned(),
    };
    attributes.iter().map(text).collect::<Vec<_>>().join(" ")
}

/// A visitor sees what is in the request, in its order, and what is wrong has the same place.
fn visits_what_is_read(format: Format, bytes: &[u8]) {
    let record = Record::new(format, bytes.to_vec());
    let (mut seen, mut expected) = (Seen::default(), Seen::default());
    let visited = record.visit(&mut seen);
    let read = record.request().map(|request| request.visit(&mut expected));
    assert_eq!(visited.as_ref().map_err(ToString::to_string), read.as_ref().map_err(ToString::to_string));
    if visited.is_ok() {
        assert_eq!(seen.0, expected.0);
    }
}

#[test]
fn a_visitor_sees_what_is_read_without_what_the_span_before_had() {
    for seed in 0..400 {
        let request = foreign::request(&mut Rng(seed));
        FORMATS.iter().for_each(|format| visits_what_is_read(*format, &official(*format, &request)));
    }
}

#[test]
fn work_on_several_threads_gives_its_results_in_order_up_to_the_first_error() {
    let (mut left, mut seen) = (0..1_000_u64, Vec::new());
    let slow_for_some = |item: u64| (0..(item % 7) * 1_000).fold(item, |sum, _| std::hint::black_box(sum));
    let end = read::in_order(
        || left.next(),
        slow_for_some,
        |item| {
            seen.push(item);
            if item < 900 {
                Ok(())
            } else {
                Err(item)
            }
        },
    );
    assert_eq!((end, seen), (Err(900), (0..=900).collect()));
}

/// A file of three records, and where each ends.
fn file(format: Format) -> (Vec<u8>, Vec<usize>) {
    let (mut file, mut ends) = (Vec::new(), Vec::new());
    let records = (0..).map(|seed| official(format, &foreign::request(&mut Rng(seed))));
    for record in records.filter(|record| (200..3000).contains(&record.len())).take(3) {
        match format {
            Format::Protobuf => {
                prost::encoding::encode_varint(record.len() as u64, &mut file);
                file.extend(record);
            }
            Format::Json => {
                file.extend(record);
                file.push(b'\n');
            }
        }
        ends.push(file.len());
    }
    (file, ends)
}

#[test]
fn a_file_that_was_cut_anywhere_is_read_up_to_its_last_whole_record() {
    for format in FORMATS {
        let (file, ends) = file(format);
        for len in 0..=file.len() {
            let mut records = Records::new(format, &file[..len]);
            let read: Result<Vec<_>, _> = records.by_ref().collect();
            // Without its end, the last line is whole.
            let end = |end: &&usize| **end <= len + usize::from(format == Format::Json);
            let whole = ends.iter().filter(end).count();
            assert_eq!(read.unwrap().len(), whole, "{format:?} cut at {len}");
            let last = ends[..whole].last().copied().unwrap_or(0);
            assert_eq!(records.cut_off(), len.saturating_sub(last) as u64, "{format:?} cut at {len}");
        }
    }
}

#[test]
fn a_damaged_record_is_an_error_and_the_next_one_is_read() {
    let text = "{}\n\n  \r\n{\"resourceSpans\":7}\n{}";
    let results: Vec<_> = Records::new(Format::Json, text.as_bytes()).map(|r| r.map_err(message)).collect();
    let expected = "line 4, column 18: expected a list".to_owned();
    assert_eq!(results, [Ok(Request::default()), Err(expected), Ok(Request::default())]);

    let bytes = [0, 2, 0x08, 1, 0];
    let results: Vec<_> = Records::new(Format::Protobuf, &bytes[..]).map(|r| r.map_err(message)).collect();
    let expected = "byte 3: expected a message".to_owned();
    assert_eq!(results, [Ok(Request::default()), Err(expected), Ok(Request::default())]);

    // A length that is none: nothing tells where the next record is.
    let mut records = Records::new(Format::Protobuf, &[0xff; 30][..]);
    assert_eq!(message(records.next().unwrap().unwrap_err()), "byte 0: expected an integer of at most 10 bytes");
    assert!(records.next().is_none());
}
