//! The collector's work on the regions of child processes: it reads their shards in each pass, and closes the spans that
//! a process left open at its end.
//!
//! | file | what it does |
//! |---|---|
//! | this one | the schedule: the regions to read, in turns, and the removal of closed ones |
//! | `region.rs` | one region, from the attachment of its process to its end |
//! | `shard.rs` | one of its shards |
//! | `readers.rs` | the numbers by which the assembler refers to the shards |
//! | `complaints.rs` | warnings about quarantined shards |
//!
//! A region's end:
//!
//! 1. Its process has ended: nothing in it changes any more. The next pass reads what is left.
//! 2. One more pass, for ends that wait for it.
//! 3. Spans that are still open are closed as aborted, with the end of the process as their end, and the region is
//!    removed.

mod complaints;
mod readers;
mod region;
mod shard;

use super::assemble::{Assembler, LaneState};
use crate::export::Batch;
use crate::pipeline::{ChildCounts, Shared};
use crate::shm::{Hosted, RegionReport};
use complaints::Complaints;
use readers::Readers;
use region::{Region, Tools};
use std::sync::Arc;

/// The number of passes from the one that sees the end of the process to the end of the region.
const LAST_PASSES: u8 = 2;

/// Reads this process's own shards.
type ReadOwn<'a> = dyn FnMut(&mut Assembler, &mut dyn FnMut(Batch)) + 'a;

/// The regions that are being read.
#[derive(Debug, Default)]
pub(super) struct Regions {
    all: Vec<Region>,
    version: u64,
    readers: Readers,
    /// The region that is read first. It changes with each pass, so that none always waits for another.
    first: usize,
    /// The counts of the closed ones.
    closed: ChildCounts,
    record: Vec<u64>,
    complaints: Complaints,
    /// Closed regions whose makers have not been notified.
    unreported: Vec<(Arc<Hosted>, RegionReport)>,
}

impl Regions {
    /// The states of all shards whose processes run.
    pub(super) fn lane_states(&self) -> impl Iterator<Item = &LaneState> {
        let running = self.all.iter().filter(|region| region.hosted.death().is_none());
        running.flat_map(|region| region.shards.iter().map(|shard| &shard.state))
    }

    /// Reads everything that was published before this call. Returns the number of bytes.
    ///
    /// Calls `between` after each turn of all regions, so that this process's own shards don't wait for them.
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
        // All regions have a turn before any has its next one. There are no more turns than a ring has parts: data that
        // is published meanwhile is read, and causes no further turn.
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

    /// After a pass: removes regions whose process has ended and that have been read completely. Returns whether any is
    /// about to be removed.
    pub(super) fn reap(&mut self, tracer: &Shared, to: &mut Assembler, send: &mut dyn FnMut(Batch)) -> bool {
        let Self { all, readers, closed, unreported, .. } = self;
        let mut dying = false;
        all.retain_mut(|region| {
            let Some((death, tick)) = region.death else { return true };
            region.passes_after_death += 1;
            if region.passes_after_death < LAST_PASSES {
                dying = true;
                return true;
            }
            region.note_ended_threads(to, readers);
            region.abort(&death, tick, to, send);
            let report = region.close(tracer, to, readers, closed, send);
            unreported.push((Arc::clone(&region.hosted), report));
            false
        });
        dying
    }

    /// Tells the assembler whose threads have ended.
    pub(super) fn note_ended_threads(&mut self, to: &mut Assembler) {
        self.all.iter_mut().for_each(|region| region.note_ended_threads(to, &self.readers));
    }

    /// Gives memory back that the shards don't use any more.
    pub(super) fn tend(&mut self) {
        self.all.iter_mut().for_each(|region| region.tend(&self.readers));
    }

    /// The tracer has finished: nothing that the processes record from now on is read.
    pub(super) fn close_all(&mut self, tracer: &Shared, to: &mut Assembler, send: &mut dyn FnMut(Batch)) {
        let Self { all, readers, closed, unreported, .. } = self;
        for mut region in all.drain(..) {
            let report = region.close(tracer, to, readers, closed, send);
            unreported.push((region.hosted, report));
        }
    }

    /// Notifies threads that wait for the end of a region, once the ledger has its counts.
    pub(super) fn tell(&mut self) {
        self.unreported.drain(..).for_each(|(hosted, report)| hosted.close(report));
    }

    /// Returns the room that a begin reserved, if the reader is a region's.
    pub(super) fn give_back(&self, reader: u32) -> bool {
        self.readers.give_back(reader)
    }

    /// The counts of all writers.
    pub(super) fn counts(&self) -> ChildCounts {
        let mut sum = self.closed;
        self.all.iter().for_each(|region| region.add_to(&mut sum, &self.readers));
        sum
    }
}
