//! Who is to blame inside of a span: what its thread did in a part of its time.

use super::Sweep;
use crate::model::{NameIx, SpanIx};
use std::ops::Range;

/// At most so many spans of a thread are looked at for one wait.
const MOST_SPANS: usize = 1024;
/// A span around the beginning of the time is looked for among so many before it.
const MOST_BEFORE: usize = 64;

impl Sweep<'_> {
    /// The longest span of the name in which the thread of `outer` was innermost for most of the time, of `outer` and the spans
    /// inside it.
    ///
    /// A message is sent, and a lock taken, between the spans of a thread as often as inside them. So the span that was current
    /// then doesn't say what others waited for.
    pub(super) fn inner(&self, outer: SpanIx, time: Range<u64>) -> SpanIx {
        let around = &self.run.spans[outer as usize];
        if !around.nested || time.is_empty() {
            return outer;
        }
        let spans = self.lists.nested(around.lane);
        let start = |at: &SpanIx| self.run.spans[*at as usize].start;
        let first = spans.partition_point(|at| start(at) < time.start);
        let last = spans.partition_point(|at| start(at) < time.end);
        let (first, last) = (first.saturating_sub(MOST_BEFORE), last.min(first + MOST_SPANS));
        let mut shares = Shares { own: Vec::new(), open: vec![(outer, time.end, time.end - time.start)] };
        for at in &spans[first..last] {
            let span = &self.run.spans[*at as usize];
            let common = span.end.min(time.end).saturating_sub(span.start.max(time.start));
            if common > 0 && *at != outer && span.start >= around.start && span.end <= around.end {
                shares.open(self, *at, span.start.max(time.start), span.end.min(time.end));
            }
        }
        shares.most(self)
    }
}

/// The time of a thread, by the name of the innermost span.
struct Shares {
    /// Name, time, the longest span of that name and its time.
    own: Vec<(NameIx, u64, SpanIx, u64)>,
    /// Spans inside each other: when they end, and their time without those inside.
    open: Vec<(SpanIx, u64, u64)>,
}

impl Shares {
    fn open(&mut self, sweep: &Sweep<'_>, span: SpanIx, start: u64, end: u64) {
        while self.open.len() > 1 && self.open.last().is_some_and(|(_, until, _)| *until <= start) {
            self.close(sweep);
        }
        if let Some((_, until, own)) = self.open.last_mut() {
            *own = own.saturating_sub(end.min(*until) - start);
        }
        self.open.push((span, end, end - start));
    }

    fn close(&mut self, sweep: &Sweep<'_>) {
        let Some((span, _, own)) = self.open.pop() else { return };
        let name = sweep.run.spans[span as usize].name;
        match self.own.iter_mut().find(|row| row.0 == name) {
            Some((_, sum, longest, most)) => {
                *sum += own;
                if own > *most {
                    (*longest, *most) = (span, own);
                }
            }
            None => self.own.push((name, own, span, own)),
        }
    }

    fn most(mut self, sweep: &Sweep<'_>) -> SpanIx {
        let outer = self.open[0].0;
        while !self.open.is_empty() {
            self.close(sweep);
        }
        self.own.iter().max_by_key(|(name, sum, ..)| (*sum, NameIx::MAX - name)).map_or(outer, |row| row.2)
    }
}
