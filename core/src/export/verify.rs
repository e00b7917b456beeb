//! [`Verify`]: checks the exported spans for orphans, duplicates and negative durations.

use super::{Delivery, ExportError, Exporter, SpanRef};
use crate::{SpanId, TraceId};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

type Id = (TraceId, SpanId);

/// The least number of span ids that are remembered: 7/8 of 2^19, the capacity of a hash table of half a million places
/// before it grows. Two such tables, at 25 bytes a place, take at most 26 MB.
const REMEMBERED: usize = (1 << 19) / 8 * 7;

/// Checks the exported spans, and keeps none of them. A clone is a handle to the same counts: give one to the tracer, and
/// ask the other for its [`report`](Self::report).
///
/// **Memory.** Ids of parents that have a child among the spans and have not arrived themselves, about 60 bytes each. In
/// the usual order (children before their parent) these are the open spans and the lost ones. In addition the ids of the
/// last half to one million spans, because a child may arrive after its parent: at most 26 MB. A child whose parent
/// arrived longer ago can't be told from an orphan: it counts as `undecided`, never as an orphan. So zero orphans and
/// zero undecided prove that every parent was exported, for any number of spans.
///
/// **Cost.** Two look-ups in a hash table per span, on the exporter's thread.
///
/// ```
/// use heirloom_core::export::Verify;
/// let verify = Verify::new();
/// let exporter = verify.clone(); // for the tracer
/// assert_eq!(verify.orphans(), 0);
/// # drop(exporter);
/// ```
#[derive(Clone, Debug)]
pub struct Verify {
    state: Arc<Mutex<State>>,
}

/// The findings of [`Verify`] so far. They are final once everything has been exported: before that, the children of open
/// spans count as orphans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Spans seen.
    pub spans: u64,
    /// Spans whose parent did not arrive. A span whose parent another process recorded is no orphan, unless that process
    /// records into this tracer and the parent was open when the span ended.
    pub orphans: u64,
    /// Spans whose parent did not arrive, or arrived so long ago that its id has been forgotten.
    pub undecided: u64,
    /// Spans whose id had arrived before, among the last half million at least.
    pub duplicates: u64,
    /// Spans with an end before their start.
    pub negative_durations: u64,
}

#[derive(Debug)]
struct State {
    /// Parents that have not arrived yet.
    missing: HashMap<Id, Children>,
    /// The ids of the latest spans.
    young: HashSet<Id>,
    /// The ids of the spans before those.
    old: HashSet<Id>,
    /// Whether ids older than `old` have been forgotten.
    forgot: bool,
    remembered: usize,
    counts: Verified,
}

/// How many children of a parent arrived before it.
#[derive(Debug, Default)]
struct Children {
    /// Before any id was forgotten.
    certain: u64,
    /// After ids were forgotten.
    uncertain: u64,
}

impl Default for Verify {
    fn default() -> Self {
        Self::new()
    }
}

impl Verify {
    /// A check that has seen no spans.
    pub fn new() -> Self {
        Self::remembering(REMEMBERED)
    }

    fn remembering(remembered: usize) -> Self {
        let state = State {
            missing: HashMap::new(),
            young: HashSet::new(),
            old: HashSet::new(),
            forgot: false,
            remembered,
            counts: Verified::default(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The findings so far. Adds up the missing parents, in time linear in their number.
    pub fn report(&self) -> Verified {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut report = state.counts;
        for children in state.missing.values() {
            report.orphans += children.certain;
            report.undecided += children.uncertain;
        }
        report
    }

    /// How many spans have a parent that did not arrive, certain or [`undecided`](Verified::undecided). Final once
    /// everything has been exported.
    pub fn orphans(&self) -> u64 {
        let report = self.report();
        report.orphans + report.undecided
    }
}

impl Verified {
    /// Whether all counts but that of the spans are zero.
    pub fn is_clean(&self) -> bool {
        self.orphans + self.undecided + self.duplicates + self.negative_durations == 0
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "verified: spans={} orphans={} undecided={} duplicates={} negative_durations={}",
            self.spans, self.orphans, self.undecided, self.duplicates, self.negative_durations
        )
    }
}

impl State {
    fn span(&mut self, span: SpanRef<'_>) {
        let id = (span.trace_id(), span.span_id());
        self.counts.spans += 1;
        self.counts.negative_durations += u64::from(span.end_ns() < span.start_ns());
        if self.seen(&id) {
            self.counts.duplicates += 1;
            return;
        }
        self.missing.remove(&id);
        self.remember(id);
        if let Some(parent) = span.parent_span_id().filter(|_| span.parent_is_ours()) {
            self.child_of((span.trace_id(), parent));
        }
    }

    fn seen(&self, id: &Id) -> bool {
        self.young.contains(id) || self.old.contains(id)
    }

    fn remember(&mut self, id: Id) {
        if self.young.len() >= self.remembered {
            self.forgot |= !self.old.is_empty();
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(id);
    }

    fn child_of(&mut self, parent: Id) {
        if self.seen(&parent) {
            return;
        }
        let forgot = self.forgot;
        let children = self.missing.entry(parent).or_default();
        // A parent that was certainly missing when an earlier child arrived, and is still missing, has not arrived in
        // between.
        match forgot && children.certain == 0 {
            false => children.certain += 1,
            true => children.uncertain += 1,
        }
    }
}

impl Exporter for Verify {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        delivery.spans().for_each(|span| state.span(span));
        Ok(())
    }

    fn name(&self) -> &str {
        "verify"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{batch, lane, span};
    use super::super::SpanData;
    use super::*;

    fn verified(verify: &Verify, spans: &[SpanData]) -> Verified {
        verify.clone().export(&batch(spans).into()).unwrap();
        verify.report()
    }

    fn chain(id: u64, parent: u64) -> SpanData {
        span(id, parent, "s", &lane(1), 0, 1)
    }

    #[test]
    fn a_parent_may_come_before_or_after_its_children() {
        let verify = Verify::new();
        let report = verified(&verify, &[chain(3, 2), chain(2, 1), chain(1, 0), chain(4, 2)]);
        assert_eq!(report, Verified { spans: 4, ..Verified::default() });
        assert!(report.is_clean());
    }

    #[test]
    fn each_child_of_a_missing_parent_is_an_orphan() {
        let verify = Verify::new();
        assert_eq!(verified(&verify, &[chain(3, 2), chain(4, 2), chain(5, 4)]).orphans, 2);
        assert_eq!(verify.orphans(), 2);
        assert_eq!(verified(&verify, &[chain(2, 0)]).orphans, 0, "the parent has come");
    }

    #[test]
    fn a_parent_in_another_trace_is_no_parent() {
        let mut other = chain(2, 0);
        other.trace_id = TraceId::from_u128(2);
        assert_eq!(verified(&Verify::new(), &[chain(3, 2), other]).orphans, 1);
    }

    #[test]
    fn a_remote_parent_makes_no_orphan() {
        let mut child = chain(3, 2);
        child.parent_is_remote = true;
        assert!(verified(&Verify::new(), &[child]).is_clean());
    }

    #[test]
    fn duplicates_and_negative_durations_are_counted() {
        let mut backwards = chain(2, 1);
        (backwards.start_ns, backwards.end_ns) = (5, 4);
        let report = verified(&Verify::new(), &[backwards, chain(1, 0), chain(1, 0)]);
        assert_eq!((report.duplicates, report.negative_durations, report.orphans), (1, 1, 0));
        let text = "verified: spans=3 orphans=0 undecided=0 duplicates=1 negative_durations=1";
        assert_eq!(report.to_string(), text);
    }

    #[test]
    fn memory_is_bounded_and_a_forgotten_parent_is_undecided_not_an_orphan() {
        let verify = Verify::remembering(10);
        verified(&verify, &[chain(1, 0)]);
        for id in 0..1000 {
            verified(&verify, &[chain(2 * id + 1001, 2 * id + 1000), chain(2 * id + 1000, 0)]);
        }
        assert!(verify.report().is_clean(), "children before their parents need no memory");
        let kept = { verify.state.lock().map(|s| s.young.len() + s.old.len() + s.missing.len()).unwrap() };
        assert!(kept <= 20, "{kept} ids kept");
        let report = verified(&verify, &[chain(9999, 1)]);
        assert_eq!((report.orphans, report.undecided), (0, 1));
        assert_eq!(verify.orphans(), 1);
    }
}
