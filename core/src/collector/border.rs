//! The border: validates the records of other processes before any other code reads them.
//!
//! A record was copied to memory of this process, so it can't change any more. Every length in it is checked against the
//! record's own length (each kind's check is beside its layout, in `wire/`), its span against the shard that it came
//! from, and its stamps against the lifetime of its process. Its names become this process's numbers. After the border a
//! record is treated like one of this process, except that it may access only the spans of its own process.
//!
//! An invalid record is a [`Violation`], and its shard is quarantined: everything else in that shard may be invalid too.

use crate::clock::NS;
use crate::dictionary;
use crate::shm::{Hosted, Moment};
use crate::wire;
pub(crate) use crate::wire::Violation;
use crate::TraceState;

const _: () = assert!(wire::MAX_TRACESTATE_BYTES == crate::propagated::MAX_TRACESTATE_BYTES);
/// The name of spans whose names the dictionary doesn't take.
const NO_MORE_NAMES: &str = "(no room for this name)";

/// How many bytes of names the dictionary takes from one region: a quarter of what it takes from all.
const MAX_ADOPTED_BYTES: usize = 1 << 20;
/// How many names the dictionary takes from one region: an eighth of all its numbers.
const MAX_ADOPTED: usize = 8192;

/// Reserves an entry of the dictionary for the replacement of names that it doesn't take.
pub(crate) fn reserve_name() {
    dictionary::id_of(NO_MORE_NAMES);
}

/// The names of a region, as this process's numbers.
#[derive(Debug, Default)]
pub(super) struct ChildNames {
    ids: Vec<u32>,
    bytes: usize,
    /// The position of the next one.
    at: usize,
}

impl ChildNames {
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

/// A stamp, clamped to the time from the start of a region's process to the present.
pub(super) fn clamped(region: &Hosted, until: Moment, tick: u64) -> u64 {
    let born = region.born();
    let (from, until) = match tick & NS {
        0 => (born.counter, until.counter),
        _ => (born.ns, until.ns),
    };
    tick.min(until).max(from)
}

/// The stamp of the same clock that is this much later, at most its last one.
fn later(stamp: u64, length: u64) -> u64 {
    let (clock, time) = (stamp & NS, stamp & !NS);
    clock | time.saturating_add(length).min(!NS)
}

/// The state of a shard's check between two records.
#[derive(Debug)]
pub(super) struct Crossing {
    /// The number of the shard in the region.
    pub(super) shard: u64,
    /// Bytes of a long value that are still to come in chunks.
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
    pub(super) names: &'a mut ChildNames,
    /// The time at which the positions were read: nothing published by then is later.
    pub(super) until: Moment,
}

impl Border<'_> {
    /// Checks a record, and converts it to one of this process.
    pub(super) fn check(&mut self, shard: &mut Crossing, record: &mut Vec<u64>) -> Result<(), Violation> {
        let mut rest = shard.rest;
        let done = wire::check(record, &mut rest, &mut Source { border: self, shard: shard.shard });
        shard.rest = rest;
        done
    }
}

/// One shard of the region, as the origin of records that are checked.
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

    fn clamped_length(&self, from: u64, length: u64) -> u64 {
        self.clamped(later(from, length)).saturating_sub(self.clamped(from))
    }

    fn age(&self, at: u64) -> u64 {
        self.clamped(at).saturating_sub(self.clamped(at & NS))
    }

    fn name(&mut self, id: u32) -> Result<u32, Violation> {
        self.border.names.get(self.border.region, id)
    }

    fn is_tracestate(&self, text: &str) -> bool {
        TraceState::parse(text).is_ok_and(|(state, _)| state.as_str() == text && !state.is_empty())
    }

    fn max_value(&self) -> usize {
        self.border.region.sizes().bytes as usize
    }
}
