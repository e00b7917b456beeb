//! The border: what another process wrote is checked here before anything else looks at it.
//!
//! A record was copied to memory of this process, so it can't change any more. Every length in it is checked against its
//! own length (each kind's check stands with its layout, in `wire/`), its span against the shard that it came from, its
//! stamps against the life of its process, and its names are turned into this process's numbers. Behind the border a record
//! is as good as one of this process's own, but for whose spans it may touch.
//!
//! One that makes no sense is a [`Violation`], and its shard is quarantined: its writer may have written anything.

use crate::clock::NS;
use crate::dictionary;
use crate::pipeline::Shared;
use crate::shm::{Hosted, Moment};
use crate::wire;
pub(crate) use crate::wire::Violation;
use crate::TraceState;

/// How many different tracestates the spans of one region may have.
const MAX_TRACESTATES: u32 = 1024;
/// What stands for names beyond those that the dictionary takes.
const NO_MORE_NAMES: &str = "(no room for this name)";

/// How many bytes of names the dictionary may take of one region: a quarter of what it takes of all.
const MAX_ADOPTED_BYTES: usize = 1 << 20;
/// How many names.
const MAX_ADOPTED: usize = 8192;

/// Has a place in the dictionary for what stands for names beyond those that it takes.
pub(crate) fn reserve_name() {
    dictionary::id_of(NO_MORE_NAMES);
}

/// The names of a region, as this process's numbers.
#[derive(Debug, Default)]
pub(super) struct ForeignNames {
    ids: Vec<u32>,
    bytes: usize,
    /// Where the next one is.
    at: usize,
}

impl ForeignNames {
    fn get(&mut self, region: &Hosted, id: u32) -> Result<u32, Violation> {
        let index = (id as usize).checked_sub(1).ok_or(Violation::Name)?;
        while self.ids.len() <= index {
            let (name, next) = region.name(self.at).ok().flatten().ok_or(Violation::Name)?;
            self.at = next;
            self.bytes += name.len();
            let may_adopt = self.bytes <= MAX_ADOPTED_BYTES && self.ids.len() < MAX_ADOPTED;
            let known = if may_adopt { dictionary::adopt(&name) } else { dictionary::known(&name) };
            let id = known.or_else(|| dictionary::id_of(NO_MORE_NAMES));
            self.ids.push(id.ok_or(Violation::Name)?);
        }
        Ok(self.ids[index])
    }
}

/// A stamp, kept within the life of a region's process until now.
pub(super) fn clamped(region: &Hosted, until: Moment, tick: u64) -> u64 {
    let born = region.born();
    let (from, until) = match tick & NS {
        0 => (born.counter, until.counter),
        _ => (born.ns, until.ns),
    };
    tick.min(until).max(from)
}

/// What is remembered of a shard between two records.
#[derive(Debug)]
pub(super) struct Crossing {
    /// Which shard of the region.
    pub(super) shard: u64,
    /// Bytes of a long value that are still to come, in chunks.
    rest: u64,
}

impl Crossing {
    pub(super) fn new(shard: u64) -> Self {
        Self { shard, rest: 0 }
    }
}

/// The border of one region, during one pass.
pub(super) struct Border<'a> {
    pub(super) region: &'a Hosted,
    pub(super) names: &'a mut ForeignNames,
    /// When the positions were read: nothing that was published by then is later.
    pub(super) until: Moment,
    /// How many tracestates this region brought so far.
    pub(super) tracestates: &'a mut u32,
    /// Who knows the tracestates of this process.
    pub(super) tracer: &'a Shared,
}

impl Border<'_> {
    /// Checks a record, and makes it one of this process's.
    pub(super) fn check(&mut self, shard: &mut Crossing, record: &mut Vec<u64>) -> Result<(), Violation> {
        let mut rest = shard.rest;
        let done = wire::check(record, &mut rest, &mut Source { border: self, shard: shard.shard });
        shard.rest = rest;
        done
    }
}

/// One shard of the region, as the records' own checks see it.
struct Source<'b, 'a> {
    border: &'b mut Border<'a>,
    shard: u64,
}

impl wire::Origin for Source<'_, '_> {
    fn owns(&self, span: u64) -> bool {
        self.border.region.owns(span)
    }

    fn owns_here(&self, span: u64) -> bool {
        self.border.region.owns_in(span, self.shard)
    }

    fn clamped(&self, stamp: u64) -> u64 {
        clamped(self.border.region, self.border.until, stamp)
    }

    fn name(&mut self, id: u32) -> Result<u32, Violation> {
        self.border.names.get(self.border.region, id)
    }

    fn tracestate(&mut self, text: &str) -> u16 {
        let Ok((state, _)) = TraceState::parse(text) else { return 0 };
        if state.is_empty() {
            return 0;
        }
        let Border { tracer, tracestates, .. } = self.border;
        let (index, is_new) = tracer.tracestates.add_foreign(state.as_str(), **tracestates < MAX_TRACESTATES);
        **tracestates += u32::from(is_new);
        index
    }

    fn max_value(&self) -> usize {
        self.border.region.sizes().bytes as usize
    }
}
