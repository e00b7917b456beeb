use super::*;
use crate::export::fixture::{self, batch_of, lane, span};
use crate::export::{MarkData, Resource, SpanData};
use crate::mark_kind::MarkKind;
use crate::{Status, TraceId, Value};
use std::collections::HashSet;
use std::sync::LazyLock;

const BOUND: usize = 1 << 20;

fn own() -> &'static Arc<Resource> {
    static OWN: LazyLock<Arc<Resource>> = LazyLock::new(Arc::default);
    &OWN
}

fn batch(spans: &[SpanData]) -> Batch {
    batch_of(own(), spans)
}

fn admission(bound: usize) -> Admission {
    Admission::new(bound, Arc::downgrade(own()))
}

/// A span of the trace with this number, with so many bytes of text.
fn made(trace: u128, id: u64, parent: u64, bytes: usize) -> SpanData {
    let mut span = span(id, parent, "span", &lane(1), 0, 1);
    span.trace_id = TraceId::from_u128(trace);
    span.attributes = vec![("text".to_owned(), Value::from("x".repeat(bytes)))];
    span
}

fn leaf(trace: u128, id: u64, parent: u64, bytes: usize) -> SpanData {
    SpanData { leaf: true, ..made(trace, id, parent, bytes) }
}

fn offer(to: &mut Admission, spans: &[SpanData]) -> Option<Taken> {
    to.take(&Arc::new(batch(spans)), Instant::now())
}

/// The ids that were taken, with what is missing below each.
fn ids(taken: &Option<Taken>) -> Vec<(u64, u64)> {
    let spans = |taken: &Taken| taken.part.spans().map(|s| (s.span_id().to_u64(), s.dropped_children())).collect();
    taken.as_ref().map(spans).unwrap_or_default()
}

/// Fills the queue to a part of its bound, in thousandths, with a trace that is old then.
fn fill(to: &mut Admission, thousandths: usize) {
    while to.shares.total() < BOUND / 1000 * thousandths {
        offer(to, &[made(1, 1, 0, 1000)]).expect("there is room");
    }
}

struct Open(Vec<u128>, HashSet<u64>);

impl OpenSpans for Open {
    fn traces(&self) -> Box<dyn Iterator<Item = TraceId> + '_> {
        Box::new(self.0.iter().map(|trace| TraceId::from_u128(*trace)))
    }
    fn is_open(&self, span: SpanId) -> bool {
        self.1.contains(&span.to_u64())
    }
}

#[test]
fn below_60_percent_a_batch_is_shared_and_counts_with_its_size() {
    let mut to = admission(BOUND);
    let offered = Arc::new(batch(&[leaf(1, 2, 1, 10), made(1, 1, 0, 10)]));
    let taken = to.take(&offered, Instant::now()).expect("there is room");
    assert_eq!((Arc::strong_count(&offered), taken.bytes), (2, offered.size_bytes()));
    assert_eq!(to.shares.total(), offered.size_bytes());
    to.free(taken.part.shared_resource(), taken.bytes);
    assert!(to.is_empty());
}

#[test]
fn a_batch_that_waits_counts_with_what_it_contains() {
    let mut to = admission(BOUND);
    let spans: Vec<_> = (0..40).map(|id| made(1, id + 1, 0, 100)).collect();
    // Vectors that grew by doubling: some batch of these lengths has much unused memory.
    let offered = (1..=40).map(|len| Arc::new(batch(&spans[..len]))).find(|batch| batch.has_slack());
    let offered = offered.expect("a batch with unused memory");
    let at_once = to.take(&offered, Instant::now()).expect("there is room");
    assert_eq!(at_once.bytes, offered.size_bytes(), "an exporter that keeps up gets it without a copy");
    fill(&mut to, 100);
    let waits = to.take(&offered, Instant::now()).expect("there is room");
    assert_eq!((Arc::strong_count(&offered), waits.part.len()), (2, offered.len()));
    assert!(waits.bytes < offered.size_bytes() / 4 * 3 + Batch::OVERHEAD, "{} {}", waits.bytes, offered.size_bytes());
}

#[test]
fn from_60_percent_leaves_are_refused_except_errors_roots_and_open_spans() {
    let mut to = admission(BOUND);
    fill(&mut to, 620);
    let error = SpanData { status: Status::Error("e".to_owned()), ..leaf(1, 3, 1, 10) };
    let open = SpanData { incomplete: true, ..leaf(1, 4, 1, 10) };
    let aborted = SpanData { aborted: true, ..leaf(1, 5, 1, 10) };
    let remote = SpanData { parent_is_remote: true, ..leaf(1, 6, 99, 10) };
    let spans = [leaf(1, 2, 1, 10), error, open, aborted, remote, leaf(1, 7, 0, 10), made(1, 8, 1, 10)];
    let taken = offer(&mut to, &spans);
    assert_eq!(ids(&taken), [(3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0)]);
    assert_eq!((to.counts().leaves, to.counts().refused()), (1, 1));
}

#[test]
fn what_is_kept_of_a_batch_counts_with_its_own_size() {
    let mut to = admission(BOUND);
    fill(&mut to, 620);
    let before = to.shares.total();
    let leaves = (0..100).map(|id| leaf(1, 100 + id, 1, 500));
    let spans: Vec<_> = leaves.chain([made(1, 1, 0, 500)]).collect();
    let offered = Arc::new(batch(&spans));
    let taken = to.take(&offered, Instant::now()).expect("one span");
    assert_eq!((ids(&Some(taken)), Arc::strong_count(&offered)), (vec![(1, 100)], 1));
    assert!(to.shares.total() - before < 2000, "{}", to.shares.total() - before);
}

#[test]
fn a_batch_of_which_nearly_all_is_kept_is_shared() {
    let mut to = admission(BOUND);
    fill(&mut to, 620);
    let more = Arc::new(batch(&[leaf(1, 3, 150, 10), made(1, 150, 0, 10_000)]));
    let taken = to.take(&more, Instant::now());
    assert_eq!((ids(&taken), Arc::strong_count(&more)), (vec![(150, 1)], 2), "rows of the batch");
}

#[test]
fn above_100_percent_spans_are_skeletons_and_above_110_they_are_torn() {
    let mut to = admission(BOUND);
    fill(&mut to, 990);
    let taken = offer(&mut to, &[made(1, 2, 1, 50_000), made(1, 3, 1, 10)]).expect("both");
    let kept: Vec<_> =
        taken.part.spans().map(|s| (s.span_id().to_u64(), s.is_skeleton(), s.name().to_owned())).collect();
    assert_eq!(kept, [(2, true, "span".to_owned()), (3, false, "span".to_owned())]);
    let mut id = 10;
    while to.counts().torn == 0 {
        offer(&mut to, &[made(1, id, 1, 50_000)]);
        id += 1;
    }
    assert!(to.shares.total() <= BOUND / 10 * 11, "{}", to.shares.total());
    assert!(to.shares.total() > BOUND / 10 * 11 - 500, "{}", to.shares.total());
    assert_eq!(to.counts().skeletons, id - 10);
}

#[test]
fn nothing_is_lost_at_a_level_that_was_left() {
    let mut to = admission(BOUND);
    let held: Vec<_> = (0..60).map(|id| offer(&mut to, &[made(1, id + 10, 1, 10_000)])).collect();
    assert!(offer(&mut to, &[leaf(1, 2, 1, 10)]).is_none());
    held.iter().flatten().for_each(|taken| to.free(taken.part.shared_resource(), taken.bytes));
    assert_eq!(ids(&offer(&mut to, &[leaf(1, 3, 1, 10)])), [(3, 0)]);
}

#[test]
fn the_nearest_kept_ancestor_says_how_many_spans_are_missing() {
    let mut to = admission(BOUND);
    fill(&mut to, 620);
    offer(&mut to, &[leaf(1, 10, 5, 1), leaf(1, 11, 5, 1), leaf(1, 12, 6, 1)]);
    // Its bytes don't even fit as a skeleton: its error is too long.
    let long = SpanData { status: Status::Error("e".repeat(BOUND)), ..made(1, 5, 4, 1) };
    offer(&mut to, &[long]);
    assert_eq!((to.counts().torn, to.waiting()), (1, 4));
    assert_eq!(ids(&offer(&mut to, &[made(1, 6, 4, 1), made(1, 4, 0, 1)])), [(6, 1), (4, 3)]);
    let Counts { attributed, unattributed, .. } = to.counts();
    assert_eq!((attributed, unattributed, to.waiting()), (4, 0, 0));
}

#[test]
fn what_no_ancestor_can_say_is_counted_apart() {
    let mut to = admission(BOUND);
    fill(&mut to, 620);
    offer(&mut to, &[leaf(1, 10, 5, 1), leaf(1, 11, 6, 1)]);
    let open = |ids: &[u64]| Open(vec![1], ids.iter().copied().collect());
    to.answer(&to.question(true), &open(&[]));
    assert_eq!(to.counts().unattributed, 0, "their Begins may not be read yet");
    to.answer(&to.question(true), &open(&[6]));
    assert_eq!((to.counts().unattributed, to.waiting()), (1, 1), "5 was delivered long ago");
    assert_eq!(ids(&offer(&mut to, &[made(1, 6, 0, 1)])), [(6, 1)]);
}

#[test]
fn a_span_gets_its_count_when_the_queue_is_empty_again() {
    let mut to = admission(BOUND);
    let held: Vec<_> = (0..60).map(|id| offer(&mut to, &[made(1, id + 10, 1, 10_000)])).collect();
    offer(&mut to, &[leaf(1, 2, 1, 10)]);
    held.iter().flatten().for_each(|taken| to.free(taken.part.shared_resource(), taken.bytes));
    let offered = Arc::new(batch(&[leaf(1, 3, 1, 10), made(1, 1, 0, 1)]));
    let taken = to.take(&offered, Instant::now());
    assert_eq!((ids(&taken), Arc::strong_count(&offered)), (vec![(3, 0), (1, 1)], 2), "and the batch is shared");
}

#[test]
fn above_80_percent_traces_that_begin_are_refused_whole() {
    let mut to = admission(BOUND);
    fill(&mut to, 990);
    assert!(to.asks());
    to.answer(&to.question(false), &Open(vec![2], HashSet::new()));
    let spans = [made(2, 20, 21, 1), made(3, 30, 31, 1), made(3, 31, 0, 1), made(1, 40, 1, 1)];
    let level = to.shares.total() * 1000 / BOUND;
    let taken = ids(&offer(&mut to, &spans));
    // At 99 % one of twenty traces is kept.
    let is_kept = taken.iter().any(|(id, _)| *id == 30);
    assert_eq!(taken.iter().any(|(id, _)| *id == 31), is_kept, "whole, at {level}");
    assert!(taken.contains(&(20, 0)) && taken.contains(&(40, 0)), "old traces");
    let refused: Vec<_> = (100..200).map(|trace| offer(&mut to, &[made(trace, trace as u64, 0, 1)])).collect();
    let refused = refused.iter().filter(|taken| taken.is_none()).count();
    assert!(refused > 75, "{refused} of 100");
    assert_eq!(to.counts().traces, refused as u64 + u64::from(!is_kept));
    assert_eq!(to.counts().of_traces, refused as u64 + if is_kept { 0 } else { 2 });
    assert_eq!(to.counts().refused(), to.counts().of_traces);
}

#[test]
fn an_answer_to_a_question_from_before_the_crossing_does_not_count() {
    let mut to = admission(BOUND);
    let cross = |to: &mut Admission| {
        let held: Vec<_> = (0..90).map(|id| offer(to, &[made(1, id + 10, 1, 10_000)])).collect();
        assert!(to.asks());
        held
    };
    let held = cross(&mut to);
    let question = to.question(true);
    held.iter().flatten().for_each(|taken| to.free(taken.part.shared_resource(), taken.bytes));
    offer(&mut to, &[made(1, 1, 0, 1)]);
    assert!(!to.asks(), "the period is over");
    let _held = cross(&mut to);
    to.answer(&question, &Open(Vec::new(), HashSet::new()));
    assert!(to.asks(), "a child may have been kept whose parent was not read when the pass began");
    to.answer(&to.question(false), &Open(vec![1], HashSet::new()));
    assert!(!to.asks());
}

/// The slow path is taken, since a count waits for its parent; there is room.
fn with_a_count_that_waits() -> Admission {
    let mut to = admission(BOUND);
    fill(&mut to, 620);
    assert!(offer(&mut to, &[leaf(1, 2, 55, 10)]).is_none(), "a leaf is refused");
    to.free(own(), to.shares.total());
    assert!(to.is_empty() && to.has_rest());
    to
}

#[test]
fn the_values_that_spans_of_a_trace_share_count_once() {
    use crate::dictionary::Names;
    use crate::export::{BatchBuilder, List, NameRow, SpanFlags, SpanRow};
    let mut to = with_a_count_that_waits();
    let mut words = Vec::new();
    fixture::attribute("of.trace", &Value::from("x".repeat(8000)), &mut Vec::new()).push_to(&mut words);
    let mut builder = BatchBuilder::new(Arc::clone(own()));
    let (values, lane) = (builder.values(&words, 1), builder.add_lane(&lane(1)));
    for id in 0..400 {
        let (trace, span, parent) = (TraceId::from_u128(9), SpanId(1000 + id), SpanId(77));
        let flags = SpanFlags::default().with(SpanFlags::LEAF, id % 2 == 0);
        let (name, attributes) = (NameRow::Id(0), List::default());
        let (start_ns, end_ns, more, begin_flags) = (0, 1, 0, 0);
        builder.span(SpanRow {
            trace,
            span,
            parent,
            start_ns,
            end_ns,
            name,
            lane,
            attributes,
            values,
            more,
            begin_flags,
            flags,
        });
    }
    let offered = Arc::new(builder.finish(&Names::now()));
    assert!(offered.size_bytes() < BOUND / 10, "there is room for all");
    let taken = to.take(&offered, Instant::now());
    assert_eq!((taken.map(|taken| taken.part.len()), to.counts().skeletons), (Some(400), 0));
    assert_eq!(to.counts().refused(), 1);
}

#[test]
fn also_a_batch_that_is_looked_at_counts_with_what_it_contains_if_it_waits() {
    let spans: Vec<_> = (0..40).map(|id| made(1, id + 100, 0, 100)).collect();
    let offered = (1..=40).map(|len| Arc::new(batch(&spans[..len]))).find(|batch| batch.has_slack());
    let offered = offered.expect("a batch with unused memory");
    let mut to = with_a_count_that_waits();
    let at_once = to.take(&offered, Instant::now()).expect("there is room");
    assert_eq!(at_once.bytes, offered.size_bytes());
    fill(&mut to, 100);
    let waits = to.take(&offered, Instant::now()).expect("there is room");
    assert!(waits.bytes < offered.size_bytes() / 4 * 3 + Batch::OVERHEAD, "{} {}", waits.bytes, offered.size_bytes());
}

#[test]
fn a_queue_that_refuses_spans_keeps_the_marks_if_it_keeps_any_span_of_the_batch() {
    let named =
        |n: u64| MarkData { text: format!("lock {n}").into(), ..fixture::mark(MarkKind::LockName, &lane(1), n) };
    let marks: Vec<_> = (0..50).map(named).collect();
    let of = |taken: &Option<Taken>| -> Vec<_> {
        taken.iter().flat_map(|taken| taken.part.marks()).map(|mark| mark.to_data()).collect()
    };
    let offered = |spans: &[SpanData]| Arc::new(fixture::batch_of_with_marks(own(), spans, &marks));
    let mut to = admission(BOUND);
    fill(&mut to, 620);
    // Leaves are refused from here on.
    let taken = to.take(&offered(&[leaf(1, 2, 1, 10), leaf(1, 3, 1, 10), made(1, 4, 1, 10)]), Instant::now());
    assert!(ids(&taken) == [(4, 0)] && of(&taken) == marks, "{:?}", ids(&taken));
    let carried: usize = taken.iter().flat_map(|taken| taken.part.spans()).map(|span| span.carried_marks().len()).sum();
    assert_eq!((carried, to.counts().marks), (50, 0));
    assert!(taken.is_some_and(|taken| taken.bytes >= marks.len() * 72), "they count against the bound");
    assert!(to.take(&offered(&[leaf(1, 5, 1, 10)]), Instant::now()).is_none());
    assert_eq!(to.counts().marks, 50, "no span could carry them");
}
