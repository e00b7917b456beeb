//! What the collector does with the regions of child processes: it reads their shards in each pass, and closes what a dead
//! process left open.
//!
//! | file | what it does |
//! |---|---|
//! | this one | the schedule: which regions are read, in turns, and which are let go of |
//! | `region.rs` | one region, from the attaching of its process to its end |
//! | `shard.rs` | one shard of it |
//! | `readers.rs` | the numbers by which the assembler knows the shards |
//! | `complaints.rs` | what is said of shards that are given up |
//!
//! A region's end:
//!
//! 1. its process is dead: nothing in it changes any more. The pass after that reads what is left;
//! 2. one more pass, for ends that wait for it;
//! 3. what is open still is closed as aborted, at the time of the death, and the region is let go of.

mod complaints;
mod readers;
mod region;
mod shard;

use super::assemble::Assembler;
use crate::export::Batch;
use crate::pipeline::{Foreign, Shared};
use crate::shm::{Hosted, RegionReport};
use complaints::Complaints;
use readers::Readers;
use region::{Region, Tools};
use std::sync::Arc;

/// Passes from the one that saw the death to the end.
const LAST_PASSES: u8 = 2;

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
        self.readers.give_back(reader)
    }

    /// What all writers counted.
    pub(super) fn counts(&self) -> Foreign {
        let mut sum = self.closed;
        self.all.iter().for_each(|region| region.add_to(&mut sum, &self.readers));
        sum
    }
}
