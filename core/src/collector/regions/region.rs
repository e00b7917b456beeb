//! One region: what its process recorded, and the end of the region.

use super::super::assemble::{Assembler, LaneState, ProcessId};
use super::super::border::{clamped, Border, ChildNames, Crossing};
use super::super::extras::{Abort, Cause};
use super::complaints::Complaints;
use super::readers::Readers;
use super::shard::Shard;
use crate::diagnostics::{self, Diagnostic, Level};
use crate::export::{Batch, Lane, Resource};
use crate::pipeline::{ChildCounts, Shared};
use crate::shard::{is_left, Trim};
use crate::shm::{Death, Hosted, Moment, RegionReport};
use crate::wire::Begin;
use crate::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// Upper bound on a counter that a child reports and the parent can't check, so that sums can't overflow.
const MAX_COUNT: u64 = 1 << 40;

/// State that all regions use in turn.
pub(super) struct Tools<'a> {
    pub(super) readers: &'a mut Readers,
    pub(super) record: &'a mut Vec<u64>,
    pub(super) complaints: &'a mut Complaints,
}

#[derive(Debug)]
pub(super) struct Region {
    pub(super) hosted: Arc<Hosted>,
    /// `Some` once the process records.
    pub(super) process: Option<ProcessId>,
    pub(super) names: ChildNames,
    pub(super) shards: Vec<Shard>,
    pub(super) strays: u64,
    /// How and when the process ended, if that was known when this pass began.
    pub(super) death: Option<(Death, u64)>,
    pub(super) passes_after_death: u8,
    pub(super) aborted: u64,
}

impl Region {
    pub(super) fn new(hosted: Arc<Hosted>) -> Self {
        Self {
            hosted,
            process: None,
            names: ChildNames::default(),
            shards: Vec::new(),
            strays: 0,
            death: None,
            passes_after_death: 0,
            aborted: 0,
        }
    }

    /// Reads the state of its process, for new shards and for the amount to read.
    pub(super) fn begin_pass(&mut self, to: &mut Assembler, readers: &mut Readers) {
        self.death = self.hosted.death();
        let Some(pid) = self.hosted.process() else { return };
        let shards = self.hosted.shards();
        if shards > 0 {
            let process = *self.process.get_or_insert_with(|| to.add_process(Arc::new(resource(&self.hosted, pid))));
            self.add_shards(shards, process, pid, to, readers);
        }
        // A process that still has the memory may write to it after its owner's end. Those records belong to no process,
        // so they are not read.
        for shard in self.shards.iter_mut().filter(|_| self.passes_after_death == 0) {
            shard.goal = readers.get(shard.state.reader).map_or(shard.tail, |block| block.head().written.position());
        }
    }

    pub(super) fn add_shards(
        &mut self,
        shards: u64,
        process: ProcessId,
        pid: u32,
        to: &mut Assembler,
        readers: &mut Readers,
    ) {
        for index in self.shards.len() as u64..shards {
            let Some(block) = self.hosted.shard(index) else { return };
            let reader = readers.add(block);
            let lane = to.lanes.add(Lane { process_id: pid, thread_id: 0, thread_name: "".into() });
            self.shards.push(Shard {
                state: LaneState::new(process, reader, lane),
                crossing: Crossing::new(index),
                goal: 0,
                tail: 0,
                trim: Trim::default(),
                begins: 0,
                broken: false,
            });
        }
    }

    /// Gives memory back that its process doesn't use any more.
    pub(super) fn tend(&mut self, readers: &Readers) {
        for shard in self.shards.iter_mut().filter(|shard| !shard.broken) {
            if let Some(block) = readers.get(shard.state.reader) {
                let bytes = shard.trim.tend(block, self.hosted.sizes(), shard.tail);
                self.hosted.give_back(bytes);
            }
        }
    }

    /// Whether data is unread that was published before the pass began.
    pub(super) fn is_behind(&self) -> bool {
        self.shards.iter().any(Shard::is_behind)
    }

    /// Reads one turn's share of it. Returns the number of bytes.
    pub(super) fn turn(
        &mut self,
        tracer: &Shared,
        to: &mut Assembler,
        tools: Tools<'_>,
        send: &mut dyn FnMut(Batch),
    ) -> u64 {
        let Tools { readers, record, complaints } = tools;
        let Some(process) = self.process else { return 0 };
        let mut border = Border { region: &self.hosted, names: &mut self.names, until: Moment::now(&tracer.clock) };
        let mut bytes = 0;
        for shard in &mut self.shards {
            let Some(block) = readers.get(shard.state.reader).filter(|_| !shard.broken) else { continue };
            let is_final = shard.is_behind() || self.death.is_some();
            let head = if is_final { shard.goal } else { block.head().written.position() };
            let from = shard.tail;
            if head == from {
                continue;
            }
            border.until = Moment::now(&tracer.clock);
            if let Err(violation) = shard.drain(block, head, &mut border, to, record, send) {
                let pid = self.hosted.process().unwrap_or(0);
                let say = |text: &str| {
                    let cause = diagnostics::Cause::Quarantined;
                    tracer.diagnostics.report(Diagnostic::new(Level::Warn, cause, text));
                };
                complaints.complain(&shard.complaint(violation, pid), say);
                self.aborted += shard.quarantine(violation, process, pid, tracer, to, send);
            }
            bytes += shard.tail.wrapping_sub(from);
        }
        bytes
    }

    /// Takes the ends that found no room in a shard.
    pub(super) fn take_strays(&mut self, tracer: &Shared, to: &mut Assembler) {
        let Some(process) = self.process else { return };
        // The number only shows that a look is worthwhile: a process may end between writing an end and counting it.
        let strays = self.hosted.strays_so_far();
        if strays == self.strays && self.death.is_none() {
            return;
        }
        self.strays = strays;
        let until = Moment::now(&tracer.clock);
        self.hosted.take_strays(|mut end| {
            end.tick = clamped(&self.hosted, until, end.tick);
            if self.hosted.owns(end.span) {
                to.stray_end(end, process);
            }
        });
    }

    /// Tells the assembler which of its threads have ended.
    pub(super) fn note_ended_threads(&mut self, to: &mut Assembler, readers: &Readers) {
        for shard in self.shards.iter_mut().filter(|shard| !shard.broken) {
            if readers.get(shard.state.reader).is_some_and(|block| is_left(block, shard.tail)) {
                to.thread_ended(&mut shard.state);
            }
        }
    }

    /// Closes the spans that the process left open.
    pub(super) fn abort(&mut self, death: &Death, tick: u64, to: &mut Assembler, send: &mut dyn FnMut(Batch)) {
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

    pub(super) fn close(
        &mut self,
        tracer: &Shared,
        to: &mut Assembler,
        readers: &mut Readers,
        closed: &mut ChildCounts,
        send: &mut dyn FnMut(Batch),
    ) -> RegionReport {
        let mut own = ChildCounts::default();
        self.add_to(&mut own, readers);
        // A begin that was counted and not published does not count as started.
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
        let ChildCounts { unpublished, quarantined, unplaced, .. } = own;
        RegionReport { spans: seen, aborted: self.aborted, unpublished, quarantined, unplaced }
    }

    /// Adds the counts of its writers. Each is limited to what is possible: unread begins to what a ring holds, and a
    /// quarantined shard's begins to those that were read.
    pub(super) fn add_to(&self, sum: &mut ChildCounts, readers: &Readers) {
        let most = self.hosted.sizes().bytes / Begin::BYTES + 1;
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

/// The resource that the child reports, with the process id that the parent knows.
fn resource(hosted: &Hosted, pid: u32) -> Resource {
    let mut attributes: Vec<(Cow<'static, str>, Value<'static>)> = Vec::new();
    for (key, value) in hosted.resource().unwrap_or_default() {
        // Each key once: the last one wins, and the parent's process id overrides the child's.
        attributes.retain(|(known, _)| *known != key);
        if key != "process.pid" {
            attributes.push((key.into(), Value::from(value)));
        }
    }
    attributes.push(("process.pid".into(), i64::from(pid).into()));
    Resource { attributes }
}
