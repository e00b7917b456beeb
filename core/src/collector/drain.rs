//! One pass over all shards.

use super::assemble::{Assembler, LaneState, ProcessId};
use super::lanes::Lanes;
use super::regions::Regions;
use super::sample::Sampled;
use crate::export::{Batch, Lane};
use crate::pipeline::Shared;
use crate::shard::{Reader, INTERVAL};
use crate::wire::End;
use std::time::Instant;

/// After this many passes, a flush no longer waits for records of unknown spans: it must end.
const MAX_FLUSH_PASSES: usize = 8;

/// Passes until everything that was published before the call is assembled. `pass` returns whether anything waits for
/// another pass.
pub(super) fn settle(mut pass: impl FnMut() -> bool) {
    for i in 0..MAX_FLUSH_PASSES {
        let waits = pass();
        if i > 0 && !waits {
            break;
        }
    }
}

#[derive(Debug)]
struct Source {
    reader: Reader,
    state: LaneState,
}

/// Reads this process's own shards, in turns: a thread that waits for room doesn't wait for the whole rings of all others.
fn drain_own(all: &mut [Source], to: &mut Assembler, send: &mut dyn FnMut(Batch)) -> u64 {
    let mut bytes: u64 = all.iter_mut().map(|source| source.turn(to, send)).sum();
    while all.iter().any(|source| source.reader.is_behind()) {
        let behind = all.iter_mut().filter(|source| source.reader.is_behind());
        bytes += behind.map(|source| source.turn(to, send)).sum::<u64>();
    }
    bytes
}

impl Source {
    fn turn(&mut self, to: &mut Assembler, send: &mut dyn FnMut(Batch)) -> u64 {
        let Self { reader, state } = self;
        let bytes = reader.drain(|run, len| {
            let taken = to.take(state, run, len);
            to.send_if_full(send);
            taken
        });
        // Before any other shard is read.
        to.move_to_table(state);
        bytes
    }
}

/// The collector's readers, in the order of the registry.
#[derive(Debug, Default)]
pub(super) struct Sources {
    all: Vec<Source>,
    version: u64,
    pub(super) regions: Regions,
    /// When the memory of the shards was looked after.
    tended: Option<Instant>,
}

impl Sources {
    /// Reads everything that was published before this call. Full batches go to `send`. Returns the number of bytes, and
    /// whether anything waits for another pass.
    pub(super) fn pass(&mut self, tracer: &Shared, to: &mut Assembler, send: &mut dyn FnMut(Batch)) -> (u64, bool) {
        self.look_for_new(tracer, to);
        if let Some(epoch) = to.timeline.tend(&tracer.clock) {
            tracer.set_epoch(epoch);
        }
        let mut bytes = 0;
        let Self { all, regions, .. } = self;
        bytes += drain_own(all, to, send);
        while let Some(end) = tracer.next_overflow() {
            to.stray_end(end, ProcessId::OWN);
        }
        bytes += regions.drain(tracer, to, send, &mut |to, send| _ = drain_own(all, to, send));
        let waits = to.end_of_pass(send);
        for reader in to.take_credits() {
            if self.regions.give_back(reader) {
                continue;
            }
            if let Some(source) = self.all.get(reader as usize) {
                source.reader.shard().give_back(End::BYTES);
            }
        }
        let dying = self.regions.reap(tracer, to, send);
        if self.tended.get_or_insert_with(Instant::now).elapsed() >= INTERVAL {
            self.tended = Some(Instant::now());
            self.tend();
        }
        (bytes, waits || dying)
    }

    /// The lanes of this process and of the attached ones, as far as they are known.
    pub(super) fn sampled(&self, lanes: &Lanes) -> Vec<Sampled> {
        let own = self.all.iter().map(|source| &source.state);
        own.chain(self.regions.lane_states())
            .map(|state| {
                let lane = lanes.get(state.lane);
                let (process_id, thread_id) = (lane.process_id, lane.thread_id);
                Sampled { process: state.process, lane: state.lane, process_id, thread_id }
            })
            .collect()
    }

    /// Gives memory back that the shards don't use any more.
    pub(super) fn tend(&mut self) {
        self.all.iter_mut().for_each(|source| source.reader.tend());
        self.regions.tend();
    }

    /// Tells the assembler whose threads have ended.
    pub(super) fn note_ended_threads(&mut self, to: &mut Assembler) {
        let Self { all, regions, .. } = self;
        all.iter_mut().filter(|source| source.reader.is_left()).for_each(|source| to.thread_ended(&mut source.state));
        regions.note_ended_threads(to);
    }

    /// The tracer has finished: nothing is read any more, and only the memory of counters and positions is needed.
    pub(super) fn end(&mut self) {
        self.all.iter_mut().for_each(|source| source.reader.end());
    }

    fn look_for_new(&mut self, tracer: &Shared, to: &mut Assembler) {
        if tracer.registry.version() == self.version {
            return;
        }
        let (version, new) = tracer.registry.since(self.all.len());
        self.version = version;
        for shard in new {
            let unknown = Lane { process_id: crate::sys::process_id(), thread_id: 0, thread_name: "".into() };
            let reader = self.all.len() as u32;
            let lane = to.lanes.add(unknown);
            let state = LaneState::new(ProcessId::OWN, reader, lane);
            self.all.push(Source { reader: Reader::new(shard), state });
        }
    }
}
