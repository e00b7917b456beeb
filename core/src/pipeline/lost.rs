//! The spans that one exporter lost: counts for the ledger, reasons, and when to report them.

use super::admission::Counts;
use super::ledger::Dropped;
use crate::diagnostics::{Cause, Diagnostic, Level, Pace};
use crate::text::{bytes, count, plural};
use std::time::{Duration, Instant};

/// How an exporter lost spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    QueueFull,
    Failed,
    Panicked,
}

impl How {
    pub(crate) const ALL: [How; 3] = [How::QueueFull, How::Failed, How::Panicked];

    pub(crate) fn cause(self) -> Cause {
        match self {
            How::QueueFull => Cause::QueueFull,
            How::Failed => Cause::ExportFailed,
            How::Panicked => Cause::ExporterPanicked,
        }
    }

    /// Its count.
    pub(crate) fn count(self, dropped: &Dropped) -> u64 {
        match self {
            How::QueueFull => dropped.queue_full(),
            How::Failed => dropped.failed,
            How::Panicked => dropped.panicked,
        }
    }
}

/// What a queue with this bound refused, in words.
pub(super) fn full(bound: usize, counts: &Counts) -> String {
    let Counts { leaves, of_traces, torn, traces, .. } = *counts;
    let refused = |n, one, many| format!("{} {}", count(n), plural(n, one, many));
    format!(
        "its queue of {} was full; refused so far: {}, {} ({}), {}; a larger one (HEIRLOOM_QUEUE_BYTES) holds more",
        bytes(bound as u64),
        refused(leaves, "leaf", "leaves"),
        refused(traces, "whole trace", "whole traces"),
        refused(of_traces, "span", "spans"),
        refused(torn, "torn span", "torn spans")
    )
}

/// Spans lost in one way.
#[derive(Debug, Default)]
struct Tally {
    spans: u64,
    /// The latest reason.
    why: String,
    pace: Pace,
}

/// Spans lost in any way.
#[derive(Debug, Default)]
pub(super) struct Lost {
    /// At the index of the way.
    tallies: [Tally; How::ALL.len()],
    /// Spans lost since the last flush, and the latest way.
    since_flush: Option<(u64, How)>,
}

impl Lost {
    pub(super) fn add(&mut self, how: How, spans: u64, why: String) {
        let tally = &mut self.tallies[how as usize];
        tally.spans += spans;
        tally.why = why;
        if spans > 0 {
            let before = self.since_flush.map_or(0, |(spans, _)| spans);
            self.since_flush = Some((before + spans, how));
        }
    }

    /// How many spans were lost this way.
    pub(super) fn spans(&self, how: How) -> u64 {
        self.tallies[how as usize].spans
    }

    pub(super) fn why(&self, how: How) -> &str {
        &self.tallies[how as usize].why
    }

    /// The message about what was lost this way since the last message, if one is due.
    pub(super) fn due(&mut self, how: How, exporter: &str, now: Instant, every: Duration) -> Option<Diagnostic> {
        let tally = &mut self.tallies[how as usize];
        let new = tally.pace.due(tally.spans, now, every)?;
        let so_far = if tally.spans > new { format!(" ({} so far)", tally.spans) } else { String::new() };
        let spans = plural(new, "span", "spans");
        let message = format!("exporter {exporter:?} lost {new} {spans}{so_far}: {}", tally.why);
        Some(Diagnostic::new(Level::Warn, how.cause(), message).about(exporter))
    }

    /// All messages that are due.
    pub(super) fn all_due(&mut self, exporter: &str, now: Instant, every: Duration) -> Vec<Diagnostic> {
        How::ALL.into_iter().filter_map(|how| self.due(how, exporter, now, every)).collect()
    }

    /// The losses since the last call, and the latest reason.
    pub(super) fn take_since_flush(&mut self) -> Option<(u64, String)> {
        let (spans, how) = self.since_flush.take()?;
        Some((spans, self.why(how).to_owned()))
    }
}
