//! The time that was spent on each lane.

use super::forest::order;
use super::text::{duration, printable, share, table};
use crate::export::{Lane, SpanData};
use crate::text::count;
use std::collections::BTreeMap;

/// The number of names in a lane's line, to keep the line short.
const TOP_NAMES: usize = 3;

/// A table with one line for each lane: its spans, its time in spans, the share of the wall time, and the names that took
/// most of it.
///
/// The wall time goes from the first start to the last end of all spans. A lane is in spans while at least one of its
/// nested spans is open, whether it works then or waits: spans alone don't say which. A name's time is that of its spans
/// without the spans nested in them, so that the names of a lane add up to its time in spans. Spans that don't nest
/// (overlapping, ended on another thread) are counted, and their time is not.
///
/// Lanes are sorted by process and thread id. A lane without a thread name shows the thread id alone.
///
/// ```
/// # use heirloom_core::export::Memory;
/// # let memory = Memory::new();
/// print!("{}", heirloom_core::tree::lanes(&memory.spans()));
/// ```
pub fn lanes(spans: &[SpanData]) -> String {
    let first_ns = spans.iter().map(|span| span.start_ns).min().unwrap_or(0);
    let last_ns = spans.iter().map(|span| span.end_ns).max().unwrap_or(0);
    let wall_ns = last_ns.saturating_sub(first_ns);
    let mut by_lane: BTreeMap<(u32, u64), Vec<&SpanData>> = BTreeMap::new();
    for span in spans {
        by_lane.entry((span.lane.process_id, span.lane.thread_id)).or_default().push(span);
    }
    if by_lane.is_empty() {
        return String::new();
    }
    let mut rows = vec![["lane", "spans", "in spans", "of wall", "most of it in"].map(String::from).to_vec()];
    rows.extend(by_lane.values().map(|spans| row(spans, wall_ns)));
    let lines = table(&rows, &[1, 2, 3], 60);
    format!("{lines}wall {}\n", duration(wall_ns))
}

fn row(spans: &[&SpanData], wall_ns: u64) -> Vec<String> {
    let own_times = own_times(spans);
    let in_spans_ns = own_times.values().sum();
    let lane = spans.first().map(|span| label(&span.lane)).unwrap_or_default();
    let (time, part) = (duration(in_spans_ns), share(in_spans_ns, wall_ns));
    vec![lane, count(spans.len() as u64), time, part, top_names(&own_times, in_spans_ns)]
}

/// `name 1234`. The process id precedes the thread id if they differ.
pub(super) fn label(lane: &Lane) -> String {
    let name = printable(&lane.thread_name);
    let space = if name.is_empty() { "" } else { " " };
    match u64::from(lane.process_id) == lane.thread_id {
        true => format!("{name}{space}{}", lane.thread_id),
        false => format!("{name}{space}{}/{}", lane.process_id, lane.thread_id),
    }
}

/// For each name, the time in its spans without spans nested in them. The sum is the lane's time in spans.
fn own_times<'a>(spans: &[&'a SpanData]) -> BTreeMap<&'a str, u64> {
    let mut nested: Vec<&'a SpanData> = spans.iter().copied().filter(|span| span.nested).collect();
    nested.sort_by(|a, b| a.start_ns.cmp(&b.start_ns).then(b.end_ns.cmp(&a.end_ns)).then(order(a).cmp(&order(b))));
    let mut own: BTreeMap<&str, u64> = BTreeMap::new();
    let mut open: Vec<&SpanData> = Vec::new();
    let mut now_ns = 0;
    // Adds the time up to `until_ns` to the innermost span, and closes the spans that ended before.
    let mut pass = |open: &mut Vec<&'a SpanData>, until_ns: u64| {
        while let Some(&span) = open.last() {
            let ran_ns = span.end_ns.min(until_ns).saturating_sub(now_ns);
            *own.entry(&span.name).or_default() += ran_ns;
            now_ns += ran_ns;
            if span.end_ns > until_ns {
                break;
            }
            open.pop();
        }
        if until_ns != u64::MAX {
            now_ns = now_ns.max(until_ns);
        }
    };
    for span in nested {
        pass(&mut open, span.start_ns);
        open.push(span);
    }
    pass(&mut open, u64::MAX);
    own
}

/// `hash 62.0 %, decode 30.1 %`.
fn top_names(own_times: &BTreeMap<&str, u64>, in_spans_ns: u64) -> String {
    let mut sorted: Vec<_> = own_times.iter().filter(|(_, ns)| **ns > 0).collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let shown: Vec<_> = sorted
        .iter()
        .take(TOP_NAMES)
        .map(|(name, ns)| format!("{} {}", printable(name), share(**ns, in_spans_ns)))
        .collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::fixture::{lane, lane_of, span};

    #[test]
    fn time_in_spans_is_the_union_of_nested_spans_and_own_times_add_up_to_it() {
        let l = lane(1);
        let mut crossing = span(5, 0, "crossing", &l, 0, 99);
        crossing.nested = false;
        let spans = [
            span(1, 0, "a", &l, 10, 50),
            span(2, 1, "b", &l, 20, 30),
            span(3, 1, "b", &l, 30, 45),
            span(4, 0, "c", &l, 60, 70),
        ];
        let mut all: Vec<_> = spans.iter().collect();
        all.push(&crossing);
        assert_eq!(own_times(&all).into_iter().collect::<Vec<_>>(), [("a", 15), ("b", 25), ("c", 10)]);
    }

    #[test]
    fn the_table_has_a_line_for_each_lane() {
        let (main, pool, other) = (lane_of(7, 7, "main"), lane_of(7, 8, "pool-1"), lane_of(9, 3, ""));
        let spans = [
            span(1, 0, "root", &main, 0, 1_000_000),
            span(2, 1, "hash", &pool, 100_000, 600_000),
            span(3, 2, "read", &pool, 100_000, 225_000),
            span(4, 1, "work", &other, 0, 10_000),
        ];
        let expected = "\
lane        spans  in spans  of wall  most of it in
main 7          1      1 ms  100.0 %  root 100.0 %
pool-1 7/8      2    500 µs   50.0 %  hash 75.0 %, read 25.0 %
9/3             1     10 µs    1.0 %  work 100.0 %
wall 1 ms
";
        assert_eq!(lanes(&spans), expected);
        assert_eq!(lanes(&[]), "");
    }

    #[test]
    fn spans_that_claim_to_nest_and_do_not_break_nothing() {
        let l = lane(1);
        let spans = [span(1, 0, "a", &l, 0, 10), span(2, 0, "b", &l, 5, 15), span(3, 0, "c", &l, u64::MAX - 1, 3)];
        let all: Vec<_> = spans.iter().collect();
        assert_eq!(own_times(&all).values().sum::<u64>(), 15);
    }
}
