//! The arrows of the logical tree: from a parent to a child that isn't drawn inside it, and along links.
//!
//! An arrow is written once both of its ends are drawn. A child usually arrives before its parent, so its end waits under
//! the parent's id. In the opposite order, the parent is found among the latest spans.
//!
//! The format has two kinds of arrows. One connects any two slices on threads, and is written after them. The other can
//! start or end on an asynchronous span, but its end must be part of the event that it leads to. That event is written
//! before it is known from where the arrow comes. So each span that may have an incoming arrow has its own id as the
//! arrow's id, and the arrow starts at a *mark*: an event of no length on the parent, at the time at which the child
//! started.

use super::super::{Lane, SpanRef};
use super::lane::Drawn;
use crate::{SpanId, TraceId};
use std::collections::{HashMap, HashSet, VecDeque};

/// How many of the latest spans are remembered for children and links that arrive later (background jobs that outlive
/// their parent), at about 150 bytes each.
const MAX_RECENT: usize = 1 << 16;

pub(super) type Id = (TraceId, SpanId);

/// A slice on a thread track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slice {
    pub(super) process_id: u32,
    pub(super) thread_id: u64,
    pub(super) drawn: Drawn,
}

/// An asynchronous span in a row below the threads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RowSlice {
    pub(super) process_id: u32,
    pub(super) row: u64,
    pub(super) drawn: Drawn,
}

/// Where a span is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Spot {
    Thread(Slice),
    Row(RowSlice),
}

/// Why there is an arrow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cause {
    Child,
    Link,
}

/// An arrow. It never points back in time, because viewers don't draw such arrows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Arrow {
    /// Between the starts of two slices on threads.
    Slices { cause: Cause, from: Slice, to: Slice },
    /// From a mark on `from` to the span `to`.
    Mark { cause: Cause, from: Spot, at_ns: u64, to: SpanId },
}

/// The end of an arrow that waits for the span at the other end.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    cause: Cause,
    span: SpanId,
    to: Spot,
    /// Whether an arrow from a mark may lead to it. A span can have one such arrow.
    accepts_mark: bool,
}

/// Finds the arrows among the spans.
#[derive(Debug)]
pub(super) struct Arrows {
    /// Ends that wait for a span of this process or its workers.
    local: WaitingRoom,
    /// Ends that wait for a span that another process may never export here. They must not displace the others.
    remote: WaitingRoom,
    recent: Recent,
    /// Arrows between spans that started at the same time.
    undrawable: u64,
}

impl Slice {
    fn start(&self) -> (u32, u64, u64) {
        (self.process_id, self.thread_id, self.drawn.start_ns)
    }
}

impl Spot {
    pub(super) fn thread(lane: &Lane, drawn: Drawn) -> Self {
        Self::Thread(Slice { process_id: lane.process_id, thread_id: lane.thread_id, drawn })
    }

    pub(super) fn row(lane: &Lane, row: u64, drawn: Drawn) -> Self {
        Self::Row(RowSlice { process_id: lane.process_id, row, drawn })
    }

    fn drawn(&self) -> Drawn {
        match self {
            Spot::Thread(slice) => slice.drawn,
            Spot::Row(slice) => slice.drawn,
        }
    }
}

impl Arrows {
    /// At most about `max_waiting` ends wait at a time.
    pub(super) fn new(max_waiting: usize) -> Self {
        Self {
            local: WaitingRoom::new(max_waiting),
            remote: WaitingRoom::new(max_waiting / 16),
            recent: Recent::default(),
            undrawable: 0,
        }
    }

    /// Adds a span that is drawn at `spot`, and calls `draw` for each arrow that is complete now. `frames` are the other
    /// rows in which the span is drawn.
    pub(super) fn span(&mut self, span: &SpanRef<'_>, spot: Spot, frames: &[u64], draw: &mut impl FnMut(Arrow)) {
        let id = (span.trace_id(), span.span_id());
        self.recent.insert(id, spot);
        for waiting in self.local.take(&id).into_iter().chain(self.remote.take(&id)) {
            if waiting.cause == Cause::Link || !is_drawn_inside(&spot, frames, &waiting.to) {
                self.connect(spot, waiting, draw);
            }
        }
        let parent = span.parent_span_id();
        if let Some(parent) = parent {
            let waiting = Waiting { cause: Cause::Child, span: id.1, to: spot, accepts_mark: true };
            self.end((id.0, parent), span.parent_is_remote(), waiting, draw);
        }
        for (i, link) in span.links().enumerate() {
            let other = (link.trace_id(), link.span_id());
            if other != id {
                let accepts_mark = parent.is_none() && i == 0;
                let waiting = Waiting { cause: Cause::Link, span: id.1, to: spot, accepts_mark };
                self.end(other, link.is_remote(), waiting, draw);
            }
        }
    }

    fn end(&mut self, other: Id, remote: bool, waiting: Waiting, draw: &mut impl FnMut(Arrow)) {
        match self.recent.get(&other) {
            // What arrives after its parent is in its parent's row only if it started later.
            Some(spot) if waiting.cause == Cause::Link || !is_drawn_inside(&spot, &[], &waiting.to) => {
                self.connect(spot, waiting, draw);
            }
            Some(_) => {}
            None if remote => self.remote.push(other, waiting),
            None => self.local.push(other, waiting),
        }
    }

    fn connect(&mut self, from: Spot, waiting: Waiting, draw: &mut impl FnMut(Arrow)) {
        let Waiting { cause, span, to, accepts_mark } = waiting;
        if let (Spot::Thread(from), Spot::Thread(to)) = (from, to) {
            let backwards = from.drawn.start_ns > to.drawn.start_ns;
            let (from, to) = if backwards { (to, from) } else { (from, to) };
            return draw(Arrow::Slices { cause, from, to });
        }
        match self.mark(&from, to.drawn().start_ns).filter(|_| accepts_mark) {
            Some(at_ns) => draw(Arrow::Mark { cause, from, at_ns, to: span }),
            None => self.undrawable += 1,
        }
    }

    /// Where the mark of an arrow to something that starts at `to_ns` is: just before that time, but within `from`. Not at
    /// the start of a slice, because an arrow that leads there would end at the mark.
    fn mark(&self, from: &Spot, to_ns: u64) -> Option<u64> {
        let Drawn { start_ns, end_ns } = from.drawn();
        let last_ns = end_ns.max(start_ns + 1).min(to_ns).checked_sub(1)?;
        (start_ns..=last_ns).rev().find(|at_ns| !self.recent.starts_at(from, *at_ns))
    }

    /// Forgets everything: spans that it knows have not reached the file.
    pub(super) fn forget(&mut self) {
        self.local.clear();
        self.remote.clear();
        self.recent = Recent::default();
    }

    /// How many ends found no other end: dropped for lack of room or after a failed write, or still waiting for a span of
    /// this process. Also counts arrows that the format can't express.
    pub(super) fn unresolved(&self) -> u64 {
        self.local.dropped + self.remote.dropped + self.local.len as u64 + self.undrawable
    }
}

/// Whether nesting shows that a child belongs to its parent: it is on the same track, within the parent's time.
fn is_drawn_inside(parent: &Spot, frames: &[u64], child: &Spot) -> bool {
    let started_before_end = child.drawn().start_ns < parent.drawn().end_ns;
    match (parent, child) {
        (Spot::Thread(parent), Spot::Thread(child)) => {
            parent.process_id == child.process_id && parent.thread_id == child.thread_id && started_before_end
        }
        (Spot::Row(parent), Spot::Row(child)) => {
            (parent.row == child.row || frames.contains(&child.row)) && started_before_end
        }
        _ => false,
    }
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

/// The drawn positions of the latest spans.
#[derive(Debug, Default)]
struct Recent {
    spots: HashMap<Id, Spot>,
    /// The starts of the slices among them, with process and thread.
    starts: HashSet<(u32, u64, u64)>,
    order: VecDeque<Id>,
}

impl Recent {
    fn insert(&mut self, span: Id, spot: Spot) {
        if let Spot::Thread(slice) = spot {
            self.starts.insert(slice.start());
        }
        if self.spots.insert(span, spot).is_some() {
            return; // an id seen twice
        }
        self.order.push_back(span);
        if self.order.len() > MAX_RECENT {
            let oldest = self.order.pop_front().and_then(|oldest| self.spots.remove(&oldest));
            if let Some(Spot::Thread(slice)) = oldest {
                self.starts.remove(&slice.start());
            }
        }
    }

    fn starts_at(&self, spot: &Spot, at_ns: u64) -> bool {
        match spot {
            Spot::Thread(slice) => self.starts.contains(&(slice.process_id, slice.thread_id, at_ns)),
            Spot::Row(_) => false,
        }
    }

    fn get(&self, span: &Id) -> Option<Spot> {
        self.spots.get(span).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{batch, lane, span};
    use super::super::super::SpanData;
    use super::*;

    /// Passes spans to the arrows. Spans that don't nest are in the row of their parent's id, roots in their own. Returns,
    /// for each arrow, its cause and the times of its ends.
    fn drawn(arrows: &mut Arrows, spans: &[SpanData]) -> Vec<(Cause, u64, u64)> {
        let starts: HashMap<_, _> = spans.iter().map(|span| (span.span_id, span.start_ns)).collect();
        let mut found = Vec::new();
        for span in batch(spans).spans() {
            let drawn = Drawn { start_ns: span.start_ns(), end_ns: span.end_ns() };
            let spot = match span.is_nested() {
                true => Spot::thread(span.lane(), drawn),
                false => Spot::row(span.lane(), span.parent_span_id().unwrap_or(span.span_id()).to_u64(), drawn),
            };
            arrows.span(&span, spot, &[], &mut |arrow| {
                found.push(match arrow {
                    Arrow::Slices { cause, from, to } => (cause, from.drawn.start_ns, to.drawn.start_ns),
                    Arrow::Mark { cause, at_ns, to, .. } => (cause, at_ns, starts[&to]),
                });
            });
        }
        found
    }

    fn asynchronous(mut span: SpanData) -> SpanData {
        span.nested = false;
        span
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
    fn an_arrow_from_an_asynchronous_parent_starts_when_it_started_the_child() {
        let parent = asynchronous(span(1, 0, "parent", &lane(1), 10, 50));
        let child = span(2, 1, "child", &lane(1), 20, 30);
        let late = span(3, 1, "after its parent's end", &lane(1), 70, 80);
        let expected = [(Cause::Child, 19, 20), (Cause::Child, 49, 70)];
        assert_eq!(drawn(&mut Arrows::new(9), &[child.clone(), parent.clone(), late.clone()]), expected);
        assert_eq!(drawn(&mut Arrows::new(9), &[parent, child, late]), expected);
    }

    #[test]
    fn an_arrow_from_a_thread_leads_to_an_asynchronous_child() {
        let parent = span(1, 0, "parent", &lane(1), 10, 50);
        let child = asynchronous(span(2, 1, "child", &lane(1), 20, 30));
        assert_eq!(drawn(&mut Arrows::new(9), &[child, parent]), [(Cause::Child, 19, 20)]);
    }

    #[test]
    fn an_asynchronous_child_in_its_parents_row_needs_no_arrow() {
        let parent = asynchronous(span(1, 0, "parent", &lane(1), 10, 50));
        let inside = asynchronous(span(2, 1, "inside", &lane(2), 20, 30));
        let after = asynchronous(span(3, 1, "after", &lane(2), 60, 70));
        assert_eq!(drawn(&mut Arrows::new(9), &[inside, parent, after]), [(Cause::Child, 49, 60)]);
    }

    #[test]
    fn an_arrow_leads_to_an_asynchronous_background_job_from_the_span_that_started_it() {
        let starter = span(1, 0, "starter", &lane(1), 10, 50);
        let mut job = asynchronous(span(2, 0, "job", &lane(2), 20, 90));
        job.links.push((starter.trace_id, starter.span_id, Vec::new()));
        let mut arrows = Arrows::new(9);
        assert_eq!(drawn(&mut arrows, &[starter, job.clone()]), [(Cause::Link, 19, 20)]);
        job.parent_span_id = Some(SpanId::from_u64(9));
        job.span_id = SpanId::from_u64(3);
        assert_eq!(drawn(&mut arrows, &[job]), [], "its one arrow comes from its parent");
        assert_eq!(arrows.undrawable, 1);
    }

    #[test]
    fn spans_that_started_at_the_same_time_have_no_arrow_from_a_mark() {
        let mut arrows = Arrows::new(9);
        let parent = asynchronous(span(1, 0, "parent", &lane(1), 10, 50));
        assert_eq!(drawn(&mut arrows, &[span(2, 1, "child", &lane(1), 10, 30), parent]), []);
        assert_eq!(arrows.unresolved(), 1);
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
        assert_eq!((arrows.recent.spots.len(), arrows.recent.order.len()), (MAX_RECENT, MAX_RECENT));
    }
}
