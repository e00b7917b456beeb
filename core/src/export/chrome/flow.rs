//! The arrows of the logical tree: from a parent to a child that isn't drawn inside it, and along links.
//!
//! An arrow is written once both of its ends are drawn slices. A child usually arrives before its parent, so its end
//! waits under the parent's id. In the opposite order, the parent is found among the latest spans.

use super::super::{Lane, SpanRef};
use super::lane::Drawn;
use crate::{SpanId, TraceId};
use std::collections::{HashMap, VecDeque};

/// How many of the latest spans are remembered for children and links that arrive later (background jobs that outlive
/// their parent), at about 100 bytes each.
const MAX_RECENT: usize = 1 << 16;

pub(super) type Id = (TraceId, SpanId);

/// A slice on a thread track: the end of an arrow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slice {
    pub(super) process_id: u32,
    pub(super) thread_id: u64,
    pub(super) drawn: Drawn,
}

/// Why there is an arrow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cause {
    Child,
    Link,
}

/// An arrow with two known ends. It never points back in time, because viewers don't draw such arrows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Arrow {
    pub(super) cause: Cause,
    pub(super) from: Slice,
    pub(super) to: Slice,
}

/// The end of an arrow that waits for the span at the other end.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    cause: Cause,
    to: Slice,
}

/// Finds the arrows among the spans.
#[derive(Debug)]
pub(super) struct Arrows {
    /// Ends that wait for a span of this process or its workers.
    local: WaitingRoom,
    /// Ends that wait for a span that another process may never export here. They must not displace the others.
    remote: WaitingRoom,
    recent: Recent,
}

impl Slice {
    pub(super) fn new(lane: &Lane, drawn: Drawn) -> Self {
        Self { process_id: lane.process_id, thread_id: lane.thread_id, drawn }
    }

    /// Whether nesting can't show that `child` belongs to this slice: it is on another track, or started later.
    fn needs_arrow_to(&self, child: &Slice) -> bool {
        let same_lane = self.process_id == child.process_id && self.thread_id == child.thread_id;
        !same_lane || child.drawn.start_ns >= self.drawn.end_ns
    }
}

impl Arrows {
    /// At most about `max_waiting` ends wait at a time.
    pub(super) fn new(max_waiting: usize) -> Self {
        Self {
            local: WaitingRoom::new(max_waiting),
            remote: WaitingRoom::new(max_waiting / 16),
            recent: Recent::default(),
        }
    }

    /// Adds a span, drawn as `slice` if it is on a thread track, and calls `draw` for each arrow that is complete now.
    pub(super) fn span(&mut self, span: &SpanRef<'_>, slice: Option<Slice>, draw: &mut impl FnMut(Arrow)) {
        let id = (span.trace_id(), span.span_id());
        self.recent.insert(id, slice);
        for waiting in self.local.take(&id).into_iter().chain(self.remote.take(&id)) {
            connect(waiting.cause, slice, waiting.to, draw);
        }
        let Some(to) = slice else { return };
        if let Some(parent) = span.parent_span_id() {
            self.end((id.0, parent), span.parent_is_remote(), Waiting { cause: Cause::Child, to }, draw);
        }
        for link in span.links() {
            let other = (link.trace_id(), link.span_id());
            if other != id {
                self.end(other, link.is_remote(), Waiting { cause: Cause::Link, to }, draw);
            }
        }
    }

    fn end(&mut self, other: Id, remote: bool, waiting: Waiting, draw: &mut impl FnMut(Arrow)) {
        match self.recent.get(&other) {
            Some(slice) => connect(waiting.cause, slice, waiting.to, draw),
            None if remote => self.remote.push(other, waiting),
            None => self.local.push(other, waiting),
        }
    }

    /// Forgets everything: spans that it knows have not reached the file.
    pub(super) fn forget(&mut self) {
        self.local.clear();
        self.remote.clear();
        self.recent = Recent::default();
    }

    /// How many ends found no other end: dropped for lack of room or after a failed write, or still waiting for a span of
    /// this process.
    pub(super) fn unresolved(&self) -> u64 {
        self.local.dropped + self.remote.dropped + self.local.len as u64
    }
}

fn connect(cause: Cause, from: Option<Slice>, to: Slice, draw: &mut impl FnMut(Arrow)) {
    let Some(from) = from else { return };
    if cause == Cause::Child && !from.needs_arrow_to(&to) {
        return;
    }
    let backwards = from.drawn.start_ns > to.drawn.start_ns;
    let (from, to) = if backwards { (to, from) } else { (from, to) };
    draw(Arrow { cause, from, to });
}

/// Ends by the span for which they wait. If there are too many, the ends whose span was named first are dropped.
#[derive(Debug)]
struct WaitingRoom {
    by_span: HashMap<Id, Vec<Waiting>>,
    /// The keys of `by_span` in the order in which they were named, and some that have been removed.
    order: VecDeque<Id>,
    len: usize,
    max: usize,
    dropped: u64,
}

impl WaitingRoom {
    fn new(max: usize) -> Self {
        Self { by_span: HashMap::new(), order: VecDeque::new(), len: 0, max, dropped: 0 }
    }

    fn push(&mut self, span: Id, waiting: Waiting) {
        while self.len >= self.max {
            let Some(oldest) = self.order.pop_front() else {
                self.dropped += 1; // there is no room at all
                return;
            };
            self.dropped += self.take(&oldest).len() as u64;
        }
        let ends = self.by_span.entry(span).or_default();
        if ends.is_empty() {
            self.order.push_back(span);
        }
        ends.push(waiting);
        self.len += 1;
        self.tidy();
    }

    fn take(&mut self, span: &Id) -> Vec<Waiting> {
        let ends = self.by_span.remove(span).unwrap_or_default();
        self.len -= ends.len();
        ends
    }

    /// Drops the removed keys, once they are the majority.
    fn tidy(&mut self) {
        if self.order.len() > 2 * self.by_span.len() + 1024 {
            let by_span = &self.by_span;
            self.order.retain(|span| by_span.contains_key(span));
        }
    }

    fn clear(&mut self) {
        self.dropped += self.len as u64;
        self.by_span.clear();
        self.order.clear();
        self.len = 0;
    }
}

/// The drawn positions of the latest spans; `None` for those that are on no thread track.
#[derive(Debug, Default)]
struct Recent {
    slices: HashMap<Id, Option<Slice>>,
    order: VecDeque<Id>,
}

impl Recent {
    fn insert(&mut self, span: Id, slice: Option<Slice>) {
        if self.slices.insert(span, slice).is_some() {
            return; // an id seen twice
        }
        self.order.push_back(span);
        if self.order.len() > MAX_RECENT {
            if let Some(oldest) = self.order.pop_front() {
                self.slices.remove(&oldest);
            }
        }
    }

    fn get(&self, span: &Id) -> Option<Option<Slice>> {
        self.slices.get(span).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{batch, lane, span};
    use super::super::super::SpanData;
    use super::*;

    /// Passes nested spans to the arrows. Returns, for each arrow, its cause and the starts of its ends.
    fn drawn(arrows: &mut Arrows, spans: &[SpanData]) -> Vec<(Cause, u64, u64)> {
        let mut found = Vec::new();
        for span in batch(spans).spans() {
            let drawn = Drawn { start_ns: span.start_ns(), end_ns: span.end_ns() };
            let slice = span.is_nested().then(|| Slice::new(span.lane(), drawn));
            arrows.span(&span, slice, &mut |a| found.push((a.cause, a.from.drawn.start_ns, a.to.drawn.start_ns)));
        }
        found
    }

    #[test]
    fn an_arrow_leads_to_a_child_on_another_lane_whichever_comes_first() {
        let (parent, child) = (span(1, 0, "parent", &lane(1), 10, 90), span(2, 1, "child", &lane(2), 20, 30));
        let expected = [(Cause::Child, 10, 20)];
        assert_eq!(drawn(&mut Arrows::new(9), &[child.clone(), parent.clone()]), expected);
        assert_eq!(drawn(&mut Arrows::new(9), &[parent, child]), expected);
    }

    #[test]
    fn a_child_drawn_inside_its_parent_needs_no_arrow_but_one_that_began_after_it_does() {
        let parent = span(1, 0, "parent", &lane(1), 10, 50);
        let inside = span(2, 1, "inside", &lane(1), 20, 30);
        let after = span(3, 1, "after", &lane(1), 50, 60);
        assert_eq!(drawn(&mut Arrows::new(9), &[inside, parent, after]), [(Cause::Child, 10, 50)]);
    }

    #[test]
    fn a_span_on_no_thread_track_has_no_arrows() {
        let mut parent = span(1, 0, "parent", &lane(1), 10, 50);
        parent.nested = false;
        let child = span(2, 1, "child", &lane(2), 20, 30);
        assert_eq!(drawn(&mut Arrows::new(9), &[child.clone(), parent.clone()]), []);
        assert_eq!(drawn(&mut Arrows::new(9), &[parent, child]), []);
    }

    #[test]
    fn a_link_is_an_arrow_that_never_points_back_in_time() {
        let cause = span(1, 0, "cause", &lane(1), 10, 50);
        let mut later = span(2, 0, "later", &lane(1), 20, 30);
        later.links.push((cause.trace_id, cause.span_id, Vec::new()));
        let mut earlier = span(3, 0, "earlier", &lane(2), 5, 60);
        earlier.links.push((cause.trace_id, cause.span_id, Vec::new()));
        let mut itself = span(4, 0, "itself", &lane(2), 70, 80);
        itself.links.push((itself.trace_id, itself.span_id, Vec::new()));
        let found = drawn(&mut Arrows::new(9), &[later, cause, earlier, itself]);
        assert_eq!(found, [(Cause::Link, 10, 20), (Cause::Link, 5, 10)]);
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_given_up_is_counted() {
        let mut arrows = Arrows::new(100);
        for parent in 1..=1000 {
            let child = span(10_000 + parent, parent, "child", &lane(2), 20, 30);
            assert_eq!(drawn(&mut arrows, &[child]), []);
        }
        assert_eq!((arrows.local.len, arrows.local.by_span.len(), arrows.local.dropped), (100, 100, 900));
        assert_eq!(drawn(&mut arrows, &[span(900, 0, "old", &lane(1), 10, 50)]), []);
        assert_eq!(drawn(&mut arrows, &[span(901, 0, "young", &lane(1), 10, 50)]).len(), 1);
        assert_eq!(arrows.unresolved(), 999);
        assert_eq!(drawn(&mut Arrows::new(0), &[span(2, 1, "child", &lane(2), 20, 30)]), [], "no room at all");
    }

    #[test]
    fn spans_of_other_processes_that_never_come_crowd_out_nothing() {
        let mut arrows = Arrows::new(160);
        let child = span(2, 1, "child", &lane(2), 20, 30);
        assert_eq!(drawn(&mut arrows, &[child]), []);
        for id in 0..1000 {
            let mut request = span(10_000 + id, 50_000 + id, "request", &lane(2), 20, 30);
            request.parent_is_remote = true;
            assert_eq!(drawn(&mut arrows, &[request]), []);
        }
        assert_eq!(arrows.remote.len, 10);
        assert_eq!(drawn(&mut arrows, &[span(1, 0, "parent", &lane(1), 10, 50)]).len(), 1);
    }

    #[test]
    fn finished_business_is_forgotten() {
        let mut arrows = Arrows::new(1 << 20);
        for i in 0..100_000 {
            let (parent, child) = (2 * i + 1, 2 * i + 2);
            let pair = [span(child, parent, "child", &lane(2), 20, 30), span(parent, 0, "parent", &lane(1), 10, 50)];
            assert_eq!(drawn(&mut arrows, &pair).len(), 1);
        }
        assert_eq!(arrows.local.len, 0);
        assert!(arrows.local.order.len() <= 1025, "{}", arrows.local.order.len());
        assert_eq!((arrows.recent.slices.len(), arrows.recent.order.len()), (MAX_RECENT, MAX_RECENT));
    }
}
