//! One shard of a region. It is read in turns, each record is validated by the border, and an invalid one quarantines the
//! shard.

use super::super::assemble::{Assembler, LaneState, ProcessId};
use super::super::border::{Border, Crossing, Violation};
use super::super::extras::Abort;
use crate::export::Batch;
use crate::pipeline::Shared;
use crate::shard::{Block, Trim};
use crate::sync::Edge;
use crate::wire::{span_of, Header, Kind, Skip};

/// The most spans of one process that may be open: they take some 50 MB, and a correct program has fewer.
const MAX_OPEN: u64 = 1 << 18;
/// How many bytes of a shard are read before it is the turn of others: some 200 us of work. A whole ring takes ten times
/// as long, during which a process with a single span would wait for one that floods.
const TURN: u64 = 128 << 10;

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) state: LaneState,
    pub(super) crossing: Crossing,
    /// The position up to which this pass reads at least: that of the last record published when the pass began.
    pub(super) goal: u64,
    pub(super) tail: u64,
    pub(super) trim: Trim,
    pub(super) begins: u64,
    pub(super) broken: bool,
}

impl Shard {
    /// Whether data is unread that was published before the pass began.
    pub(super) fn is_behind(&self) -> bool {
        !self.broken && self.goal.wrapping_sub(self.tail) as i64 > 0
    }

    /// Reads up to `head`, or one turn's share. Returns room after each part of the ring, like the reader of this
    /// process's shards.
    pub(super) fn drain(
        &mut self,
        block: &Block,
        head: u64,
        border: &mut Border<'_>,
        to: &mut Assembler,
        record: &mut Vec<u64>,
        send: &mut dyn FnMut(Batch),
    ) -> Result<(), Violation> {
        let sizes = border.region.sizes();
        if head.wrapping_sub(self.tail) > sizes.most_ahead() || head % 8 != 0 {
            return Err(Violation::Position);
        }
        let give_back = |tail| block.head().read.tail.store(tail, Edge::Free.order());
        let (from, mut given_back) = (self.tail, self.tail);
        while self.tail != head && self.tail.wrapping_sub(from) < TURN {
            let at = self.tail & (sizes.bytes - 1);
            let left = (head.wrapping_sub(self.tail) / 8) as usize;
            copy(block, at, left.min(sizes.max_record() as usize / 8), record)?;
            let bytes = 8 * record.len() as u64;
            border.check(&mut self.crossing, record)?;
            if let Some(skip) = record.first().and_then(|word| Skip::read(*word)) {
                if skip.bytes > head.wrapping_sub(self.tail) {
                    return Err(Violation::Length);
                }
                self.tail = self.trim.jump(sizes, self.tail, skip);
                continue;
            }
            self.take(to, record, sizes.max_open)?;
            to.send_if_full(send);
            self.tail = self.tail.wrapping_add(bytes);
            if self.tail.wrapping_sub(given_back) >= sizes.give_back_after() {
                given_back = self.tail;
                give_back(given_back);
            }
        }
        if given_back != self.tail {
            give_back(self.tail);
        }
        self.trim.saw(sizes, self.tail);
        Ok(())
    }

    /// Passes a validated record to the assembler.
    pub(super) fn take(&mut self, to: &mut Assembler, record: &[u64], max_open: u64) -> Result<(), Violation> {
        if Header::of(record).and_then(Header::kind) == Some(Kind::Begin) {
            if span_of(record).is_some_and(|span| to.knows(span)) {
                return Err(Violation::Sequence);
            }
            // Escaped spans stay open for a pass or two longer than the writer counts them.
            let open = to.open_of(self.state.reader);
            if open > 2 * max_open + 1024 {
                return Err(Violation::OpenCap);
            }
            if to.open_of_process(self.state.process) >= MAX_OPEN {
                return Err(Violation::TooManyOpen);
            }
            self.begins += 1;
        }
        if to.take(&mut self.state, record) {
            Ok(())
        } else {
            Err(Violation::Sequence)
        }
    }

    /// The warning about this shard.
    pub(super) fn complaint(&self, violation: Violation, pid: u32) -> String {
        let (shard, tail) = (self.crossing.shard, self.tail);
        let what = match violation {
            Violation::TooManyOpen => format!(
                "process {pid} has more than {MAX_OPEN} open spans, the limit of an attached process: end spans \
                 earlier, or lower HEIRLOOM_MAX_OPEN_SPANS; shard {shard}"
            ),
            _ => format!("shard {shard} of process {pid} is damaged at byte {tail}: {violation}; it"),
        };
        format!("{what} is quarantined, and its open spans are exported as aborted")
    }

    /// Quarantines the shard: nothing more of it is read, and its open spans are closed now. Returns their number.
    pub(super) fn quarantine(
        &mut self,
        violation: Violation,
        process: ProcessId,
        pid: u32,
        tracer: &Shared,
        to: &mut Assembler,
        send: &mut dyn FnMut(Batch),
    ) -> u64 {
        self.broken = true;
        let message = match violation {
            Violation::TooManyOpen => format!("aborted: process {pid} has more than {MAX_OPEN} open spans"),
            _ => format!("aborted: process {pid} damaged the shard of the span: {violation}"),
        };
        let why = Abort { message, cause: None };
        to.abort(process, Some(self.state.reader), tracer.clock_tick(), &why, send)
    }
}

/// Copies the record at an offset, of at most `max` words. A jump has one word.
fn copy(block: &Block, at: u64, max: usize, record: &mut Vec<u64>) -> Result<(), Violation> {
    block.copy(at, 1, record);
    let len = Header::of(record).map_or(0, Header::words);
    if len == 0 && record.first().is_some_and(|word| Skip::read(*word).is_some()) {
        return Ok(());
    }
    if len == 0 || len > max {
        return Err(Violation::Length);
    }
    block.copy(at, len, record);
    if record.len() != len || Header::of(record).map(Header::words) != Some(len) {
        return Err(Violation::Unsteady);
    }
    Ok(())
}
