//! Which spans a queue takes: by value, when they arrive.
//!
//! Exporters share batches, so a queue can't get memory back by dropping single spans later. It decides about each span when its
//! batch arrives. Below 60 % of its bound it takes the whole batch without looking at the spans, unless it still remembers traces
//! or spans that it refused earlier.
//!
//! | file | what it does |
//! |---|---|
//! | this one | a batch that arrives |
//! | `level.rs` | how full the queue is for a process |
//! | `shares.rs` | the part of the bound that each process may use |
//! | `decide.rs` | what becomes of a span |
//! | `traces.rs`, `memory.rs` | which traces are refused whole, and the memory of that |
//! | `missing.rs` | counts of refused spans, for their nearest kept ancestor |
//!
//! Nothing here locks or waits: the queue calls it under its lock.

mod decide;
mod level;
mod memory;
mod missing;
mod shares;
mod traces;

use super::open_span::OpenSpans;
use crate::export::{Batch, Part, Pick, Resource, SpanRef};
use crate::SpanId;
use decide::{decide, Facts, Fate, Verdict};
use level::{Level, Room};
use missing::Missing;
use shares::Shares;
use std::sync::{Arc, Weak};
use std::time::Instant;
use traces::Traces;

/// Upper bound on the decisions of each of two generations: a table of 128 Ki places, filled to 7/8. Both take 4.5 MB.
const MAX_DECISIONS: usize = (128 << 10) / 8 * 7;
/// Upper bound on the ancestors for which counts of refused spans wait: a table of 64 Ki places, filled to 7/8. It takes 1.1 MB.
const MAX_MISSING: usize = (64 << 10) / 8 * 7;
/// A queue with more than this part of its bound (a divisor) is taken to keep batches waiting. Then it copies batches with much
/// unused memory.
const WAITING: usize = 16;
/// Bytes of a queue's bound for each decision that it remembers. An ancestor for which counts wait needs twice as many. So both
/// tables take less than a tenth of the bound.
const BYTES_PER_DECISION: usize = 512;

/// Spans that a queue refused, and what it did with the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Refused leaves.
    pub(super) leaves: u64,
    /// Spans of traces that were refused whole.
    pub(super) of_traces: u64,
    /// Refused spans that another span may miss.
    pub(super) torn: u64,
    /// Traces that were refused whole.
    pub(super) traces: u64,
    /// Spans that were kept as skeletons.
    pub(super) skeletons: u64,
    /// Of the leaves and the torn ones, those that a kept ancestor says are missing.
    pub(super) attributed: u64,
    /// Of the leaves and the torn ones, those of which no ancestor can say it.
    pub(super) unattributed: u64,
    /// Marks of batches of which no span was kept.
    pub(super) marks: u64,
}

impl Counts {
    /// All refused spans.
    pub(super) fn refused(&self) -> u64 {
        self.leaves + self.of_traces + self.torn
    }
}

/// Which spans are open? A queue asks the collector before a pass. The answer after the pass counts if the queue still wants it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    changes: u64,
    /// Whether it is asked for what was refused earlier.
    settles: bool,
}

/// What a queue takes of a batch.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) part: Part,
    /// What counts against the bound while the queue has it.
    pub(super) bytes: usize,
}

/// The decisions of one queue.
#[derive(Debug)]
pub(super) struct Admission {
    shares: Shares,
    traces: Traces,
    missing: Missing,
    counts: Counts,
    /// The kept spans of the batch that arrives, and how many spans are missing below some of them, at their positions.
    picks: Vec<Pick>,
    dropped_children: Vec<(u32, u64)>,
}

impl Admission {
    /// For a queue with this bound in bytes, of the process with this resource.
    pub(super) fn new(bound: usize, own: Weak<Resource>) -> Self {
        Self {
            shares: Shares::new(bound, own),
            traces: Traces::new(MAX_DECISIONS.min(bound / BYTES_PER_DECISION)),
            missing: Missing::new(MAX_MISSING.min(bound / BYTES_PER_DECISION / 2)),
            counts: Counts::default(),
            picks: Vec::new(),
            dropped_children: Vec::new(),
        }
    }

    /// The counts so far.
    pub(super) fn counts(&self) -> Counts {
        Counts { traces: self.traces.refused(), ..self.counts }
    }

    /// Whether so many more bytes are within the bound.
    pub(super) fn fits(&self, bytes: usize) -> bool {
        self.shares.total() + bytes <= self.shares.bound()
    }

    /// Whether nothing is in the queue.
    pub(super) fn is_empty(&self) -> bool {
        self.shares.total() == 0
    }

    /// Whether what arrives will wait.
    fn waits(&self) -> bool {
        self.shares.total() > self.shares.bound() / WAITING
    }

    /// Takes a whole batch at any level.
    pub(super) fn take_all(&mut self, batch: &Arc<Batch>) -> Taken {
        let batch = if self.waits() && batch.has_slack() { Arc::new(batch.compact()) } else { Arc::clone(batch) };
        let bytes = batch.size_bytes();
        self.shares.add(batch.shared_resource(), bytes);
        Taken { part: Part::whole(batch), bytes }
    }

    /// Takes what there is room for. Counts the rest.
    pub(super) fn take(&mut self, batch: &Arc<Batch>, now: Instant) -> Option<Taken> {
        let room = self.shares.room(batch.shared_resource());
        if self.traces.is_in_period() && self.shares.are_all_below(Level::LEAVES) {
            self.traces.end(now);
        }
        if room.level(batch.size_bytes()) < Level::LEAVES && self.traces.is_idle() && self.missing.is_empty() {
            return Some(self.take_all(batch));
        }
        self.shares.leave();
        let taken = self.take_rows(batch, room);
        self.count_forgotten();
        taken
    }

    /// Looks at each span.
    fn take_rows(&mut self, batch: &Arc<Batch>, room: Room) -> Option<Taken> {
        self.picks.clear();
        self.dropped_children.clear();
        let (mut bytes, mut has_skeletons) = (Batch::OVERHEAD + batch.marks_bytes(), false);
        // Of the last span that was kept whole and has one.
        let mut last_list = 0;
        for (row, span) in batch.spans().enumerate() {
            let (shared, list) = batch.shared_bytes_of(row);
            let whole = batch.bytes_of(row) - if list == last_list { shared } else { 0 };
            let skeleton = || batch.skeleton_bytes_of(row);
            let level = room.level(bytes + whole);
            let fate = self.traces.fate(span.trace_id(), level);
            let level_of_skeleton = if level <= Level::FULL { level } else { room.level(bytes + skeleton()) };
            match decide(level, level_of_skeleton, Facts::of(&span), fate) {
                Verdict::Whole => {
                    last_list = if list == 0 { last_list } else { list };
                    bytes += whole + self.keep(row, &span, false);
                }
                Verdict::Skeleton => {
                    has_skeletons = true;
                    self.counts.skeletons += 1;
                    bytes += skeleton() + self.keep(row, &span, true);
                }
                Verdict::Leaf => {
                    self.counts.leaves += 1;
                    self.miss(&span, 1);
                }
                Verdict::Torn => {
                    self.counts.torn += 1;
                    let below = self.missing.take(span.span_id());
                    self.miss(&span, 1 + below);
                }
                Verdict::OfTrace => self.refuse_with_trace(&span, fate),
            }
        }
        self.taken(batch, room, bytes, has_skeletons)
    }

    /// Keeps a span. Returns how many bytes it takes beside its row: what is said of the spans that are missing below it.
    fn keep(&mut self, row: usize, span: &SpanRef<'_>, skeleton: bool) -> usize {
        let at = self.picks.len() as u32;
        self.picks.push(Pick { row: row as u32, skeleton });
        let missing = if span.is_leaf() { 0 } else { self.missing.take(span.span_id()) };
        if missing == 0 {
            return 0;
        }
        self.dropped_children.push((at, missing));
        self.counts.attributed += missing;
        Part::DROPPED_BYTES
    }

    /// Counts spans that are missing below the parent of this one.
    fn miss(&mut self, span: &SpanRef<'_>, spans: u64) {
        let parent = span.parent_span_id().filter(|_| span.parent_is_ours());
        if !parent.is_some_and(|parent| self.missing.add(parent, spans)) {
            self.counts.unattributed += spans;
        }
    }

    fn refuse_with_trace(&mut self, span: &SpanRef<'_>, fate: Fate) {
        self.counts.of_traces += 1;
        if !span.is_leaf() {
            self.counts.unattributed += self.missing.take(span.span_id());
            if fate == Fate::Refused && span.may_grow() {
                self.traces.refused_growing(span.trace_id());
            }
        }
    }

    /// Refused traces that were forgotten: what a later span may miss of them is torn.
    fn count_forgotten(&mut self) {
        let torn = self.traces.take_torn();
        self.counts.of_traces -= torn;
        self.counts.torn += torn;
        self.counts.unattributed += torn;
    }

    /// Shares the batch if nearly all of its memory is kept, and there is room for all of it. Else copies what is kept.
    fn taken(&mut self, batch: &Arc<Batch>, room: Room, bytes: usize, has_skeletons: bool) -> Option<Taken> {
        if self.picks.is_empty() {
            self.lose_marks(batch);
            return None;
        }
        let size = batch.size_bytes();
        let is_shared = !has_skeletons && bytes >= size / 8 * 7 && room.level(size) <= Level::FULL;
        let is_whole = self.picks.len() == batch.len();
        let mut dropped_children = self.dropped_children.clone();
        let said = dropped_children.len() * Part::DROPPED_BYTES;
        let waits = self.waits() && batch.has_slack();
        let taken = if is_shared || (is_whole && !has_skeletons && !waits && room.level(size) < Level::LEAVES) {
            dropped_children.iter_mut().for_each(|(at, _)| *at = self.picks[*at as usize].row);
            let rows = (!is_whole).then(|| self.picks.iter().map(|pick| pick.row).collect());
            let chosen = if is_whole { 0 } else { self.picks.len() * Part::ROW_BYTES };
            Taken { part: Part::of(Arc::clone(batch), rows, dropped_children), bytes: size + said + chosen }
        } else {
            let copy = batch.pick(&self.picks);
            let bytes = copy.size_bytes() + said;
            Taken { part: Part::of(Arc::new(copy), None, dropped_children), bytes }
        };
        self.shares.add(batch.shared_resource(), taken.bytes);
        Some(taken)
    }

    /// Nothing of a batch is delivered.
    pub(super) fn lose_marks(&mut self, batch: &Batch) {
        self.counts.marks += batch.marks().len() as u64;
    }

    /// Bytes of a process have left the queue.
    pub(super) fn free(&mut self, resource: &Arc<Resource>, bytes: usize) {
        self.shares.free(resource, bytes);
    }

    /// Whether the collector must be asked which traces are open: the level has crossed 80 %.
    pub(super) fn asks(&self) -> bool {
        self.traces.asks()
    }

    /// Whether the collector should be asked once in a while which spans are open: counts wait for spans, or traces are remembered.
    pub(super) fn has_rest(&self) -> bool {
        !self.missing.is_empty() || self.traces.remembers()
    }

    /// What the collector is asked now.
    pub(super) fn question(&self, settles: bool) -> Question {
        Question { changes: self.traces.changes(), settles }
    }

    /// The collector's answer, a complete pass after the question: every span that has ended was offered.
    pub(super) fn answer(&mut self, question: &Question, spans: &dyn OpenSpans) {
        if self.traces.changes() == question.changes && (question.settles || self.traces.asks()) {
            self.traces.open(&mut spans.traces());
        }
        if question.settles {
            self.counts.unattributed += self.missing.settle(|span: SpanId| spans.is_open(span));
        }
        self.count_forgotten();
    }

    /// Forgets what has been remembered for long enough. To be called regularly.
    pub(super) fn expire(&mut self, now: Instant) {
        self.traces.expire(now);
        self.count_forgotten();
    }

    /// How many refused spans wait for an ancestor that says that they are missing.
    #[cfg(all(test, not(loom)))]
    pub(super) fn waiting(&self) -> u64 {
        self.missing.waiting()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
