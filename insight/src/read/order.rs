//! [`order`]: sorts the tables of a run, so that the same input in any order gives the same run.

use crate::model::{Run, Span, SpanIx};
use crate::{parallel, sorted};
use std::cmp::Ordering;

/// How many ancestors of a span are looked at to find out whether it is inside of another one with the same times.
const MAX_ANCESTORS: usize = 256;

/// Sorts the tables, corrects the indices, and sets the window. Takes n log n time, and 56 bytes for each span meanwhile.
pub(crate) fn order(run: &mut Run) {
    processes(run);
    let (lanes, names, traces) = (lanes(run), names(run), traces(run));
    for span in &mut run.spans {
        span.lane = lanes[span.lane as usize];
        span.name = names[span.name as usize];
        span.trace = traces[span.trace as usize];
    }
    locks(run);
    spans(run);
    fans(run);
    rest(run);
    let start = run.spans.first().map_or(0, |span| span.start);
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

/// Returns where the lanes went, of which those of spans aren't corrected yet.
fn lanes(run: &mut Run) -> Vec<u32> {
    let key = |lane: usize| (run.lanes[lane].process, run.lanes[lane].thread_id);
    let places = places(run.lanes.len(), |a, b| key(a).cmp(&key(b)));
    let put = |lane: &mut u32| *lane = places[*lane as usize];
    run.fans.iter_mut().for_each(|row| put(&mut row.lane));
    run.strands.iter_mut().for_each(|row| put(&mut row.lane));
    run.waits.iter_mut().for_each(|row| put(&mut row.lane));
    run.holds.iter_mut().for_each(|row| put(&mut row.lane));
    run.stages.iter_mut().for_each(|row| put(&mut row.lane));
    run.polls.iter_mut().for_each(|row| put(&mut row.lane));
    run.samples.iter_mut().for_each(|row| put(&mut row.lane));
    moved(&mut run.lanes, &mut places.clone());
    places
}

/// As [`lanes`].
fn names(run: &mut Run) -> Vec<u32> {
    let places = places(run.names.len(), |a, b| run.names[a].cmp(&run.names[b]));
    moved(&mut run.names, &mut places.clone());
    places
}

/// As [`lanes`].
fn traces(run: &mut Run) -> Vec<u32> {
    let places = places(run.traces.len(), |a, b| run.traces[a].cmp(&run.traces[b]));
    moved(&mut run.traces, &mut places.clone());
    places
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
    if (1..all.len() as u32).all(|row| before(all, row - 1, row) == Ordering::Less) {
        return;
    }
    let rows = sorted_rows(all);
    let places = invert(&rows);
    put_spans(run, &places);
    let put = |row: &u32| {
        let mut span = run.spans[*row as usize].clone();
        span.set_parent(span.parent().map(|parent| places[parent as usize]));
        span
    };
    // A second table, because most rows go near their neighbours: moving them in circles would wait for memory at each step.
    run.spans = rows.iter().map(put).collect();
}

/// The rows of spans in order. Two threads sort a half each, by start alone; few spans start at the same nanosecond.
fn sorted_rows(all: &[Span]) -> Vec<u32> {
    let mut keys: Vec<(u64, u32)> = all.iter().zip(0..).map(|(span, row)| (span.start, row)).collect();
    let (one, other) = keys.split_at_mut(all.len() / 2);
    parallel::both(|| one.sort_unstable(), || other.sort_unstable());
    let mut rows = merged(one, other);
    drop(keys);
    let start = |row: &u32| all[*row as usize].start;
    for same in rows.chunk_by_mut(|a, b| start(a) == start(b)).filter(|same| same.len() > 1) {
        same.sort_unstable_by(|a, b| before(all, *a, *b));
    }
    rows
}

/// The rows of two sorted tables, in order.
fn merged(one: &[(u64, u32)], other: &[(u64, u32)]) -> Vec<u32> {
    let mut rows = Vec::with_capacity(one.len() + other.len());
    let mut others = other.iter().peekable();
    for key in one {
        while let Some(first) = others.next_if(|first| *first < key) {
            rows.push(first.1);
        }
        rows.push(key.1);
    }
    rows.extend(others.map(|key| key.1));
    rows
}

/// Corrects all indices of spans, but those in the table of spans.
fn put_spans(run: &mut Run, places: &[u32]) {
    let put = |span: &mut SpanIx| *span = places[*span as usize];
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
    if !places.is_empty() {
        run.spans.iter_mut().for_each(|span| span.set_fan(span.fan().map(|fan| places[fan as usize])));
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Kit;

    #[test]
    fn spans_are_in_the_same_order_however_they_were_read_and_keep_their_parents() {
        let mut kit = Kit::new();
        let lanes = kit.pool("rayon", 3);
        let mut random = 1_u32;
        for at in 0..300_u32 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (start, lane) = (u64::from(random >> 28), lanes[(random >> 20) as usize % 3]);
            kit.span(lane, "work", at.checked_sub(1 + random % 5), start..start + u64::from(random >> 24 & 7));
        }
        let above = |run: &Run| -> Vec<_> {
            run.spans.iter().map(|span| (span.id, span.parent().map(|parent| run.spans[parent as usize].id))).collect()
        };
        let (mut run, mut parents) = (kit.run(), Vec::new());
        for _ in 0..3 {
            assert!((1..300).all(|row| before(&run.spans, row - 1, row) == Ordering::Less));
            parents.push(above(&run));
            // Backwards.
            run.spans.reverse();
            run.spans.iter_mut().for_each(|span| span.set_parent(span.parent().map(|parent| 299 - parent)));
            order(&mut run);
        }
        assert_eq!((&parents[0], &parents[0]), (&parents[1], &parents[2]));
    }
}
