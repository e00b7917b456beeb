//! Attributes set on a span.

use super::any_shard::{on_any_shard, place};
use super::{update, Span};
use crate::clock;
use crate::name::Text;
use crate::thread::{self, Slot};
use crate::wire::{Attr, Encoded, Type};
use crate::{Name, SetError, Value};
use std::borrow::Cow;
use std::mem::ManuallyDrop;

/// Appends an attribute. The fast path is a scalar or a short text under a static key that this thread used before; the
/// fastest that of the span's own thread.
///
/// Each arm makes its value anew for the slow path, so that on the fast one the value never is in memory and needs no
/// drop.
#[inline(always)]
pub(crate) fn set(span: &Span, key: Name<'_>, value: Value<'_>) -> Result<(), SetError> {
    let Text::Static(text) = key.0 else { return slow(span, key, value) };
    let value = ManuallyDrop::new(value);
    if span.lease == 0 {
        discard(value);
        return Err(SetError::NotRecording);
    }
    let (quick, again) = match &*value {
        Value::I64(v) => (scalar(span, text, Type::I64, *v as u64), Value::I64(*v)),
        Value::F64(v) => (scalar(span, text, Type::F64, v.to_bits()), Value::F64(*v)),
        Value::Bool(v) => (scalar(span, text, Type::Bool, u64::from(*v)), Value::Bool(*v)),
        Value::Str(Cow::Borrowed(v)) => (short_text(span, text, v), Value::Str(Cow::Borrowed(*v))),
        _ => return slow(span, text.into(), ManuallyDrop::into_inner(value)),
    };
    if quick {
        std::mem::forget(again);
        return Ok(());
    }
    slow(span, text.into(), again)
}

/// Drops a value; nothing to do for those that own no memory.
#[inline(always)]
fn discard(value: ManuallyDrop<Value<'_>>) {
    match &*value {
        Value::I64(_) | Value::F64(_) | Value::Bool(_) | Value::Str(Cow::Borrowed(_)) => {}
        _ => drop(ManuallyDrop::into_inner(value)),
    }
}

#[inline]
fn scalar(span: &Span, key: &'static str, ty: Type, bits: u64) -> bool {
    let state = thread::state();
    let key = state.cached_name(key);
    if key == 0 {
        return false;
    }
    if span.has_foreign_write() {
        return stamped(span, key, ty, bits);
    }
    let Some(slot) = state.take_lease(span.lease) else { return false };
    let fits = slot.writer.fits(Attr::SCALAR_BYTES);
    if fits {
        slot.writer.record(Attr::scalar(span.cx.span.0, key, ty, bits));
    }
    state.put_back(slot);
    fits
}

/// The same with a clock reading, from any thread: where another one may have written, too.
fn stamped(span: &Span, key: u32, ty: Type, bits: u64) -> bool {
    let state = thread::state();
    let Some(slot) = state.take_tracer(span.cx.tracer) else { return false };
    let fits = slot.reads_counter() && slot.writer.fits(Attr::STAMPED_SCALAR_BYTES);
    if fits {
        update::sets(span);
        slot.writer.record(Attr::stamped_scalar(span.cx.span.0, clock::counter(), key, ty, bits));
    }
    state.put_back(slot);
    note_stamped(span, slot, fits);
    fits
}

/// Notes on the span that another thread wrote to it; an [`Update`](super::Update) belongs to no thread, and has no notes.
#[inline(always)]
fn note_stamped(span: &Span, slot: Slot<'_>, written: bool) {
    span.touch(written && slot.lease != span.lease && !update::is_of(span));
}

/// Texts up to this length fit into a record of any ring.
pub(super) const SHORT_TEXT_BYTES: usize = 64;

#[inline]
fn short_text(span: &Span, key: &'static str, text: &str) -> bool {
    let state = thread::state();
    let key = state.cached_name(key);
    if key == 0 || text.len() > SHORT_TEXT_BYTES {
        return false;
    }
    if span.has_foreign_write() {
        return stamped_text(span, key, text);
    }
    let Some(slot) = state.take_lease(span.lease) else { return false };
    let bytes = Attr::text_bytes(text.len());
    let fits = slot.writer.fits(bytes) && text.len() <= slot.writer.max_value_bytes() as usize;
    if fits {
        slot.writer.record_with_bytes(Attr::before_text(span.cx.span.0, key, text.len()), text.as_bytes());
    }
    state.put_back(slot);
    fits
}

/// The same with a clock reading, as [`stamped`].
fn stamped_text(span: &Span, key: u32, text: &str) -> bool {
    let state = thread::state();
    let Some(slot) = state.take_tracer(span.cx.tracer) else { return false };
    let bytes = Attr::stamped_text_bytes(text.len());
    let short = text.len() <= slot.writer.max_value_bytes() as usize;
    let fits = short && slot.reads_counter() && slot.writer.fits(bytes);
    if fits {
        update::sets(span);
        let words = Attr::before_stamped_text(span.cx.span.0, clock::counter(), key, text.len());
        slot.writer.record_with_bytes(words, text.as_bytes());
    }
    state.put_back(slot);
    note_stamped(span, slot, fits);
    fits
}

#[cold]
#[inline(never)]
fn slow(span: &Span, key: Name<'_>, value: Value<'_>) -> Result<(), SetError> {
    if span.lease == 0 {
        return Err(SetError::NotRecording);
    }
    set_encoded(span, &key, Encoded::new(&value))
}

/// Appends an attribute whose value has the form of the wire, wherever it is written from.
pub(super) fn set_encoded(span: &Span, key: &Name<'_>, mut value: Encoded<'_>) -> Result<(), SetError> {
    let Some(key) = place(thread::state(), key) else {
        span.lose_attribute();
        return Err(SetError::Nested);
    };
    update::sets(span);
    let set = on_any_shard(span, |slot, foreign| {
        value.cut(slot.writer.max_value_bytes() as usize);
        let attr = Attr { span: span.cx.span.0, tick: foreign.then(|| slot.tick()), key };
        (append(slot, attr, &value), foreign)
    });
    let written = set.and_then(|(written, foreign)| {
        span.touch(foreign);
        written
    });
    if written.is_err() {
        span.lose_attribute();
    }
    written
}

/// Appends an attribute of any length: one record, or several published together.
fn append(slot: Slot<'_>, attr: Attr<&str>, value: &Encoded<'_>) -> Result<(), SetError> {
    let records = attr.split(value, slot.writer.max_record()).ok_or(SetError::Full)?;
    if !slot.fits(records.bytes()) {
        return Err(SetError::Full);
    }
    let mut out = slot.writer.out();
    records.put(&mut out);
    out.publish();
    Ok(())
}
