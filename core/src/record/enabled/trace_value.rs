//! Values of a whole trace.

use super::any_shard::{on_tracers_shard, wire_name};
use super::attribute::SHORT_TEXT_BYTES;
use super::update;
use crate::clock;
use crate::context::REMOTE;
use crate::name::Text;
use crate::pipeline::by_context;
use crate::thread;
use crate::wire::{Encoded, TraceValue, WireName};
use crate::{Context, Name, SetError, UpdateError, Value};

/// The context for updates of its trace, with its tracer.
pub(crate) fn updatable(cx: Context) -> Result<Context, UpdateError> {
    by_context::note();
    update::writable(cx)
}

/// Appends a value of the whole trace: one record, cut to fit. The fast path is a short text under a static key that this
/// thread used before.
#[inline]
pub(crate) fn set(cx: Context, key: Name<'_>, value: Value<'_>) -> Result<(), SetError> {
    if let (Text::Static(key), Value::Str(text)) = (&key.0, &value) {
        if short_text(cx, key, text) {
            return Ok(());
        }
    }
    any(cx, key, value, false)
}

/// As [`set`], for a value that arrived with the trace.
pub(super) fn set_arrived(cx: Context, key: Name<'_>, value: Value<'_>) -> Result<(), SetError> {
    by_context::note();
    any(cx, key, value, true)
}

fn short_text(cx: Context, key: &'static str, text: &str) -> bool {
    let state = thread::state();
    let key = state.cached_name(key);
    if key == 0 || text.len() > SHORT_TEXT_BYTES {
        return false;
    }
    let Some(slot) = state.take_tracer(cx.tracer) else { return false };
    let bytes = TraceValue::text_bytes(text.len());
    let short = text.len() <= slot.writer.max_value_bytes() as usize;
    let fits = short && slot.reads_counter() && slot.writer.fits(bytes);
    if fits {
        let value = value_of(cx, clock::counter(), WireName::Id(key));
        slot.writer.record_with_bytes(value.before_text(text.len()), text.as_bytes());
    }
    state.put_back(slot);
    fits
}

/// A record without its value.
#[inline(always)]
fn value_of(cx: Context, tick: u64, key: WireName<&str>) -> TraceValue<&str> {
    TraceValue { span: cx.span, trace: cx.trace, tick, is_remote: cx.has(REMOTE), arrived: false, key }
}

#[cold]
#[inline(never)]
fn any(cx: Context, key: Name<'_>, value: Value<'_>, arrived: bool) -> Result<(), SetError> {
    let mut value = Encoded::new(&value);
    let key = wire_name(thread::state(), &key).ok_or(SetError::Nested)?;
    on_tracers_shard(cx.tracer, |slot| {
        let max = slot.writer.max_record();
        let room = TraceValue::room(&key, max).min(slot.writer.max_value_bytes().into());
        value.cut((room & !7) as usize);
        let bytes = TraceValue::bytes(&key, &value);
        if bytes > max || !slot.fits(bytes) {
            return Err(SetError::Full);
        }
        let mut out = slot.writer.out();
        TraceValue { arrived, ..value_of(cx, slot.tick(), key) }.put(&value, &mut out);
        out.publish();
        Ok(())
    })?
}
