//! [`Found`]: what is wrong with the spans.

use super::rows::{self, Row, Rows, NO_THREAD};
use crate::kind::{Allowed, Kind};
use hashbrown::HashTable;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// A problem of a span.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem {
    /// The number of its row.
    pub(crate) row: u32,
    pub(crate) why: Why,
}

/// What exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// No span has the parent's id.
    NoParent,
    /// An earlier span has the id.
    Same,
    /// It ends so many nanoseconds before it starts.
    Backwards(u64),
    /// It starts so many nanoseconds before its parent, of this row.
    Early(u64, u32),
    /// It ends so many nanoseconds after its parent, of this row.
    Late(u64, u32),
    /// It was open.
    Open,
    /// Its process ended.
    Aborted,
    /// So many spans below it are missing.
    Dropped(u32),
}

impl Why {
    /// The row of the parent, if the parent is part of the problem.
    pub(crate) fn parent(self) -> Option<u32> {
        match self {
            Self::Early(_, parent) | Self::Late(_, parent) => Some(parent),
            _ => None,
        }
    }
}

/// The problems of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems {
    pub(crate) count: u64,
    /// The first ones.
    pub(crate) listed: Vec<Problem>,
}

/// What is wrong.
#[derive(Debug)]
pub(crate) struct Found {
    /// In the order of [`Kind::ALL`].
    kinds: [Problems; Kind::ALL.len()],
    list: usize,
    pub(crate) traces: u64,
    pub(crate) roots: u64,
    /// From the first start to the last end.
    pub(crate) wall_ns: u64,
}

/// Rows by trace and id. Five bytes each.
struct Index {
    table: HashTable<u32>,
    state: RandomState,
}

impl Index {
    fn new(rows: usize) -> Self {
        Self { table: HashTable::with_capacity(rows), state: RandomState::new() }
    }

    fn find(&self, all: &[Row], trace: [u64; 2], id: u64) -> Option<u32> {
        let hash = self.state.hash_one((trace, id));
        let is_it = |row: &u32| all[*row as usize].id == id && all[*row as usize].trace() == trace;
        self.table.find(hash, is_it).copied()
    }

    fn insert(&mut self, all: &[Row], row: u32) {
        let hash = |row: &u32| self.state.hash_one((all[*row as usize].trace(), all[*row as usize].id));
        self.table.insert_unique(hash(&row), row, hash);
    }
}

impl Found {
    /// Looks at all spans; lists the first `list` problems of each kind.
    pub(crate) fn of(rows: &mut Rows, list: usize) -> Self {
        let mut found = Self { kinds: Default::default(), list, traces: 0, roots: 0, wall_ns: 0 };
        let all = &rows.all;
        let mut index = Index::new(all.len());
        for (number, row) in (0..).zip(all) {
            // Ids that are missing are no duplicates: each of them is one span.
            match index.find(all, row.trace(), row.id).filter(|_| row.id != 0) {
                Some(_) => found.add(Kind::Duplicates, number, Why::Same),
                None => index.insert(all, number),
            }
        }
        for (number, row) in (0..).zip(all) {
            found.span(number, row);
            if row.parent == 0 {
                found.roots += 1;
                continue;
            }
            match index.find(all, row.trace(), row.parent) {
                Some(parent) => found.child(number, row, parent, &all[parent as usize]),
                None if row.is(rows::REMOTE) => {}
                None => found.add(Kind::Orphans, number, Why::NoParent),
            }
        }
        found.traces = traces(all);
        let first = all.iter().map(|row| row.start).min().unwrap_or(0);
        found.wall_ns = all.iter().map(|row| row.end).max().unwrap_or(0).saturating_sub(first);
        found
    }

    fn span(&mut self, number: u32, row: &Row) {
        if row.end < row.start {
            self.add(Kind::Negative, number, Why::Backwards(row.start - row.end));
        }
        if row.is(rows::OPEN) {
            self.add(Kind::Open, number, Why::Open);
        }
        if row.is(rows::ABORTED) {
            self.add(Kind::Aborted, number, Why::Aborted);
        }
        if row.dropped_children > 0 {
            self.add(Kind::Dropped, number, Why::Dropped(row.dropped_children));
        }
    }

    /// A child is outside of its parent if it starts before it, or if both ran on one thread and it ends later. Clocks of different
    /// processes differ; asynchronous children and those on other threads may outlive their parent.
    fn child(&mut self, number: u32, row: &Row, parent_number: u32, parent: &Row) {
        if row.process == parent.process && row.start < parent.start {
            self.add(Kind::Outside, number, Why::Early(parent.start - row.start, parent_number));
            return;
        }
        let is_nested = row.thread == parent.thread && row.thread != NO_THREAD;
        let is_async = row.is(rows::ASYNC) || parent.is(rows::ASYNC);
        // One that starts after its parent's end is a job that was handed on.
        if is_nested && !is_async && row.start < parent.end && row.end > parent.end {
            self.add(Kind::Outside, number, Why::Late(row.end - parent.end, parent_number));
        }
    }

    fn add(&mut self, kind: Kind, row: u32, why: Why) {
        let (list, problems) = (self.list, &mut self.kinds[kind as usize]);
        problems.count += match why {
            Why::Dropped(count) => count.into(),
            _ => 1,
        };
        if problems.listed.len() < list {
            problems.listed.push(Problem { row, why });
        }
    }

    pub(crate) fn kind(&self, kind: Kind) -> &Problems {
        &self.kinds[kind as usize]
    }

    /// What exceeds what is allowed: each kind, how many, and how many are accepted.
    pub(crate) fn against(&self, allowed: &[Allowed]) -> Verdict {
        let most = |kind| allowed.iter().rev().find(|one| one.kind == kind).map_or(0, |one| one.most);
        let failed = Kind::ALL.into_iter().map(|kind| (kind, self.kind(kind).count, most(kind)));
        Verdict { failed: failed.filter(|(_, count, most)| count > most).collect() }
    }
}

/// Whether the trace passes.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) failed: Vec<(Kind, u64, u64)>,
}

impl Verdict {
    pub(crate) fn is_ok(&self) -> bool {
        self.failed.is_empty()
    }
}

/// How many traces there are. Most files have few, or spans of one trace behind each other.
fn traces(all: &[Row]) -> u64 {
    let (mut seen, mut last) = (HashSet::new(), None);
    for row in all {
        if last != Some(row.trace()) {
            last = Some(row.trace());
            seen.insert(row.trace());
        }
    }
    seen.len() as u64
}
