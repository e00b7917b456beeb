//! Heirloom: the function API, with an exporter that reads each span and counts.
//!
//! Children are made from a copy of the parent's context, as a thread pool's jobs would make them.
//!
//! `heirloom` has rings that hold a thread's whole run, so that the bench measures the recording path and not the drops. The rings
//! were touched before the clock starts, as the floor's are: each was written from end to end once. `heirloom-default` has the
//! settings of `init`, and counts by cause the spans that its rings couldn't hold. `heirloom-otel` is the same with an exporter of
//! OpenTelemetry's that only counts.

use super::{otel, rest_until, Peer};
use crate::account::{Account, SharedAccount, Tally};
use crate::plan::{PeerName, Scenario};
use crate::workload::{Item, Samples, CHILD, KEYS, PARENT};
use heirloom_core::export::{Delivery, ExportError, Exporter, SpanRef};
use heirloom_core::otel::OtelExporter;
use heirloom_core::{Context, Guard, Ledger, Span, Tracer};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

/// Bytes of the exporter's queue: more than a run needs, also if the machine delays the exporter.
const QUEUE_BYTES: usize = 1 << 30;

/// Deadline for the flush of the spans that fill the rings.
const FILL_TIMEOUT: Duration = Duration::from_secs(20);

/// A text that fills a ring quickly, and the bytes of its span in the ring.
const FILLING: &str = match std::str::from_utf8(&[b'x'; 2000]) {
    Ok(text) => text,
    Err(_) => "",
};
const FILLING_BYTES: usize = FILLING.len() + 128;

/// Bytes in the ring of a burst that loses nothing: a part of what the smallest ring that a thread may grow to holds.
const BURST_BYTES: u64 = 400 << 10;

/// Bytes of a span in the ring.
const SPAN_BYTES: u64 = 72;
const SPAN_BYTES_WITH_ATTRIBUTES: u64 = 168;

/// Rests until neither the ring nor an exporter's queue would overflow from another burst of this many spans.
pub(crate) fn rest_until_drained(tracer: &Tracer, burst: u64) -> Result<(), String> {
    let is_behind = |ledger: &Ledger| {
        ledger.undrained > burst || ledger.exporters.iter().any(|exporter| exporter.queued > 4 * burst)
    };
    rest_until(|| !is_behind(&tracer.ledger()))
}

pub(crate) struct Heirloom {
    guard: Guard,
    account: SharedAccount,
}

impl Peer for Heirloom {
    type Parent = (Span, Context);

    fn start(scenario: &Scenario) -> Result<Self, String> {
        let account = SharedAccount::default();
        let builder = scenario.overload.set(heirloom_core::builder("compare"));
        let builder = match scenario.peer {
            PeerName::HeirloomOtel => builder.exporter(OtelExporter::new(otel::Counting(account.clone()))),
            _ => builder.exporter(Counting(account.clone())),
        };
        let is_prepared = scenario.peer == PeerName::Heirloom;
        let builder = match is_prepared {
            true => builder
                .shard_bytes(scenario.ring_bytes)
                .ring_bytes((scenario.threads + 1) * scenario.ring_bytes)
                .queue_bytes(QUEUE_BYTES),
            false => builder,
        };
        let guard = builder.init().map_err(|error| error.to_string())?;
        if is_prepared {
            fill_rings(scenario)?;
            guard.tracer().flush(FILL_TIMEOUT).map_err(|error| error.to_string())?;
            *account.lock() = Account::default();
        }
        Ok(Self { guard, account })
    }

    fn open_parent(&self) -> Self::Parent {
        let parent = heirloom_core::root(PARENT);
        let context = parent.context();
        (parent, context)
    }

    #[inline]
    fn within<const ATTRIBUTES: bool, R>(
        &self,
        parent: &Self::Parent,
        item: Item,
        samples: &Samples,
        work: impl FnOnce() -> R,
    ) -> R {
        let span = parent.1.span(CHILD);
        if ATTRIBUTES {
            let sample = samples.of(item.id);
            span.set(KEYS[0], sample.count).set(KEYS[1], sample.ratio).set(KEYS[2], sample.file);
        }
        let result = work();
        drop(span);
        result
    }

    fn burst(attributes: bool) -> u64 {
        BURST_BYTES / if attributes { SPAN_BYTES_WITH_ATTRIBUTES } else { SPAN_BYTES }
    }

    fn rest(&self, _made: u64) -> Result<(), String> {
        rest_until_drained(self.guard.tracer(), Self::burst(true))
    }

    fn finish(self, (parent, _): Self::Parent) -> Result<Tally, String> {
        drop(parent);
        let report = self.guard.finish();
        let ledger = report.ledger();
        if !ledger.is_balanced() {
            return Err(format!("the ledger does not balance: {report}"));
        }
        Ok(Tally { named_lost: Some(ledger.dropped()), ..self.account.tally() })
    }
}

/// Writes the rings of all recording threads once, from end to end.
///
/// The rings of ended threads are reused by the next threads, here by the recording ones.
fn fill_rings(scenario: &Scenario) -> Result<(), String> {
    if scenario.on_main_thread {
        fill_ring(scenario.ring_bytes);
        return Ok(());
    }
    // The main thread opens the parent later. It takes a ring now, so that it takes none of the filled ones.
    heirloom_core::root(PARENT).end();
    let together = Barrier::new(scenario.threads);
    let fill = || {
        fill_ring(scenario.ring_bytes);
        together.wait(); // So that no thread takes over another one's ring.
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..scenario.threads).map(|_| scope.spawn(fill)).collect();
        threads.into_iter().try_for_each(|thread| thread.join())
    })
    .map_err(|_| "a thread that filled a ring panicked".to_owned())
}

fn fill_ring(ring_bytes: usize) {
    for _ in 0..ring_bytes / FILLING_BYTES {
        heirloom_core::root(PARENT).set(KEYS[2], FILLING);
    }
}

/// Starts a tracer with the scenario's settings and an exporter that counts the spans, whatever they are.
pub(crate) fn init(scenario: &Scenario) -> Result<(Guard, Received), String> {
    let received = Received::default();
    let builder = scenario.overload.set(heirloom_core::builder("compare")).exporter(received.clone());
    Ok((builder.init().map_err(|error| error.to_string())?, received))
}

/// Reads all that an exporter sends of a span. Attributes are packed until they are read; other tracers have made theirs by
/// then.
fn visit(span: SpanRef<'_>) {
    black_box((span.name(), span.start_ns(), span.end_ns()));
    span.attributes().for_each(|attribute| {
        black_box((attribute.key, &attribute.value));
    });
}

/// Counts the spans that it gets, and reads each.
#[derive(Clone, Default)]
pub(crate) struct Received(Arc<AtomicU64>);

impl Received {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Exporter for Received {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        for span in delivery.spans() {
            black_box((span.span_id(), span.parent_span_id()));
            visit(span);
        }
        self.0.fetch_add(delivery.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

struct Counting(SharedAccount);

impl Exporter for Counting {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let mut account = self.0.lock();
        for span in delivery.spans() {
            visit(span);
            account.add(span.span_id().to_u64(), span.parent_span_id().map_or(0, |id| id.to_u64()));
        }
        Ok(())
    }
}
