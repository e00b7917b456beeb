//! Events and links of a span.

use super::any_shard::{anywhere, wire_name};
use super::Span;
use crate::context::REMOTE;
use crate::propagated;
use crate::thread::{self, Slot};
use crate::wire::{fit, whole, Encoded, Event, Item, Link, More, Mores, WireName};
use crate::{Context, Name, Value};

/// Attributes of an event or a link.
pub(crate) type Attributes<'a> = &'a [(&'static str, Value<'a>)];

/// No attributes.
pub(crate) const NONE: Attributes<'static> = &[];

/// The key of an attribute of an event or a link: static, or not.
pub(crate) trait Key {
    fn wire_name<'a>(&'a self, state: &thread::ThreadState) -> WireName<&'a str>;
}

impl Key for &'static str {
    fn wire_name<'a>(&'a self, state: &thread::ThreadState) -> WireName<&'a str> {
        state.place_static(self)
    }
}

impl Key for Name<'_> {
    fn wire_name<'a>(&'a self, state: &thread::ThreadState) -> WireName<&'a str> {
        state.wire_name(self)
    }
}

/// Appends an event. Allocates if it has attributes.
pub(crate) fn event<K: Key>(span: &Span, name: Name<'_>, attributes: &[(K, Value<'_>)]) {
    let Some((name, mut items)) = prepare(span, Some(&name), attributes) else { return };
    let written = anywhere(span, |slot, is_stamped| {
        let room = Room::of(slot, span, &mut items, Event::bare_bytes(&name))?;
        let event = Event { span: span.cx.span.0, tick: slot.tick(), dropped: room.dropped, name };
        let mut out = slot.writer.out();
        event.put(room.first, room.first_bytes, &mut out);
        room.rest.put(&mut out);
        out.publish();
        Some(is_stamped)
    });
    note(span, written);
}

/// Appends a link. Allocates if it has attributes.
pub(crate) fn link<K: Key>(span: &Span, to: Context, attributes: &[(K, Value<'_>)]) {
    if !to.is_valid() {
        return;
    }
    let Some((_, mut items)) = prepare(span, None, attributes) else { return };
    // A region's reader has another table of tracestates.
    let text = match to.propagated() {
        index if index != 0 && crate::shm::is_child() => propagated::tracestate(to.trace, index),
        _ => None,
    };
    let tracestate = text.as_deref().unwrap_or("");
    let written = anywhere(span, |slot, is_stamped| {
        let room = Room::of(slot, span, &mut items, Link::bare_bytes(tracestate))?;
        let link = Link {
            span: span.cx.span.0,
            trace: to.trace,
            linked: to.span,
            trace_flags: to.trace_flags(),
            is_remote: to.has(REMOTE),
            dropped: room.dropped,
            propagated: if text.is_some() { 0 } else { to.propagated() },
            tracestate,
        };
        let mut out = slot.writer.out();
        link.put(room.first, room.first_bytes, &mut out);
        room.rest.put(&mut out);
        out.publish();
        Some(is_stamped)
    });
    note(span, written);
}

fn prepare<'a, K: Key>(
    span: &Span,
    name: Option<&'a Name<'_>>,
    attributes: &'a [(K, Value<'a>)],
) -> Option<(WireName<&'a str>, Vec<Item<'a>>)> {
    if span.lease == 0 {
        return None;
    }
    let state = thread::state();
    let name = match name {
        Some(name) => wire_name(state, name),
        None => Some(WireName::Id(0)),
    };
    let item = |(key, value): &'a (K, Value<'a>)| Item { key: key.wire_name(state), value: Encoded::new(value) };
    let prepared = name.map(|name| (name, attributes.iter().map(item).collect()));
    if prepared.is_none() {
        span.lose_event();
    }
    prepared
}

/// The attributes of an event or a link, in the order of the records.
struct Room<'a> {
    /// Those in its own record, and their length.
    first: &'a [Item<'a>],
    first_bytes: u64,
    /// Those in the records behind it.
    rest: Mores<'a>,
    dropped: u32,
}

impl<'a> Room<'a> {
    /// Fits the attributes into records, the first of which has `bare` bytes more; `None` if there is no room.
    fn of(slot: Slot<'_>, span: &Span, items: &'a mut [Item<'_>], bare: u64) -> Option<Self> {
        let max = slot.writer.max_record();
        let all = items.len();
        let kept = fit(items, max, slot.writer.max_value_bytes() as usize);
        let kept = &items[..kept];
        let (whole, bytes) = whole(kept, bare, max);
        let (first, items) = kept.split_at(whole);
        let rest = Mores { more: More { span: span.cx.span.0 }, items, max };
        let dropped = (all - kept.len()) as u32;
        let fits = bare <= max && slot.fits(bytes + rest.bytes());
        fits.then_some(Self { first, first_bytes: bytes - bare, rest, dropped })
    }
}

fn note(span: &Span, written: Option<bool>) {
    match written {
        Some(is_stamped) => span.touch(is_stamped),
        None => span.lose_event(),
    }
}
