//! What a queue holds, under its lock.

use super::super::admission::{Admission, Taken};
use super::super::barrier::Barrier;
use super::super::flushes::Flushes;
use super::super::ledger::Dropped;
use super::super::lost::{How, Lost};
use crate::diagnostics::Pace;
use crate::export::{Part, Resource};
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Instant;

/// What counts against the bound while an exporter works on it.
pub(super) type Charge = (Arc<Resource>, usize);

#[derive(Debug)]
pub(super) struct State {
    pub(super) batches: VecDeque<Taken>,
    pub(super) admission: Admission,
    pub(super) queued: u64,
    /// How many batches the thread has taken so far.
    pub(super) taken: u64,
    pub(super) flushes: Flushes,
    /// The thread ends once the batches are delivered.
    pub(super) ending: bool,
    /// The barriers of the threads that wait for that.
    pub(super) ends: Vec<Weak<Barrier>>,
    pub(super) stopped: bool,
    /// Until when `finish` waits for the exporter's shutdown, if that has begun and asked for a time of its own.
    pub(super) shutdown_until: Option<Instant>,
    /// The thread ends the process, and does nothing more for this queue.
    pub(super) leaving: bool,
    /// The delivery that the exporter is working on.
    pub(super) attempt: Option<Attempt>,
    pub(super) exported: u64,
    pub(super) lost: Lost,
    /// Spans that came when the thread had ended.
    pub(super) too_late: u64,
    /// Deliveries that took longer than their time, and the reports about them.
    pub(super) late: (u64, Pace),
    /// Flushes that failed without a thread that waited, and the reports about them.
    pub(super) failures: (u64, Pace),
    /// The collector is asked which spans are open, for the counts of missing spans.
    pub(super) settles: bool,
}

/// A delivery that the exporter is working on.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) since: Instant,
    pub(super) spans: u64,
    pub(super) is_late: bool,
}

impl State {
    pub(super) fn new(admission: Admission) -> Self {
        Self {
            batches: VecDeque::new(),
            admission,
            queued: 0,
            taken: 0,
            flushes: Flushes::default(),
            ending: false,
            ends: Vec::new(),
            stopped: false,
            shutdown_until: None,
            leaving: false,
            attempt: None,
            exported: 0,
            lost: Lost::default(),
            too_late: 0,
            late: (0, Pace::new()),
            failures: (0, Pace::new()),
            settles: false,
        }
    }

    pub(super) fn add(&mut self, taken: Taken) {
        self.queued += taken.part.len() as u64;
        self.batches.push_back(taken);
    }

    /// Takes the parts of the next delivery. They count against the bound until the exporter returns. A flush waits for nothing
    /// that was queued after it, so a delivery ends where one is due.
    pub(super) fn take(&mut self, request_bytes: usize) -> (Vec<Part>, Vec<Charge>) {
        let (mut parts, mut charges): (Vec<Part>, Vec<Charge>) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        while let Some(next) = self.batches.front() {
            let is_full = bytes + next.bytes > request_bytes || self.flushes.is_due(self.taken);
            if !parts.is_empty() && is_full {
                break;
            }
            let Some(next) = self.batches.pop_front() else { break };
            bytes += next.bytes;
            charges.push((Arc::clone(next.part.shared_resource()), next.bytes));
            parts.push(next.part);
            self.taken += 1;
        }
        let spans = parts.iter().map(|part| part.len() as u64).sum();
        self.queued -= spans;
        self.attempt = Some(Attempt { since: Instant::now(), spans, is_late: false });
        (parts, charges)
    }

    pub(super) fn dropped(&self) -> Dropped {
        let counts = self.admission.counts();
        Dropped {
            leaves: counts.leaves,
            traces: counts.of_traces,
            torn: counts.torn + self.too_late,
            failed: self.lost.spans(How::Failed),
            panicked: self.lost.spans(How::Panicked),
        }
    }
}
