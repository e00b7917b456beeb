//! [`Traces`]: which traces a queue refuses whole.
//!
//! A trace is refused from its beginning, or it is kept: a span that is refused while a child of it is kept orphans that child. A
//! span doesn't say when its local root began, and children arrive before their parents. So:
//!
//! 1. **The crossing.** The level of a process exceeds 80 %. From now on each trace of which a span arrives is an old one. The
//!    queue asks the collector for the traces that have open spans.
//! 2. **The answer** comes after a complete pass, when every finished span is in the queue. The traces with open spans are old ones
//!    too. Consider any other trace. For each of its kept spans, the collector has read the Begins of all ancestors, since a parent
//!    begins before its child. No span of the trace is open, so these ancestors have ended, and were kept. A span that arrives
//!    later is not among them: it has no kept child, and the rest of the trace can be refused.
//! 3. **Decisions.** Each other trace is decided once, when its first span arrives, by a hash of its id: a refused one stays
//!    refused, a kept one stays kept.
//! 4. **The end.** All levels are below 60 %. Decisions are forgotten, except of refused traces. The collector is asked once a
//!    second which traces are open. A refused trace stays refused while it is open, and for ten minutes if a span of it may still
//!    get a child: its context was handed out.
//!
//! The memory is bounded. If it forgets a refused trace, those of its refused spans count as torn which may still get a child. If
//! it forgets a kept trace, bits for its hash remain until the end of the period. When such a trace is decided anew and refused,
//! its spans count as torn: a child of them may have been kept.

use super::decide::Fate;
use super::level::Level;
use super::memory::{Decision, Decisions};
use crate::keyed_ids::KeyedIds;
use crate::TraceId;
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

/// How long refused traces are remembered after the end of a period, if a span of them may still get a child.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The level has not crossed 80 % since it was below 60 %.
    Calm,
    /// It has, and the collector was not asked yet.
    Crossed,
    /// The traces that were open then are known.
    Deciding,
}

/// The decisions about traces.
#[derive(Debug)]
pub(super) struct Traces {
    key: KeyedIds,
    phase: Phase,
    decisions: Decisions,
    /// The number of changes of the phase.
    changes: u64,
    /// The end of the last period.
    ended: Option<Instant>,
    /// The trace that was asked for last. Spans of a trace come together.
    last: Option<(TraceId, Fate)>,
    refused: u64,
}

impl Traces {
    /// Remembers the decisions for so many traces at least.
    pub(super) fn new(most: usize) -> Self {
        let decisions = Decisions::new(most);
        Self {
            key: KeyedIds::default(),
            phase: Phase::Calm,
            changes: 0,
            decisions,
            ended: None,
            last: None,
            refused: 0,
        }
    }

    /// Whether no trace is refused, so that nothing needs to be asked below 80 %.
    pub(super) fn is_idle(&self) -> bool {
        self.phase == Phase::Calm && self.decisions.is_empty()
    }

    /// Whether a period has begun and not ended.
    pub(super) fn is_in_period(&self) -> bool {
        self.phase != Phase::Calm
    }

    /// Whether the collector must be asked for the traces that have open spans.
    pub(super) fn asks(&self) -> bool {
        self.phase == Phase::Crossed
    }

    /// Whether the collector should be asked once in a while.
    pub(super) fn remembers(&self) -> bool {
        self.phase == Phase::Calm && !self.decisions.is_empty()
    }

    /// The number of changes of the phase. An answer counts if it didn't change since the pass began.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.changes += 1;
        self.last = None;
    }

    /// How many traces were refused.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// The fate of the trace of a span that arrives at this level.
    #[inline]
    pub(super) fn fate(&mut self, trace: TraceId, level: Level) -> Fate {
        if let Some((_, fate)) = self.last.filter(|(last, _)| *last == trace) {
            return fate;
        }
        if self.is_idle() && level <= Level::TRACES {
            return Fate::Kept;
        }
        self.look_up(trace, level)
    }

    fn look_up(&mut self, trace: TraceId, level: Level) -> Fate {
        let hash = self.key.hash_one(trace);
        let known = self.decisions.get(hash).copied();
        if known.is_none() && self.phase == Phase::Calm {
            if level <= Level::TRACES {
                return Fate::Kept;
            }
            self.enter(Phase::Crossed);
        }
        let decision = known.unwrap_or_else(|| self.decide(hash, level));
        let fate = match decision {
            Decision::Kept => Fate::Kept,
            Decision::Refused { .. } => Fate::Refused,
            Decision::Torn => Fate::Torn,
        };
        self.last = Some((trace, fate));
        fate
    }

    fn decide(&mut self, hash: u64, level: Level) -> Decision {
        let decision = match self.phase {
            Phase::Deciding if level.refuses(hash) => {
                self.refused += 1;
                match self.decisions.may_have_forgotten(hash) {
                    false => Decision::Refused { growing: 0 },
                    true => Decision::Torn,
                }
            }
            Phase::Calm | Phase::Crossed | Phase::Deciding => Decision::Kept,
        };
        self.decisions.insert(hash, decision);
        decision
    }

    /// A span of a refused trace was refused that may still get a child.
    pub(super) fn refused_growing(&mut self, trace: TraceId) {
        if let Some(Decision::Refused { growing }) = self.decisions.get(self.key.hash_one(trace)) {
            *growing = growing.saturating_add(1);
        }
    }

    /// The collector's answer: the traces that have open spans.
    pub(super) fn open(&mut self, traces: &mut dyn Iterator<Item = TraceId>) {
        let key = self.key;
        let hashes = traces.map(|trace| key.hash_one(trace));
        match self.phase {
            Phase::Crossed => {
                for hash in hashes {
                    if self.decisions.get(hash).is_none() {
                        self.decisions.insert(hash, Decision::Kept);
                    }
                }
                self.enter(Phase::Deciding);
            }
            Phase::Calm => self.decisions.keep_open(&hashes.collect()),
            Phase::Deciding => {}
        }
        self.last = None;
    }

    /// All levels are below 60 %.
    pub(super) fn end(&mut self, now: Instant) {
        self.enter(Phase::Calm);
        self.ended = Some(now);
        self.decisions.keep_refused();
    }

    /// Forgets what has been remembered for long enough.
    pub(super) fn expire(&mut self, now: Instant) {
        let is_over = self.ended.is_some_and(|ended| now.saturating_duration_since(ended) >= REMEMBERED_FOR);
        if self.phase == Phase::Calm && is_over {
            self.decisions.clear();
            (self.ended, self.last) = (None, None);
        }
    }

    /// How many refused spans a later span may miss, because their trace was forgotten since the last call.
    pub(super) fn take_torn(&mut self) -> u64 {
        self.decisions.take_torn()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const CALM: Level = Level::thousandths(100);
    const HIGH: Level = Level::thousandths(810);
    const FULL: Level = Level::FULL;

    fn trace(n: u128) -> TraceId {
        TraceId::from_u128(n + 1)
    }

    fn open(traces: &mut Traces, ids: &[u128]) {
        traces.open(&mut ids.iter().map(|id| trace(*id)));
    }

    #[test]
    fn traces_that_were_open_or_arrived_at_the_crossing_are_kept_and_all_others_refused_at_100_percent() {
        let mut traces = Traces::new(100);
        assert_eq!(traces.fate(trace(0), Level::TRACES), Fate::Kept);
        assert!(traces.is_idle() && !traces.asks());
        assert_eq!(traces.fate(trace(1), HIGH), Fate::Kept);
        assert!(traces.asks());
        assert_eq!(traces.fate(trace(2), FULL), Fate::Kept, "its ancestors may not be read yet");
        open(&mut traces, &[3, 3, 4]);
        assert!(!traces.asks());
        for id in 1..5 {
            assert_eq!(traces.fate(trace(id), FULL), Fate::Kept, "{id}");
        }
        for id in [0, 5, 6] {
            assert_eq!(traces.fate(trace(id), FULL), Fate::Refused, "{id}");
        }
        assert_eq!(traces.refused(), 3);
    }

    #[test]
    fn a_decision_holds_for_the_whole_period_at_any_level() {
        let mut traces = Traces::new(1000);
        traces.fate(trace(0), FULL);
        open(&mut traces, &[]);
        let first: Vec<_> = (1..500).map(|id| traces.fate(trace(id), Level::thousandths(900))).collect();
        let refused = first.iter().filter(|fate| **fate == Fate::Refused).count();
        assert!((200..300).contains(&refused), "half of them: {refused}");
        for level in [CALM, HIGH, FULL] {
            let again: Vec<_> = (1..500).map(|id| traces.fate(trace(id), level)).collect();
            assert!(again == first, "{level:?}");
        }
    }

    #[test]
    fn a_period_ends_below_60_percent_and_a_refused_trace_stays_so_while_it_is_open() {
        let mut traces = Traces::new(100);
        traces.fate(trace(0), FULL);
        open(&mut traces, &[]);
        assert_eq!([1, 2].map(|id| traces.fate(trace(id), FULL)), [Fate::Refused; 2]);
        traces.end(Instant::now());
        assert!(traces.remembers() && !traces.asks());
        open(&mut traces, &[2]);
        assert_eq!([1, 2].map(|id| traces.fate(trace(id), CALM)), [Fate::Kept, Fate::Refused]);
        open(&mut traces, &[]);
        assert!(traces.is_idle());
        assert_eq!(traces.fate(trace(1), HIGH), Fate::Kept, "a new crossing");
        assert!(traces.asks());
    }

    #[test]
    fn a_refused_trace_that_may_grow_is_remembered_behind_its_period_and_then_counts_as_torn() {
        let (mut traces, now) = (Traces::new(100), Instant::now());
        traces.fate(trace(0), FULL);
        open(&mut traces, &[]);
        for id in [1, 2] {
            assert_eq!(traces.fate(trace(id), FULL), Fate::Refused);
        }
        traces.refused_growing(trace(1));
        traces.refused_growing(trace(1));
        traces.end(now);
        open(&mut traces, &[]);
        let fates = [1, 2, 3].map(|id| traces.fate(trace(id), CALM));
        assert_eq!(fates, [Fate::Refused, Fate::Kept, Fate::Kept]);
        traces.expire(now + REMEMBERED_FOR - Duration::from_secs(1));
        assert_eq!(traces.fate(trace(1), CALM), Fate::Refused);
        traces.expire(now + REMEMBERED_FOR);
        assert!(traces.is_idle());
        assert_eq!((traces.fate(trace(1), CALM), traces.take_torn()), (Fate::Kept, 2));
    }

    #[test]
    fn once_a_kept_trace_was_forgotten_what_is_refused_of_it_is_torn() {
        let mut traces = Traces::new(10);
        traces.fate(trace(0), FULL);
        open(&mut traces, &[]);
        (1..=10).for_each(|id| assert_eq!(traces.fate(trace(id), FULL), Fate::Refused));
        (11..40).for_each(|id| _ = traces.fate(trace(id), FULL));
        assert_eq!(traces.fate(trace(0), FULL), Fate::Torn, "it was kept before");
        assert_eq!(traces.fate(trace(0), CALM), Fate::Torn, "and stays so");
    }
}
