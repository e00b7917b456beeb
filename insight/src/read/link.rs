//! [`run`]: resolves references, and puts the tables of a run in order.

use super::index::Index;
use super::marks;
use super::notes::{self, Found};
use super::raw::Raw;
use super::{aborts, begun, guess, late, nest, order};
use crate::model::{Lane, Process, Run, Span, SpanIx};
use heirloom_core::{SpanId, TraceId};
use std::cmp::Reverse;
use std::ops::Range;

/// The years 1971 to 2099, in nanoseconds. A time outside of them was never set.
const PLAUSIBLE: Range<u64> = 31_536_000_000_000_000..4_102_444_800_000_000_000;

/// The run of what was read.
pub(super) fn run(mut raw: Raw) -> Run {
    sort_processes(&mut raw);
    let mut found = Found { odd_times: odd_times(&mut raw), ..Found::default() };
    let (index, doubles) = index(&mut raw);
    found.doubles = doubles;
    if !parents(&mut raw, &index, &mut found) {
        found.cycles = cut_cycles(&mut raw.spans, raw.traces.ids());
    }
    (found.aborted, found.aborts) =
        (raw.aborts.len(), aborts::notes(&raw.aborts, |span| raw.names.text(raw.spans[span as usize].name)));
    let program = program(&raw);
    let Raw {
        processes,
        lanes,
        names,
        traces,
        spans,
        fans,
        items,
        dropped_children,
        marks,
        texts,
        machine,
        faults,
        ..
    } = raw;
    let mut run = Run {
        program,
        machine,
        processes: processes.into_iter().map(|key| Process { pid: key.pid, name: key.name }).collect(),
        lanes: lanes
            .into_iter()
            .map(|lane| Lane { process: lane.process, thread_id: lane.thread_id, thread_name: lane.name, pool: None })
            .collect(),
        names: names.into_texts(),
        traces: traces.into_ids(),
        spans,
        items,
        dropped_children,
        ..Run::default()
    };
    marks::resolve(&mut run, &index, marks, &texts, &fans, &mut found);
    drop(index);
    order(&mut run);
    late::correct(&mut run);
    begun::extend(&mut run);
    nest::nest(&mut run);
    found.guessed = guess::guess(&mut run) + guess::awaited(&mut run);
    notes::add(&mut run, &found, &faults);
    run
}

/// Sorts processes by all that they are known by: a run has less of it.
fn sort_processes(raw: &mut Raw) {
    let mut rows: Vec<usize> = (0..raw.processes.len()).collect();
    rows.sort_by(|a, b| raw.processes[*a].cmp(&raw.processes[*b]));
    let mut places = vec![0; rows.len()];
    rows.iter().zip(0..).for_each(|(row, place)| places[*row] = place);
    raw.lanes.iter_mut().for_each(|lane| lane.process = places[lane.process as usize]);
    raw.processes.sort();
}

/// Removes spans whose start was never set, and the length of those whose end wasn't, if the others have plausible times.
fn odd_times(raw: &mut Raw) -> u64 {
    if !raw.spans.iter().any(|span| PLAUSIBLE.contains(&span.start)) {
        return 0;
    }
    let is_plausible = |span: &Span| PLAUSIBLE.contains(&span.start) && PLAUSIBLE.contains(&span.end);
    if raw.spans.iter().all(is_plausible) {
        return 0;
    }
    let is_odd = |span: &Span| !PLAUSIBLE.contains(&span.start);
    let odd: Vec<u32> = raw.spans.iter().zip(0..).filter_map(|(span, at)| is_odd(span).then_some(at)).collect();
    if !odd.is_empty() {
        raw.remove(&odd);
    }
    let endless = raw.spans.iter_mut().filter(|span| !PLAUSIBLE.contains(&span.end));
    odd.len() as u64 + endless.map(|span| span.end = span.start).count() as u64
}

/// The index of the spans, after all but one of those with the same ids are removed: the one that ends last stays.
fn index(raw: &mut Raw) -> (Index, u64) {
    let mut pairs = Vec::new();
    let index = Index::of(&raw.spans, |first, other| pairs.push((first, other)));
    if pairs.is_empty() {
        return (index, 0);
    }
    pairs.sort_unstable();
    let mut gone = Vec::with_capacity(pairs.len());
    for group in pairs.chunk_by(|a, b| a.0 == b.0) {
        let all = || std::iter::once(group[0].0).chain(group.iter().map(|pair| pair.1));
        let best = all().max_by(|a, b| rank(raw, *a).cmp(&rank(raw, *b)).then(b.cmp(a)));
        gone.extend(all().filter(|span| Some(*span) != best));
    }
    gone.sort_unstable();
    raw.remove(&gone);
    (Index::of(&raw.spans, |_, _| ()), gone.len() as u64)
}

/// What decides between spans with the same ids, whichever was read first.
fn rank(raw: &Raw, span: SpanIx) -> impl Ord + '_ {
    let row = &raw.spans[span as usize];
    let lane = &raw.lanes[row.lane as usize];
    let place = (&raw.processes[lane.process as usize], lane.thread_id);
    let of = |table: &[(SpanIx, u64)]| table.binary_search_by_key(&span, |row| row.0).map(|at| table[at].1).ok();
    let facts = (of(&raw.items), row.open, row.error, of(&raw.dropped_children));
    (row.end, row.start, raw.names.text(row.name), place, raw.parents[span as usize], of(&raw.fans), facts)
}

/// Returns whether each parent starts before its children, or at the same time and is read later, as it is where it ends later.
/// There is no circle then.
fn parents(raw: &mut Raw, index: &Index, found: &mut Found) -> bool {
    let (mut are_in_order, mut last) = (true, (0, 0, None));
    for (at, id) in std::mem::take(&mut raw.parents).into_iter().enumerate().filter(|(_, id)| *id != 0) {
        let span = &raw.spans[at];
        // Many spans in a row have one parent.
        if (last.0, last.1) != (id, span.trace) {
            last = (id, span.trace, index.find(&raw.spans, SpanId::from_u64(id), Some(span.trace)));
        }
        let parent = last.2;
        let key = |row: usize| (raw.spans[row].start, Reverse(row));
        are_in_order &= parent.is_none_or(|parent| key(parent as usize) < key(at));
        found.orphans += u64::from(parent.is_none());
        raw.spans[at].set_parent(parent);
    }
    are_in_order
}

/// Makes a root of one span in each circle of parents: the one that starts first.
fn cut_cycles(spans: &mut [Span], traces: &[TraceId]) -> u64 {
    /// Not looked at; on the way from the span that is looked at; known to lead to a root.
    const NEW: u8 = 0;
    const HERE: u8 = 1;
    const DONE: u8 = 2;
    let mut state = vec![NEW; spans.len()];
    let (mut way, mut cycles) = (Vec::new(), 0);
    for first in 0..spans.len() {
        let mut next = Some(first as SpanIx);
        while let Some(at) = next.filter(|at| state[*at as usize] == NEW) {
            state[at as usize] = HERE;
            way.push(at);
            next = spans[at as usize].parent();
        }
        if let Some(again) = next.filter(|at| state[*at as usize] == HERE) {
            let circle = &way[way.iter().position(|at| *at == again).unwrap_or_default()..];
            let key = |at: &SpanIx| {
                let span = &spans[*at as usize];
                (span.start, traces[span.trace as usize], span.id)
            };
            if let Some(top) = circle.iter().min_by_key(|at| key(at)) {
                spans[*top as usize].set_parent(None);
                cycles += 1;
            }
        }
        way.drain(..).for_each(|at| state[at as usize] = DONE);
    }
    cycles
}

/// The name of the process of the first root that has one, or the file's.
fn program(raw: &Raw) -> String {
    let process = |span: &Span| &raw.processes[raw.lanes[span.lane as usize].process as usize];
    let roots = raw.spans.iter().filter(|span| span.parent().is_none() && !process(span).name.is_empty());
    let first = roots.min_by_key(|span| (span.start, process(span)));
    let name = first.map(|span| process(span).name.to_string());
    name.or_else(|| raw.file.clone()).unwrap_or_default()
}
