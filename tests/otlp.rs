//! The environment alone sends spans: `heirloom::init` and `heirloom::builder` with the feature `otlp`.
#![cfg(all(feature = "record", feature = "otlp"))]
#![allow(clippy::unwrap_used)]

use heirloom::export::Memory;
use heirloom::{InitError, Report};
use heirloom_harness::{again, alone, case, output_of, succeeded};
use heirloom_receiver::Receiver;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
/// The keys of the receiver, percent-encoded.
const AUTHORIZATION: &str = "Authorization=Basic%20cGstbGYtcmVjZWl2ZXI6c2stbGYtcmVjZWl2ZXI%3D";
/// A port on which nothing listens.
const CLOSED: &str = "http://127.0.0.1:9/v1/traces";

fn traces(receiver: &Receiver) -> String {
    format!("{}/api/public/otel/v1/traces", receiver.url())
}

/// A whole program.
fn hello() -> Report {
    let guard = heirloom::init("hello").unwrap();
    heirloom::in_root("hello", |hello| hello.in_span("world", |_| ()));
    guard.finish()
}

fn exporters(report: &Report) -> Vec<&str> {
    report.ledger().exporters.iter().map(|exporter| exporter.name.as_str()).collect()
}

#[track_caller]
fn assert_arrived(receiver: &Receiver) {
    let (hello, world) = (receiver.span("hello"), receiver.span("world"));
    assert_eq!(hello.resource("service.name"), Some("hello"));
    assert_eq!((hello.parent_span_id, world.parent_span_id), (None, Some(hello.span_id)));
    assert_eq!(receiver.spans().len(), 2);
}

#[test]
fn an_endpoint_alone_sends_the_spans_of_a_hello_world() {
    let receiver = Receiver::start();
    let variables = [(TRACES_ENDPOINT, traces(&receiver)), (HEADERS, AUTHORIZATION.to_owned())];
    alone("an_endpoint_alone_sends_the_spans_of_a_hello_world", &variables, || {
        let report = hello();
        assert!(report.is_complete() && exporters(&report) == ["otlp"], "{report}");
    });
    if case().is_none() {
        assert_arrived(&receiver);
    }
}

#[test]
fn without_an_endpoint_and_an_exporter_nothing_is_sent() {
    for (name, value) in [(HEADERS, AUTHORIZATION), (EXPORTER, ""), (TRACES_ENDPOINT, " ")] {
        alone("without_an_endpoint_and_an_exporter_nothing_is_sent", &[(name, value)], || {
            assert_eq!(exporters(&hello()), [""; 0]);
        });
    }
}

#[test]
fn none_switches_off_what_an_endpoint_switches_on() {
    alone("none_switches_off_what_an_endpoint_switches_on", &[(TRACES_ENDPOINT, CLOSED), (EXPORTER, "none")], || {
        assert_eq!(exporters(&hello()), [""; 0]);
    });
}

#[test]
fn exporters_of_the_program_come_on_top_and_a_second_init_shares_the_tracer() {
    let receiver = Receiver::start();
    let variables = [(TRACES_ENDPOINT, traces(&receiver)), (HEADERS, AUTHORIZATION.to_owned())];
    alone("exporters_of_the_program_come_on_top_and_a_second_init_shares_the_tracer", &variables, || {
        let memory = Memory::new();
        let first = heirloom::builder("hello").exporter(memory.clone()).init().unwrap();
        let report = hello();
        drop(first);
        assert_eq!((memory.len(), exporters(&report)), (2, vec!["memory", "otlp"]));
    });
    if case().is_none() {
        assert_arrived(&receiver);
    }
}

#[test]
fn strict_mode_does_not_start_with_what_cannot_be_used() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        (EXPORTER, "otlp,zipkin"),
        ("OTEL_PROPAGATORS", "b3"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "2048"),
        ("HEIRLOOM_TRACEFILE", "x"),
    ] {
        let variables = [(TRACES_ENDPOINT, CLOSED), ("HEIRLOOM_STRICT", "1"), (name, value)];
        alone("strict_mode_does_not_start_with_what_cannot_be_used", &variables, || {
            let error = heirloom::init("hello").unwrap_err();
            assert!(matches!(&error, InitError::Settings(warnings) if warnings.len() == 1), "{error}");
            assert!(std::env::var_os(error.to_string().split(['=', ' ']).nth(2).unwrap()).is_some(), "{error}");
        });
    }
}

#[test]
fn the_console_gets_a_line_for_each_span_and_may_be_closed() {
    const THIS: &str = "the_console_gets_a_line_for_each_span_and_may_be_closed";
    const READY: &str = "standard output may be closed now";
    match case().as_deref() {
        None => {
            let output = output_of(again(THIS, "open").env(EXPORTER, "console"));
            let text = succeeded(&output);
            let line = |name: &str| {
                text.lines()
                    .find(|line| line.contains(name) && line.contains(" trace="))
                    .unwrap_or_else(|| panic!("{text}"))
            };
            assert!(line("world ").contains(" parent=") && !line("hello ").contains(" parent="), "{text}");
            let mut closed = again(THIS, "closed");
            closed.env(EXPORTER, "console").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = closed.spawn().unwrap();
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
            assert!(lines.any(|line| line == READY));
            drop((child.stdout.take(), child.stdin.take()));
            let said: Vec<String> = lines.collect();
            assert!(child.wait().unwrap().success(), "{said:?}");
        }
        Some("open") => assert!(hello().is_complete()),
        _ => {
            eprintln!("{READY}");
            // Ends when standard output is closed.
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
            let report = hello();
            let dropped = report.ledger().exporters[0].dropped.total();
            let is_told = report.problems().iter().any(|problem| problem.contains("standard output"));
            // Not by an assertion: the test's own output fails.
            std::process::exit(if dropped == 2 && is_told { 0 } else { 1 });
        }
    }
}
