//! The rows of asynchronous spans: those that don't nest on a thread.
//!
//! Viewers nest the asynchronous events of one id by their times alone, and draw each id as a row of its own, below the
//! threads. So a span shares the row of its children if the times alone show that they are its children. The asynchronous
//! spans of a request then form one block, with the request on top. Children that overlap each other need several rows. The
//! span is drawn in each of them: once as itself, in the others as a *frame*.
//!
//! Children arrive before their parents. A row remembers only its *runs*: times that no later span encloses yet.
//! Neighbouring children of one parent are one run.

use crate::{SpanId, TraceId};
use std::collections::{HashMap, VecDeque};

/// How many traces have rows to which later spans may be added. The spans of an older trace get new rows.
const MAX_GROUPS: usize = 4096;

/// How many rows of one trace are remembered. A span that fits in none of them gets a row that isn't.
const MAX_ROWS: usize = 256;

/// How many runs of a row are remembered: as many as there are levels of parents that are still open.
const MAX_RUNS: usize = 64;

/// Where an asynchronous span is drawn.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) row: u64,
    /// The start, one nanosecond early if the first child started at the same time: viewers sort by start.
    pub(super) start_ns: u64,
    /// Other rows with children of the span.
    pub(super) frames: Vec<u64>,
}

/// A span that is to be placed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timed {
    pub(super) span: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
}

/// The rows of all traces, each for the part that one process recorded.
#[derive(Debug, Default)]
pub(super) struct Rows {
    groups: HashMap<Group, Vec<Row>>,
    /// The keys of `groups`, the oldest first.
    order: VecDeque<Group>,
    last: u64,
}

type Group = (u32, TraceId);

#[derive(Debug)]
struct Row {
    number: u64,
    runs: Vec<Run>,
    /// The end of the runs that were forgotten.
    floor_ns: u64,
}

/// Spans with one parent, one after the other.
#[derive(Clone, Copy, Debug)]
struct Run {
    parent: Option<SpanId>,
    start_ns: u64,
    end_ns: u64,
}

/// How a span fits in a row.
#[derive(Clone, Copy, Debug)]
struct Fit {
    /// How many runs at the end of the list it encloses. All are children of the span.
    inside: usize,
    start_ns: u64,
}

impl Rows {
    /// Finds the rows of a span. Its children, if they were placed before, are in these rows.
    pub(super) fn place(&mut self, process_id: u32, trace: TraceId, span: Timed) -> Placed {
        let key = (process_id, trace);
        self.make_room(&key);
        let group = self.groups.entry(key).or_default();
        let fits: Vec<_> = group.iter().map(|row| row.fit(&span)).collect();
        let with_children = |fit: &Option<Fit>| fit.is_some_and(|fit| fit.inside > 0);
        let home = fits.iter().position(with_children).or_else(|| fits.iter().position(Option::is_some));
        let Some(home) = home else {
            self.last += 1;
            if group.len() < MAX_ROWS {
                group.push(Row::new(self.last, &span));
            }
            return Placed { row: self.last, start_ns: span.start_ns, frames: Vec::new() };
        };
        let mut placed = Placed { row: 0, start_ns: span.start_ns, frames: Vec::new() };
        for (i, (row, fit)) in group.iter_mut().zip(&fits).enumerate() {
            match fit {
                Some(fit) if i == home => (placed.row, placed.start_ns) = (row.number, row.enclose(&span, fit)),
                Some(fit) if fit.inside > 0 => {
                    row.enclose(&span, fit);
                    placed.frames.push(row.number);
                }
                _ => {}
            }
        }
        placed
    }

    /// Forgets everything: what it placed has not reached the file. Numbers are not used again.
    pub(super) fn forget(&mut self) {
        self.groups.clear();
        self.order.clear();
    }

    fn make_room(&mut self, key: &Group) {
        if self.groups.contains_key(key) {
            return;
        }
        if self.order.len() >= MAX_GROUPS {
            self.order.pop_front().and_then(|oldest| self.groups.remove(&oldest));
        }
        self.order.push_back(*key);
    }
}

impl Row {
    fn new(number: u64, span: &Timed) -> Self {
        Self { number, runs: vec![Run::of(span, span.start_ns)], floor_ns: 0 }
    }

    /// How the span fits in. It may enclose its children, and must not overlap any other span.
    fn fit(&self, span: &Timed) -> Option<Fit> {
        let (mut inside, mut first_ns, mut before_ns) = (0, u64::MAX, self.floor_ns);
        for run in self.runs.iter().rev() {
            if run.parent == Some(span.span) && run.start_ns >= span.start_ns && run.end_ns <= span.end_ns {
                inside += 1;
                first_ns = run.start_ns;
                continue;
            }
            before_ns = run.end_ns;
            break;
        }
        let wanted = if first_ns == span.start_ns { span.start_ns.saturating_sub(1) } else { span.start_ns };
        (before_ns <= span.start_ns).then(|| Fit { inside, start_ns: wanted.max(before_ns) })
    }

    /// Draws the span around the runs inside it. Returns its start.
    fn enclose(&mut self, span: &Timed, fit: &Fit) -> u64 {
        self.runs.truncate(self.runs.len() - fit.inside);
        match self.runs.last_mut() {
            Some(last) if last.parent == span.parent => last.end_ns = span.end_ns,
            _ => self.runs.push(Run::of(span, fit.start_ns)),
        }
        if self.runs.len() > MAX_RUNS {
            self.floor_ns = self.runs.remove(0).end_ns;
        }
        fit.start_ns
    }
}

impl Run {
    fn of(span: &Timed, start_ns: u64) -> Self {
        Self { parent: span.parent, start_ns, end_ns: span.end_ns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places the spans of one trace, (id, parent, start, end). Returns for each its row, its start and its frames.
    fn placed(rows: &mut Rows, spans: &[(u64, u64, u64, u64)]) -> Vec<(u64, u64, Vec<u64>)> {
        let place = |&(id, parent, start_ns, end_ns): &(u64, u64, u64, u64)| {
            let parent = (parent != 0).then(|| SpanId::from_u64(parent));
            let placed =
                rows.place(1, TraceId::from_u128(7), Timed { span: SpanId::from_u64(id), parent, start_ns, end_ns });
            (placed.row, placed.start_ns, placed.frames)
        };
        spans.iter().map(place).collect()
    }

    fn rows_of(spans: &[(u64, u64, u64, u64)]) -> Vec<u64> {
        placed(&mut Rows::default(), spans).into_iter().map(|(row, ..)| row).collect()
    }

    #[test]
    fn children_one_after_the_other_share_the_row_of_their_parent() {
        assert_eq!(rows_of(&[(3, 2, 10, 20), (4, 2, 20, 30), (2, 1, 10, 40), (5, 1, 50, 60), (1, 0, 0, 90)]), [1; 5]);
    }

    #[test]
    fn children_that_overlap_have_rows_with_a_frame_of_their_parent() {
        let all = placed(&mut Rows::default(), &[(2, 1, 10, 30), (3, 1, 20, 40), (1, 0, 0, 90)]);
        assert_eq!(all, [(1, 10, vec![]), (2, 20, vec![]), (1, 0, vec![2])]);
    }

    #[test]
    fn frames_are_enclosed_by_the_next_parent() {
        let spans = [(2, 1, 10, 30), (3, 1, 20, 40), (1, 9, 5, 50), (4, 9, 60, 70), (9, 0, 0, 90)];
        let all = placed(&mut Rows::default(), &spans);
        assert_eq!(all[3..], [(1, 60, vec![]), (1, 0, vec![2])]);
    }

    #[test]
    fn a_span_is_never_drawn_inside_one_that_is_not_its_parent() {
        assert_eq!(rows_of(&[(2, 1, 20, 30), (3, 1, 10, 40)]), [1, 2], "siblings");
        assert_eq!(rows_of(&[(2, 1, 20, 30), (3, 1, 30, 40), (4, 1, 10, 50)]), [1, 1, 2], "the first of a run");
        assert_eq!(rows_of(&[(2, 1, 10, 40), (3, 1, 20, 30)]), [1, 2], "exported in another order");
    }

    #[test]
    fn a_child_that_outlives_its_parent_is_beside_it() {
        assert_eq!(rows_of(&[(2, 1, 10, 40), (1, 0, 0, 30)]), [1, 2]);
        assert_eq!(rows_of(&[(1, 0, 0, 30), (2, 1, 10, 40), (3, 1, 50, 60)]), [1, 2, 1]);
    }

    #[test]
    fn a_parent_that_started_with_its_child_is_drawn_earlier_if_there_is_room() {
        assert_eq!(placed(&mut Rows::default(), &[(2, 1, 10, 20), (1, 0, 10, 30)])[1], (1, 9, vec![]));
        let full = placed(&mut Rows::default(), &[(9, 0, 0, 10), (2, 1, 10, 20), (1, 0, 10, 30)]);
        assert_eq!(full[2], (1, 10, vec![]));
    }

    #[test]
    fn traces_and_processes_have_rows_of_their_own() {
        let mut rows = Rows::default();
        let span = Timed { span: SpanId::from_u64(1), parent: None, start_ns: 1, end_ns: 2 };
        let trace = TraceId::from_u128(1);
        assert_eq!(rows.place(1, trace, span).row, 1);
        assert_eq!(rows.place(2, trace, span).row, 2);
        assert_eq!(rows.place(1, TraceId::from_u128(2), span).row, 3);
    }

    #[test]
    fn memory_is_bounded() {
        let mut rows = Rows::default();
        for i in 1..=100_000_u64 {
            // Siblings, a chain of open parents, and one trace each.
            placed(&mut rows, &[(i, 1_000_000, 10 * i, 10 * i + 5)]);
            let span = SpanId::from_u64(i);
            let chain = Timed { span, parent: Some(SpanId::from_u64(i + 1)), start_ns: 10 * i, end_ns: 10 * i + 1 };
            rows.place(2, TraceId::from_u128(7), chain);
            rows.place(3, TraceId::from_u128(u128::from(i)), chain);
        }
        assert_eq!(rows.groups[&(1, TraceId::from_u128(7))][0].runs.len(), 1, "siblings are one run");
        assert!(rows.groups.len() <= MAX_GROUPS && rows.order.len() <= MAX_GROUPS);
        assert!(rows.groups.values().flatten().all(|row| row.runs.len() <= MAX_RUNS));
        for i in 1..=1000 {
            let overlapping = Timed { span: SpanId::from_u64(i), parent: None, start_ns: i, end_ns: 5000 };
            rows.place(4, TraceId::from_u128(7), overlapping);
        }
        assert_eq!(rows.groups[&(4, TraceId::from_u128(7))].len(), MAX_ROWS);
    }
}
