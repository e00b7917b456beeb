//! Values of a whole trace.

use super::attribute::{self, encode};
use super::update;
use crate::context::REMOTE;
use crate::thread::{self, Placed};
use crate::wire::{header, padded, Kind, INLINE, TRACE_REMOTE};
use crate::{Context, Name, SetError, UpdateError, Value};

/// The context by which a trace is updated: with its tracer.
pub(crate) fn updatable(cx: Context) -> Result<Context, UpdateError> {
    update::writable(cx)
}

/// Appends a value of the whole trace: one record, cut to what fits.
pub(crate) fn set(cx: Context, key: Name<'_>, value: Value<'_>) -> Result<(), SetError> {
    let mut value = encode(&value);
    let state = thread::state();
    let key = attribute::place(state, &key).ok_or(SetError::Nested)?;
    let inline = if let Placed::Inline(text) = key { padded(text.len()) } else { 0 };
    attribute::on_tracers_shard(cx.tracer, |slot| {
        let fixed = 40 + inline;
        let room = slot.writer.max_record().saturating_sub(fixed + 8).min(slot.writer.max_value_bytes().into());
        value.cut((room & !7) as usize);
        let bytes = fixed + value.len();
        if bytes > slot.writer.max_record() || !slot.fits(bytes) {
            return Err(SetError::Full);
        }
        let flags = value.type_flags() | if cx.has(REMOTE) { TRACE_REMOTE } else { 0 };
        let mut out = slot.writer.out();
        out.start(match key {
            Placed::Id(id) => header(Kind::TraceValue, bytes, flags, id),
            Placed::Inline(text) => header(Kind::TraceValue, bytes, flags | INLINE, text.len() as u32),
        });
        out.word(cx.span.0);
        out.word(cx.trace.hi);
        out.word(cx.trace.lo);
        out.word(slot.tick());
        if let Placed::Inline(text) = key {
            out.bytes(text.as_bytes());
        }
        value.append(&mut out);
        out.publish();
        Ok(())
    })?
}
