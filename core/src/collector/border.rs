//! The border: what another process wrote is checked here before anything else looks at it.
//!
//! A record was copied to memory of this process, so it can't change any more. Here every length in it is checked against
//! its own length, its span against the shard that it came from, its stamps against the life of its process, and its names
//! are turned into this process's numbers. Behind the border a record is as good as one of this process's own, but for
//! whose spans it may touch.
//!
//! One that makes no sense is a [`Violation`], and its shard is given up: whoever wrote it may have written anything.

use crate::clock::NS;
use crate::dictionary;
use crate::pipeline::Shared;
use crate::shm::{Hosted, Moment};
use crate::wire::{aux_of, flags_of, header, padded, Kind, Type, FOREIGN, INLINE, MORE, PARENT_REMOTE};
use crate::TraceState;
use std::fmt;

/// What was wrong with a record, or with a shard's positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The published position went back, or further than the ring is long.
    Position,
    /// A length that can't be: of the record, or of something in it.
    Length,
    /// The record changed while it was copied.
    Unsteady,
    /// No such kind of record, or of value.
    Kind,
    /// A name that the region's dictionary doesn't have.
    Name,
    /// A span of another shard, region or process.
    Forged,
    /// A span that is open already, or one that ended without having begun.
    Sequence,
    /// More spans are open than its writer may open.
    OpenCap,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Violation::Position => "its position went back or beyond the ring",
            Violation::Length => "a record has a length that lies",
            Violation::Unsteady => "a record changed after it was published",
            Violation::Kind => "a record is of no known kind",
            Violation::Name => "a record has a name that is in no dictionary",
            Violation::Forged => "a record is about a span that isn't its own",
            Violation::Sequence => "a span begins twice or ends without having begun",
            Violation::OpenCap => "more spans are open than may be",
        })
    }
}

/// A parent that this region did not record is another process's, whatever the record says.
const REMOTE: u64 = (PARENT_REMOTE as u64) << 20;
/// How many different tracestates the spans of one region may have.
const MAX_TRACESTATES: u32 = 1024;
/// The longest tracestate, in bytes.
const MAX_TRACESTATE: usize = 4096;
/// The longest name of a thread, in bytes.
const MAX_THREAD_NAME: usize = 256;
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

/// The words of a record, as far as they have been checked.
struct Walk<'a> {
    record: &'a mut Vec<u64>,
    at: usize,
}

impl Walk<'_> {
    fn word(&mut self) -> Result<&mut u64, Violation> {
        self.at += 1;
        self.record.get_mut(self.at - 1).ok_or(Violation::Length)
    }

    /// Passes over so many bytes, padded.
    fn bytes(&mut self, len: usize, max: usize) -> Result<(), Violation> {
        let end = self.at + padded(len.min(max)) as usize / 8;
        if len > max || end > self.record.len() {
            return Err(Violation::Length);
        }
        self.at = end;
        Ok(())
    }

    fn bytes_left(&self) -> usize {
        8 * (self.record.len() - self.at.min(self.record.len()))
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.record.len()
    }

    fn end(&self) -> Result<(), Violation> {
        if self.at == self.record.len() {
            Ok(())
        } else {
            Err(Violation::Length)
        }
    }
}

impl Border<'_> {
    /// Checks a record, and makes it one of this process's.
    pub(super) fn check(&mut self, shard: &mut Crossing, record: &mut Vec<u64>) -> Result<(), Violation> {
        let head = *record.first().ok_or(Violation::Length)?;
        let kind = Kind::of(head).ok_or(Violation::Kind)?;
        if (kind == Kind::Chunk) != (shard.rest > 0) {
            return Err(Violation::Length);
        }
        if flags_of(head) & FOREIGN != 0 && matches!(kind, Kind::Event | Kind::Link) {
            return Err(Violation::Kind);
        }
        let mut walk = Walk { record, at: 1 };
        match kind {
            Kind::Begin => self.begin(shard, &mut walk, head),
            Kind::End => self.end(&mut walk),
            Kind::Attr => self.attribute(shard, &mut walk, head),
            Kind::Chunk => Self::chunk(shard, &walk, head),
            Kind::Event => self.event(&mut walk, head),
            Kind::Link => self.link(&mut walk),
            Kind::Status => self.status(&mut walk, head),
            Kind::Rename => self.rename(&mut walk, head),
            Kind::Tracestate => return self.tracestate(&mut walk, head),
            Kind::ThreadStart => Self::thread_start(&mut walk, head),
            Kind::TraceValue => self.trace_value(&mut walk, head),
        }?;
        match kind {
            Kind::Chunk => Ok(()),
            _ if shard.rest > 0 => Ok(()),
            _ => walk.end(),
        }
    }

    fn begin(&mut self, shard: &Crossing, walk: &mut Walk<'_>, head: u64) -> Result<(), Violation> {
        let span = *walk.word()?;
        if !self.region.owns_in(span, shard.shard) || span & 1 == 0 {
            return Err(Violation::Forged);
        }
        let parent = *walk.word()?;
        let head = if parent != 0 && !self.region.owns(parent) { head | REMOTE } else { head };
        walk.record[0] = head;
        let (hi, lo) = (*walk.word()?, *walk.word()?);
        if hi | lo == 0 {
            return Err(Violation::Forged);
        }
        self.stamp(walk)?;
        self.name(walk, head)
    }

    fn end(&mut self, walk: &mut Walk<'_>) -> Result<(), Violation> {
        self.own_span(walk)?;
        self.stamp(walk)
    }

    fn attribute(&mut self, shard: &mut Crossing, walk: &mut Walk<'_>, head: u64) -> Result<(), Violation> {
        self.span_and_tick(walk, head)?;
        self.name(walk, head)?;
        let flags = flags_of(head);
        let ty = Type::of(flags).ok_or(Violation::Kind)?;
        let value = *walk.word()?;
        if ty.is_scalar() {
            return if flags & MORE == 0 { Ok(()) } else { Err(Violation::Kind) };
        }
        let len = u64::from(value as u32);
        if flags & MORE == 0 {
            return walk.bytes(len as usize, self.max_value());
        }
        let here = walk.bytes_left() as u64;
        if len <= here || len > self.max_value() as u64 {
            return Err(Violation::Length);
        }
        shard.rest = len - here;
        Ok(())
    }

    /// Any trace may be its: a job's is its parent's. What it says of one is bounded like its spans.
    fn trace_value(&mut self, walk: &mut Walk<'_>, head: u64) -> Result<(), Violation> {
        let span = *walk.word()?;
        let (hi, lo) = (*walk.word()?, *walk.word()?);
        if span == 0 || hi | lo == 0 {
            return Err(Violation::Forged);
        }
        self.stamp(walk)?;
        self.name(walk, head)?;
        let ty = Type::of(flags_of(head)).ok_or(Violation::Kind)?;
        let value = *walk.word()?;
        if ty.is_scalar() {
            return Ok(());
        }
        walk.bytes(value as u32 as usize, crate::wire::MAX_RECORD_BYTES as usize)
    }

    /// The longest value: it is published at once, so it lies in the ring as a whole.
    fn max_value(&self) -> usize {
        self.region.sizes().bytes as usize
    }

    fn chunk(shard: &mut Crossing, walk: &Walk<'_>, head: u64) -> Result<(), Violation> {
        let (bytes, more) = (u64::from(aux_of(head)), flags_of(head) & MORE != 0);
        if padded(bytes as usize) as usize != walk.bytes_left() || bytes == 0 || bytes > shard.rest {
            return Err(Violation::Length);
        }
        shard.rest -= bytes;
        if more == (shard.rest > 0) {
            Ok(())
        } else {
            Err(Violation::Length)
        }
    }

    fn event(&mut self, walk: &mut Walk<'_>, head: u64) -> Result<(), Violation> {
        self.own_span(walk)?;
        self.stamp(walk)?;
        let _dropped = walk.word()?;
        self.name(walk, head)?;
        self.items(walk)
    }

    fn link(&mut self, walk: &mut Walk<'_>) -> Result<(), Violation> {
        self.own_span(walk)?;
        for _trace_span_dropped in 0..4 {
            walk.word()?;
        }
        self.items(walk)
    }

    fn items(&mut self, walk: &mut Walk<'_>) -> Result<(), Violation> {
        while !walk.is_at_end() {
            let place = walk.at;
            let head = *walk.word()?;
            let flags = head as u16;
            let ty = Type::of(flags).ok_or(Violation::Kind)?;
            let key = (head >> 32) as u32;
            if flags & INLINE != 0 {
                walk.bytes(key as usize, crate::wire::MAX_RECORD_BYTES as usize)?;
            } else {
                let id = self.names.get(self.region, key)?;
                walk.record[place] = head & u64::from(u32::MAX) | u64::from(id) << 32;
            }
            let value = *walk.word()?;
            if !ty.is_scalar() {
                walk.bytes(value as u32 as usize, crate::wire::MAX_RECORD_BYTES as usize)?;
            }
        }
        Ok(())
    }

    fn status(&mut self, walk: &mut Walk<'_>, head: u64) -> Result<(), Violation> {
        self.span_and_tick(walk, head)?;
        walk.bytes(aux_of(head) as usize, crate::wire::MAX_RECORD_BYTES as usize)
    }

    fn rename(&mut self, walk: &mut Walk<'_>, head: u64) -> Result<(), Violation> {
        self.span_and_tick(walk, head)?;
        self.name(walk, head)
    }

    /// Comes with its text, and goes on with its number.
    fn tracestate(&mut self, walk: &mut Walk<'_>, head: u64) -> Result<(), Violation> {
        self.own_span(walk)?;
        let len = aux_of(head) as usize;
        let from = walk.at;
        walk.bytes(len, MAX_TRACESTATE)?;
        walk.end()?;
        let mut text = Vec::new();
        super::decode::push_bytes(&mut text, &walk.record[from..], len);
        let index = std::str::from_utf8(&text).map_or(0, |text| self.tracestate_of(text));
        walk.record[0] = header(Kind::Tracestate, 16, 0, index.into());
        walk.record.truncate(2);
        Ok(())
    }

    /// The number of a tracestate in this process; zero if it is none, or one too many.
    fn tracestate_of(&mut self, text: &str) -> u16 {
        let Ok((state, _)) = TraceState::parse(text) else { return 0 };
        if state.is_empty() {
            return 0;
        }
        let (index, is_new) = self.tracer.tracestates.add_foreign(state.as_str(), *self.tracestates < MAX_TRACESTATES);
        *self.tracestates += u32::from(is_new);
        index
    }

    fn thread_start(walk: &mut Walk<'_>, head: u64) -> Result<(), Violation> {
        let _thread = walk.word()?;
        walk.bytes(aux_of(head) as usize, MAX_THREAD_NAME)
    }

    fn own_span(&self, walk: &mut Walk<'_>) -> Result<(), Violation> {
        let span = *walk.word()?;
        if self.region.owns(span) {
            Ok(())
        } else {
            Err(Violation::Forged)
        }
    }

    fn span_and_tick(&self, walk: &mut Walk<'_>, head: u64) -> Result<(), Violation> {
        self.own_span(walk)?;
        if flags_of(head) & FOREIGN != 0 {
            self.stamp(walk)?;
        }
        Ok(())
    }

    /// Keeps a stamp within the life of its process.
    fn stamp(&self, walk: &mut Walk<'_>) -> Result<(), Violation> {
        let tick = walk.word()?;
        *tick = clamped(self.region, self.until, *tick);
        Ok(())
    }

    /// The name that a record's header says, or that stands inline.
    fn name(&mut self, walk: &mut Walk<'_>, head: u64) -> Result<(), Violation> {
        if flags_of(head) & INLINE != 0 {
            return walk.bytes(aux_of(head) as usize, crate::wire::MAX_RECORD_BYTES as usize);
        }
        let id = self.names.get(self.region, aux_of(head))?;
        walk.record[0] = head & u64::from(u32::MAX) | u64::from(id) << 32;
        Ok(())
    }
}
