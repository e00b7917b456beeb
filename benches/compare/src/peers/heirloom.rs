//! Heirloom: the function API, with an exporter that only counts.
//!
//! Children are made from a copy of the parent's context, as a thread pool's jobs would make them. `heirloom` has rings
//! that hold a thread's whole run, so that the recording path is measured and not the drops; `heirloom-default` has the
//! rings that `init` chooses, and says by cause what they couldn't hold.

use super::Peer;
use crate::account::{SharedAccount, Tally};
use crate::plan::{PeerName, Scenario};
use crate::workload::{Samples, Stretch, CHILD, KEYS, PARENT};
use heirloom_core::export::{Batch, ExportError, Exporter};
use heirloom_core::Span;

pub(super) struct Heirloom {
    guard: heirloom_core::Guard,
    account: SharedAccount,
}

impl Peer for Heirloom {
    type Parent = Span;

    fn start(scenario: &Scenario) -> Result<Self, String> {
        let account = SharedAccount::default();
        let builder = heirloom_core::builder("compare").exporter(Counting(account.clone()));
        let builder = match scenario.peer {
            PeerName::HeirloomDefault => builder,
            _ => builder.shard_bytes(scenario.ring_bytes),
        };
        let guard = builder.init().map_err(|error| error.to_string())?;
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
        Ok(Tally { named_lost: Some(ledger.transparent + ledger.dropped), ..self.account.tally() })
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
