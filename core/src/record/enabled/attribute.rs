//! Attributes, status, names and tracestates set on a span.

use super::{update, Span};
use crate::clock;
use crate::life;
use crate::name::Text;
use crate::pipeline;
use crate::shard::Out;
use crate::text::cut;
use crate::thread::{self, Placed, Slot, ThreadState};
use crate::unplaced::{NoShard, UNPLACED};
use crate::wire::{header, padded, Kind, Type, CUT, FOREIGN, INLINE, MORE};
use crate::{Name, SetError, Status, Value};
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
    let fits = slot.writer.fits(24);
    if fits {
        slot.writer.record([header(Kind::Attr, 24, ty as u16, key), span.cx.span.0, bits]);
    }
    state.put_back(slot);
    fits
}

/// The same with a clock reading, from whatever thread: where another one may have written, too.
fn stamped(span: &Span, key: u32, ty: Type, bits: u64) -> bool {
    let state = thread::state();
    let Some(slot) = state.take_tracer(span.cx.tracer) else { return false };
    let fits = slot.reads_counter() && slot.writer.fits(32);
    if fits {
        update::sets(span);
        let head = header(Kind::Attr, 32, ty as u16 | FOREIGN, key);
        slot.writer.record([head, span.cx.span.0, clock::counter(), bits]);
    }
    state.put_back(slot);
    note_stamped(span, slot, fits);
    fits
}

/// Notes on the span that another thread wrote to it; an [`Update`](super::Update) is nobody's span, and has no notes.
#[inline(always)]
fn note_stamped(span: &Span, slot: Slot<'_>, written: bool) {
    span.touch(written && slot.lease != span.lease && !update::is_of(span));
}

/// Texts up to this length fit into a record of whatever ring.
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
    let bytes = 24 + padded(text.len());
    let fits = slot.writer.fits(bytes) && text.len() <= slot.writer.max_value_bytes() as usize;
    if fits {
        let head = header(Kind::Attr, bytes, Type::Str as u16, key);
        slot.writer.record_with_bytes([head, span.cx.span.0, text.len() as u64], text.as_bytes());
    }
    state.put_back(slot);
    fits
}

/// The same with a clock reading, as [`stamped`].
fn stamped_text(span: &Span, key: u32, text: &str) -> bool {
    let state = thread::state();
    let Some(slot) = state.take_tracer(span.cx.tracer) else { return false };
    let bytes = 32 + padded(text.len());
    let short = text.len() <= slot.writer.max_value_bytes() as usize;
    let fits = short && slot.reads_counter() && slot.writer.fits(bytes);
    if fits {
        update::sets(span);
        let head = header(Kind::Attr, bytes, Type::Str as u16 | FOREIGN, key);
        let words = [head, span.cx.span.0, clock::counter(), text.len() as u64];
        slot.writer.record_with_bytes(words, text.as_bytes());
    }
    state.put_back(slot);
    note_stamped(span, slot, fits);
    fits
}

/// A value as it goes on the wire.
pub(super) enum Encoded<'a> {
    Scalar(Type, u64),
    Bytes { ty: Type, bytes: Cow<'a, [u8]>, whole: usize },
}

impl Encoded<'_> {
    pub(super) fn type_flags(&self) -> u16 {
        match self {
            Encoded::Scalar(ty, _) => *ty as u16,
            Encoded::Bytes { ty, bytes, whole } => *ty as u16 | if bytes.len() < *whole { CUT } else { 0 },
        }
    }

    /// The length on the wire.
    pub(super) fn len(&self) -> u64 {
        match self {
            Encoded::Scalar(..) => 8,
            Encoded::Bytes { bytes, .. } => 8 + padded(bytes.len()),
        }
    }

    /// Appends it as one piece.
    pub(super) fn append(&self, out: &mut Out<'_>) {
        match self {
            Encoded::Scalar(_, bits) => out.word(*bits),
            Encoded::Bytes { bytes, whole, .. } => {
                let before = if bytes.len() < *whole { (*whole as u64) << 32 } else { 0 };
                out.word(bytes.len() as u64 | before);
                out.bytes(bytes);
            }
        }
    }

    /// Shortens the bytes to at most this many, at a boundary of a character or an element.
    pub(super) fn cut(&mut self, max: usize) {
        if let Encoded::Bytes { ty, bytes, .. } = self {
            let keep = boundary(*ty, bytes, max);
            match bytes {
                Cow::Borrowed(bytes) => *bytes = &bytes[..keep],
                Cow::Owned(bytes) => bytes.truncate(keep),
            }
        }
    }
}

/// Where to cut encoded bytes so that at most `max` are kept and what is kept is whole.
fn boundary(ty: Type, bytes: &[u8], max: usize) -> usize {
    if bytes.len() <= max {
        return bytes.len();
    }
    match ty {
        Type::Str => (0..=max).rev().find(|&i| i == 0 || bytes[i] & 0xc0 != 0x80).unwrap_or(0),
        Type::Strs => {
            let mut keep = 0;
            while let Some(len) = bytes.get(keep..keep + 4) {
                let len = u32::from_ne_bytes([len[0], len[1], len[2], len[3]]) as usize;
                if keep + 4 + len > max {
                    break;
                }
                keep += 4 + len;
            }
            keep
        }
        Type::I64s | Type::F64s => max & !7,
        _ => max,
    }
}

/// A value in the form of the wire. Arrays are copied into a buffer on the heap, texts are not.
pub(super) fn encode<'a>(value: &'a Value<'_>) -> Encoded<'a> {
    let bytes = |ty, bytes: Cow<'a, [u8]>| Encoded::Bytes { ty, whole: bytes.len(), bytes };
    match value {
        Value::Bool(v) => Encoded::Scalar(Type::Bool, u64::from(*v)),
        Value::I64(v) => Encoded::Scalar(Type::I64, *v as u64),
        Value::F64(v) => Encoded::Scalar(Type::F64, v.to_bits()),
        Value::Str(v) => bytes(Type::Str, Cow::Borrowed(v.as_bytes())),
        Value::Bools(v) => bytes(Type::Bools, v.iter().map(|b| u8::from(*b)).collect()),
        Value::I64s(v) => bytes(Type::I64s, v.iter().flat_map(|n| n.to_ne_bytes()).collect()),
        Value::F64s(v) => bytes(Type::F64s, v.iter().flat_map(|n| n.to_ne_bytes()).collect()),
        Value::Strs(v) => bytes(Type::Strs, v.iter().flat_map(|s| with_length(s)).collect()),
    }
}

fn with_length(text: &str) -> impl Iterator<Item = u8> + '_ {
    (text.len() as u32).to_ne_bytes().into_iter().chain(text.bytes())
}

/// This thread's shard for the span's tracer, and whether the record is to carry a clock reading: if the span is another
/// thread's, or another thread wrote to it before, so that the later of both writes wins.
pub(super) fn on_any_shard<R>(span: &Span, append: impl FnOnce(Slot<'_>, bool) -> R) -> Result<R, SetError> {
    on_tracers_shard(span.cx.tracer, |slot| append(slot, slot.lease != span.lease || span.has_foreign_write()))
}

/// This thread's shard for a tracer.
pub(super) fn on_tracers_shard<R>(key: u32, append: impl FnOnce(Slot<'_>) -> R) -> Result<R, SetError> {
    fn refusal(state: &ThreadState) -> SetError {
        if state.is_nested() {
            UNPLACED.count(NoShard::Nested);
            SetError::Nested
        } else {
            SetError::NotRecording
        }
    }
    if life::forked() {
        return Err(SetError::NotRecording);
    }
    let state = thread::state();
    if !state.holds_tracer(key) && state.activate(key).is_err() {
        return Err(refusal(state));
    }
    state.with_tracer(key, append).ok_or_else(|| refusal(state))
}

/// Where a name goes; `None`, counted, in the middle of another record.
pub(super) fn place<'a>(state: &ThreadState, name: &'a Name<'_>) -> Option<Placed<'a>> {
    if state.is_nested() {
        UNPLACED.count(NoShard::Nested);
        return None;
    }
    Some(state.place(name))
}

/// As [`on_any_shard`], for records that may find no room.
pub(super) fn anywhere(span: &Span, append: impl FnOnce(Slot<'_>, bool) -> Option<bool>) -> Option<bool> {
    on_any_shard(span, append).ok().flatten()
}

/// Records that go to a span from wherever it is written to: header flags, words before the name, and the rest.
pub(super) struct Head<'a> {
    pub(super) kind: Kind,
    pub(super) flags: u16,
    pub(super) name: Placed<'a>,
}

impl Head<'_> {
    pub(super) fn inline_bytes(&self) -> u64 {
        match self.name {
            Placed::Id(_) => 0,
            Placed::Inline(text) => padded(text.len()),
        }
    }

    /// Kind, flags and name as a header word for a record of this length.
    fn header(&self, bytes: u64, more: u16) -> u64 {
        match self.name {
            Placed::Id(id) => header(self.kind, bytes, self.flags | more, id),
            Placed::Inline(text) => header(self.kind, bytes, self.flags | more | INLINE, text.len() as u32),
        }
    }
}

#[cold]
#[inline(never)]
fn slow(span: &Span, key: Name<'_>, value: Value<'_>) -> Result<(), SetError> {
    if span.lease == 0 {
        return Err(SetError::NotRecording);
    }
    set_encoded(span, &key, encode(&value))
}

/// Appends an attribute whose value has the form of the wire, wherever it is written from.
pub(super) fn set_encoded(span: &Span, key: &Name<'_>, mut value: Encoded<'_>) -> Result<(), SetError> {
    let Some(placed) = place(thread::state(), key) else {
        span.lose_attribute();
        return Err(SetError::Nested);
    };
    update::sets(span);
    let set = on_any_shard(span, |slot, foreign| {
        value.cut(slot.writer.max_value_bytes() as usize);
        let flags = value.type_flags() | if foreign { FOREIGN } else { 0 };
        let head = Head { kind: Kind::Attr, flags, name: placed };
        append_value(slot, span, &head, &value, foreign)
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

/// Appends an attribute of any length: one record, or several published together. Says whether it was foreign.
fn append_value(
    slot: Slot<'_>,
    span: &Span,
    head: &Head<'_>,
    value: &Encoded<'_>,
    foreign: bool,
) -> (Result<(), SetError>, bool) {
    let fixed = 16 + if foreign { 8 } else { 0 } + head.inline_bytes();
    let max = slot.writer.max_record();
    let (first, rest): (&[u8], &[u8]) = match value {
        Encoded::Scalar(..) => (&[], &[]),
        Encoded::Bytes { bytes, .. } => {
            let room = (max.saturating_sub(fixed + 8) & !7) as usize;
            bytes.split_at(room.min(bytes.len()))
        }
    };
    let first_bytes = fixed + 8 + padded(first.len());
    let chunk = (max - 8) as usize;
    let chunks = rest.chunks(chunk);
    let total = first_bytes + rest.chunks(chunk).map(|c| 8 + padded(c.len())).sum::<u64>();
    if first_bytes > max || !slot.fits(total) {
        return (Err(SetError::Full), foreign);
    }
    let mut out = slot.writer.out();
    out.start(head.header(first_bytes, if rest.is_empty() { 0 } else { MORE }));
    out.word(span.cx.span.0);
    if foreign {
        out.word(slot.tick());
    }
    if let Placed::Inline(text) = head.name {
        out.bytes(text.as_bytes());
    }
    match value {
        Encoded::Scalar(_, bits) => out.word(*bits),
        Encoded::Bytes { bytes, whole, .. } => {
            let before = if bytes.len() < *whole { (*whole as u64) << 32 } else { 0 };
            out.word(bytes.len() as u64 | before);
            out.bytes(first);
        }
    }
    let last = chunks.len().saturating_sub(1);
    for (i, chunk) in chunks.enumerate() {
        let more = if i == last { 0 } else { MORE };
        out.start(header(Kind::Chunk, 8 + padded(chunk.len()), more, chunk.len() as u32));
        out.bytes(chunk);
    }
    out.publish();
    (Ok(()), foreign)
}

/// Appends a status.
pub(crate) fn status(span: &Span, status: &Status) {
    let (code, text) = match status {
        Status::Unset => return,
        Status::Ok => (1, ""),
        Status::Error(text) => (2, text.as_str()),
    };
    if span.lease == 0 {
        return;
    }
    update::sets(span);
    let done = on_any_shard(span, |slot, foreign| {
        let text = cut(text, (slot.writer.max_record() - 24).min(u64::from(slot.writer.max_value_bytes())) as usize);
        let bytes = 16 + if foreign { 8 } else { 0 } + padded(text.len());
        if !slot.fits(bytes) {
            return (false, foreign);
        }
        let flags = code | if foreign { FOREIGN } else { 0 };
        let mut out = slot.writer.out();
        out.start(header(Kind::Status, bytes, flags, text.len() as u32));
        out.word(span.cx.span.0);
        if foreign {
            out.word(slot.tick());
        }
        out.bytes(text.as_bytes());
        out.publish();
        (true, foreign)
    });
    finish(span, done);
}

/// Appends a new name.
pub(crate) fn rename(span: &Span, name: Name<'_>) {
    if span.lease == 0 {
        return;
    }
    let Some(placed) = place(thread::state(), &name) else { return span.lose_attribute() };
    update::sets(span);
    let done = on_any_shard(span, |slot, foreign| {
        let flags = if foreign { FOREIGN } else { 0 };
        let head = Head { kind: Kind::Rename, flags, name: placed };
        let bytes = 16 + if foreign { 8 } else { 0 } + head.inline_bytes();
        if bytes > slot.writer.max_record() || !slot.fits(bytes) {
            return (false, foreign);
        }
        let mut out = slot.writer.out();
        out.start(head.header(bytes, 0));
        out.word(span.cx.span.0);
        if foreign {
            out.word(slot.tick());
        }
        if let Placed::Inline(text) = head.name {
            out.bytes(text.as_bytes());
        }
        out.publish();
        (true, foreign)
    });
    finish(span, done);
}

/// Appends a tracestate, right after the Begin: its index, or in a child that records into its parent's region the text,
/// since its parent has a table of its own.
pub(crate) fn tracestate(span: &Span, index: u16) {
    let text = child_tracestate(span.cx.tracer, index);
    let done = on_any_shard(span, |slot, foreign| {
        if let Some(text) = &text {
            let fits = slot.fits(16 + padded(text.len()));
            if fits {
                let head = header(Kind::Tracestate, 16 + padded(text.len()), INLINE, text.len() as u32);
                slot.writer.record_with_bytes([head, span.cx.span.0], text.as_bytes());
            }
            return (fits, foreign);
        }
        let fits = slot.fits(16);
        if fits {
            slot.writer.record([header(Kind::Tracestate, 16, 0, u32::from(index)), span.cx.span.0]);
        }
        (fits, foreign)
    });
    finish(span, done);
}

fn child_tracestate(tracer: u32, index: u16) -> Option<std::sync::Arc<str>> {
    if !crate::shm::is_child() {
        return None;
    }
    pipeline::find(tracer).filter(|tracer| tracer.parent.is_some())?.tracestates.text(index)
}

/// Notes on the span what became of a record: whether it was written by a foreign thread, and whether it was lost.
fn finish(span: &Span, done: Result<(bool, bool), SetError>) {
    match done {
        Ok((written, foreign)) => {
            span.touch(foreign);
            if !written {
                span.lose_attribute();
            }
        }
        Err(_) => span.lose_attribute(),
    }
}
