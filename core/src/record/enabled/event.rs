//! Events and links of a span.

use super::attribute::{encode, Encoded};
use super::Span;
use crate::context::REMOTE;
use crate::thread::{self, Placed, Slot};
use crate::wire::{header, padded, Kind, CUT, INLINE, LINK_REMOTE};
use crate::{Context, Name, Value};

/// Attributes of an event or a link.
pub(crate) type Attributes<'a> = &'a [(&'static str, Value<'a>)];

/// No attributes.
pub(crate) const NONE: Attributes<'static> = &[];

/// The key of an attribute of an event or a link: static, or not.
pub(crate) trait Key {
    fn place<'a>(&'a self, state: &thread::ThreadState) -> Placed<'a>;
}

impl Key for &'static str {
    fn place<'a>(&'a self, state: &thread::ThreadState) -> Placed<'a> {
        state.place_static(self)
    }
}

impl Key for Name<'_> {
    fn place<'a>(&'a self, state: &thread::ThreadState) -> Placed<'a> {
        state.place(self)
    }
}

/// An attribute ready to be appended.
struct Item<'a> {
    key: Placed<'a>,
    value: Encoded<'a>,
}

impl Item<'_> {
    fn len(&self) -> u64 {
        let key = match self.key {
            Placed::Id(_) => 0,
            Placed::Inline(text) => padded(text.len()),
        };
        8 + key + self.value.len()
    }

    fn append(&self, out: &mut crate::shard::Out<'_>) {
        let flags = u64::from(self.value.type_flags() & (CUT | 15));
        match self.key {
            Placed::Id(id) => out.word(flags | u64::from(id) << 32),
            Placed::Inline(text) => {
                out.word(flags | u64::from(INLINE) | (text.len() as u64) << 32);
                out.bytes(text.as_bytes());
            }
        }
        self.value.append(out);
    }
}

/// How many of the items fit into `room` bytes, after cutting their values, and how long they are.
fn fit(items: &mut [Item<'_>], mut room: u64, max_value_bytes: usize) -> (usize, u64) {
    let mut total = 0;
    for (i, item) in items.iter_mut().enumerate() {
        item.value.cut(max_value_bytes);
        let overhead = item.len() - item.value.len() + 8;
        if item.len() > room {
            if room < overhead + 8 || matches!(item.value, Encoded::Scalar(..)) {
                return (i, total);
            }
            item.value.cut(((room - overhead) & !7) as usize);
        }
        room -= item.len();
        total += item.len();
    }
    (items.len(), total)
}

/// Appends an event. Allocates if it has attributes.
pub(crate) fn event<K: Key>(span: &Span, name: Name<'_>, attributes: &[(K, Value<'_>)]) {
    let Some((name, mut items)) = prepare(span, Some(&name), attributes) else { return };
    let written = super::attribute::anywhere(span, |slot, foreign| {
        let inline = if let Placed::Inline(text) = name { padded(text.len()) } else { 0 };
        let fixed = 32 + inline;
        let (kept, bytes) = room_for(slot, &mut items, fixed)?;
        let mut out = slot.writer.out();
        out.start(match name {
            Placed::Id(id) => header(Kind::Event, bytes, 0, id),
            Placed::Inline(text) => header(Kind::Event, bytes, INLINE, text.len() as u32),
        });
        out.word(span.cx.span.0);
        out.word(slot.tick());
        out.word((items.len() - kept) as u64);
        if let Placed::Inline(text) = name {
            out.bytes(text.as_bytes());
        }
        items[..kept].iter().for_each(|item| item.append(&mut out));
        out.publish();
        Some(foreign)
    });
    note(span, written);
}

/// Appends a link. Allocates if it has attributes.
pub(crate) fn link<K: Key>(span: &Span, to: Context, attributes: &[(K, Value<'_>)]) {
    if !to.is_valid() {
        return;
    }
    let Some((_, mut items)) = prepare(span, None, attributes) else { return };
    let written = super::attribute::anywhere(span, |slot, foreign| {
        let (kept, bytes) = room_for(slot, &mut items, 48)?;
        let remote = if to.has(REMOTE) { LINK_REMOTE } else { 0 };
        let mut out = slot.writer.out();
        out.start(header(Kind::Link, bytes, remote, u32::from(to.trace_flags())));
        out.word(span.cx.span.0);
        out.word(to.trace.hi);
        out.word(to.trace.lo);
        out.word(to.span.0);
        out.word((items.len() - kept) as u64);
        items[..kept].iter().for_each(|item| item.append(&mut out));
        out.publish();
        Some(foreign)
    });
    note(span, written);
}

fn prepare<'a, K: Key>(
    span: &Span,
    name: Option<&'a Name<'_>>,
    attributes: &'a [(K, Value<'a>)],
) -> Option<(Placed<'a>, Vec<Item<'a>>)> {
    if span.lease == 0 {
        return None;
    }
    let state = thread::state();
    let name = match name {
        Some(name) => super::attribute::place(state, name),
        None => Some(Placed::Id(0)),
    };
    let item = |(key, value): &'a (K, Value<'a>)| Item { key: key.place(state), value: encode(value) };
    let prepared = name.map(|name| (name, attributes.iter().map(item).collect()));
    if prepared.is_none() {
        span.lose_event();
    }
    prepared
}

/// How many items fit, and the length of the record with them; `None` if not even the record without them fits.
fn room_for(slot: Slot<'_>, items: &mut [Item<'_>], fixed: u64) -> Option<(usize, u64)> {
    let room = slot.writer.max_record().checked_sub(fixed)?;
    let (kept, bytes) = fit(items, room, slot.writer.max_value_bytes() as usize);
    slot.fits(fixed + bytes).then_some((kept, fixed + bytes))
}

fn note(span: &Span, written: Option<bool>) {
    match written {
        Some(foreign) => span.touch(foreign),
        None => span.lose_event(),
    }
}
