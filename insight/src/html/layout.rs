//! Which row of the timeline shows what.
//!
//! A lane has a row for each depth: spans that ran on it from start to end, polls, waits, and stolen pieces without a span. A bar
//! stands below the bar around it. Asynchronous spans have separate rows below the lanes of their process. There a *group* is a
//! span without an asynchronous parent, with the asynchronous spans below it. A group keeps its rows to itself while it lasts. What
//! such a span awaited stands on its bar. Bars of one row never overlap.

use super::row::{Owner, Row};
use super::{asynchronous, index};
use crate::model::{Run, SpanIx};
use std::cmp::Reverse;

/// The rows of the timeline.
pub(super) struct Layout {
    /// From the top down.
    pub(super) rows: Vec<Row>,
    /// The time of each span in which it was the innermost one of its lane and didn't wait.
    pub(super) own: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Strand,
    Span,
    Poll,
    Wait,
}

/// What occupies a lane. The order is that in which the stack of a lane meets them: what is around others comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bar {
    lane: u32,
    start: u64,
    end: Reverse<u64>,
    rank: u32,
    what: What,
    ix: u32,
}

impl Layout {
    pub(super) fn of(run: &Run) -> Self {
        let levels = index::levels(run);
        let mut own = vec![0; run.spans.len()];
        let bars = bars(run, &levels);
        let mut by_lane: Vec<Vec<Row>> = (0..run.lanes.len()).map(|_| Vec::new()).collect();
        for bars in bars.chunk_by(|a, b| a.lane == b.lane) {
            let lane = bars[0].lane;
            if let Some(rows) = by_lane.get_mut(lane as usize) {
                *rows = lane_rows(run, lane, bars, &mut own);
            }
        }
        let mut groups = asynchronous::groups(run, &levels);
        asynchronous::own_of_unpolled(run, &mut own);
        let inside = asynchronous::Inside::of(run, &groups);
        let mut rows = Vec::new();
        for process in 0..run.processes.len() as u32 {
            for lane in lanes_of(run, process) {
                let of_lane = std::mem::take(&mut by_lane[lane as usize]);
                if of_lane.is_empty() {
                    rows.push(Row::of(Owner::Lane(lane)));
                }
                rows.extend(of_lane);
            }
            rows.extend(asynchronous::rows(run, process, groups.remove(&process).unwrap_or_default(), &inside));
        }
        Self { rows, own }
    }
}

/// A process's lanes: those of no pool, then pools by name, in the order of their places.
fn lanes_of(run: &Run, process: u32) -> Vec<u32> {
    let mut lanes: Vec<u32> =
        (0..run.lanes.len() as u32).filter(|lane| run.lanes[*lane as usize].process == process).collect();
    lanes.sort_by_key(|lane| run.lanes[*lane as usize].pool.as_ref().map(|pool| (&pool.name, pool.pool, pool.index)));
    lanes
}

fn bars(run: &Run, levels: &[u32]) -> Vec<Bar> {
    let rank = |span: SpanIx| levels.get(span as usize).map_or(0, |level| level.saturating_add(1));
    let mut bars = Vec::with_capacity(run.spans.len() + run.polls.len() + run.waits.len() + run.strands.len());
    let mut push = |what, ix: usize, lane, start: u64, end: u64, rank| {
        bars.push(Bar { lane, start, end: Reverse(end.max(start)), rank, what, ix: ix as u32 });
    };
    for (ix, span) in run.spans.iter().enumerate().filter(|(_, span)| span.nested && !span.polled) {
        push(What::Span, ix, span.lane, span.start, span.end, rank(ix as u32));
    }
    for (ix, poll) in run.polls.iter().enumerate() {
        push(What::Poll, ix, poll.lane, poll.start, poll.end, rank(poll.span));
    }
    for (ix, wait) in run.waits.iter().enumerate().filter(|(_, wait)| !asynchronous::of_task(run, wait)) {
        let blocked = wait.blocked();
        push(What::Wait, ix, wait.lane, blocked.start, blocked.end, u32::MAX);
    }
    for (ix, strand) in run.strands.iter().enumerate() {
        push(What::Strand, ix, strand.lane, strand.start, strand.end, 0);
    }
    bars.sort_unstable();
    bars
}

/// A lane's rows, and the spans' own times on it.
fn lane_rows(run: &Run, lane: u32, bars: &[Bar], own: &mut [u64]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    // The bars around the place where the sweep is, and the time of each that others inside it took.
    let mut stack: Vec<(Bar, u64)> = Vec::new();
    let mut leave = |stack: &mut Vec<(Bar, u64)>| {
        let Some((bar, taken)) = stack.pop() else { return };
        let length = bar.end.0 - bar.start;
        match bar.what {
            What::Span => own[bar.ix as usize] += length.saturating_sub(taken),
            What::Poll => {
                if let Some(own) = own.get_mut(run.polls[bar.ix as usize].span as usize) {
                    *own += length.saturating_sub(taken);
                }
            }
            What::Wait | What::Strand => {}
        }
        // A piece without a span hides nothing of what is around it: only what runs inside it does.
        let hidden = if bar.what == What::Strand { taken } else { length };
        if let Some((_, taken)) = stack.last_mut() {
            *taken += hidden;
        }
    };
    for bar in bars {
        while stack.last().is_some_and(|(top, _)| top.end.0 <= bar.start) {
            leave(&mut stack);
        }
        let depth = stack.len();
        if rows.len() == depth {
            rows.push(Row::of(Owner::Lane(lane)));
        }
        let row = &mut rows[depth];
        match bar.what {
            What::Span => row.spans.push(bar.ix),
            What::Poll => row.polls.push(bar.ix),
            What::Wait => row.waits.push(bar.ix),
            What::Strand => row.strands.push(bar.ix),
        }
        stack.push((*bar, 0));
    }
    while !stack.is_empty() {
        leave(&mut stack);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FanKind, WaitCause};
    use crate::testing::Kit;

    /// The names of a run's spans, row by row; polls with `~`, waits as `wait`, stolen pieces as `piece`.
    fn rows(run: &Run) -> Vec<String> {
        let name = |span: SpanIx| run.names[run.spans[span as usize].name as usize].to_string();
        let words = |row: &Row| {
            let spans = row.spans.iter().map(|span| name(*span));
            let polls = row.polls.iter().map(|poll| format!("~{}", name(run.polls[*poll as usize].span)));
            let others = row.waits.iter().map(|_| "wait".into()).chain(row.strands.iter().map(|_| "piece".into()));
            spans.chain(polls).chain(others).collect::<Vec<String>>().join(" ")
        };
        Layout::of(run).rows.iter().map(words).collect()
    }

    fn own(run: &Run, wanted: &str) -> u64 {
        let own = Layout::of(run).own;
        let named = |ix: &usize| *run.names[run.spans[*ix].name as usize] == *wanted;
        (0..run.spans.len()).filter(named).map(|ix| own[ix]).sum()
    }

    #[test]
    fn a_lane_has_a_row_for_each_depth_and_idle_lanes_have_one() {
        let mut kit = Kit::new();
        let (main, _idle) = (kit.lane("main"), kit.lane("idle"));
        let root = kit.span(main, "root", None, 0..100);
        let a = kit.span(main, "a", Some(root), 0..40);
        kit.span(main, "inner", Some(a), 0..40);
        kit.span(main, "b", Some(root), 40..90);
        kit.wait(WaitCause::Thread, main, Some(root), 92..98);
        let run = kit.run();
        assert_eq!(rows(&run), ["root", "a b wait", "inner", ""]);
        assert_eq!((own(&run, "root"), own(&run, "a"), own(&run, "inner")), (100 - 90 - 6, 0, 40));
    }

    /// What is stolen runs inside a span that it doesn't descend from: that span isn't charged for it.
    #[test]
    fn a_stolen_piece_hides_only_what_runs_in_it() {
        let mut kit = Kit::new();
        let (main, thief) = (kit.lane("main"), kit.lane("thief"));
        let root = kit.span(main, "root", None, 0..100);
        let fan = kit.fan(FanKind::Join, Some(root), main, 10, Some(90));
        kit.span(thief, "other", None, 0..80);
        kit.strand(fan, thief, 20..60);
        kit.item(fan, thief, "item", 30..50);
        let run = kit.run();
        assert_eq!(rows(&run), ["root", "other", "piece", "item"]);
        assert_eq!((own(&run, "other"), own(&run, "item")), (60, 20));
    }

    #[test]
    fn asynchronous_spans_are_groups_below_the_lanes() {
        let mut kit = Kit::new();
        let worker = kit.lane("worker");
        let first = kit.polled("first", None, &[(worker, 0..10), (worker, 50..60)]);
        kit.polled("query", Some(first), &[(worker, 20..30)]);
        kit.polled("second", None, &[(worker, 35..40), (worker, 70..75)]);
        kit.polled("third", None, &[(worker, 80..90)]);
        let inside = kit.span(worker, "work", Some(first), 52..58);
        let run = kit.run();
        let _ = inside;
        assert_eq!(
            rows(&run),
            [
                "~first ~query ~second ~first ~second ~third",
                "work",
                "first ~first ~first",
                "query ~query",
                // `second` overlaps `first`; `third` doesn't overlap `second` and takes its place.
                "second third ~second ~second ~third",
            ]
        );
        assert_eq!((own(&run, "first"), own(&run, "query"), own(&run, "work")), (10 + 10 - 6, 10, 6));
    }

    #[test]
    fn what_a_task_awaited_stands_on_its_bar_and_takes_no_room_of_a_lane() {
        let mut kit = Kit::new();
        let worker = kit.lane("worker");
        let task = kit.polled("task", None, &[(worker, 0..10), (worker, 50..60)]);
        kit.polled("other", None, &[(worker, 20..40)]);
        kit.wait(WaitCause::Await, worker, Some(task), 5..51);
        let run = kit.run();
        assert_eq!(rows(&run), ["~task ~other ~task", "task ~task ~task wait", "other ~other"]);
        assert_eq!((own(&run, "task"), own(&run, "other")), (20, 20));
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let mut kit = Kit::new();
        let lane = kit.lane("main");
        let a = kit.span(lane, "a", None, 0..10);
        let b = kit.span(lane, "b", Some(a), 2..8);
        kit.span_mut(a).set_parent(Some(b));
        let run = kit.run();
        assert_eq!(rows(&run), ["a", "b"]);
        assert_eq!(index::levels(&run).iter().max(), Some(&1));
    }

    /// Random spans of all kinds, also such that no good input has: those of a lane overlap, and some end before they start.
    #[test]
    fn each_bar_has_one_row_and_bars_of_a_row_never_overlap() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for _ in 0..300 {
            let mut kit = Kit::new();
            let lanes = [kit.lane("a"), kit.lane("b"), kit.lane("c")];
            let mut spans = Vec::new();
            for n in 0..random(60) {
                let lane = lanes[random(3) as usize];
                let start = random(200);
                let parent = (n > 0 && random(3) > 0).then(|| spans[random(n) as usize]);
                let span = kit.span(lane, "s", parent, start..start + random(40));
                let kind = random(4);
                kit.span_mut(span).nested = kind > 0;
                if random(20) == 0 {
                    kit.span_mut(span).end = start.saturating_sub(3);
                }
                if random(5) == 0 {
                    kit.wait(WaitCause::Mutex, lane, Some(span), start..start + random(9));
                }
                spans.push(span);
            }
            let run = kit.run();
            let layout = Layout::of(&run);
            let mut seen = vec![0; run.spans.len()];
            for row in &layout.rows {
                let of = |ix: &u32| (run.spans[*ix as usize].start, asynchronous::end_of(&run, *ix));
                let waits = row.waits.iter().map(|ix| (run.waits[*ix as usize].start, run.waits[*ix as usize].end));
                let mut bars: Vec<(u64, u64)> = row.spans.iter().map(of).collect();
                assert!(bars.is_sorted(), "the spans of a row are sorted by start");
                bars.extend(waits);
                bars.sort_unstable();
                assert!(bars.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{bars:?}");
                row.spans.iter().for_each(|span| seen[*span as usize] += 1);
            }
            assert!(seen.iter().all(|times| *times == 1));
            assert_eq!(layout.rows.iter().map(|row| row.waits.len()).sum::<usize>(), run.waits.len());
        }
    }
}
