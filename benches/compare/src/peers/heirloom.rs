//! Heirloom: the function API, with an exporter that only counts.
//!
//! Children are made from a copy of the parent's context, as a thread pool's jobs would make them.
//!
//! `heirloom` has rings that hold a thread's whole run, so that the bench measures the recording path and not the drops. The
//! rings were touched before the clock starts, as the floor's are: each was written from end to end once. `heirloom-default`
//! has the rings that `init` chooses, and counts by cause the spans that they couldn't hold.

use super::Peer;
use crate::account::{Account, SharedAccount, Tally};
use crate::plan::{PeerName, Scenario};
use crate::workload::{Samples, Stretch, CHILD, KEYS, PARENT};
use heirloom_core::export::{Batch, ExportError, Exporter};
use heirloom_core::{Guard, Span};
use std::sync::Barrier;
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

pub(super) struct Heirloom {
    guard: Guard,
    account: SharedAccount,
}

impl Peer for Heirloom {
    type Parent = Span;

    fn start(scenario: &Scenario) -> Result<Self, String> {
        let account = SharedAccount::default();
        let builder = heirloom_core::builder("compare").exporter(Counting(account.clone()));
        let is_default = scenario.peer == PeerName::HeirloomDefault;
        let builder = match is_default {
            true => builder,
            false => builder.shard_bytes(scenario.ring_bytes).queue_bytes(QUEUE_BYTES),
        };
        let guard = builder.init().map_err(|error| error.to_string())?;
        if !is_default {
            fill_rings(scenario)?;
            guard.tracer().flush(FILL_TIMEOUT).map_err(|error| error.to_string())?;
            *account.lock() = Account::default();
        }
        Ok(Self { guard, account })
    }

    fn open_parent(&self) -> Span {
        heirloom_core::root(PARENT)
    }

    fn record<const ATTRIBUTES: bool>(&self, parent: &Span, stretch: Stretch, samples: &Samples) {
        let parent = parent.context();
        for id in stretch.ids() {
            let span = parent.span(CHILD);
            if ATTRIBUTES {
                let sample = samples.of(id);
                span.set(KEYS[0], sample.count).set(KEYS[1], sample.ratio).set(KEYS[2], sample.file);
            }
        }
    }

    fn finish(self, parent: Span) -> Result<Tally, String> {
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

struct Counting(SharedAccount);

impl Exporter for Counting {
    fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
        let mut account = self.0.lock();
        for span in batch.spans() {
            account.add(span.span_id().to_u64(), span.parent_span_id().map_or(0, |id| id.to_u64()));
        }
        Ok(())
    }
}
