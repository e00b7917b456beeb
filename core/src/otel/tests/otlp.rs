//! Real OTLP: `opentelemetry-otlp` with each of its HTTP clients against a server in this process.

use super::batch::{full_batch, plain_batch, START_NS, TRACE};
use crate::export::Exporter;
use crate::otel::OtelExporter;
use opentelemetry_http::HttpClient;
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{any_value, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::time::{Duration, Instant};

/// Answers every request with a status, and sends the bodies to the test.
struct Server {
    address: String,
    bodies: Receiver<Vec<u8>>,
}

impl Server {
    fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let (sender, bodies) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                std::thread::spawn(move || answer(stream.unwrap(), status, &sender));
            }
        });
        Self { address, bodies }
    }

    fn request(&self) -> ExportTraceServiceRequest {
        let body = self.bodies.recv_timeout(Duration::from_secs(20)).unwrap();
        ExportTraceServiceRequest::decode(body.as_slice()).unwrap()
    }
}

/// Answers one request of a connection, then closes it.
fn answer(mut stream: TcpStream, status: &str, bodies: &Sender<Vec<u8>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut body_bytes = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim().to_ascii_lowercase();
        if let Some(length) = line.strip_prefix("content-length:") {
            body_bytes = length.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; body_bytes];
    reader.read_exact(&mut body).unwrap();
    let _ = bodies.send(body);
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
}

fn exporter(server: &Server, client: impl HttpClient + 'static) -> OtelExporter<opentelemetry_otlp::SpanExporter> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(&server.address)
        .build();
    OtelExporter::new(exporter.unwrap())
}

fn asynchronous_reqwest() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn hyper() -> opentelemetry_http::hyper::HyperClient {
    opentelemetry_http::hyper::HyperClient::with_default_connector(Duration::from_secs(10), None)
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> &'a any_value::Value {
    let found = attributes.iter().find(|kv| kv.key == key).unwrap_or_else(|| panic!("no {key}"));
    found.value.as_ref().unwrap().value.as_ref().unwrap()
}

fn text(text: &str) -> any_value::Value {
    any_value::Value::StringValue(text.into())
}

fn only_span(resource_spans: &ResourceSpans) -> &Span {
    let [scope_spans] = &resource_spans.scope_spans[..] else { panic!("one scope expected") };
    let scope = scope_spans.scope.as_ref().unwrap();
    assert_eq!((scope.name.as_str(), scope.version.as_str()), ("heirloom", env!("CARGO_PKG_VERSION")));
    let [span] = &scope_spans.spans[..] else { panic!("one span expected") };
    span
}

fn assert_is_the_full_batch(request: &ExportTraceServiceRequest) {
    let [resource_spans] = &request.resource_spans[..] else { panic!("one resource expected") };
    let resource = &resource_spans.resource.as_ref().unwrap().attributes;
    assert_eq!(value(resource, "service.name"), &text("thumbnailer"));
    assert_eq!(value(resource, "process.pid"), &any_value::Value::IntValue(100));
    assert_eq!(resource.len(), 2);

    let span = only_span(resource_spans);
    assert_eq!((&span.trace_id[..], &span.span_id[..]), (&TRACE.to_bytes()[..], &2_u64.to_be_bytes()[..]));
    assert_eq!((&span.parent_span_id[..], span.trace_state.as_str()), (&1_u64.to_be_bytes()[..], "vendor=1,other=2"));
    assert_eq!((span.name.as_str(), span.kind, span.flags), ("schöner Name", 5, 0x303));
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (START_NS, START_NS + 1_500));
    assert_eq!(span.status.as_ref().map(|s| (s.code, s.message.as_str())), Some((2, "no such file")));
    assert_eq!((span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count), (3, 4, 5));

    assert_eq!(value(&span.attributes, "text"), &text("a text"));
    assert_eq!(value(&span.attributes, "int"), &any_value::Value::IntValue(i64::MIN));
    assert_eq!(value(&span.attributes, "process.pid"), &any_value::Value::IntValue(101));
    assert_eq!(value(&span.attributes, "thread.name"), &text("worker-1"));
    let any_value::Value::ArrayValue(truncated) = value(&span.attributes, "heirloom.truncated") else { panic!() };
    assert_eq!(truncated.values[0].value, Some(text("text=5000")));
    assert_eq!((span.events[0].name.as_str(), span.events[0].time_unix_nano), ("retry", START_NS + 10));
    assert_eq!((span.links[0].flags, &span.links[0].span_id[..]), (0x302, &10_u64.to_be_bytes()[..]));
}

fn round_trip(client: impl HttpClient + 'static) {
    let server = Server::start("200 OK");
    let mut exporter = exporter(&server, client);
    let started = Instant::now();
    exporter.export(&full_batch().into()).unwrap();
    assert_is_the_full_batch(&server.request());
    exporter.export(&plain_batch("other", 600).into()).unwrap();
    let sizes = [server.request(), server.request()].map(|r| r.resource_spans[0].scope_spans[0].spans.len());
    assert_eq!(sizes, [512, 88]);
    exporter.flush().unwrap();
    exporter.shutdown().unwrap();
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_span_arrives_whole_through_an_asynchronous_client() {
    round_trip(asynchronous_reqwest());
    round_trip(hyper());
}

#[test]
fn a_span_arrives_whole_through_a_blocking_client() {
    round_trip(reqwest::blocking::Client::builder().no_proxy().build().unwrap());
}

#[test]
fn a_span_arrives_whole_when_everything_happens_inside_a_single_threaded_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        round_trip(asynchronous_reqwest());
        round_trip(hyper());
    });
}

#[test]
fn a_refusal_of_the_backend_is_told() {
    for (status, code) in [("400 Bad Request", "400"), ("403 Forbidden", "403")] {
        let server = Server::start(status);
        let error = exporter(&server, asynchronous_reqwest()).export(&plain_batch("a", 3).into()).unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with("opentelemetry: 3 of 3 spans were not delivered: ") && said.contains(code), "{said}");
        assert_eq!(error.rejected(3), 3);
    }
}

#[test]
fn a_backend_that_accepts_and_never_answers_costs_the_deadline_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (_sender, bodies) = channel();
    let silent = Server { address, bodies };
    let deadline = Duration::from_millis(100);
    let started = Instant::now();
    let mut exporter = exporter(&silent, asynchronous_reqwest()).timeout(deadline);
    let said = exporter.export(&plain_batch("a", 1).into()).unwrap_err().to_string();
    assert!(said.contains("did not finish within its deadline (100ms)"), "{said}");
    assert!((deadline..Duration::from_secs(5)).contains(&started.elapsed()));
}
