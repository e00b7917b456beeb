//! What the collector does with the regions of child processes: it reads their shards in each pass, and closes what a dead
//! process left open.
//!
//! A region's end:
//!
//! 1. its process is dead: nothing in it changes any more. The pass after that reads what is left;
//! 2. one more pass, for ends that wait for it;
//! 3. what is open still is closed as aborted, at the time of the death, and the region is let go of.

use super::assemble::{Assembler, ProcessId};
use super::border::{clamped, Border, Crossing, ForeignNames, Violation};
use super::drain::LaneState;
use super::extras::{Abort, Cause};
use crate::diagnostics::warn;
use crate::export::{Batch, Lane, Resource};
use crate::region::{Death, Hosted, Moment, RegionReport};
use crate::shard::{Block, Counts};
use crate::sync::{Edge, Ordering};
use crate::tracer::Shared;
use crate::wire::{words_of, Kind, BEGIN_BYTES, END_BYTES};
use crate::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// Set in the number of a reader that is a region's.
const FOREIGN: u32 = 1 << 31;
/// How many spans of one process may be open: some 50 MB of them, and more than any honest one has.
const MAX_OPEN: u64 = 1 << 18;
/// How many bytes of a shard are read before the others have their turn: what takes some 200 us. A whole ring takes ten
/// times as long, and whoever has a single span waits for a neighbour that floods.
const TURN: u64 = 128 << 10;
/// Passes from the one that saw the death to the end.
const LAST_PASSES: u8 = 2;

/// What a writer may have counted at most of what nobody can check: more than any lives to count, and so few that sums of
/// them are numbers still.
const MAX_COUNT: u64 = 1 << 40;
/// How many shards that are given up are told of; who reads that has understood.
const MAX_COMPLAINTS: u32 = 16;

/// What the writers of child processes counted, and what can't be known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Foreign {
    pub(crate) counts: Counts,
    /// Spans that were counted as begun and never published: their process died in between.
    pub(crate) unpublished: u64,
    /// Shards that were given up.
    pub(crate) quarantined: u64,
    /// Spans that were begun on threads without a shard.
    pub(crate) unplaced: u64,
}

/// Reads this process's own shards.
type ReadOwn<'a> = dyn FnMut(&mut Assembler, &mut dyn FnMut(Batch)) + 'a;

/// The regions that are being read.
#[derive(Debug, Default)]
pub(super) struct Regions {
    all: Vec<Region>,
    version: u64,
    readers: Readers,
    /// Which one is read first: another one in each pass, so that nobody always waits for a neighbour.
    first: usize,
    /// What those that are closed had counted.
    closed: Foreign,
    record: Vec<u64>,
    complaints: Complaints,
    /// Those that are closed, and whose makers don't know it yet.
    untold: Vec<(Arc<Hosted>, RegionReport)>,
}

/// What is said of shards that are given up: a hostile child must not fill its parent's standard error.
#[derive(Debug, Default)]
struct Complaints {
    said: u32,
}

impl Complaints {
    /// Says it, if not too much was said.
    fn complain(&mut self, text: &str, say: impl Fn(&str)) {
        self.said = self.said.saturating_add(1);
        if self.said <= MAX_COMPLAINTS {
            say(text);
        }
        if self.said == MAX_COMPLAINTS {
            say("more shards that are given up are not shown; the ledger counts them as quarantined");
        }
    }
}

/// The numbers of readers, and whose they are.
#[derive(Debug, Default)]
struct Readers {
    /// Of each number: the block that room is given back to.
    blocks: Vec<Option<Block>>,
}

impl Readers {
    fn add(&mut self, block: Block) -> u32 {
        let index = self.blocks.iter().position(Option::is_none).unwrap_or(self.blocks.len());
        if index == self.blocks.len() {
            self.blocks.push(None);
        }
        self.blocks[index] = Some(block);
        FOREIGN | index as u32
    }

    fn get(&self, reader: u32) -> Option<&Block> {
        self.blocks.get((reader & !FOREIGN) as usize)?.as_ref()
    }

    fn remove(&mut self, reader: u32) {
        if let Some(block) = self.blocks.get_mut((reader & !FOREIGN) as usize) {
            *block = None;
        }
    }
}

/// What all regions use, one after the other.
struct Tools<'a> {
    readers: &'a mut Readers,
    record: &'a mut Vec<u64>,
    complaints: &'a mut Complaints,
}

#[derive(Debug)]
struct Region {
    hosted: Arc<Hosted>,
    /// Once it records.
    process: Option<ProcessId>,
    names: ForeignNames,
    tracestates: u32,
    shards: Vec<Shard>,
    strays: u64,
    /// How the process ended, and when, if that was known when this pass began.
    death: Option<(Death, u64)>,
    passes_after_death: u8,
    aborted: u64,
}

#[derive(Debug)]
struct Shard {
    state: LaneState,
    crossing: Crossing,
    /// Up to where this pass reads at least: what was published when it began.
    goal: u64,
    tail: u64,
    begins: u64,
    broken: bool,
}

impl Regions {
    /// Reads everything that was published before this call. Returns how many bytes there were.
    ///
    /// After each turn of all regions `between` is called: whatever they wrote, this process's own shards don't wait for it.
    pub(super) fn drain(
        &mut self,
        tracer: &Shared,
        to: &mut Assembler,
        send: &mut dyn FnMut(Batch),
        between: &mut ReadOwn<'_>,
    ) -> u64 {
        self.look_for_new(tracer);
        let len = self.all.len();
        if len == 0 {
            return 0;
        }
        self.first = (self.first + 1) % len;
        let Self { all, first, readers, record, complaints, .. } = self;
        all.iter_mut().for_each(|region| region.begin_pass(to, readers));
        let mut bytes = 0;
        // All have a turn before anybody has the next one. No more turns than a ring has parts: what is published
        // meanwhile is read, but is no reason for another turn.
        loop {
            for i in 0..len {
                let tools = Tools { readers, record, complaints };
                bytes += all[(*first + i) % len].turn(tracer, to, tools, send);
            }
            if !all.iter().any(Region::is_behind) {
                break;
            }
            between(to, send);
        }
        all.iter_mut().for_each(|region| region.take_strays(tracer, to));
        bytes
    }

    fn look_for_new(&mut self, tracer: &Shared) {
        let version = tracer.hosts.version();
        if version == self.version {
            return;
        }
        self.version = version;
        for hosted in tracer.hosts.all() {
            if !self.all.iter().any(|known| Arc::ptr_eq(&known.hosted, &hosted)) {
                self.all.push(Region::new(hosted));
            }
        }
    }

    /// After a pass: lets go of those whose process is dead and that have been read to the end. Returns whether any is on
    /// its way there.
    pub(super) fn bury(&mut self, tracer: &Shared, to: &mut Assembler, send: &mut dyn FnMut(Batch)) -> bool {
        let Self { all, readers, closed, untold, .. } = self;
        let mut dying = false;
        all.retain_mut(|region| {
            let Some((death, tick)) = region.death else { return true };
            region.passes_after_death += 1;
            if region.passes_after_death < LAST_PASSES {
                dying = true;
                return true;
            }
            region.abort(&death, tick, to, send);
            let report = region.close(tracer, to, readers, closed, send);
            untold.push((Arc::clone(&region.hosted), report));
            false
        });
        dying
    }

    /// The tracer has finished: what their processes record from now on goes nowhere.
    pub(super) fn close_all(&mut self, tracer: &Shared, to: &mut Assembler, send: &mut dyn FnMut(Batch)) {
        let Self { all, readers, closed, untold, .. } = self;
        for mut region in all.drain(..) {
            let report = region.close(tracer, to, readers, closed, send);
            untold.push((region.hosted, report));
        }
    }

    /// Tells those who wait for the end of a region, once the ledger has it too.
    pub(super) fn tell(&mut self) {
        self.untold.drain(..).for_each(|(hosted, report)| hosted.close(report));
    }

    /// Gives back what a begin reserved, if it was a region's reader.
    pub(super) fn give_back(&self, reader: u32) -> bool {
        if reader & FOREIGN == 0 {
            return false;
        }
        if let Some(block) = self.readers.get(reader) {
            let returned = &block.head().read.returned;
            returned.store(returned.load(Ordering::Relaxed).wrapping_add(END_BYTES), Ordering::Release);
        }
        true
    }

    /// What all writers counted.
    pub(super) fn counts(&self) -> Foreign {
        let mut sum = self.closed;
        self.all.iter().for_each(|region| region.add_to(&mut sum, &self.readers));
        sum
    }
}

impl Region {
    fn new(hosted: Arc<Hosted>) -> Self {
        Self {
            hosted,
            process: None,
            names: ForeignNames::default(),
            tracestates: 0,
            shards: Vec::new(),
            strays: 0,
            death: None,
            passes_after_death: 0,
            aborted: 0,
        }
    }

    /// Looks at how its process is, for new shards, and at how much there is to read.
    fn begin_pass(&mut self, to: &mut Assembler, readers: &mut Readers) {
        self.death = self.hosted.death();
        let Some(pid) = self.hosted.process() else { return };
        let shards = self.hosted.shards();
        if shards > 0 {
            let process = *self.process.get_or_insert_with(|| to.add_process(Arc::new(resource(&self.hosted, pid))));
            self.add_shards(shards, process, pid, to, readers);
        }
        // What is written after the death, by whoever has the memory still, is nobody's.
        for shard in self.shards.iter_mut().filter(|_| self.passes_after_death == 0) {
            shard.goal = readers.get(shard.state.reader).map_or(shard.tail, |block| block.head().written.position());
        }
    }

    fn add_shards(&mut self, shards: u64, process: ProcessId, pid: u32, to: &mut Assembler, readers: &mut Readers) {
        for index in self.shards.len() as u64..shards {
            let Some(block) = self.hosted.shard(index) else { return };
            let reader = readers.add(block);
            let lane = to.lanes.add(Lane { process_id: pid, thread_id: 0, thread_name: "".into() });
            self.shards.push(Shard {
                state: LaneState::new(process, reader, lane),
                crossing: Crossing::new(index),
                goal: 0,
                tail: 0,
                begins: 0,
                broken: false,
            });
        }
    }

    /// Whether something is unread that was published when the pass began.
    fn is_behind(&self) -> bool {
        self.shards.iter().any(Shard::is_behind)
    }

    /// Reads a part of what is there. Returns how many bytes that were.
    fn turn(&mut self, tracer: &Shared, to: &mut Assembler, tools: Tools<'_>, send: &mut dyn FnMut(Batch)) -> u64 {
        let Tools { readers, record, complaints } = tools;
        let Some(process) = self.process else { return 0 };
        let mut border = Border {
            region: &self.hosted,
            names: &mut self.names,
            until: Moment::now(tracer),
            tracestates: &mut self.tracestates,
            tracer,
        };
        let mut bytes = 0;
        for shard in &mut self.shards {
            let Some(block) = readers.get(shard.state.reader).filter(|_| !shard.broken) else { continue };
            let is_final = shard.is_behind() || self.death.is_some();
            let head = if is_final { shard.goal } else { block.head().written.position() };
            let from = shard.tail;
            if head == from {
                continue;
            }
            border.until = Moment::now(tracer);
            if let Err(violation) = shard.drain(block, head, &mut border, to, record, send) {
                let pid = self.hosted.process().unwrap_or(0);
                complaints.complain(&shard.complaint(violation, pid), warn);
                self.aborted += shard.give_up(violation, process, pid, tracer, to, send);
            }
            bytes += shard.tail.wrapping_sub(from);
        }
        bytes
    }

    /// Takes the ends that found no room in a shard.
    fn take_strays(&mut self, tracer: &Shared, to: &mut Assembler) {
        let Some(process) = self.process else { return };
        // The number only says that it's worth looking. A process may die between the end and the number.
        let strays = self.hosted.strays_so_far();
        if strays == self.strays && self.death.is_none() {
            return;
        }
        self.strays = strays;
        let until = Moment::now(tracer);
        self.hosted.take_strays(|mut end| {
            end.tick = clamped(&self.hosted, until, end.tick);
            if self.hosted.owns(end.span) {
                to.stray_end(end, process);
            }
        });
    }

    /// Closes what the process left open.
    fn abort(&mut self, death: &Death, tick: u64, to: &mut Assembler, send: &mut dyn FnMut(Batch)) {
        let Some(process) = self.process else { return };
        let pid = self.hosted.process().unwrap_or(0);
        let cause = match death {
            Death::Exited(code) => Some(Cause::Code(*code)),
            Death::Killed(signal) => Some(Cause::Signal(death.signal_name().map_or(signal.to_string(), str::to_owned))),
            Death::Unknown => None,
        };
        let why = self.hosted.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
        let message = format!("aborted: process {pid} {death} while the span was open{why}");
        self.aborted += to.abort(process, None, tick, &Abort { message, cause }, send);
    }

    fn close(
        &mut self,
        tracer: &Shared,
        to: &mut Assembler,
        readers: &mut Readers,
        closed: &mut Foreign,
        send: &mut dyn FnMut(Batch),
    ) -> RegionReport {
        let mut own = Foreign::default();
        self.add_to(&mut own, readers);
        // What was claimed and never came is not begun.
        let seen: u64 = self.shards.iter().map(|shard| shard.begins).sum();
        own.unpublished = own.counts.begun.saturating_sub(seen);
        own.counts.begun = seen;
        closed.add(&own);
        for shard in &self.shards {
            to.lanes.release(shard.state.lane);
            readers.remove(shard.state.reader);
        }
        if let Some(process) = self.process {
            to.remove_process(process, send);
        }
        tracer.hosts.remove(&self.hosted);
        let Foreign { unpublished, quarantined, unplaced, .. } = own;
        RegionReport { spans: seen, aborted: self.aborted, unpublished, quarantined, unplaced }
    }

    /// Adds what its writers counted. What they say is only believed as far as it can be true: of the begins that were not
    /// read, no more than a ring holds; of a shard that was given up, only what was read.
    fn add_to(&self, sum: &mut Foreign, readers: &Readers) {
        let most = self.hosted.sizes().bytes / BEGIN_BYTES + 1;
        for shard in &self.shards {
            if shard.broken {
                sum.quarantined += 1;
                sum.counts.begun += shard.begins;
            } else if let Some(block) = readers.get(shard.state.reader) {
                let written = block.head().written.counts();
                let mut counts = written.at_most(MAX_COUNT);
                counts.begun = shard.begins + written.begun.saturating_sub(shard.begins).min(most);
                sum.counts.add(&counts);
            }
        }
        sum.unplaced = sum.unplaced.saturating_add(self.hosted.unplaced().min(MAX_COUNT));
    }
}

impl Foreign {
    fn add(&mut self, other: &Foreign) {
        self.counts.add(&other.counts);
        self.unpublished += other.unpublished;
        self.quarantined += other.quarantined;
        self.unplaced = self.unplaced.saturating_add(other.unplaced);
    }
}

impl Shard {
    /// Whether something is unread that was published when the pass began.
    fn is_behind(&self) -> bool {
        !self.broken && self.goal.wrapping_sub(self.tail) as i64 > 0
    }

    /// Reads up to `head`, or as much as is read in a turn. Gives room back after each quarter of the ring, as the reader
    /// of this process's shards does.
    fn drain(
        &mut self,
        block: &Block,
        head: u64,
        border: &mut Border<'_>,
        to: &mut Assembler,
        record: &mut Vec<u64>,
        send: &mut dyn FnMut(Batch),
    ) -> Result<(), Violation> {
        let sizes = border.region.sizes();
        if head.wrapping_sub(self.tail) > sizes.bytes || head % 8 != 0 {
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
            border.show_tracestates(to);
            self.take(to, record, sizes.max_open)?;
            to.send_if_full(send);
            self.tail = self.tail.wrapping_add(bytes);
            if self.tail.wrapping_sub(given_back) >= sizes.bytes / 4 {
                given_back = self.tail;
                give_back(given_back);
            }
        }
        if given_back != self.tail {
            give_back(self.tail);
        }
        Ok(())
    }

    /// Hands a record that was checked to the assembler.
    fn take(&mut self, to: &mut Assembler, record: &[u64], max_open: u64) -> Result<(), Violation> {
        if record.first().copied().and_then(Kind::of) == Some(Kind::Begin) {
            if record.get(1).is_some_and(|span| to.knows(*span)) {
                return Err(Violation::Sequence);
            }
            // Ends that escaped are open for a pass or two longer than the writer knows.
            let open = to.open_of(self.state.reader);
            if open > 2 * max_open + 1024 || to.open_of_process(self.state.process) >= MAX_OPEN {
                return Err(Violation::OpenCap);
            }
            self.begins += 1;
        }
        if to.take(&mut self.state, record) {
            Ok(())
        } else {
            Err(Violation::Sequence)
        }
    }

    /// What is wrong with this shard.
    fn complaint(&self, violation: Violation, pid: u32) -> String {
        let (shard, tail) = (self.crossing.shard, self.tail);
        format!("shard {shard} of process {pid} is damaged at byte {tail} and is given up: {violation}")
    }

    /// Nothing more of this shard is read. Its open spans are closed now; says how many there were.
    fn give_up(
        &mut self,
        violation: Violation,
        process: ProcessId,
        pid: u32,
        tracer: &Shared,
        to: &mut Assembler,
        send: &mut dyn FnMut(Batch),
    ) -> u64 {
        self.broken = true;
        let message = format!("aborted: process {pid} damaged the shard that the span was in: {violation}");
        let why = Abort { message, cause: None };
        to.abort(process, Some(self.state.reader), tracer.clock_tick(), &why, send)
    }
}

/// Copies the record at an offset, of at most `max` words.
fn copy(block: &Block, at: u64, max: usize, record: &mut Vec<u64>) -> Result<(), Violation> {
    block.copy(at, 1, record);
    let len = record.first().map_or(0, |head| words_of(*head));
    if len == 0 || len > max {
        return Err(Violation::Length);
    }
    block.copy(at, len, record);
    if record.len() != len || words_of(record[0]) != len {
        return Err(Violation::Unsteady);
    }
    Ok(())
}

/// What the child says that it is, with the process id that is known.
fn resource(hosted: &Hosted, pid: u32) -> Resource {
    let mut attributes: Vec<(Cow<'static, str>, Value<'static>)> = Vec::new();
    for (key, value) in hosted.resource().unwrap_or_default() {
        // Each key once: the last one counts, and the process id is known better.
        attributes.retain(|(known, _)| *known != key);
        if key != "process.pid" {
            attributes.push((key.into(), Value::from(value)));
        }
    }
    attributes.push(("process.pid".into(), i64::from(pid).into()));
    Resource { attributes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn what_is_said_of_damaged_shards_comes_to_an_end() {
        let said = RefCell::new(Vec::new());
        let mut complaints = Complaints::default();
        for n in 0..1000 {
            complaints.complain(&n.to_string(), |text| said.borrow_mut().push(text.to_owned()));
        }
        let said = said.into_inner();
        assert_eq!(said.len(), MAX_COMPLAINTS as usize + 1);
        assert!(said.last().is_some_and(|last| last.contains("not shown")), "{said:?}");
    }
}
