//! The rows of asynchronous spans, below the lanes of their process, and their own times.

use super::row::{Owner, Row};
use crate::model::{Run, SpanIx, Wait, WaitCause};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Asynchronous spans have no row of a lane.
fn asynchronous(run: &Run, span: SpanIx) -> bool {
    let span = &run.spans[span as usize];
    span.polled || !span.nested
}

/// What asynchronous spans without polls took, without their children. Nothing says when they ran.
pub(super) fn own_of_unpolled(run: &Run, own: &mut [u64]) {
    let unpolled = |span: &crate::model::Span| !span.polled && !span.nested;
    let length = |span: &crate::model::Span| span.end.saturating_sub(span.start);
    for (ix, span) in run.spans.iter().enumerate().filter(|(_, span)| unpolled(span)) {
        own[ix] = length(span);
    }
    for span in &run.spans {
        if let Some(parent) = span.parent().filter(|parent| unpolled(&run.spans[*parent as usize])) {
            own[parent as usize] = own[parent as usize].saturating_sub(length(span));
        }
    }
}

pub(super) type Groups = BTreeMap<u32, Vec<Vec<SpanIx>>>;

/// The groups of each process, by start; in a group parents before children, then by start.
pub(super) fn groups(run: &Run, levels: &[u32]) -> Groups {
    let mut order: Vec<SpanIx> = (0..run.spans.len() as u32).filter(|span| asynchronous(run, *span)).collect();
    order.sort_by_key(|span| levels[*span as usize]);
    let mut root = vec![u32::MAX; if order.is_empty() { 0 } else { run.spans.len() }];
    for span in &order {
        let parent = run.spans[*span as usize].parent().map(|parent| root[parent as usize]);
        root[*span as usize] = parent.filter(|root| *root != u32::MAX).unwrap_or(*span);
    }
    let start = |span: u32| run.spans[span as usize].start;
    order.sort_by_key(|span| {
        let root = root[*span as usize];
        (start(root), root, start(*span), levels[*span as usize])
    });
    let mut groups = Groups::new();
    for group in order.chunk_by(|a, b| root[*a as usize] == root[*b as usize]) {
        let lane = run.spans[root[group[0] as usize] as usize].lane;
        let process = run.lanes.get(lane as usize).map_or(0, |lane| lane.process);
        groups.entry(process).or_default().push(group.to_vec());
    }
    groups
}

/// Whether an asynchronous span waited, so that no lane did.
pub(super) fn of_task(run: &Run, wait: &Wait) -> bool {
    wait.cause == WaitCause::Await && wait.span.is_some_and(|span| asynchronous(run, span))
}

/// What stands on the bars of asynchronous spans.
#[derive(Default)]
pub(super) struct Inside {
    /// Their polls, by span and start.
    polls: Vec<u32>,
    /// What they awaited, by span and end.
    awaits: Vec<u32>,
}

impl Inside {
    pub(super) fn of(run: &Run, groups: &Groups) -> Self {
        if groups.is_empty() {
            return Self::default();
        }
        let mut polls: Vec<u32> = (0..run.polls.len() as u32).collect();
        polls.sort_by_key(|ix| (run.polls[*ix as usize].span, run.polls[*ix as usize].start));
        let waits = 0..run.waits.len() as u32;
        let mut awaits: Vec<u32> = waits.filter(|ix| of_task(run, &run.waits[*ix as usize])).collect();
        awaits.sort_by_key(|ix| (run.waits[*ix as usize].span, run.waits[*ix as usize].end));
        Self { polls, awaits }
    }

    fn polls<'a>(&'a self, run: &'a Run, span: SpanIx) -> impl Iterator<Item = &'a u32> {
        let from = self.polls.partition_point(|ix| run.polls[*ix as usize].span < span);
        self.polls[from..].iter().take_while(move |ix| run.polls[**ix as usize].span == span)
    }

    fn awaits<'a>(&'a self, run: &'a Run, span: SpanIx) -> impl Iterator<Item = &'a u32> {
        let from = self.awaits.partition_point(|ix| run.waits[*ix as usize].span < Some(span));
        self.awaits[from..].iter().take_while(move |ix| run.waits[**ix as usize].span == Some(span))
    }
}

/// The rows of a process's groups, without those of its lanes.
pub(super) fn rows(run: &Run, process: u32, groups: Vec<Vec<SpanIx>>, inside: &Inside) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    // Places of earlier groups, by the number of their rows: when they are free, and their first row.
    let mut places: BTreeMap<usize, BinaryHeap<Reverse<(u64, usize)>>> = BTreeMap::new();
    for group in groups {
        let (placed, height) = place(run, &group);
        let start = group.iter().map(|span| run.spans[*span as usize].start).min().unwrap_or(0);
        let end = group.iter().map(|span| end_of(run, *span)).max().unwrap_or(start);
        let free = places.entry(height).or_default();
        let first = match free.peek() {
            Some(Reverse((end, _))) if *end <= start => free.pop().map_or(0, |Reverse((_, row))| row),
            _ => {
                rows.extend((0..height).map(|_| Row::of(Owner::Asynchronous(process))));
                rows.len() - height
            }
        };
        free.push(Reverse((end, first)));
        for (span, row) in group.iter().zip(placed) {
            let row = &mut rows[first + row];
            row.spans.push(*span);
            row.polls.extend(inside.polls(run, *span));
            row.waits.extend(inside.awaits(run, *span));
        }
    }
    rows
}

pub(super) fn end_of(run: &Run, span: SpanIx) -> u64 {
    let span = &run.spans[span as usize];
    span.end.max(span.start)
}

/// The row of each span of a group, counted from the group's first, and how many there are. A span stands below its parent where
/// there is room near it, and in any free row otherwise.
fn place(run: &Run, group: &[SpanIx]) -> (Vec<usize>, usize) {
    /// Rows that are tried below the parent's. It bounds the work for a parent with thousands of children at once.
    const NEAR: usize = 32;
    let mut ends: Vec<u64> = Vec::new();
    let mut by_end = BinaryHeap::new();
    let mut row_of = std::collections::HashMap::new();
    let mut placed = Vec::with_capacity(group.len());
    for span in group {
        let (start, end) = (run.spans[*span as usize].start, end_of(run, *span));
        let below = run.spans[*span as usize].parent().and_then(|parent| row_of.get(&parent)).map_or(0, |row| row + 1);
        let near = (below..ends.len().min(below + NEAR)).find(|row| ends[*row] <= start);
        let row = near.unwrap_or_else(|| {
            while let Some(Reverse((end, row))) = by_end.peek().copied() {
                if ends[row] != end {
                    by_end.pop();
                } else if end <= start && ends.len() > below + NEAR {
                    return row;
                } else {
                    break;
                }
            }
            ends.push(0);
            ends.len() - 1
        });
        ends[row] = end;
        by_end.push(Reverse((end, row)));
        row_of.insert(*span, row);
        placed.push(row);
    }
    (placed, ends.len())
}
