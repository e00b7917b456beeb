//! Common parts of the models: a tracer without threads, and the steps of recording threads.

use crate::clock;
pub(super) use crate::collector::Passes;
use crate::pipeline::Shared;
pub(super) use crate::shard::Shard;
use crate::shard::{OwnBudget, Refused, Sizes, MIN_BYTES};
use crate::wire::{Attr, Begin, End, StrayEnd, ThreadStart, Type};
use crate::TraceId;
use std::sync::Arc;

/// A record of a quarter of the smallest ring.
pub(super) const QUARTER: u64 = MIN_BYTES / 4;

/// The smallest ring under loom.
pub(super) fn sizes(max_open: u64) -> Sizes {
    Sizes { bytes: MIN_BYTES, max_open, max_value_bytes: 64 }
}

pub(super) fn shard() -> Arc<Shard> {
    Arc::new(Shard::new(sizes(8), clock::MANUAL, 1, Arc::new(OwnBudget::new(1 << 20))).unwrap())
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
    make_room(shard, Begin::BYTES + End::BYTES, true)?;
    let trace = TraceId { hi: 1, lo: 1 };
    Ok(shard.writer().begin(Begin { flags: 0, name: 0, propagated: 0, parent: 0, trace, tick: tick() }))
}

/// Ends a span of this shard.
pub(super) fn end(shard: &Shard, span: u64, flags: u16) {
    shard.writer().end(End { flags, dropped: 0, span, tick: tick() });
}

/// Ends a span of another shard, through the overflow if there is no room.
pub(super) fn end_elsewhere(tracer: &Shared, shard: &Shard, span: u64) {
    match make_room(shard, End::BYTES, false) {
        Ok(()) => shard.writer().end_elsewhere(End { flags: End::ELSEWHERE, dropped: 0, span, tick: tick() }),
        Err(_) => tracer.overflow(stray(span)),
    }
}

pub(super) fn stray(span: u64) -> StrayEnd {
    StrayEnd { span, tick: tick(), flags: End::ELSEWHERE, dropped: 0 }
}

/// The key of the attribute that models set.
pub(super) const KEY: &str = "key";

/// Sets an attribute on a span of another shard.
pub(super) fn set_elsewhere(shard: &Shard, span: u64, value: u64) {
    make_room(shard, Attr::STAMPED_SCALAR_BYTES, false).unwrap();
    let key = crate::dictionary::id_of(KEY).unwrap();
    shard.writer().record(Attr::stamped_scalar(span, tick(), key, Type::I64, value));
}

/// Writes the shard's new owner.
pub(super) fn announce(shard: &Shard, thread: u64) -> Result<(), Refused> {
    let start = ThreadStart { thread, name: "" };
    make_room(shard, start.bytes(), false)?;
    shard.writer().record(start.before_name());
    Ok(())
}

/// Whether the whole ring is free and nothing is reserved: a record as long as the ring fits, a longer one doesn't.
pub(super) fn is_empty(shard: &Shard) -> bool {
    let fits = |bytes| shard.writer().refill(bytes, false).outcome.is_ok();
    fits(MIN_BYTES) && !fits(MIN_BYTES + 8)
}
