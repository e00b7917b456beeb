//! What a tracer lost, by cause: for its report at the end, and for the collector, which reports new losses while the
//! program runs.

use super::ledger::{ImplicitRoot, Ledger};
use super::shared::Shared;
use crate::diagnostics::{Cause, Diagnostic, Level, Pace};
use crate::text::plural;
use crate::unplaced::NoShard;
use std::time::Instant;

/// Losses of one cause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    pub(crate) cause: Cause,
    pub(crate) count: u64,
    /// The rest of a sentence that begins with the count, for one and for many.
    pub(crate) what: [&'static str; 2],
    /// Whether it is reported while the program runs. The others are no surprise then, or are reported where they happen.
    at_once: bool,
}

impl Loss {
    /// The text of a message about all of it.
    pub(crate) fn sentence(&self) -> String {
        self.text(self.count)
    }

    fn message(&self, new: u64) -> Diagnostic {
        let so_far = if self.count > new { format!("; {} so far", self.count) } else { String::new() };
        Diagnostic::new(Level::Warn, self.cause, format!("{}{so_far}", self.text(new)))
    }

    fn text(&self, count: u64) -> String {
        let [one, many] = self.what;
        format!("{count} {}", plural(count, one, many))
    }
}

impl Shared {
    /// Each cause of loss before the exporters, with its count, which may be zero. Always in the same order.
    pub(crate) fn losses(&self, ledger: &Ledger) -> [Loss; 19] {
        table(ledger, |why| self.unplaced(why))
    }
}

/// All losses of a ledger.
fn table(ledger: &Ledger, unplaced: impl Fn(NoShard) -> u64) -> [Loss; 19] {
    let t = &ledger.transparent;
    let loss = |cause, count, what| Loss { cause, count, what, at_once: true };
    let at_the_end = |cause, count, what| Loss { cause, count, what, at_once: false };
    [
        loss(
            Cause::ShardFull,
            t.full,
            [
                "span was not recorded because its thread's shard was full (a larger shard helps, or `Overload::Wait`)",
                "spans were not recorded because their thread's shard was full (a larger shard helps, or \
                 `Overload::Wait`)",
            ],
        ),
        loss(
            Cause::RingBytes,
            t.ring_bytes,
            [
                "span was not recorded because the rings of all threads had reached their bound (a higher \
                 HEIRLOOM_RING_BYTES helps)",
                "spans were not recorded because the rings of all threads had reached their bound (a higher \
                 HEIRLOOM_RING_BYTES helps)",
            ],
        ),
        loss(
            Cause::TooManyOpen,
            t.open_cap,
            [
                "span was not recorded because too many were open on its thread",
                "spans were not recorded because too many were open on their thread",
            ],
        ),
        loss(
            Cause::RootNotRecorded,
            t.root_lost,
            [
                "span was not recorded because the root of its trace was not",
                "spans were not recorded because the root of their trace was not",
            ],
        ),
        loss(
            Cause::TracerFinished,
            t.closed,
            [
                "span was not recorded because its tracer had finished",
                "spans were not recorded because their tracer had finished",
            ],
        ),
        at_the_end(
            Cause::StillOpen,
            ledger.incomplete,
            [
                "span was still open and is exported as incomplete",
                "spans were still open and are exported as incomplete",
            ],
        ),
        at_the_end(
            Cause::StillOpen,
            ledger.aborted,
            [
                "span was open when its process ended, and is exported as aborted",
                "spans were open when their process ended, and are exported as aborted",
            ],
        ),
        at_the_end(
            Cause::Quarantined,
            ledger.quarantined,
            [
                "shard of a worker process was damaged; what was unread in it is lost",
                "shards of worker processes were damaged; what was unread in them is lost",
            ],
        ),
        at_the_end(
            Cause::Unpublished,
            ledger.unpublished,
            [
                "span of a worker process was counted and not recorded: its process ended, or the tracer finished, \
                 while it was started",
                "spans of worker processes were counted and not recorded: their process ended, or the tracer \
                 finished, while they were started",
            ],
        ),
        loss(
            Cause::NoShard,
            ledger.unplaced,
            [
                "span of a worker process was not recorded: its region has no more shards",
                "spans of worker processes were not recorded: their region has no more shards",
            ],
        ),
        loss(
            Cause::Late,
            ledger.late,
            [
                "attribute, event, link or end arrived after its span was finished",
                "attributes, events, links or ends arrived after their span was finished",
            ],
        ),
        loss(
            Cause::MissedUpdate,
            ledger.missed_updates,
            [
                "update was lost: no span was current where it was made, or its shard was full",
                "updates were lost: no span was current where they were made, or their shard was full",
            ],
        ),
        loss(
            Cause::ShardFull,
            ledger.lost_marks,
            [
                "mark (a wait, a poll, a fan-out) was not recorded because its thread's shard was full; the \
                 analysis lacks it, no span does",
                "marks (waits, polls, fan-outs) were not recorded because their thread's shard was full; the \
                 analysis lacks them, no span does",
            ],
        ),
        at_the_end(
            Cause::Truncated,
            ledger.truncated,
            ["value of an attribute was cut to the limits", "values of attributes were cut to the limits"],
        ),
        loss(
            Cause::InvalidRecord,
            ledger.corrupt,
            ["record was invalid: memory was damaged", "records were invalid: memory was damaged"],
        ),
        at_the_end(
            Cause::Orphan,
            ledger.orphans.unwrap_or(0),
            ["span is an orphan: its parent was never exported", "spans are orphans: their parent was never exported"],
        ),
        loss(
            Cause::Nested,
            unplaced(NoShard::Nested),
            [
                "record was dropped inside another record (a signal handler must not record)",
                "records were dropped inside another record (a signal handler must not record)",
            ],
        ),
        loss(
            Cause::ThreadExit,
            unplaced(NoShard::ThreadExit),
            [
                "span was not recorded because its thread was exiting",
                "spans were not recorded because their thread was exiting",
            ],
        ),
        loss(
            Cause::NoShard,
            unplaced(NoShard::NoMemory),
            ["span was not recorded for lack of memory", "spans were not recorded for lack of memory"],
        ),
    ]
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
    /// How many implicit roots the last message named.
    implicit_roots: u64,
}

impl LossReports {
    /// Reports implicit roots of a tracer that verifies, once while it runs: if a program hands its contexts over, it has few.
    pub(crate) fn report_implicit_roots(&mut self, tracer: &Shared) {
        if self.implicit_roots == 0 {
            self.report_all_implicit_roots(tracer);
        }
    }

    /// Reports how many there were in all, at the end, unless that was reported.
    pub(crate) fn report_all_implicit_roots(&mut self, tracer: &Shared) {
        let count = tracer.control.counts().assembled.implicit_roots;
        if !tracer.reports_implicit_roots || count == self.implicit_roots {
            return;
        }
        self.implicit_roots = count;
        let first = tracer.control.implicit_roots();
        let named =
            first.iter().map(|root| format!("{:?} on {}", root.name, label(root))).collect::<Vec<_>>().join(", ");
        let spans = plural(
            count,
            "span started a trace because no span was current on its thread",
            "spans started a trace because no span was current on their thread",
        );
        let belong = plural(count, "it belongs", "they belong");
        let message =
            format!("{count} {spans} ({named}); if {belong} to a trace, hand its context over, as with `.traced(cx)`");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_loss_is_named_in_the_singular_and_two_in_the_plural() {
        let texts = |count| table(&Ledger::default(), |_| 0).map(|loss| loss.text(count));
        let one = [
            "1 span was not recorded because its thread's shard was full (a larger shard helps, or `Overload::Wait`)",
            "1 span was not recorded because the rings of all threads had reached their bound (a higher HEIRLOOM_RING_BYTES helps)",
            "1 span was not recorded because too many were open on its thread",
            "1 span was not recorded because the root of its trace was not",
            "1 span was not recorded because its tracer had finished",
            "1 span was still open and is exported as incomplete",
            "1 span was open when its process ended, and is exported as aborted",
            "1 shard of a worker process was damaged; what was unread in it is lost",
            "1 span of a worker process was counted and not recorded: its process ended, or the tracer finished, while it \
             was started",
            "1 span of a worker process was not recorded: its region has no more shards",
            "1 attribute, event, link or end arrived after its span was finished",
            "1 update was lost: no span was current where it was made, or its shard was full",
            "1 mark (a wait, a poll, a fan-out) was not recorded because its thread's shard was full; the analysis lacks it, no \
             span does",
            "1 value of an attribute was cut to the limits",
            "1 record was invalid: memory was damaged",
            "1 span is an orphan: its parent was never exported",
            "1 record was dropped inside another record (a signal handler must not record)",
            "1 span was not recorded because its thread was exiting",
            "1 span was not recorded for lack of memory",
        ];
        assert_eq!(texts(1), one);
        let two = texts(2);
        assert_eq!(two[4], "2 spans were not recorded because their tracer had finished");
        assert_eq!(two[5], "2 spans were still open and are exported as incomplete");
        assert_eq!(two[7], "2 shards of worker processes were damaged; what was unread in them is lost");
        assert_eq!(two[15], "2 spans are orphans: their parent was never exported");
    }
}
