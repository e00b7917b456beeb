//! More: further attributes of the event or link in front of it.
//!
//! ```text
//! More   header span item..
//! ```
//!
//! An Event and a Link take as many attributes as fit into their record. The rest are in Mores right behind it. The last item
//! of a More may be the start of a long value, which continues in [`Chunk`]s right behind that record. All of them are
//! published together.

use super::check::{Check, Origin};
use super::chunk::{Chunk, MORE};
use super::item::{Item, Items};
use super::numbers::flags;
use super::{Fields, Header, Kind, Sink, Violation};

/// The fields of a More, without its attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct More {
    pub(crate) span: u64,
}

flags! {
    impl More {
        /// A Chunk follows.
        MORE = MORE;
    }
}

impl More {
    pub(super) const SAMPLE: &'static [u64] = &Self { span: 1 }.head(Self::BARE_BYTES, MORE);

    /// The length without attributes.
    pub(super) const BARE_BYTES: u64 = 16;

    const fn head(self, bytes: u64, flags: u16) -> [u64; 2] {
        [Header::new(Kind::More, bytes, flags, 0).0, self.span]
    }

    /// Whether an attribute of any value fits, if its value may continue in chunks: a very long key doesn't.
    pub(super) fn takes(item: &Item<'_>, max: u64) -> bool {
        Self::BARE_BYTES + item.fixed_bytes() + 8 <= max
    }

    /// The attributes of a More, and its span.
    pub(crate) fn read(record: &[u64]) -> Option<(Self, Items<'_>)> {
        let [_, span, rest @ ..] = record else { return None };
        Some((Self { span: *span }, Items(Fields(rest))))
    }

    /// Returns how many bytes of its last value are still to come in Chunks.
    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header) -> Result<u64, Violation> {
        check.has_no_stamp(header)?;
        check.own_span()?;
        let rest = check.items_and_beginning()?;
        match header.has(MORE) == (rest > 0) {
            true => Ok(rest),
            false => Err(Violation::Length),
        }
    }
}

/// Attributes as records of at most `max` bytes. The caller has checked that More takes each.
pub(crate) struct Mores<'a> {
    pub(crate) more: More,
    pub(crate) items: &'a [Item<'a>],
    pub(crate) max: u64,
}

/// One record.
enum Part<'a> {
    More { items: &'a [Item<'a>], beginning: Option<(&'a Item<'a>, &'a [u8])>, bytes: u64 },
    Chunk(Chunk<&'a [u8]>),
}

impl<'a> Mores<'a> {
    /// The length of all records together.
    pub(crate) fn bytes(&self) -> u64 {
        let mut sum = 0;
        self.each(|part| {
            sum += match part {
                Part::More { bytes, .. } => bytes,
                Part::Chunk(chunk) => chunk.bytes(),
            };
        });
        sum
    }

    pub(crate) fn put(&self, out: &mut impl Sink) {
        self.each(|part| match part {
            Part::Chunk(chunk) => chunk.put(out),
            Part::More { items, beginning, bytes } => {
                out.start(self.more.head(bytes, if beginning.is_some() { MORE } else { 0 }));
                items.iter().for_each(|item| item.put(out));
                if let Some((item, bytes)) = beginning {
                    item.put_beginning(bytes, out);
                }
            }
        });
    }

    fn each(&self, mut part: impl FnMut(Part<'a>)) {
        let mut rest = self.items;
        while !rest.is_empty() {
            let (whole, bytes) = whole(rest, More::BARE_BYTES, self.max);
            let (items, after) = rest.split_at(whole);
            rest = after;
            // A value is split only if it doesn't fit into a record without other attributes.
            let long = after.first().filter(|item| More::BARE_BYTES + item.len() > self.max);
            let room = long.and_then(|item| self.max.checked_sub(bytes + item.fixed_bytes()).filter(|room| *room > 0));
            let (Some(item), Some(room)) = (long, room) else {
                part(Part::More { items, beginning: None, bytes });
                continue;
            };
            let (first, chunks) = item.value.bytes().split_at(room as usize);
            part(Part::More { items, beginning: Some((item, first)), bytes: self.max });
            Chunk::each(chunks, self.max, |chunk| part(Part::Chunk(chunk)));
            rest = &after[1..];
        }
    }
}

/// How many of the items fit into a record of at most `max` bytes, after `bare` bytes; the length of the record.
pub(crate) fn whole(items: &[Item<'_>], bare: u64, max: u64) -> (usize, u64) {
    let mut bytes = bare;
    let fitting = items.iter().take_while(|item| {
        let fits = bytes + item.len() <= max;
        bytes += if fits { item.len() } else { 0 };
        fits
    });
    (fitting.count(), bytes)
}

/// Values of an event are not cut below this, in bytes, to make room for others.
const MIN_CUT_BYTES: usize = 64;

/// Cuts the values to `max_value` bytes; if all items together are longer than two such values, the longest ones further. Moves
/// the items that are kept to the front, in their order, and returns their number. Only an item whose key doesn't fit into a
/// record of `max_record` bytes isn't kept, and the last ones of very many.
pub(crate) fn fit(items: &mut [Item<'_>], max_record: u64, max_value: usize) -> usize {
    let mut kept = 0;
    for at in 0..items.len() {
        if More::takes(&items[at], max_record) {
            items.swap(kept, at);
            kept += 1;
        }
    }
    let budget = (2 * max_value as u64).max(max_record);
    let mut cap = max_value;
    loop {
        items[..kept].iter_mut().for_each(|item| item.value.cut(cap));
        if cap <= MIN_CUT_BYTES || items[..kept].iter().map(Item::len).sum::<u64>() <= budget {
            break;
        }
        cap /= 2;
    }
    whole(&items[..kept], 0, budget).0
}
