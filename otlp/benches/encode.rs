//! How fast spans are encoded: million spans a second on one core, without attributes and with three, as protobuf and as JSON, beside
//! the same request through `opentelemetry-proto` and `prost`. Each exporter's thread encodes one delivery again and again; the
//! ways take turns.
//!
//! ```sh
//! cargo bench -p heirloom-otlp --bench encode            # about 15 s
//! cargo bench -p heirloom-otlp --bench encode -- --smoke
//! ```

#[path = "../tests/support/official.rs"]
mod official;

use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_otlp::{Encoder, Format, Plain};
use prost::Message;
use std::hint::black_box;
use std::io::{self, Write};
use std::sync::mpsc::{sync_channel, SyncSender};
use std::time::{Duration, Instant};

/// Spans of a delivery: as many as a batch has.
const SPANS: usize = 4096;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let smoke = std::env::args().any(|a| a == "--smoke" || a == "--test");
    let (rounds, round) = if smoke { (1, Duration::from_millis(1)) } else { (7, Duration::from_millis(250)) };
    println!(
        "| spans with | way | million spans/s and core, median [min-max] | bytes per span | times the official one |"
    );
    println!("|---|---|---|---|---|");
    for attributes in [0, 3] {
        let (results, received) = sync_channel(1);
        let measure = Measure { rounds, round, results };
        let guard = heirloom_core::builder("encode").exporter(measure).start()?;
        guard.tracer().in_root("root", |root| record(root, attributes));
        let deadline = Duration::from_secs(120);
        guard.tracer().flush(deadline)?;
        let ways = received.recv_timeout(deadline)?;
        drop(guard);
        let official = ways[0].speed();
        for way in &ways {
            let [least, median, most] = [0, way.speeds.len() / 2, way.speeds.len() - 1].map(|n| way.speeds[n]);
            let Way { name, bytes, .. } = way;
            println!(
                "| {attributes} attributes | {name} | {median:.2} [{least:.2}-{most:.2}] | {bytes} | {:.1} |",
                way.speed() / official
            );
        }
    }
    Ok(())
}

fn record(root: &heirloom_core::Span, attributes: usize) {
    for n in 1..SPANS {
        let span = root.span("decode");
        if attributes > 0 {
            span.set("items", n).set("ratio", 0.5).set("file", "a-picture.png");
        }
    }
}

/// Encodes the first delivery.
struct Measure {
    rounds: usize,
    round: Duration,
    results: SyncSender<Vec<Way>>,
}

/// The results of one way: million spans a second in each round, sorted.
struct Way {
    name: &'static str,
    speeds: Vec<f64>,
    bytes: usize,
}

impl Way {
    fn speed(&self) -> f64 {
        self.speeds[self.speeds.len() / 2]
    }
}

impl Exporter for Measure {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let mut protobuf = Encoder::new(Format::Protobuf, Plain);
        let mut json = Encoder::new(Format::Json, Plain);
        let mut ways: [(&str, Box<dyn FnMut() -> usize>); 3] = [
            ("opentelemetry-proto, prost", Box::new(|| with_prost(delivery))),
            ("protobuf", Box::new(|| encode(&mut protobuf, delivery))),
            ("JSON", Box::new(|| encode(&mut json, delivery))),
        ];
        let mut results: Vec<Way> = Vec::new();
        for (name, way) in &mut ways {
            results.push(Way { name, speeds: Vec::new(), bytes: way() / delivery.len() });
        }
        for _ in 0..self.rounds {
            for ((_, way), result) in ways.iter_mut().zip(&mut results) {
                let (begin, mut spans) = (Instant::now(), 0);
                while begin.elapsed() < self.round {
                    black_box(way());
                    spans += delivery.len();
                }
                result.speeds.push(spans as f64 / begin.elapsed().as_secs_f64() / 1e6);
            }
        }
        results.iter_mut().for_each(|way| way.speeds.sort_by(f64::total_cmp));
        // A second delivery has nobody who waits for it.
        let _ = self.results.try_send(results);
        Ok(())
    }
}

/// Takes bytes as a socket or a compressor does, without their cost.
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

fn encode(encoder: &mut Encoder<Plain>, delivery: &Delivery) -> usize {
    let mut taken = Taken(0);
    for part in delivery.parts() {
        let filled = encoder.fill(part.resource(), &mut part.spans().peekable(), usize::MAX, &mut taken);
        assert_eq!(filled.map(|filled| filled.spans).unwrap_or_default(), part.len());
    }
    taken.0
}

fn with_prost(delivery: &Delivery) -> usize {
    delivery.parts().map(|part| black_box(official::request(part).encode_to_vec()).len()).sum()
}
