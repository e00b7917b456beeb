//! What a tracer lost, by cause: for its report at the end, and for the collector, which reports new losses while the
//! program runs.

use super::ledger::{ImplicitRoot, Ledger};
use super::shared::Shared;
use crate::diagnostics::{Cause, Diagnostic, Level, Pace};
use crate::unplaced::NoShard;
use std::time::Instant;

/// Losses of one cause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    pub(crate) cause: Cause,
    pub(crate) count: u64,
    /// The rest of a sentence that begins with the count.
    pub(crate) what: &'static str,
    /// Whether it is reported while the program runs. The others are no surprise then, or are reported where they happen.
    at_once: bool,
}

impl Loss {
    /// Level, cause and text of a message about all of it.
    pub(crate) fn sentence(&self) -> String {
        format!("{} {}", self.count, self.what)
    }

    fn message(&self, new: u64) -> Diagnostic {
        let so_far = if self.count > new { format!("; {} so far", self.count) } else { String::new() };
        Diagnostic::new(Level::Warn, self.cause, format!("{new} {}{so_far}", self.what))
    }
}

impl Shared {
    /// Each cause of loss before the exporters, with its count, which may be zero. Always in the same order.
    pub(crate) fn losses(&self, ledger: &Ledger) -> [Loss; 19] {
        let t = &ledger.transparent;
        let unplaced = |why| self.unplaced(why);
        let loss = |cause, count, what| Loss { cause, count, what, at_once: true };
        let at_the_end = |cause, count, what| Loss { cause, count, what, at_once: false };
        [
            loss(
                Cause::ShardFull,
                t.full,
                "spans were not recorded because their thread's shard was full (a larger shard helps, or `Overload::Wait`)",
            ),
            loss(
                Cause::RingBytes,
                t.ring_bytes,
                "spans were not recorded because the rings of all threads had reached their bound (a higher \
                 HEIRLOOM_RING_BYTES helps)",
            ),
            loss(Cause::TooManyOpen, t.open_cap, "spans were not recorded because too many were open on their thread"),
            loss(
                Cause::RootNotRecorded,
                t.root_lost,
                "spans were not recorded because the root of their trace was not",
            ),
            loss(Cause::TracerFinished, t.closed, "spans were not recorded because their tracer had finished"),
            at_the_end(Cause::StillOpen, ledger.incomplete, "spans were still open and are exported as incomplete"),
            at_the_end(
                Cause::StillOpen,
                ledger.aborted,
                "spans were open when their process ended, and are exported as aborted",
            ),
            at_the_end(
                Cause::Quarantined,
                ledger.quarantined,
                "shards of worker processes were damaged; what was unread in them is lost",
            ),
            at_the_end(
                Cause::Unpublished,
                ledger.unpublished,
                "spans of worker processes were counted and not recorded: their process ended, or the tracer finished, \
                 while they were started",
            ),
            loss(
                Cause::NoShard,
                ledger.unplaced,
                "spans of worker processes were not recorded: their region has no more shards",
            ),
            loss(Cause::Late, ledger.late, "attributes, events, links or ends arrived after their span was finished"),
            loss(
                Cause::MissedUpdate,
                ledger.missed_updates,
                "updates were lost: no span was current where they were made, or their shard was full",
            ),
            loss(
                Cause::ShardFull,
                ledger.lost_marks,
                "marks (waits, polls, fan-outs) were not recorded because their thread's shard was full; the analysis lacks them, no \
                 span does",
            ),
            at_the_end(Cause::Truncated, ledger.truncated, "values of attributes were cut to the limits"),
            loss(Cause::InvalidRecord, ledger.corrupt, "records were invalid: memory was damaged"),
            at_the_end(
                Cause::Orphan,
                ledger.orphans.unwrap_or(0),
                "spans are orphans: their parent was never exported",
            ),
            loss(
                Cause::Nested,
                unplaced(NoShard::Nested),
                "records were dropped inside another record (a signal handler must not record)",
            ),
            loss(
                Cause::ThreadExit,
                unplaced(NoShard::ThreadExit),
                "spans were not recorded because their thread was exiting",
            ),
            loss(Cause::NoShard, unplaced(NoShard::NoMemory), "spans were not recorded for lack of memory"),
        ]
    }
}

/// The name of a root's thread, or its number.
fn label(root: &ImplicitRoot) -> String {
    match &*root.lane.thread_name {
        "" => format!("thread {}", root.lane.thread_id),
        name => name.to_owned(),
    }
}

/// Reports a tracer's losses while the program runs.
#[derive(Debug, Default)]
pub(crate) struct LossReports {
    /// In the order of the losses.
    paces: Vec<Pace>,
    implicit_roots_are_said: bool,
}

impl LossReports {
    /// Reports implicit roots, once for a tracer that verifies: if a program hands its contexts over, it has few.
    pub(crate) fn report_implicit_roots(&mut self, tracer: &Shared) {
        let count = tracer.control.counts().assembled.implicit_roots;
        if count == 0 || !tracer.reports_implicit_roots || std::mem::replace(&mut self.implicit_roots_are_said, true) {
            return;
        }
        let first = tracer.control.implicit_roots();
        let named =
            first.iter().map(|root| format!("{:?} on {}", root.name, label(root))).collect::<Vec<_>>().join(", ");
        let message = format!(
            "{count} spans started a trace because no span was current on their thread ({named}); if they belong to a \
             trace, hand its context over, as with `.traced(cx)`"
        );
        tracer.diagnostics.report(Diagnostic::new(Level::Warn, Cause::ImplicitRoot, message));
    }

    /// Reports each loss that is due.
    pub(crate) fn report(&mut self, tracer: &Shared, now: Instant) {
        let losses = tracer.losses(&tracer.ledger());
        self.paces.resize_with(losses.len(), Pace::default);
        for (loss, pace) in losses.iter().zip(&mut self.paces).filter(|(loss, _)| loss.at_once) {
            if let Some(new) = pace.due(loss.count, now, tracer.diagnostics.every()) {
                tracer.diagnostics.report(loss.message(new));
            }
        }
    }
}
