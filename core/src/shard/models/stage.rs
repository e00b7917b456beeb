//! Common parts of the models: a tracer without threads, and the steps of recording threads.

use crate::clock;
pub(super) use crate::collector::Passes;
use crate::pipeline::Shared;
pub(super) use crate::shard::Shard;
use crate::shard::{Begin, Refused, Sizes, MIN_BYTES};
use crate::wire::StrayEnd;
use crate::wire::{header, Kind, Type, BEGIN_BYTES, ELSEWHERE, END_BYTES, FOREIGN};
use std::sync::Arc;

/// A record of a quarter of the smallest ring.
pub(super) const QUARTER: u64 = MIN_BYTES / 4;

/// The smallest ring under loom.
pub(super) fn sizes(max_open: u64) -> Sizes {
    Sizes { bytes: MIN_BYTES, max_open, max_value_bytes: 64 }
}

pub(super) fn shard() -> Arc<Shard> {
    Arc::new(Shard::new(sizes(8), clock::MANUAL, 1).unwrap())
}

/// A tracer whose collector is the model.
pub(super) fn tracer(max_open: u64) -> Arc<Shared> {
    Arc::new(Shared::modelled(sizes(max_open)))
}

/// A shard for the calling thread; its first span has this id if the shard is new.
pub(super) fn lease(tracer: &Shared, first_id: u64) -> Arc<Shard> {
    tracer.registry.lease(clock::MANUAL, || first_id).unwrap()
}

fn tick() -> u64 {
    clock::NS | 1
}

/// Makes room for a record, as a recording thread does.
pub(super) fn make_room(shard: &Shard, bytes: u64, is_begin: bool) -> Result<(), Refused> {
    match shard.writer().fits(bytes) {
        true => Ok(()),
        false => shard.writer().refill(bytes, is_begin).outcome,
    }
}

pub(super) fn begin(shard: &Shard) -> Result<u64, Refused> {
    make_room(shard, BEGIN_BYTES + END_BYTES, true)?;
    Ok(shard.writer().begin(Begin { flags: 0, name: 0, parent: 0, trace_hi: 1, trace_lo: 1, tick: tick() }))
}

/// Ends a span of this shard.
pub(super) fn end(shard: &Shard, span: u64, flags: u16) {
    shard.writer().end(flags, 0, span, tick());
}

/// Ends a span of another shard, through the overflow if there is no room.
pub(super) fn end_elsewhere(tracer: &Shared, shard: &Shard, span: u64) {
    match make_room(shard, END_BYTES, false) {
        Ok(()) => shard.writer().end_elsewhere(ELSEWHERE, 0, span, tick()),
        Err(_) => tracer.overflow(stray(span)),
    }
}

pub(super) fn stray(span: u64) -> StrayEnd {
    StrayEnd { span, tick: tick(), flags: ELSEWHERE, dropped: 0 }
}

/// The key of the attribute that models set.
pub(super) const KEY: &str = "key";

/// Sets an attribute on a span of another shard.
pub(super) fn set_foreign(shard: &Shard, span: u64, value: u64) {
    make_room(shard, 32, false).unwrap();
    let key = crate::dictionary::id_of(KEY).unwrap();
    shard.writer().record([header(Kind::Attr, 32, Type::I64 as u16 | FOREIGN, key), span, tick(), value]);
}

/// Writes the shard's new owner.
pub(super) fn announce(shard: &Shard, thread: u64) -> Result<(), Refused> {
    make_room(shard, 16, false)?;
    shard.writer().record([header(Kind::ThreadStart, 16, 0, 0), thread]);
    Ok(())
}

/// Whether the whole ring is free and nothing is reserved: a record as long as the ring fits, a longer one doesn't.
pub(super) fn is_empty(shard: &Shard) -> bool {
    let fits = |bytes| shard.writer().refill(bytes, false).outcome.is_ok();
    fits(MIN_BYTES) && !fits(MIN_BYTES + 8)
}
