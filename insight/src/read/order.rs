//! [`order`]: sorts the tables of a run, so that the same input in any order gives the same run.

use crate::model::{Run, Span, SpanIx};
use crate::sorted;
use std::cmp::Ordering;

/// How many ancestors of a span are looked at to find out whether it is inside of another one with the same times.
const MAX_ANCESTORS: usize = 256;

/// Sorts the tables, corrects the indices, and sets the window. Takes n log n time, and 20 bytes for each span meanwhile.
pub(crate) fn order(run: &mut Run) {
    processes(run);
    lanes(run);
    names(run);
    traces(run);
    locks(run);
    spans(run);
    fans(run);
    rest(run);
    let start = run.spans.iter().map(|span| span.start).min().unwrap_or_default();
    run.window = start..run.spans.iter().map(|span| span.end).max().unwrap_or_default();
}

/// Where each row of a table goes, if the table is sorted by `compare`.
fn places(len: usize, compare: impl Fn(usize, usize) -> Ordering) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..len as u32).collect();
    rows.sort_by(|a, b| compare(*a as usize, *b as usize));
    invert(&rows)
}

/// Where each row goes, if row `rows[i]` goes to `i`.
fn invert(rows: &[u32]) -> Vec<u32> {
    let mut places = vec![0; rows.len()];
    for (place, row) in rows.iter().enumerate() {
        places[*row as usize] = place as u32;
    }
    places
}

/// Moves each row to its place, without a second table.
fn moved<T>(table: &mut [T], places: &mut [u32]) {
    for row in 0..table.len() {
        while places[row] as usize != row {
            let to = places[row] as usize;
            table.swap(row, to);
            places.swap(row, to);
        }
    }
}

fn processes(run: &mut Run) {
    let all = &run.processes;
    let mut places = places(all.len(), |a, b| (all[a].pid, &all[a].name).cmp(&(all[b].pid, &all[b].name)));
    run.lanes.iter_mut().for_each(|lane| lane.process = places[lane.process as usize]);
    run.loads.iter_mut().for_each(|load| load.process = places[load.process as usize]);
    moved(&mut run.processes, &mut places);
}

fn lanes(run: &mut Run) {
    let key = |lane: usize| (run.lanes[lane].process, run.lanes[lane].thread_id);
    let mut places = places(run.lanes.len(), |a, b| key(a).cmp(&key(b)));
    let put = |lane: &mut u32| *lane = places[*lane as usize];
    run.spans.iter_mut().for_each(|row| put(&mut row.lane));
    run.fans.iter_mut().for_each(|row| put(&mut row.lane));
    run.strands.iter_mut().for_each(|row| put(&mut row.lane));
    run.waits.iter_mut().for_each(|row| put(&mut row.lane));
    run.holds.iter_mut().for_each(|row| put(&mut row.lane));
    run.stages.iter_mut().for_each(|row| put(&mut row.lane));
    run.polls.iter_mut().for_each(|row| put(&mut row.lane));
    run.samples.iter_mut().for_each(|row| put(&mut row.lane));
    moved(&mut run.lanes, &mut places);
}

fn names(run: &mut Run) {
    let mut places = places(run.names.len(), |a, b| run.names[a].cmp(&run.names[b]));
    run.spans.iter_mut().for_each(|span| span.name = places[span.name as usize]);
    moved(&mut run.names, &mut places);
}

fn traces(run: &mut Run) {
    let mut places = places(run.traces.len(), |a, b| run.traces[a].cmp(&run.traces[b]));
    run.spans.iter_mut().for_each(|span| span.trace = places[span.trace as usize]);
    moved(&mut run.traces, &mut places);
}

fn locks(run: &mut Run) {
    let key = |lock: usize| {
        let lock = &run.locks[lock];
        (&lock.name, lock.kind as u8, lock.acquisitions, lock.short_waits, lock.short_wait_ns)
    };
    let mut places = places(run.locks.len(), |a, b| key(a).cmp(&key(b)));
    run.holds.iter_mut().for_each(|hold| hold.lock = places[hold.lock as usize]);
    run.waits.iter_mut().for_each(|wait| wait.lock = wait.lock.map(|lock| places[lock as usize]));
    moved(&mut run.locks, &mut places);
}

fn spans(run: &mut Run) {
    let all = &run.spans;
    if !all.windows(2).enumerate().all(|(row, _)| before(all, row as u32, row as u32 + 1) == Ordering::Less) {
        let mut keys: Vec<(u64, u32)> = all.iter().zip(0..).map(|(span, row)| (span.start, row)).collect();
        keys.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| before(all, a.1, b.1)));
        let mut places = vec![0; keys.len()];
        for (place, (_, row)) in keys.iter().enumerate() {
            places[*row as usize] = place as u32;
        }
        drop(keys);
        put_spans(run, &places);
        moved(&mut run.spans, &mut places);
    }
}

/// Corrects all indices of spans.
fn put_spans(run: &mut Run, places: &[u32]) {
    let put = |span: &mut SpanIx| *span = places[*span as usize];
    run.spans.iter_mut().for_each(|row| row.set_parent(row.parent().map(|parent| places[parent as usize])));
    run.items.iter_mut().chain(&mut run.dropped_children).for_each(|row| put(&mut row.0));
    run.fans.iter_mut().filter_map(|row| row.parent.as_mut()).for_each(put);
    run.fans.iter_mut().flat_map(|row| &mut row.children).for_each(put);
    for row in &mut run.waits {
        [&mut row.span, &mut row.holder, &mut row.releaser].into_iter().flatten().for_each(put);
    }
    run.holds.iter_mut().filter_map(|row| row.span.as_mut()).for_each(put);
    run.stages.iter_mut().flat_map(|row| [Some(&mut row.span), row.by.as_mut()]).flatten().for_each(put);
    run.polls.iter_mut().for_each(|row| put(&mut row.span));
}

/// By start, then by lane. On one lane, what encloses the other comes first.
fn before(all: &[Span], a: u32, b: u32) -> Ordering {
    let (x, y) = (&all[a as usize], &all[b as usize]);
    let outer = |span: &Span| (span.start, span.lane, u64::MAX - span.end);
    let equal = || depth(all, x).cmp(&depth(all, y)).then_with(|| (x.trace, x.id).cmp(&(y.trace, y.id)));
    outer(x).cmp(&outer(y)).then_with(equal).then_with(|| x.name.cmp(&y.name)).then_with(|| a.cmp(&b))
}

/// How many spans are above one.
fn depth(all: &[Span], span: &Span) -> usize {
    let above = std::iter::successors(span.parent(), |parent| all[*parent as usize].parent());
    above.take(MAX_ANCESTORS).count()
}

/// Sorts the fan-outs and their children.
pub(crate) fn fans(run: &mut Run) {
    run.fans.iter_mut().for_each(|fan| fan.children.sort_unstable());
    let key = |fan: usize| (run.fans[fan].begin, run.fans[fan].lane, run.fans[fan].id, run.fans[fan].parent);
    let mut places = places(run.fans.len(), |a, b| key(a).cmp(&key(b)));
    let put = |fan: &mut u32| *fan = places[*fan as usize];
    run.spans.iter_mut().for_each(|span| span.set_fan(span.fan().map(|fan| places[fan as usize])));
    run.strands.iter_mut().for_each(|strand| put(&mut strand.fan));
    run.fans.iter_mut().filter_map(|fan| fan.within.as_mut()).for_each(put);
    moved(&mut run.fans, &mut places);
}

/// The tables that nothing refers to.
fn rest(run: &mut Run) {
    run.items.sort_unstable_by_key(|row| row.0);
    run.dropped_children.sort_unstable_by_key(|row| row.0);
    run.strands.sort_unstable_by_key(|row| (row.start, row.lane, row.end, row.fan));
    run.waits.sort_unstable_by_key(|row| {
        (row.start, row.lane, row.end, row.cause as u8, row.span, row.lock, row.holder, row.releaser)
    });
    run.holds.sort_unstable_by_key(|row| (row.start, row.lane, row.end, row.lock, row.span, row.contended));
    run.stages.sort_unstable_by_key(|row| (row.at, row.lane, row.span, row.kind));
    run.polls.sort_unstable_by_key(|row| (row.start, row.lane, row.end, row.span));
    run.samples.sort_unstable_by_key(|row| (row.lane, row.start, row.end, row.cpu_ns, row.queue_ns));
    sorted::by_key(&mut run.loads, |row| {
        (row.start, row.process, row.end, row.cpu_ns, row.others_ns, row.page_faults, row.collecting_ns)
    });
    sorted::by(&mut run.notes, |a, b| (a.kind, &a.text).cmp(&(b.kind, &b.text)));
}
