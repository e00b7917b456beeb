//! The tree for people, with folded fan-outs.

use super::attributes::{first_attributes, polled};
use super::forest::{order, Forest};
use super::lanes::label;
use super::links::Linked;
use super::text::{duration, printable, table, MAX_INDENT};
use crate::export::{MarkData, SpanData};
use crate::mark_kind::{MarkKind, StageKind};
use crate::text::{count, plural};
use crate::{SpanId, Status};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Longest name for which a line's columns stay aligned, in characters with the indent, so that one long name doesn't
/// widen all lines.
const MAX_NAME_WIDTH: usize = 48;

/// How [`render`] draws the tree.
///
/// ```
/// use heirloom_core::tree::TreeOptions;
/// let options = TreeOptions::new().fold_over(20).lanes(true);
/// # drop(options);
/// ```
#[derive(Clone, Debug)]
pub struct TreeOptions {
    fold_over: usize,
    lanes: bool,
    /// When spans were submitted, by their ids.
    submitted_ns: HashMap<SpanId, u64>,
}

impl Default for TreeOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl TreeOptions {
    /// Folds more than 8 siblings of one name; shows no lanes; has no marks.
    pub fn new() -> Self {
        Self { fold_over: 8, lanes: false, submitted_ns: HashMap::new() }
    }

    /// Folds siblings of one name into a line if there are more than `siblings` of them (8).
    pub fn fold_over(mut self, siblings: usize) -> Self {
        self.fold_over = siblings;
        self
    }

    /// Shows the lane of each span, and the number of lanes of a folded line (off).
    pub fn lanes(mut self, show: bool) -> Self {
        self.lanes = show;
        self
    }

    /// Marks of the spans, such as those that [`Memory`](crate::export::Memory::marks) keeps. From them, asynchronous spans show
    /// how long they were ready: from when they were submitted until they began.
    pub fn marks<'m>(mut self, marks: impl IntoIterator<Item = &'m MarkData>) -> Self {
        let is_submitted = |mark: &&MarkData| mark.kind == MarkKind::Stage && mark.a == StageKind::Submitted as u64;
        for mark in marks.into_iter().filter(is_submitted) {
            if let Some(span) = mark.span {
                self.submitted_ns.entry(span).or_insert(mark.time_ns);
            }
        }
        self
    }

    /// How a polled span spent its time.
    fn polled(&self, span: &SpanData) -> Option<String> {
        polled(span, self.submitted_ns.get(&span.span_id).copied())
    }
}

/// The tree as text, with one line for each span and its duration. More than [`fold_over`](TreeOptions::fold_over)
/// siblings of one name share one line; the children of all of them are folded below it. Behind `max` are the first attributes of
/// the longest of them, and with [`lanes`](TreeOptions::lanes) where it ran.
///
/// A span that was polled (a future's, a stream's) shows how much of its duration it was busy, in polls, and how much it was
/// idle. With [`marks`](TreeOptions::marks), one that was submitted (`spawn`) shows how long it was ready before it began.
/// Later wake-ups aren't recorded, so the time between a wake-up and its poll is idle. A folded line shows these times of the
/// longest span.
///
/// Siblings and roots are sorted by start, then name. Errors and spans that were still open are marked. Spans whose
/// parent isn't among them are roots. Links show the names of the linked spans, or their ids if they aren't among the
/// spans. So a background job shows which span started it.
///
/// ```text
/// build thumbnails         1.24 s
///   walk                   12.1 ms
///   thumbnail x 4,096      4.61 s total, min 401 µs, median 1.1 ms, max 9.83 ms (file: "sea.png"), 2 errors
///     decode x 4,096       1.9 s total, min 112 µs, median 460 µs, max 3.21 ms
/// reindex                  310 ms  (linked to build thumbnails)
/// ```
///
/// ```
/// # use heirloom_core::export::Memory;
/// # let memory = Memory::new();
/// use heirloom_core::tree::{render, TreeOptions};
/// print!("{}", render(&memory.spans(), &TreeOptions::new()));
/// ```
pub fn render(spans: &[SpanData], options: &TreeOptions) -> String {
    let forest = Forest::new(spans);
    let linked = Linked::new(spans);
    let mut rows = Vec::new();
    let mut rest: Vec<Node> = nodes(spans, &forest.roots, options.fold_over, 0);
    while let Some(node) = rest.pop() {
        let children: Vec<usize> = node.spans.iter().flat_map(|i| forest.children(*i)).copied().collect();
        // Below a folded line, all spans of one name share one line.
        let fold_over = if node.folded { 0 } else { options.fold_over };
        rest.extend(nodes(spans, &children, fold_over, node.level + 1));
        rows.push(node.row(spans, &linked, options));
    }
    table(&rows, &[], MAX_NAME_WIDTH)
}

/// A line: one span, or several siblings of one name.
struct Node {
    spans: Vec<usize>,
    folded: bool,
    level: usize,
}

/// The lines of these siblings, in reverse order.
fn nodes(spans: &[SpanData], siblings: &[usize], fold_over: usize, level: usize) -> Vec<Node> {
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &i in siblings {
        by_name.entry(&spans[i].name).or_default().push(i);
    }
    let mut nodes = Vec::new();
    for group in by_name.into_values() {
        if group.len() > fold_over.max(1) {
            nodes.push(Node { spans: group, folded: true, level });
        } else {
            let folded = fold_over == 0; // what is below it belongs to one line too
            nodes.extend(group.into_iter().map(|i| Node { spans: vec![i], folded, level }));
        }
    }
    let first = |node: &Node| node.spans.iter().map(|i| order(&spans[*i])).min();
    nodes.sort_by(|a, b| first(b).cmp(&first(a)));
    nodes
}

impl Node {
    fn row(&self, spans: &[SpanData], linked: &Linked<'_>, options: &TreeOptions) -> Vec<String> {
        let members: Vec<&SpanData> = self.spans.iter().map(|i| &spans[*i]).collect();
        let name = printable(members.first().map_or("", |span| &span.name));
        let indent = "  ".repeat(self.level.min(MAX_INDENT));
        match members[..] {
            [span] => vec![format!("{indent}{name}"), one(span, linked, options)],
            _ => vec![format!("{indent}{name} x {}", count(members.len() as u64)), many(&members, linked, options)],
        }
    }
}

fn length_ns(span: &SpanData) -> u64 {
    span.end_ns.saturating_sub(span.start_ns)
}

/// The text behind the name on a line of one span.
fn one(span: &SpanData, linked: &Linked<'_>, options: &TreeOptions) -> String {
    let mut text = duration(length_ns(span));
    if let Some(polled) = options.polled(span) {
        text.push_str(&format!("  ({polled})"));
    }
    if options.lanes {
        text.push_str(&format!("  [{}]", label(&span.lane)));
    }
    if let Some(names) = linked.names(std::slice::from_ref(&span)) {
        text.push_str(&format!("  (linked to {names})"));
    }
    if span.incomplete {
        text.push_str("  (still open)");
    }
    if span.aborted {
        text.push_str("  (aborted)");
    }
    if span.dropped_children > 0 {
        let spans = plural(span.dropped_children, "span below it was", "spans below it were");
        text.push_str(&format!("  ({} {spans} dropped)", count(span.dropped_children)));
    }
    if let Status::Error(message) = &span.status {
        let colon = if message.is_empty() { "" } else { ": " };
        text.push_str(&format!("  ERROR{colon}{}", printable(message)));
    }
    text
}

/// The longest of several spans; the first of them in the order of siblings, if several are.
fn longest<'a>(spans: &[&'a SpanData]) -> Option<&'a SpanData> {
    spans.iter().copied().min_by_key(|span| (std::cmp::Reverse(length_ns(span)), order(span)))
}

/// The text behind the name on a folded line.
fn many(spans: &[&SpanData], linked: &Linked<'_>, options: &TreeOptions) -> String {
    let mut lengths: Vec<u64> = spans.iter().map(|span| length_ns(span)).collect();
    lengths.sort_unstable();
    let total = lengths.iter().fold(0_u64, |sum, ns| sum.saturating_add(*ns));
    let at = |i: usize| duration(lengths.get(i).copied().unwrap_or(0));
    let last = lengths.len().saturating_sub(1);
    // Of two in the middle the shorter one, as in the report.
    let (min, median, max) = (at(0), at(last / 2), at(last));
    let mut text = format!("{} total, min {min}, median {median}, max {max}", duration(total));
    if let Some(longest) = longest(spans) {
        if options.lanes {
            text.push_str(&format!(" [{}]", label(&longest.lane)));
        }
        if let Some(attributes) = first_attributes(longest) {
            text.push_str(&format!(" ({attributes})"));
        }
        if let Some(polled) = options.polled(longest) {
            text.push_str(&format!(" ({polled})"));
        }
    }
    let mut note = |n: usize, one, many| {
        if n > 0 {
            text.push_str(&format!(", {} {}", count(n as u64), plural(n as u64, one, many)));
        }
    };
    note(spans.iter().filter(|span| matches!(span.status, Status::Error(_))).count(), "error", "errors");
    note(spans.iter().filter(|span| span.incomplete).count(), "still open", "still open");
    note(spans.iter().filter(|span| span.aborted).count(), "aborted", "aborted");
    let dropped = spans.iter().map(|span| span.dropped_children).sum::<u64>();
    note(dropped as usize, "span below them was dropped", "spans below them were dropped");
    if options.lanes {
        let lanes: BTreeSet<_> = spans.iter().map(|span| (span.lane.process_id, span.lane.thread_id)).collect();
        note(lanes.len(), "lane", "lanes");
    }
    if let Some(names) = linked.names(spans) {
        text.push_str(&format!(", linked to {names}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::fixture::{lane, lane_of, span};

    const MS: u64 = 1_000_000;

    #[test]
    fn errors_open_spans_and_gaps_are_marked_and_lanes_are_optional() {
        let mut failed = span(2, 1, "load", &lane_of(7, 8, "pool-1"), MS, 3 * MS);
        failed.status = Status::Error("no such\nfile".into());
        let mut open = span(3, 1, "wait", &lane_of(7, 7, "main"), 2 * MS, 9 * MS);
        open.incomplete = true;
        let mut root = span(1, 0, "root", &lane_of(7, 7, "main"), 0, 10 * MS);
        root.dropped_children = 1234;
        let spans = [failed, open, root];
        let plain = "\
root    10 ms  (1,234 spans below it were dropped)
  load  2 ms  ERROR: no such\\nfile
  wait  7 ms  (still open)
";
        assert_eq!(render(&spans, &TreeOptions::new()), plain);
        let with_lanes = "\
root    10 ms  [main 7]  (1,234 spans below it were dropped)
  load  2 ms  [pool-1 7/8]  ERROR: no such\\nfile
  wait  7 ms  [main 7]  (still open)
";
        assert_eq!(render(&spans, &TreeOptions::new().lanes(true)), with_lanes);
        let mut one = spans[2].clone();
        one.dropped_children = 1;
        assert_eq!(render(&[one], &TreeOptions::new()), "root  10 ms  (1 span below it was dropped)\n");
    }

    #[test]
    fn a_background_job_shows_which_span_started_it() {
        let link_to = |id| (crate::TraceId::from_u128(1), crate::SpanId::from_u64(id), Vec::new());
        let mut spans = vec![span(1, 0, "build", &lane(1), 0, 10 * MS), span(2, 0, "reindex", &lane(2), MS, 9 * MS)];
        spans[1].links.push(link_to(1));
        assert_eq!(render(&spans, &TreeOptions::new()), "build    10 ms\nreindex  8 ms  (linked to build)\n");
        spans[1].links.extend([link_to(0xabc), link_to(1), link_to(0xdef)]);
        let text = render(&spans, &TreeOptions::new());
        assert!(text.ends_with("(linked to build, 0000000000000abc and 1 more)\n"), "{text}");
        for id in 10..20 {
            let mut job = span(id, 0, "notify", &lane(2), id * MS, id * MS);
            job.links.push(link_to(1));
            spans.push(job);
        }
        let text = render(&spans, &TreeOptions::new());
        assert!(text.contains("\nnotify x 10  0 s total, min 0 s, median 0 s, max 0 s, linked to build\n"), "{text}");
    }

    /// A root with `n` jobs, each with a `read`, every second with a `hash`.
    fn fan_out(n: u64) -> Vec<SpanData> {
        let mut spans = vec![span(1, 0, "root", &lane(1), 0, 1000 * MS), span(2, 1, "walk", &lane(1), 1, MS)];
        for i in 0..n {
            let (id, start) = (10 * (i + 1), (i + 1) * MS);
            spans.push(span(id, 1, "job", &lane(2 + i % 2), start, start + (i + 1) * MS));
            spans.push(span(id + 1, id, "read", &lane(2 + i % 2), start, start + MS));
            if i % 2 == 0 {
                spans.push(span(id + 2, id, "hash", &lane(2 + i % 2), start + 5, start + MS));
            }
        }
        spans
    }

    #[test]
    fn the_median_of_an_even_number_is_the_one_that_the_report_has() {
        let text = render(&fan_out(10), &TreeOptions::new());
        assert!(text.contains("job x 10     55 ms total, min 1 ms, median 5 ms, max 10 ms"), "{text}");
    }

    #[test]
    fn more_siblings_than_the_limit_are_one_line_with_their_children_folded() {
        let mut spans = fan_out(9);
        spans.iter_mut().filter(|span| span.name == "hash").for_each(|span| span.status = Status::Error("".into()));
        let folded = "\
root          1 s
  walk        1 ms
  job x 9     45 ms total, min 1 ms, median 5 ms, max 9 ms [thread-2 100/2], 2 lanes
    read x 9  9 ms total, min 1 ms, median 1 ms, max 1 ms [thread-2 100/2], 2 lanes
    hash x 5  5 ms total, min 1 ms, median 1 ms, max 1 ms [thread-2 100/2], 5 errors, 1 lane
";
        let with_lanes = render(&spans, &TreeOptions::new().lanes(true)).replace("  [thread-1 100/1]", "");
        assert_eq!(with_lanes, folded);
        let unfolded = render(&spans, &TreeOptions::new().fold_over(9));
        assert_eq!(unfolded.lines().count(), 2 + 9 + 9 + 5);
        assert_eq!(render(&fan_out(8), &TreeOptions::new()).lines().count(), 2 + 8 + 8 + 4);
    }

    #[test]
    fn a_folded_line_has_the_attributes_of_its_longest_span_and_where_it_ran() {
        let mut spans = fan_out(9);
        let longest = spans.iter_mut().filter(|span| span.name == "job").max_by_key(|span| length_ns(span)).unwrap();
        longest.attributes = vec![("file".into(), "sea.png".into()), ("bytes".into(), 7.into())];
        let at = |options: &TreeOptions| {
            let text = render(&spans, options);
            text.lines().find(|line| line.starts_with("  job x 9")).unwrap().to_owned()
        };
        assert!(at(&TreeOptions::new()).ends_with(r#", max 9 ms (file: "sea.png", bytes: 7)"#));
        let with_lanes = at(&TreeOptions::new().lanes(true));
        assert!(with_lanes.ends_with(r#", max 9 ms [thread-2 100/2] (file: "sea.png", bytes: 7), 2 lanes"#));
    }

    /// A span of a future from 1 to 11 ms.
    fn future(id: u64) -> SpanData {
        let mut future = span(id, 0, "request", &lane(1), MS, 11 * MS);
        let ns = |key: &str, ns: u64| (key.to_owned(), ns.into());
        future.attributes =
            vec![ns("heirloom.busy_ns", 2 * MS), ns("heirloom.idle_ns", 8 * MS), ns("heirloom.polls", 3)];
        future
    }

    /// The job of span 1 came to a stage.
    fn stage(stage: StageKind, time_ns: u64) -> MarkData {
        let (span, a) = (Some(SpanId::from_u64(1)), stage as u64);
        MarkData {
            kind: MarkKind::Stage,
            lane: lane(1),
            span,
            time_ns,
            length_ns: 0,
            a,
            b: 0,
            c: 0,
            d: 0,
            text: "".into(),
        }
    }

    #[test]
    fn a_polled_span_shows_how_long_it_was_busy_and_idle() {
        let text = render(&[future(1)], &TreeOptions::new());
        assert_eq!(text, "request  10 ms  (busy 2 ms in 3 polls, idle 8 ms)\n");
    }

    #[test]
    fn a_polled_span_that_was_submitted_shows_how_long_it_was_ready() {
        let marks = [stage(StageKind::Taken, 0), stage(StageKind::Submitted, MS / 2)];
        let options = TreeOptions::new().marks(&marks);
        let text = render(&[future(1)], &options);
        assert_eq!(text, "request  10 ms  (busy 2 ms in 3 polls, ready 500 µs, idle 8 ms)\n");
        let other = render(&[future(2)], &options);
        assert_eq!(other, "request  10 ms  (busy 2 ms in 3 polls, idle 8 ms)\n", "it isn't known of this one");
        let folded = render(&[future(1), future(2)], &options.fold_over(1));
        assert!(folded.contains("max 10 ms (busy 2 ms in 3 polls, ready 500 µs, idle 8 ms)"), "{folded}");
    }

    #[test]
    fn below_a_folded_line_even_a_few_of_one_name_are_one_line() {
        let mut spans = fan_out(9);
        spans.push(span(500, 10, "retry", &lane(1), 2, 3));
        spans.push(span(501, 500, "sleep", &lane(1), 2, 3));
        spans.push(span(502, 500, "sleep", &lane(1), 2, 3));
        let text = render(&spans, &TreeOptions::new());
        assert!(text.contains("\n    retry        1 ns\n      sleep x 2  2 ns total, "), "{text}");
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_spans_is_no_problem() {
        let deep: Vec<_> = (1..=100_000).map(|id| span(id, id - 1, "deep", &lane(1), id, 200_000 - id)).collect();
        assert_eq!(render(&deep, &TreeOptions::new()).lines().count(), 100_000);
    }

    #[test]
    fn the_order_of_the_input_makes_no_difference() {
        let (mut spans, options) = (fan_out(30), TreeOptions::new());
        let text = render(&spans, &options);
        spans.reverse();
        assert_eq!(render(&spans, &options), text);
        spans.rotate_left(17);
        assert_eq!(render(&spans, &options), text);
    }
}
