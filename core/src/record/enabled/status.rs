//! A span's status, its new name and its tracestate.

use super::any_shard::{on_any_shard, wire_name};
use super::{update, Span};
use crate::context::TEXT_STATE;
use crate::text::cut;
use crate::thread::{self, Slot};
use crate::wire::{self, Rename, Tracestate};
use crate::{pipeline, propagated};
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
    let done = on_any_shard(span, |slot, is_stamped| {
        let room = wire::Status::room(slot.writer.max_record()).min(slot.writer.max_value_bytes().into());
        let tick = is_stamped.then(|| slot.tick());
        let status = wire::Status { span: span.cx.span.0, tick, is_ok, text: cut(text, room as usize) };
        let fits = slot.fits(status.bytes());
        if fits {
            let mut out = slot.writer.out();
            status.put(&mut out);
            out.publish();
        }
        (fits, is_stamped)
    });
    note(span, done);
}

/// Appends a new name.
pub(crate) fn rename(span: &Span, name: Name<'_>) {
    if span.lease == 0 {
        return;
    }
    let Some(name) = wire_name(thread::state(), &name) else { return span.lose_attribute() };
    update::sets(span);
    let done = on_any_shard(span, |slot, is_stamped| {
        let rename = Rename { span: span.cx.span.0, tick: is_stamped.then(|| slot.tick()), name };
        let fits = rename.bytes() <= slot.writer.max_record() && slot.fits(rename.bytes());
        if fits {
            let mut out = slot.writer.out();
            rename.put(&mut out);
            out.publish();
        }
        (fits, is_stamped)
    });
    note(span, done);
}

/// In an attached child, appends the text of the span's tracestate, right after the Begin: the parent's collector has
/// another table. The descendants of the span take this way too.
pub(crate) fn tracestate(mut span: Span) -> Span {
    let is_attached = pipeline::find(span.cx.tracer).is_some_and(|tracer| tracer.parent.is_some());
    let text = propagated::tracestate(span.cx.trace, span.cx.propagated());
    let Some(text) = text.filter(|_| is_attached) else { return span };
    let done = on_any_shard(&span, |slot, is_stamped| (append_tracestate(slot, span.cx.span.0, &text), is_stamped));
    note(&span, done);
    span.cx = span.cx.with(TEXT_STATE);
    span
}

fn append_tracestate(slot: Slot<'_>, span: u64, text: &str) -> bool {
    let fits = slot.fits(Tracestate::bytes(text.len()));
    if fits {
        slot.writer.record_with_bytes(Tracestate::before_text(span, text.len()), text.as_bytes());
    }
    fits
}

/// Marks on the span what happened to a record: whether another thread wrote it, and whether it was lost.
fn note(span: &Span, done: Result<(bool, bool), SetError>) {
    match done {
        Ok((written, is_stamped)) => {
            span.touch(is_stamped);
            if !written {
                span.lose_attribute();
            }
        }
        Err(_) => span.lose_attribute(),
    }
}
