//! What `finish` returns.

use super::{FlushError, Tracer};
use crate::pipeline::Ledger;
use crate::unplaced::NoShard;
use std::fmt;
use std::time::Duration;

/// What became of every span, and what was not done by the deadline. Its `Display` writes the problems as sentences, and
/// the ledger as the last line.
#[derive(Clone, Debug, Default)]
pub struct Report {
    ledger: Ledger,
    problems: Vec<String>,
}

impl Report {
    /// Counts that account for every span.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What went wrong or was not done, one sentence each. Empty if everything was delivered.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Whether everything that was recorded reached every exporter, and the ledger balances.
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty() && self.ledger.is_balanced()
    }

    pub(super) fn inert(disabled: bool) -> Self {
        let why = if disabled {
            "recording is disabled by the settings (OTEL_SDK_DISABLED)"
        } else {
            "this process is the child of a fork, and the tracer is its parent's: call `init` here to record here"
        };
        Self { ledger: Ledger::default(), problems: vec![why.to_owned()] }
    }

    pub(super) fn own_thread(tracer: &Tracer) -> Self {
        let why = "called on a collector's or exporter's thread: the tracer was not finished".to_owned();
        Self { ledger: tracer.ledger(), problems: vec![why] }
    }

    pub(super) fn of_running(tracer: &Tracer, flushed: Result<(), FlushError>) -> Self {
        let problems = flushed.err().map(|e| format!("flush: {e}")).into_iter().collect();
        Self { ledger: tracer.ledger(), problems }
    }

    /// The parent's ledger has the rest of the counts.
    pub(super) fn of_child(tracer: &Tracer, running_jobs: usize) -> Self {
        let ledger = tracer.ledger();
        let mut problems = still_running(running_jobs);
        problems.extend(losses(tracer, &ledger));
        Self { ledger, problems }
    }

    pub(super) fn of_finished(
        tracer: &Tracer,
        outcome: Result<Vec<String>, usize>,
        running_jobs: usize,
        took: Duration,
    ) -> Self {
        let ledger = tracer.ledger();
        let mut problems = still_running(running_jobs);
        match outcome {
            Ok(failures) => problems.extend(failures),
            Err(parts) => problems.push(format!(
                "not finished after {took:.1?}: {parts} of the collector and the exporters are still at work"
            )),
        }
        problems.extend(losses(tracer, &ledger));
        Self { ledger, problems }
    }
}

fn still_running(jobs: usize) -> Vec<String> {
    let words = || format!("{jobs} background jobs still ran; what they record from now on is lost");
    (jobs > 0).then(words).into_iter().collect()
}

/// The losses that the ledger counts, as sentences.
fn losses(tracer: &Tracer, ledger: &Ledger) -> Vec<String> {
    let t = &ledger.transparent;
    let unplaced = |why| tracer.shared().unplaced(why);
    let mut all: Vec<(u64, &str)> = vec![
        (t.full, "spans were not recorded because their thread's shard was full (a larger shard helps)"),
        (t.open_cap, "spans were not recorded because too many were open on their thread"),
        (t.root_lost, "spans were not recorded because the root of their trace was not"),
        (ledger.incomplete, "spans were still open and are exported as incomplete"),
        (ledger.aborted, "spans were open when their process ended, and are exported as aborted"),
        (ledger.quarantined, "shards of worker processes were damaged; what was unread in them is lost"),
        (ledger.unplaced, "spans of worker processes were not recorded: their region has no more shards"),
        (ledger.late, "attributes, events, links or ends arrived after their span was finished"),
        (ledger.missed_updates, "updates were lost: no span was current where they were made, or their shard was full"),
        (ledger.truncated, "values of attributes were cut to the limits"),
        (ledger.corrupt, "records were invalid: memory was damaged"),
        (ledger.orphans.unwrap_or(0), "spans are orphans: their parent was never exported"),
        (unplaced(NoShard::Nested), "records were dropped inside another record (a signal handler must not record)"),
        (unplaced(NoShard::ThreadExit), "spans were not recorded because their thread was exiting"),
        (unplaced(NoShard::NoMemory), "spans were not recorded for lack of memory"),
    ];
    let mut words: Vec<String> = Vec::new();
    all.retain(|(n, _)| *n > 0);
    words.extend(all.iter().map(|(n, what)| format!("{n} {what}")));
    for e in &ledger.exporters {
        let d = e.dropped;
        let causes = [
            (d.queue_full, "its queue was full"),
            (d.failed, "it failed"),
            (d.timed_out, "it did not answer in time"),
            (d.panicked, "it panicked"),
            (e.queued, "they were not delivered by the deadline"),
        ];
        for (n, why) in causes.iter().filter(|(n, _)| *n > 0) {
            words.push(format!("exporter {:?} lost {n} spans: {why}", e.name));
        }
    }
    if ledger.exporters.is_empty() && ledger.assembled > 0 {
        words.push(format!(
            "{} spans were delivered nowhere: there is no exporter (set HEIRLOOM_TRACE_FILE, or give the builder one)",
            ledger.assembled
        ));
    }
    words
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "heirloom: {problem}")?;
        }
        write!(f, "{}", self.ledger)
    }
}
