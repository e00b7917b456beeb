//! Values of whole traces: kept until the trace has been quiet for a while, and set on each of its spans that finishes.
//!
//! The stages of a value here:
//!
//! 1. It is read from any shard, and kept with its trace. No span has it yet.
//! 2. Each span of the trace that finishes gets all values that the trace has by then.
//! 3. If no span has it and no span of the trace is open at the end of two passes, a span is made for it: an *update span*
//!    (another process's value is counted as late instead).
//! 4. A trace without open spans from which nothing arrived for a minute is forgotten. If all traces together exceed the
//!    limit, the oldest are forgotten (if no span had the last value of one yet, that value is counted as late).

use super::super::extras::Attributes;
use super::super::keys::Keys;
use super::batches::Filling;
use super::open::Open;
use super::values::{LaneValues, Shared};
use super::{Assembler, Ending, LaneState, ProcessId};
use crate::dictionary;
use crate::export::{Batch, Lane};
use crate::keyed_ids::KeyedIds;
use crate::wire::{find, Begin, PackedList, TraceValue};
use crate::TraceId;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// How long a trace is remembered after its last record, in nanoseconds: one minute.
const QUIET_NS: u64 = 60_000_000_000;
/// How often the traces with open spans are marked as not quiet, in nanoseconds.
const REFRESH_NS: u64 = QUIET_NS / 2;
/// Maximum number of bytes of the values of all traces, with the overhead of keeping them.
const MAX_BYTES: usize = 16 << 20;
/// Maximum number of bytes of one trace's values up to which other processes may add more, because each of the trace's
/// spans gets all of them.
const MAX_BYTES_FOR_CHILDREN: usize = 64 << 10;
/// The overhead of keeping one trace's values, in bytes, about.
const OVERHEAD_BYTES: usize = 512;
/// How many of the oldest traces are examined for each new one, so that the cost is constant.
const LOOKS: usize = 4;
/// The top bit of the tick with which a value is kept that didn't arrive with the trace: it counts as later than any that
/// did. No clock reaches it: of a counter at 5 GHz, bit 63 takes 58 years.
const SET_BY_A_PROGRAM: u64 = 1 << 63;
/// The name of an update span.
const UPDATE_SPAN: &str = "trace update";

/// The state of one trace.
#[derive(Debug)]
struct Trace {
    values: Attributes,
    bytes: usize,
    /// The number of the last batch that has the values as they are, and what a row there refers to them by.
    in_batch: (u64, u32),
    /// The time at which a value was last set, a span that got them ended, or one was seen open.
    heard_ns: u64,
    pending: Option<Pending>,
    /// Whether it is in the list of traces with a value that no span has yet.
    is_listed: bool,
}

/// The last value, if no span has it yet.
#[derive(Clone, Debug)]
struct Pending {
    /// The span through whose context it was set.
    span: u64,
    is_remote: bool,
    tick: u64,
    /// The clock epoch of the trace, as far as it is known.
    epoch: u8,
    lane: Arc<Lane>,
    /// Whether this process set it, so that it may have an update span.
    is_own: bool,
    /// Whether no span of the trace was open at the end of a pass.
    alone: bool,
}

/// All traces that have values.
#[derive(Debug, Default)]
pub(super) struct Traces {
    by_id: HashMap<TraceId, Trace, KeyedIds>,
    /// The traces, each once, the oldest first.
    order: VecDeque<TraceId>,
    /// Traces with a value that no span has yet, and some that had one. Each once, except for some that were forgotten.
    pending: Vec<TraceId>,
    bytes: usize,
    /// The time of the last check for open spans.
    refreshed_ns: u64,
    /// How many were forgotten with a value that no span had.
    lost: u64,
    /// Grows with each change of any trace's values. What a lane has from before is void.
    version: u64,
}

impl Traces {
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The values of a trace.
    pub(super) fn get(&self, id: TraceId) -> Option<&Attributes> {
        Some(&self.by_id.get(&id)?.values)
    }

    #[inline(always)]
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The values of a trace, in a batch, for the spans of a lane around this time.
    pub(super) fn values_for(&mut self, trace: TraceId, tick: u64, now_ns: u64, batch: &mut Filling) -> LaneValues {
        let shared = self.look_up(trace, now_ns, batch);
        LaneValues::new(trace, self.version, batch.number, tick, shared)
    }

    fn look_up(&mut self, id: TraceId, now_ns: u64, batch: &mut Filling) -> Shared {
        let Some(trace) = self.by_id.get_mut(&id) else { return Shared::default() };
        trace.heard_ns = trace.heard_ns.max(now_ns);
        trace.pending = None;
        if trace.in_batch.0 != batch.number {
            trace.in_batch = (batch.number, trace.values.write_shared(&mut batch.builder));
        }
        let (values, index) = (&trace.values, trace.in_batch.1);
        Shared { index, len: values.len(), cut: values.cut(), is_part: values.dropped() != 0 }
    }

    /// Whether it is time to check which traces have open spans.
    fn is_refresh_due(&self, id: TraceId, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.refreshed_ns) > REFRESH_NS && !self.by_id.contains_key(&id)
    }

    fn refresh(&mut self, open: impl Iterator<Item = TraceId>, now_ns: u64) {
        self.refreshed_ns = now_ns;
        for id in open {
            if let Some(trace) = self.by_id.get_mut(&id) {
                trace.heard_ns = trace.heard_ns.max(now_ns);
            }
        }
    }

    /// Whether other processes may set a value of a trace: they can't displace this process's own, or enlarge its spans
    /// without bound.
    fn has_room_for_others(&self, id: TraceId) -> bool {
        let bytes = self.by_id.get(&id).map_or(0, |trace| trace.bytes);
        self.bytes <= MAX_BYTES / 2 && bytes <= MAX_BYTES_FOR_CHILDREN
    }

    fn of(&mut self, id: TraceId, now_ns: u64) -> &mut Trace {
        if !self.by_id.contains_key(&id) {
            self.tidy(now_ns);
            self.order.push_back(id);
        }
        self.version += 1;
        self.by_id.entry(id).or_insert_with(|| Trace {
            values: Attributes::default(),
            bytes: 0,
            in_batch: (0, 0),
            heard_ns: now_ns,
            pending: None,
            is_listed: false,
        })
    }

    /// Examines some of the oldest traces, and forgets those that are quiet; while the limit is exceeded, any.
    fn tidy(&mut self, now_ns: u64) {
        let mut looks = 0;
        while looks < LOOKS || self.bytes > MAX_BYTES {
            let Some(id) = self.order.pop_front() else { return };
            let heard_ns = self.by_id.get(&id).map_or(0, |trace| trace.heard_ns);
            if self.bytes > MAX_BYTES || now_ns.saturating_sub(heard_ns) > QUIET_NS {
                self.forget(id);
            } else {
                self.order.push_back(id);
            }
            looks += 1;
        }
    }

    fn forget(&mut self, id: TraceId) {
        let Some(trace) = self.by_id.remove(&id) else { return };
        self.version += 1;
        self.bytes -= trace.bytes;
        self.lost += u64::from(trace.pending.is_some());
    }
}

impl Assembler {
    /// Takes a value of a trace.
    pub(super) fn trace_value(&mut self, state: &LaneState, record: &[u64]) -> Option<()> {
        let (TraceValue { span, trace: id, tick, is_remote, arrived, key }, value) = TraceValue::read(record)?;
        let now_ns = self.timeline.line_ns(tick);
        if !state.process.is_own() && !self.traces.has_room_for_others(id) {
            self.counts.late += 1;
            return Some(());
        }
        if self.traces.is_refresh_due(id, now_ns) {
            let open = self.by_id.values().map(|index| self.table[*index as usize].trace);
            self.traces.refresh(open, now_ns);
        }
        let open = self.by_id.get(&span.0).map(|index| Begin::epoch_of(self.table[*index as usize].flags));
        let present = self.timeline.epoch();
        let trace = self.traces.of(id, now_ns);
        let rank = if arrived { tick } else { tick | SET_BY_A_PROGRAM };
        let done = trace.values.set_trace_value(key, value, rank, &self.limits, &mut self.keys);
        trace.in_batch = (0, 0);
        trace.heard_ns = trace.heard_ns.max(now_ns);
        let is_own = state.process.is_own();
        // An update span for a value of this process has another process's values as well.
        if is_own || !trace.pending.as_ref().is_some_and(|value| value.is_own) {
            let lane = Arc::clone(self.lanes.get(state.lane));
            let epoch = open.or(trace.pending.as_ref().map(|value| value.epoch)).unwrap_or(present);
            trace.pending = Some(Pending { span: span.0, is_remote, tick, epoch, lane, is_own, alone: false });
        }
        let was_listed = std::mem::replace(&mut trace.is_listed, true);
        let bytes = OVERHEAD_BYTES + trace.values.held_bytes();
        let before = std::mem::replace(&mut trace.bytes, bytes);
        self.traces.bytes = self.traces.bytes + bytes - before;
        if !was_listed {
            self.traces.pending.push(id);
        }
        self.counts.late += std::mem::take(&mut self.traces.lost);
        done
    }

    /// What the row of a span that finishes refers to the values of its trace by. Values that can't be shared become attributes
    /// of the span.
    pub(super) fn values_of(&mut self, index: u32, end_tick: u64) -> u32 {
        if self.traces.is_empty() {
            return 0;
        }
        let now_ns = self.timeline.line_ns(end_tick);
        let open = &mut self.table[index as usize];
        let Some(batch) = self.batches.of(open.process) else { return 0 };
        let values = self.traces.look_up(open.trace, now_ns, batch);
        if values.index == 0 {
            return 0;
        }
        let limit = self.limits.attributes_per_span;
        let own = open.extras.as_deref().map(|extras| &extras.attributes);
        let (words, len, dropped) = own.map_or((&[][..], 0, 0), |own| (own.words(), own.len(), own.dropped()));
        if dropped == 0 && takes(batch, values, words, len, limit, &self.keys) {
            self.counts.truncated += u64::from(values.cut);
            return values.index;
        }
        let extras = open.extras.get_or_insert_with(|| self.spare.pop().unwrap_or_default());
        let before = extras.held_bytes();
        if let Some(values) = self.traces.get(open.trace) {
            extras.attributes.add_missing(values, limit, &self.keys);
        }
        self.held_bytes = self.held_bytes + extras.held_bytes() - before;
        0
    }

    /// Makes update_spans for values that no span is going to get. Full batches go to `send`. Returns whether some may need
    /// one at the end of the next pass.
    pub(super) fn export_pending_values(&mut self, send: &mut dyn FnMut(Batch)) -> bool {
        if self.traces.pending.is_empty() {
            return false;
        }
        let mut waits = false;
        let mut open: Option<HashSet<TraceId, KeyedIds>> = None;
        for id in std::mem::take(&mut self.traces.pending) {
            let Some(trace) = self.traces.by_id.get_mut(&id).filter(|trace| trace.is_listed) else { continue };
            trace.is_listed = false;
            let Some(value) = &mut trace.pending else { continue };
            let (table, by_id) = (&self.table, &self.by_id);
            let traces = || by_id.values().map(|index| table[*index as usize].trace).collect();
            let is_open = by_id.contains_key(&value.span) || open.get_or_insert_with(traces).contains(&id);
            if !is_open && value.alone && value.is_own {
                let value = value.clone();
                self.make_update_span(id, &value);
                self.send_if_full(send);
            } else if !is_open && value.alone {
                trace.pending = None;
                self.counts.late += 1;
            } else {
                value.alone = !is_open;
                waits |= !is_open;
                self.traces.pending.push(id);
            }
        }
        for id in &self.traces.pending {
            self.traces.by_id.get_mut(id).into_iter().for_each(|trace| trace.is_listed = true);
        }
        waits
    }

    /// Makes an update span for the values of a trace.
    fn make_update_span(&mut self, trace: TraceId, value: &Pending) {
        let open = Open {
            trace,
            span: crate::thread::state().random() | 1,
            parent: value.span,
            fan: 0,
            start_ns: self.timeline.unix_ns(value.tick, value.epoch),
            name: dictionary::id_of(UPDATE_SPAN).unwrap_or(0),
            flags: Begin::with_epoch(if value.is_remote { Begin::PARENT_REMOTE } else { 0 }, value.epoch),
            nested: false,
            on_stack: false,
            polled: false,
            off_lane: false,
            has_child: true,
            may_grow: false,
            ended: false,
            parent_seen: false,
            lane: self.lanes.add(Lane::clone(&value.lane)),
            process: ProcessId::OWN,
            reader: 0,
            extras: None,
        };
        self.counts.update_spans += 1;
        let index = self.occupy(open);
        self.finish(index, value.tick, Ending::Ended);
    }
}

/// Whether a span can share the values of its trace: the limit allows all, no attribute of its own has one of their keys, and
/// none of them was dropped.
pub(super) fn takes(batch: &Filling, values: Shared, own: &[u64], len: u32, limit: u32, keys: &Keys) -> bool {
    let words = batch.builder.values_at(values.index);
    let is_new = |packed| find(own, packed, |id, text| keys.is_text(id, text)).is_none();
    !values.is_part && len + values.len <= limit && (own.is_empty() || PackedList(words).all(is_new))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn add(traces: &mut Traces, id: u64, now_ns: u64, bytes: usize) {
        traces.of(TraceId { hi: 1, lo: id }, now_ns).bytes = bytes;
        traces.bytes += bytes;
    }

    #[test]
    fn traces_that_are_quiet_are_forgotten_and_others_are_not() {
        let mut traces = Traces::default();
        for i in 0..1000 {
            add(&mut traces, i, i * SECOND_NS, OVERHEAD_BYTES);
            traces.of(TraceId { hi: 1, lo: 0 }, i * SECOND_NS).heard_ns = i * SECOND_NS;
        }
        assert!((60..80).contains(&traces.by_id.len()), "{}", traces.by_id.len());
        assert_eq!((traces.order.len(), traces.bytes), (traces.by_id.len(), traces.by_id.len() * OVERHEAD_BYTES));
        assert!(traces.by_id.contains_key(&TraceId { hi: 1, lo: 0 }));
    }

    #[test]
    fn a_trace_with_an_open_span_is_not_quiet() {
        let mut traces = Traces::default();
        let long = TraceId { hi: 1, lo: u64::MAX };
        add(&mut traces, u64::MAX, 0, OVERHEAD_BYTES);
        for i in 0..1000 {
            let (id, now_ns) = (TraceId { hi: 1, lo: i }, i * SECOND_NS);
            if traces.is_refresh_due(id, now_ns) {
                traces.refresh([long].into_iter(), now_ns);
            }
            add(&mut traces, i, now_ns, OVERHEAD_BYTES);
        }
        assert!(traces.by_id.contains_key(&long));
        assert!((60..80).contains(&traces.by_id.len()), "{}", traces.by_id.len());
    }

    #[test]
    fn whatever_is_set_the_values_of_all_traces_are_bounded() {
        let mut traces = Traces::default();
        for i in 0..100_000 {
            add(&mut traces, i, 0, 2000);
        }
        assert!(traces.bytes <= MAX_BYTES + 4000, "{}", traces.bytes);
        assert_eq!(traces.order.len(), traces.by_id.len());
    }
}
