//! How fast finished spans are encoded as OTLP, on one core: protobuf and JSON, beside the same request through `opentelemetry-proto`
//! and `prost`.
//!
//! An exporter's thread encodes one delivery again and again, and the ways take turns. The measure is the thread's CPU time, which
//! other programs disturb less than the clock. What the bytes go to (a compressor, a socket, a file) does nothing here.

mod support;

#[path = "../otlp/tests/support/official.rs"]
mod official;

use heirloom::export::{Delivery, ExportError, Exporter};
use heirloom::Span;
use heirloom_otlp::{Encoder, Format, Plain};
use prost::Message;
use std::hint::black_box;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::{sync_channel, SyncSender};
use support::bench::ratios;
use support::spans::{set_three, FLUSH_TIMEOUT, TEXT};
use support::usage::thread_cpu_ns;
use support::{Bench, Goal, Summary};

/// Spans of a delivery: as many as a batch has.
const SPANS: u64 = 4096;
const OFFICIAL: &str = "opentelemetry-proto, prost";
/// Million spans a second and core, without attributes and with three. For a machine with a free core of this decade; it is missed on
/// slower ones.
const GOALS: [f64; 2] = [40.0, 15.0];

fn main() -> ExitCode {
    support::run("encode", &[], encode)
}

fn encode(bench: &mut Bench) -> Result<(), String> {
    let (rounds, round_ns) = bench.pick((9, 200_000_000), (1, 1_000_000));
    bench.say("Million spans a second of one core's CPU time; median [min-max] of the rounds. *times* is the ratio of the same round.");
    let mut rows = Vec::new();
    for (attributes, goal) in [0, 3].into_iter().zip(GOALS) {
        let ways = measured(attributes, rounds, round_ns)?;
        let official = ways.iter().find(|way| way.name == OFFICIAL).ok_or("the official way is missing")?;
        for way in &ways {
            let speed = Summary::of(way.speeds.iter().copied()).ok_or("no round")?;
            let times = ratios(&way.speeds, &official.speeds).ok_or("no round")?;
            let what = format!("{}, {attributes} attributes", way.name);
            bench.keep(&what, "million spans a second", &way.speeds);
            rows.push(vec![what.clone(), speed.text(2), way.bytes.to_string(), times.text(1)]);
            if way.name == "protobuf" {
                bench.goal(&what, Goal::AtLeast(goal), " million/s", Some(speed));
            }
        }
    }
    bench.table(&["way, spans", "million spans/s and core", "bytes of a span", "times the official one"], &rows);
    Ok(())
}

fn measured(attributes: u64, rounds: usize, round_ns: u64) -> Result<Vec<Way>, String> {
    let (results, received) = sync_channel(1);
    let guard = heirloom::builder("encode").exporter(Measure { rounds, round_ns, results }).start();
    let guard = guard.map_err(|error| error.to_string())?;
    guard.tracer().in_root("root", |root| record(root, attributes));
    guard.tracer().flush(FLUSH_TIMEOUT).map_err(|error| error.to_string())?;
    received.recv_timeout(FLUSH_TIMEOUT).map_err(|error| error.to_string())
}

fn record(root: &Span, attributes: u64) {
    for n in 1..SPANS {
        let span = root.span("decode");
        if attributes > 0 {
            set_three(&span, n, TEXT);
        }
    }
}

/// Encodes its first delivery.
struct Measure {
    rounds: usize,
    round_ns: u64,
    results: SyncSender<Vec<Way>>,
}

/// Encodes a delivery, and returns how many bytes that are.
type Run<'a> = Box<dyn FnMut() -> usize + 'a>;

/// A way to encode.
struct Way {
    name: &'static str,
    /// Million spans a second, by round.
    speeds: Vec<f64>,
    /// Of one span.
    bytes: usize,
}

impl Exporter for Measure {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let mut protobuf = Encoder::new(Format::Protobuf, Plain);
        let mut json = Encoder::new(Format::Json, Plain);
        let mut ways: [(&str, Run<'_>); 3] = [
            (OFFICIAL, Box::new(|| with_prost(delivery))),
            ("protobuf", Box::new(|| with(&mut protobuf, delivery))),
            ("JSON", Box::new(|| with(&mut json, delivery))),
        ];
        let begun =
            |(name, way): &mut (&'static str, Run<'_>)| Way { name, speeds: Vec::new(), bytes: way() / delivery.len() };
        let mut results: Vec<Way> = ways.iter_mut().map(begun).collect();
        for _ in 0..self.rounds {
            for ((_, way), result) in ways.iter_mut().zip(&mut results) {
                let (begin, mut spans, mut ns) = (thread_cpu_ns(), 0, 0);
                while ns < self.round_ns {
                    black_box(way());
                    spans += delivery.len();
                    ns = thread_cpu_ns() - begin;
                }
                result.speeds.push(1e3 * spans as f64 / ns as f64);
            }
        }
        // Nobody waits for the results of a second delivery.
        let _ = self.results.try_send(results);
        Ok(())
    }
}

/// Takes bytes, and does nothing with them.
struct Taken(usize);

impl Write for Taken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += black_box(bytes).len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn with(encoder: &mut Encoder<Plain>, delivery: &Delivery) -> usize {
    let mut taken = Taken(0);
    for part in delivery.parts() {
        let filled = encoder.fill(part.resource(), &mut part.spans().peekable(), usize::MAX, &mut taken);
        assert_eq!(filled.map_or(0, |filled| filled.spans), part.len());
    }
    taken.0
}

fn with_prost(delivery: &Delivery) -> usize {
    delivery.parts().map(|part| black_box(official::request(part).encode_to_vec()).len()).sum()
}
