//! [`Arrows`]: which arrows lead from span to span. `heirloom-core` draws those to children and along links in its trace file by the same rules.
//!
//! An arrow can be drawn once both of its ends are known, which may be in different requests. Until then one end waits under the id
//! of the other. A fan-out's piece that ended last is known only at the end of the file. All tables are bounded; the oldest entries
//! go first.

use super::waits::{Ended, Waits};
use super::why::Why;
use heirloom_core::export::marks;
use heirloom_otlp::read::{AnyValue, Span};
use std::collections::{HashMap, VecDeque};

/// How many spans and fan-outs are remembered, and how many ends may wait. Each takes 70 to 150 bytes.
const MAX_KNOWN: usize = 1 << 18;
/// The bits of OTLP's flags that say that the parent is remote, and that this is known.
const IS_REMOTE: u32 = 0x300;

/// Where a span is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) id: u64,
    pub(super) pid: u64,
    /// `None` for an asynchronous slice.
    pub(super) tid: Option<i64>,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
}

/// An arrow. It never points back in time, because viewers don't draw such arrows.
#[derive(Clone, Debug)]
pub(super) enum Arrow {
    /// From the slice of a thread that is there at a time to that of another thread, at another time.
    Flow { why: Why, from: Spot, from_ns: u64, to: Spot, at_ns: u64 },
    /// From a mark on a span to the start of another, of which at least one is asynchronous.
    Mark { why: Why, from: Spot, at_ns: u64, to: u64 },
    /// From a mark on a span to a mark on another, of which at least one is asynchronous.
    Marks { why: Why, from: Spot, from_ns: u64, to: Spot, at_ns: u64 },
}

/// An end of an arrow that waits for a span.
#[derive(Clone, Debug)]
enum Waiting {
    /// For the span at which the arrow begins. Whether an arrow from a mark may lead there: a span can have one such arrow.
    From { why: Why, to: Spot, at_ns: u64, accepts_mark: bool },
    /// For the span whose wait another one ended at that time.
    Waiter { why: Why, by: u64, at_ns: u64 },
    /// For the parent of the fan-out with this id, which went on at that time.
    Parent { fan: u64, at_ns: u64 },
}

/// What is known of a fan-out.
#[derive(Clone, Copy, Debug, Default)]
struct Fan {
    /// The piece that ended last.
    last: Option<Spot>,
    /// Its parent, and when that went on.
    parent: Option<(Spot, u64)>,
}

/// Finds the arrows among the spans.
#[derive(Debug, Default)]
pub(super) struct Arrows {
    known: Table<Spot>,
    waiting: Table<Vec<Waiting>>,
    fans: Table<Fan>,
    waits: Waits,
}

impl Arrows {
    /// Adds a span that is drawn at `spot`, and calls `draw` for each arrow that is complete now.
    pub(super) fn span(&mut self, span: &Span, spot: Spot, draw: &mut impl FnMut(Arrow)) {
        self.known.insert(spot.id, spot);
        for end in self.waiting.remove(spot.id).unwrap_or_default() {
            self.found(spot, end, draw);
        }
        if let Some(parent) = span.parent_span_id {
            let why = if fan_of(span).is_some() { Why::FanOut } else { Why::Child };
            let end = Waiting::From { why, to: spot, at_ns: spot.start_ns, accepts_mark: true };
            // A remote parent may never come, and must not displace others.
            if span.flags & IS_REMOTE != IS_REMOTE || self.known.get(parent.to_u64()).is_some() {
                self.wait_for(parent.to_u64(), end, draw);
            }
        }
        for (i, link) in span.links.iter().enumerate() {
            let accepts_mark = span.parent_span_id.is_none() && i == 0;
            let end = Waiting::From { why: Why::Link, to: spot, at_ns: spot.start_ns, accepts_mark };
            self.wait_for(link.span_id.to_u64(), end, draw);
        }
        if let Some(fan) = fan_of(span) {
            let last = &mut self.fans.entry(fan).last;
            *last = last.filter(|last| last.end_ns >= spot.end_ns).or(Some(spot));
        }
        for ended in self.waits.of(span, spot.pid) {
            self.ended(ended, draw);
        }
    }

    /// Calls `draw` for the arrows that are complete only at the end of the file.
    pub(super) fn end(&mut self, draw: &mut impl FnMut(Arrow)) {
        for ended in self.waits.rest() {
            self.ended(ended, draw);
        }
        for fan in self.fans.in_order() {
            if let (Some(from), Some((to, at_ns))) = (fan.last, fan.parent) {
                arrow(Why::Join, from, to, at_ns, false).into_iter().for_each(&mut *draw);
            }
        }
    }

    fn ended(&mut self, ended: Ended, draw: &mut impl FnMut(Arrow)) {
        match ended {
            Ended::Wait { why, of, by, at_ns } => self.wait_for(of, Waiting::Waiter { why, by, at_ns }, draw),
            Ended::Fan { fan, parent, at_ns } => self.wait_for(parent, Waiting::Parent { fan, at_ns }, draw),
        }
    }

    /// Connects an end to a span, or lets it wait for it.
    fn wait_for(&mut self, span: u64, end: Waiting, draw: &mut impl FnMut(Arrow)) {
        match self.known.get(span) {
            Some(spot) => self.found(*spot, end, draw),
            None => self.waiting.entry(span).push(end),
        }
    }

    fn found(&mut self, spot: Spot, end: Waiting, draw: &mut impl FnMut(Arrow)) {
        match end {
            Waiting::Waiter { why, by, at_ns } => {
                let at_ns = at_ns.clamp(spot.start_ns, spot.end_ns);
                self.wait_for(by, Waiting::From { why, to: spot, at_ns, accepts_mark: false }, draw);
            }
            Waiting::Parent { fan, at_ns } => self.fans.entry(fan).parent = Some((spot, at_ns)),
            Waiting::From { why, to, at_ns, accepts_mark } => {
                arrow(why, spot, to, at_ns, accepts_mark).into_iter().for_each(draw);
            }
        }
    }
}

/// The id of the fan-out that a span is a piece of.
fn fan_of(span: &Span) -> Option<u64> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == marks::FAN_OUT)?;
    if let AnyValue::Int(fan) = attribute.value {
        Some(fan as u64)
    } else {
        None
    }
}

fn arrow(why: Why, from: Spot, to: Spot, at_ns: u64, accepts_mark: bool) -> Option<Arrow> {
    let are_threads = from.tid.is_some() && to.tid.is_some();
    let is_one_thread = from.pid == to.pid && are_threads && from.tid == to.tid;
    // Nesting shows it.
    let is_nested = is_one_thread && (why.is_end_of_wait() || to.start_ns < from.end_ns);
    if why != Why::Link && (from.id == to.id || is_nested) {
        return None;
    }
    // A slice isn't there any more when it ends.
    let last_ns = from.end_ns.max(from.start_ns + 1).min(at_ns).checked_sub(1).filter(|ns| *ns >= from.start_ns);
    if why.is_end_of_wait() {
        let from_ns = last_ns?;
        return Some(match are_threads {
            true => Arrow::Flow { why, from, from_ns, to, at_ns },
            false => Arrow::Marks { why, from, from_ns, to, at_ns },
        });
    }
    if are_threads {
        return match from.start_ns <= at_ns {
            true => Some(Arrow::Flow { why, from, from_ns: from.start_ns, to, at_ns }),
            // A link to a later span, or clocks that differ.
            false => Some(Arrow::Flow { why, from: to, from_ns: to.start_ns, to: from, at_ns: from.start_ns }),
        };
    }
    last_ns.filter(|_| accepts_mark).map(|at_ns| Arrow::Mark { why, from, at_ns, to: to.id })
}

/// Values by ids of spans. With too many, those that were added first go.
#[derive(Debug)]
struct Table<T> {
    values: HashMap<u64, T>,
    /// The keys in the order in which they were added, and some that have been removed.
    order: VecDeque<u64>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { values: HashMap::new(), order: VecDeque::new() }
    }
}

impl<T> Table<T> {
    fn get(&self, id: u64) -> Option<&T> {
        self.values.get(&id)
    }

    fn insert(&mut self, id: u64, value: T) {
        self.make_room(id);
        self.values.insert(id, value);
    }

    fn remove(&mut self, id: u64) -> Option<T> {
        self.values.remove(&id)
    }

    fn make_room(&mut self, id: u64) {
        if self.values.contains_key(&id) {
            return;
        }
        while self.order.len() >= MAX_KNOWN {
            self.order.pop_front().and_then(|oldest| self.values.remove(&oldest));
        }
        self.order.push_back(id);
    }
}

impl<T: Copy> Table<T> {
    /// All values, in the order in which they were added.
    fn in_order(&self) -> impl Iterator<Item = T> + '_ {
        self.order.iter().filter_map(|id| self.values.get(id).copied())
    }
}

impl<T: Default> Table<T> {
    fn entry(&mut self, id: u64) -> &mut T {
        self.make_room(id);
        self.values.entry(id).or_default()
    }
}
