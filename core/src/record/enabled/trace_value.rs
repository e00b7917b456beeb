//! Values of a whole trace.

use super::attribute::{self, encode, SHORT_TEXT_BYTES};
use super::update;
use crate::clock;
use crate::context::REMOTE;
use crate::name::Text;
use crate::thread::{self, Placed};
use crate::wire::{header, padded, Kind, Type, INLINE, TRACE_REMOTE};
use crate::{Context, Name, SetError, UpdateError, Value};

/// The context by which a trace is updated: with its tracer.
pub(crate) fn updatable(cx: Context) -> Result<Context, UpdateError> {
    update::writable(cx)
}

/// Appends a value of the whole trace: one record, cut to what fits. The fast path is a short text under a static key
/// that this thread used before.
#[inline]
pub(crate) fn set(cx: Context, key: Name<'_>, value: Value<'_>) -> Result<(), SetError> {
    if let (Text::Static(key), Value::Str(text)) = (&key.0, &value) {
        if short_text(cx, key, text) {
            return Ok(());
        }
    }
    any(cx, key, value)
}

fn short_text(cx: Context, key: &'static str, text: &str) -> bool {
    let state = thread::state();
    let key = state.cached_name(key);
    if key == 0 || text.len() > SHORT_TEXT_BYTES {
        return false;
    }
    let Some(slot) = state.take_tracer(cx.tracer) else { return false };
    let bytes = 48 + padded(text.len());
    let short = text.len() <= slot.writer.max_value_bytes() as usize;
    let fits = short && slot.reads_counter() && slot.writer.fits(bytes);
    if fits {
        let head = header(Kind::TraceValue, bytes, Type::Str as u16 | remote(cx), key);
        let words = [head, cx.span.0, cx.trace.hi, cx.trace.lo, clock::counter(), text.len() as u64];
        slot.writer.record_with_bytes(words, text.as_bytes());
    }
    state.put_back(slot);
    fits
}

fn remote(cx: Context) -> u16 {
    if cx.has(REMOTE) {
        TRACE_REMOTE
    } else {
        0
    }
}

#[cold]
#[inline(never)]
fn any(cx: Context, key: Name<'_>, value: Value<'_>) -> Result<(), SetError> {
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
        let flags = value.type_flags() | remote(cx);
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
