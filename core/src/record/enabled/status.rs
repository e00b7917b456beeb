//! A span's status, its new name and its tracestate.

use super::any_shard::{on_any_shard, place};
use super::{update, Span};
use crate::pipeline;
use crate::text::cut;
use crate::thread::{self, Slot};
use crate::wire::{self, Rename, Tracestate};
use crate::{Name, SetError, Status};

/// Appends a status.
pub(crate) fn status(span: &Span, status: &Status) {
    let (is_ok, text) = match status {
        Status::Unset => return,
        Status::Ok => (true, ""),
        Status::Error(text) => (false, text.as_str()),
    };
    if span.lease == 0 {
        return;
    }
    update::sets(span);
    let done = on_any_shard(span, |slot, foreign| {
        let room = wire::Status::room(slot.writer.max_record()).min(slot.writer.max_value_bytes().into());
        let tick = foreign.then(|| slot.tick());
        let status = wire::Status { span: span.cx.span.0, tick, is_ok, text: cut(text, room as usize) };
        let fits = slot.fits(status.bytes());
        if fits {
            let mut out = slot.writer.out();
            status.put(&mut out);
            out.publish();
        }
        (fits, foreign)
    });
    note(span, done);
}

/// Appends a new name.
pub(crate) fn rename(span: &Span, name: Name<'_>) {
    if span.lease == 0 {
        return;
    }
    let Some(name) = place(thread::state(), &name) else { return span.lose_attribute() };
    update::sets(span);
    let done = on_any_shard(span, |slot, foreign| {
        let rename = Rename { span: span.cx.span.0, tick: foreign.then(|| slot.tick()), name };
        let fits = rename.bytes() <= slot.writer.max_record() && slot.fits(rename.bytes());
        if fits {
            let mut out = slot.writer.out();
            rename.put(&mut out);
            out.publish();
        }
        (fits, foreign)
    });
    note(span, done);
}

/// Appends a tracestate, right after the Begin: its index, or in a child that records into its parent's region the text,
/// since its parent has another table.
pub(crate) fn tracestate(span: &Span, index: u16) {
    let text = child_tracestate(span.cx.tracer, index);
    let done = on_any_shard(span, |slot, foreign| {
        let fits = match &text {
            Some(text) => append_text(slot, span.cx.span.0, text),
            None => append_index(slot, Tracestate { span: span.cx.span.0, index }),
        };
        (fits, foreign)
    });
    note(span, done);
}

fn append_text(slot: Slot<'_>, span: u64, text: &str) -> bool {
    let fits = slot.fits(Tracestate::text_bytes(text.len()));
    if fits {
        slot.writer.record_with_bytes(Tracestate::before_text(span, text.len()), text.as_bytes());
    }
    fits
}

fn append_index(slot: Slot<'_>, tracestate: Tracestate) -> bool {
    let fits = slot.fits(Tracestate::BYTES);
    if fits {
        slot.writer.record(tracestate.record());
    }
    fits
}

fn child_tracestate(tracer: u32, index: u16) -> Option<std::sync::Arc<str>> {
    if !crate::shm::is_child() {
        return None;
    }
    pipeline::find(tracer).filter(|tracer| tracer.parent.is_some())?.tracestates.text(index)
}

/// Notes on the span what became of a record: whether it was written by a foreign thread, and whether it was lost.
fn note(span: &Span, done: Result<(bool, bool), SetError>) {
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
